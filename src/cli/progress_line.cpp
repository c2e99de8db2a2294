#include "cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace palimpsest {

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
    if (drawn_) {
        fmt::print(stderr, "\r\033[K");
    }
}

void ProgressLine::update(double fraction, const std::string& what) {
    const Clock::time_point now = Clock::now();
    if (!terminal_ || now - latest_ < std::chrono::milliseconds(100)) {
        return;
    }
    latest_ = now;
    drawn_ = true;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const std::string left =
        fraction > 0.01 ? fmt::format(", {} left", format_duration(elapsed / fraction * (1 - fraction))) : "";
    const std::string percent = fraction < 0 ? "" : fmt::format(" {:3.0f} %", fraction * 100);
    fmt::print(stderr, "\r\033[K{}{}{}", what, percent, left);
    std::fflush(stderr);
}

std::string format_duration(double seconds) {
    const auto whole = static_cast<unsigned long>(seconds + 0.5);
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    }
    return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace palimpsest
