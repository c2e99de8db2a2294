// SramBuffers: what the module adds to the arbiter, completion in time and waveforms.

#include <map>

#include "hardware/sram_buffers.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"
#include "support/sram_load.h"

namespace palimpsest {
namespace {

class RecordingSink : public SignalSink {
  public:
    struct Change {
        Picoseconds time;
        std::uint64_t value;
        bool operator==(const Change&) const = default;
    };
    SignalId declare(std::string_view hierarchy, SignalKind, unsigned, std::string_view) override {
        names_.emplace(std::string(hierarchy), static_cast<SignalId>(changes_.size()));
        changes_.emplace_back();
        return static_cast<SignalId>(changes_.size() - 1);
    }
    void change(SignalId signal, Picoseconds time, std::uint64_t value) override {
        changes_[signal].push_back({time, value});
    }
    const std::vector<Change>& of(const std::string& name) const { return changes_[names_.at(name)]; }

  private:
    std::map<std::string, SignalId> names_;
    std::vector<std::vector<Change>> changes_;
};

AccessPattern run_of(Cycles start, Cycles words) {
    AccessPattern pattern;
    pattern.start = start;
    pattern.words = words;
    return pattern;
}

}  // namespace

TEST_CASE("waveforms show who has each bank's port, at changes only", "[sram]") {
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", {}, clock);
    RecordingSink sink;
    buffers.trace(sink, "machine.sram");
    const BufferHalf half{BufferId::kv, 1};
    SramLoad load("load", clock, buffers, {{SramClientId::dma_load, 10, {half, 1000, 100}, true}},
                  {{20, half, 0, run_of(25, 8)}});
    sc_core::sc_start(clock.until(15));
    buffers.set_occupancy(half, 100);
    sc_core::sc_start(clock.until(500));
    // 24 words in bank 0: 15 until the array comes, then 9 more; the rest in bank 1.
    using Changes = std::vector<RecordingSink::Change>;
    constexpr auto load_id = static_cast<std::uint64_t>(SramClientId::dma_load);
    CHECK(sink.of("machine.sram.kv.half1.bank0.port") ==
          Changes{{0, kSramClients}, {10'000, load_id}, {25'000, 0}, {33'000, load_id}, {42'000, kSramClients}});
    CHECK(sink.of("machine.sram.kv.half1.bank1.port") ==
          Changes{{0, kSramClients}, {42'000, load_id}, {118'000, kSramClients}});
    CHECK(sink.of("machine.sram.kv.half1.words") == Changes{{0, 0}, {15'000, 100}});
    CHECK(load.ended() == std::vector<SramLoad::Ended>{{SramClientId::dma_load, 118, 8}});
}

TEST_CASE("a stream of no words is through in the cycle in which it starts", "[sram]") {
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", {}, clock);
    SramLoad load("load", clock, buffers, {{SramClientId::dma_store, 7, {{BufferId::kv, 0}, 3, 0}, false}}, {});
    sc_core::sc_start(clock.until(100));
    CHECK(load.ended() == std::vector<SramLoad::Ended>{{SramClientId::dma_store, 7, 0}});
}

}  // namespace palimpsest
