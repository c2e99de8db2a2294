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

}  // namespace palimpsest
