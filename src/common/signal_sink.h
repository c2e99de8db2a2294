#pragma once
// Where blocks send the signals a waveform shows. The blocks know this interface only; report/vcd writes the file.

#include <cstdint>
#include <string_view>

#include "palimpsest/types.h"

namespace palimpsest {

enum class SignalKind : std::uint8_t {
    state,  ///< small enumeration; shown as text through the names given at declaration
    level,  ///< unsigned quantity: queue depth, buffer occupancy, bank row
    event,  ///< a pulse: the value counts occurrences
};

/// Receives value changes. Implementations may ignore any outside their window. Not thread-safe.
class SignalSink {
  public:
    using SignalId = std::uint32_t;
    /// What `declare` gives for a signal that is not shown. Changes of it may be sent, or not.
    static constexpr SignalId kLeftOut = ~SignalId{0};

    virtual ~SignalSink() = default;

    /// Declares a signal before the first change. `hierarchy` is dotted, e.g. "machine.dram.channel0.bank3.row";
    /// `width_bits` <= 64; `state_names` is a comma-separated list for SignalKind::state, else empty.
    virtual SignalId declare(std::string_view hierarchy, SignalKind kind, unsigned width_bits,
                             std::string_view state_names = {}) = 0;
    /// All signals have been declared. Throws InputError where the user asked for some that there are not.
    virtual void declared() {}
    /// The signal has `value` from `time_ps` on. Changes of one signal come in time order; different signals need not:
    /// blocks that skip idle time report what happened when they catch up.
    virtual void change(SignalId signal, Picoseconds time_ps, std::uint64_t value) = 0;
};

}  // namespace palimpsest
