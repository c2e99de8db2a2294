#pragma once
// Which build wrote an output.

#include <string>

namespace palimpsest {

/// "0.1.0"
std::string tool_version();
/// Commit of the source tree, "-dirty" where it had changes; "unknown" for a build outside a repository.
std::string tool_git();

}  // namespace palimpsest
