// Any bytes as a DRAM command trace; what is read goes to the protocol checker, and is written and read once more.

#include <sstream>
#include <stdexcept>

#include "fuzz/fuzz_entry.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/protocol_checker.h"

namespace palimpsest {

const unsigned kFuzzMutations = 20000;

void fuzz_one(std::string_view input) {
    std::istringstream in{std::string(input)};
    const std::vector<DramCommand> commands = read_command_trace(in, "input");
    const DramConfig config;
    ProtocolChecker checker(config.timing, config.organisation);
    std::ostringstream out;
    CommandTraceWriter writer(out);
    for (const DramCommand& command : commands) {
        checker.command(command);
        writer.command(command);
    }
    std::istringstream again(out.str());
    if (read_command_trace(again, "copy") != commands) {
        throw std::logic_error("a command trace does not come back as it was written");
    }
    for (const ProtocolViolation& violation : checker.violations()) {
        to_string(violation);
    }
}

std::vector<std::string> fuzz_seeds() {
    return {
        "# clock command channel rank bankgroup bank row column\n"
        "0 ACT 0 0 0 0 0 -\n29 RD 0 0 0 0 0 0\n80 PRE 0 0 0 0 - -\n",
        "0 ACT 0 0 0 1 4711 -\n30 WR 0 0 0 1 4711 64\n100 PREA 0 0 - - - -\n140 REF 0 0 - - - -\n",
    };
}

}  // namespace palimpsest
