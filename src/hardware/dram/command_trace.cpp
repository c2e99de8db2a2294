#include "hardware/dram/command_trace.h"

#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kHeader = "# clock command channel rank bankgroup bank row column";
constexpr const char* kAccepted =
    "clock, ACT|PRE|PREA|RD|WR|REF|REFPB|PDE|PDX|SRE|SRX, channel, rank, bank group, bank, row, column "
    "(\"-\" where the command has none)";

bool has_column(DramCommandKind kind) {
    return kind == DramCommandKind::read || kind == DramCommandKind::write;
}
bool has_row(DramCommandKind kind) {
    return kind == DramCommandKind::activate || has_column(kind);
}
bool has_bank(DramCommandKind kind) {
    return kind == DramCommandKind::precharge || kind == DramCommandKind::refresh_bank || has_row(kind);
}

/// One line into a command; false if it is none.
bool parse(const std::string& line, DramCommand& command) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> command.clock >> name)) {
        return false;
    }
    bool known = false;
    for (std::size_t i = 0; i < kDramCommandKinds; ++i) {
        if (name == name_of(static_cast<DramCommandKind>(i))) {
            command.kind = static_cast<DramCommandKind>(i);
            known = true;
        }
    }
    const auto read = [&words](bool present, auto& field) {
        std::string word;
        if (!(words >> word) || word.empty()) {
            return false;
        }
        if (!present || word == "-") {
            field = 0;
            return !present && word == "-";
        }
        std::uint64_t value = 0;
        for (const char digit : word) {
            if (digit < '0' || digit > '9' || value > std::numeric_limits<std::uint32_t>::max()) {
                return false;
            }
            value = value * 10 + static_cast<std::uint64_t>(digit - '0');
        }
        using Field = std::remove_reference_t<decltype(field)>;
        field = static_cast<Field>(value);
        return value <= std::numeric_limits<Field>::max();
    };
    std::string rest;
    return known && read(true, command.channel) && read(true, command.rank) &&
           read(has_bank(command.kind), command.bank_group) && read(has_bank(command.kind), command.bank) &&
           read(has_row(command.kind), command.row) && read(has_column(command.kind), command.column) &&
           !(words >> rest);
}

}  // namespace

std::string trace_line(const DramCommand& c) {
    std::string line = fmt::format("{} {} {} {}", c.clock, name_of(c.kind), c.channel, c.rank);
    line += has_bank(c.kind) ? fmt::format(" {} {}", c.bank_group, c.bank) : " - -";
    line += has_row(c.kind) ? fmt::format(" {}", c.row) : " -";
    line += has_column(c.kind) ? fmt::format(" {}", c.column) : " -";
    return line;
}

CommandTraceWriter::CommandTraceWriter(std::ostream& out) : out_(out) {
    out_ << kHeader << '\n';
}

void CommandTraceWriter::command(const DramCommand& command) {
    out_ << trace_line(command) << '\n';
}

std::vector<DramCommand> read_command_trace(std::istream& in, const std::string& file) {
    std::vector<DramCommand> commands;
    std::string line;
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
        if (line.empty() || line.front() == '#') {
            continue;
        }
        DramCommand command;
        if (!parse(line, command)) {
            throw InputError(file, fmt::format("line {}", number), fmt::format("\"{}\"", line), kAccepted);
        }
        commands.push_back(command);
    }
    return commands;
}

}  // namespace palimpsest
