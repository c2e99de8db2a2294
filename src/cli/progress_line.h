#pragma once
// One line on the terminal that says how far long work is and how long it will still take. Nothing when standard error
// is no terminal.

#include <chrono>
#include <string>

namespace palimpsest {

class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine();  ///< wipes the line
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// `fraction` of the work is done (0 .. 1; negative: not known). Drawn ten times a second at most.
    void update(double fraction, const std::string& what);

  private:
    using Clock = std::chrono::steady_clock;

    bool terminal_;
    bool drawn_ = false;
    Clock::time_point start_ = Clock::now();
    Clock::time_point latest_{};
};

/// "12 s", "3 min 20 s", "1 h 5 min".
std::string format_duration(double seconds);

}  // namespace palimpsest
