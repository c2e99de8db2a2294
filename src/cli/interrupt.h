#pragma once
// Ctrl-C and kill, as a flag that long work looks at now and then.

#include <atomic>
#include <csignal>

namespace palimpsest {

/// While it lives, SIGINT and SIGTERM set the flag in place of ending the program, so that temporary files go away with
/// the work; SIGQUIT (Ctrl-\) still ends it at once. One at a time.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    const std::atomic<bool>& flag() const;

  private:
    struct sigaction old_interrupt_ {};
    struct sigaction old_terminate_ {};
};

}  // namespace palimpsest
