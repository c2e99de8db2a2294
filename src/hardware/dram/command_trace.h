#pragma once
// The command trace as text, one command a line:
//
//   clock command channel rank bankgroup bank row column      (decimal; "-" where the command has none)
//   25 RD 0 0 1 2 4711 64

#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "hardware/dram/command_sink.h"

namespace palimpsest {

/// Writes each command as it comes; the stream must outlive the writer.
class CommandTraceWriter : public DramCommandSink {
  public:
    /// Writes a comment line that names the fields.
    explicit CommandTraceWriter(std::ostream& out);
    void command(const DramCommand& command) override;

  private:
    std::ostream& out_;
};

/// The line of one command, without line end.
std::string trace_line(const DramCommand& command);
/// Reads a whole trace. Lines that begin with '#' and empty lines are skipped. Throws InputError with `file` and line
/// number for a line that is no command.
std::vector<DramCommand> read_command_trace(std::istream& in, const std::string& file);

/// Keeps every command, for tests and tools.
struct CommandRecorder : DramCommandSink {
    std::vector<DramCommand> commands;
    void command(const DramCommand& c) override { commands.push_back(c); }
};

}  // namespace palimpsest
