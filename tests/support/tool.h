#pragma once
// Runs the built `palimpsest` program as a user would.

#include <cstdlib>
#include <string>

#include <sys/wait.h>

#include "support/scratch_directory.h"

namespace palimpsest {

struct ToolResult {
    int exit_code = -1;  ///< -1 when ended by a signal
    std::string out;
    std::string err;
};

/// `arguments` as for a shell; `before` is run in the same shell first, such as "ulimit -f 1".
inline ToolResult run_tool(const std::string& arguments, const std::string& before = "true") {
    const ScratchDirectory scratch;
    const std::string command = before + " && " + PALIMPSEST_TOOL + " " + arguments + " >" + (scratch / "out") + " 2>" +
                                (scratch / "err") + " </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(scratch / "out"), content_of(scratch / "err")};
}

/// Interrupts it, as Ctrl-C does, when it works: when a file whose name begins with `sign` has come into `folder`,
/// under its temporary name at that. `input` is where standard input comes from.
inline ToolResult interrupt_tool(const std::string& arguments, const std::string& folder, const std::string& sign,
                                 const std::string& input = "</dev/null") {
    const ScratchDirectory scratch;
    // Sent again, since a background program ignores interrupts until it asks for them.
    const std::string command = std::string(PALIMPSEST_TOOL) + " " + arguments + " " + input + " >" +
                                (scratch / "out") + " 2>" + (scratch / "err") +
                                " & tool=$!; for n in $(seq 1000); do ls -A " + folder + " | grep -q '^\\.\\?" + sign +
                                "' && break; sleep 0.01; done; " +
                                "for n in 1 2 3 4 5; do sleep 0.1; kill -INT $tool 2>/dev/null; done; wait $tool";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(scratch / "out"), content_of(scratch / "err")};
}

}  // namespace palimpsest
