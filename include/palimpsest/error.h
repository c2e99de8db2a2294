#pragma once
// The two ways a run can end badly, and the exit code of each (docs/command-line.md).

#include <stdexcept>
#include <string>

namespace palimpsest {

inline constexpr int kExitDone = 0;
inline constexpr int kExitSimulationFailed = 1;
inline constexpr int kExitBadInput = 2;

/// The user's input cannot be used: exit code 2. The message names the file, the place in it, what is there, and what
/// would be accepted.
class InputError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;

    /// `where` is a JSON path such as `cache.budget`, a line number, or a byte offset; empty parts are left out.
    InputError(const std::string& file, const std::string& where, const std::string& what_is_there,
               const std::string& what_is_accepted);
};

/// The simulation itself went wrong (stuck, an invariant broken, output cannot be written): exit code 1.
class SimulationError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace palimpsest
