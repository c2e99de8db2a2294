#pragma once
// Builds the command stream: numbers commands, derives their dependency tokens from what they read and write, and
// applies the pipelining switches.

#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>

#include "config/run_config.h"
#include "hardware/command.h"
#include "host/hazard.h"

namespace palimpsest {

/// Which pipelining switch governs a command.
enum class Mechanism : std::uint8_t { projection, attention, eviction };

class Program {
  public:
    /// Receives every command in program order; may block.
    using Sink = std::function<void(Command&&)>;

    Program(const PipelineConfig& pipeline, Sink sink) : pipeline_(pipeline), sink_(std::move(sink)) {}

    /// Emits a command of `unit` that reads and writes the given storage (null entries are skipped).
    ///
    /// Read after write waits for the writers (cause: operand where a load brings the data, dependency otherwise),
    /// write after read and write after write for the earlier users (cause: buffer_full). A unit works in order, so
    /// hazards of a unit with itself need no token, but for reading its own results. With the mechanism's switch off,
    /// the command waits for every earlier one and every later one waits for it.
    void emit(UnitId unit, decltype(Command::work) work, Mechanism mechanism, std::initializer_list<Hazard*> reads,
              std::initializer_list<Hazard*> writes);

    /// Labels the commands that follow.
    void label(const char* text, std::uint32_t layer, std::uint32_t request,
               std::optional<KvHeadId> head = std::nullopt) {
        label_ = text;
        layer_ = static_cast<std::uint16_t>(layer);
        request_ = static_cast<std::uint16_t>(request);
        head_ = head;
    }
    std::uint64_t emitted() const;

  private:
    bool overlaps(Mechanism mechanism) const;

    PipelineConfig pipeline_;
    Sink sink_;
    std::array<std::uint64_t, kUnitCount> last_{};   ///< commands emitted so far
    std::array<std::uint64_t, kUnitCount> fence_{};  ///< every later command waits for these
    const char* label_ = "";
    std::uint16_t layer_ = 0;
    std::uint16_t request_ = 0;
    std::optional<KvHeadId> head_;
};

}  // namespace palimpsest
