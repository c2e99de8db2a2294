// SramArbiter against the arbiter that is stepped cycle by cycle.

#include <algorithm>
#include <random>

#include "golden/sram_golden.h"
#include "hardware/sram_arbiter.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

constexpr std::array<SramClientId, 4> kStreamers{SramClientId::vector_read, SramClientId::vector_write,
                                                 SramClientId::dma_store, SramClientId::dma_load};

/// Drives both models through the same random life: streams that start, at times in the cycle in which their
/// predecessor ends, and timetables of the array that come while streams run.
class RandomLife {
  public:
    RandomLife(std::uint32_t seed, const BuffersConfig& config)
        : random_(seed), config_(config), golden_(config), fast_(config) {}

    void run(Cycles cycles) {
        const std::uint64_t activity = pick(2, 30);
        for (; golden_.cycle() < cycles || any_streaming(); golden_.step()) {
            const Cycles now = golden_.cycle();
            collect(now);
            if (now >= cycles) {
                continue;
            }
            for (const SramClientId id : kStreamers) {
                if (!golden_.streaming(id) && pick(0, activity) == 0) {
                    start(id, now);
                }
            }
            while (pick(0, activity) == 0) {
                reserve(now);
            }
        }
        for (std::size_t b = 0; b < kBufferCount; ++b) {
            const auto first = static_cast<std::size_t>(Action::weight_buffer_read) + 2 * b;
            for (const bool write : {false, true}) {
                REQUIRE(fast_.actions().n[first + (write ? 1 : 0)] ==
                        golden_.words[{static_cast<BufferId>(b), write}] + (write ? 0 : array_words_[b]));
            }
        }
    }

  private:
    std::uint64_t pick(std::uint64_t low, std::uint64_t high) { return low + random_() % (high - low + 1); }
    BufferHalf half() { return {static_cast<BufferId>(pick(0, 1)), static_cast<std::uint8_t>(pick(0, 1))}; }
    bool any_streaming() const {
        return std::any_of(kStreamers.begin(), kStreamers.end(),
                           [this](SramClientId id) { return golden_.streaming(id); });
    }

    void collect(Cycles now) {
        std::vector<GoldenSram::Finished> fast;
        for (const SramClientId id : kStreamers) {
            if (fast_.streaming(id)) {
                CAPTURE(now, static_cast<int>(id));
                REQUIRE(fast_.finish(id) >= now);
                if (fast_.finish(id) == now) {
                    fast.push_back({id, now, fast_.retire(id, now)});
                }
            }
        }
        CAPTURE(now);
        REQUIRE(fast == golden_.collect());
    }

    void start(SramClientId id, Cycles now) {
        BufferRegion region{half(), 0, 0};
        const BufferConfig& config = fast_.config_of(region.where.buffer);
        const std::uint32_t all = config.words_per_bank() * config.banks_per_half();
        region.first_word = static_cast<std::uint32_t>(pick(0, all - 1));
        region.words = static_cast<std::uint32_t>(pick(1, all - region.first_word));
        const bool write = pick(0, 1) == 1;
        golden_.start(id, region, write);
        fast_.start(id, region, write, now);
    }

    void reserve(Cycles now) {
        const BufferHalf where = half();
        const auto bank = static_cast<std::uint32_t>(pick(0, fast_.config_of(where.buffer).banks_per_half() - 1));
        AccessPattern p;
        p.start = now + pick(0, 40);
        p.words = pick(1, 12);
        p.folds = pick(1, 6);
        p.fold_period = p.words + (pick(0, 2) == 0 ? 0 : pick(0, 10));
        p.sweeps = pick(1, 4);
        p.sweep_period = (p.folds - 1) * p.fold_period + p.words + pick(0, 20);
        if (golden_.is_free(where, bank, p)) {
            golden_.reserve(where, bank, p);
            fast_.reserve(where, bank, p, false, now);
            array_words_[static_cast<std::size_t>(where.buffer)] += p.accesses();
        } else {
            REQUIRE_THROWS_AS(fast_.reserve(where, bank, p, false, now), SimulationError);
        }
    }

    std::mt19937 random_;
    BuffersConfig config_;
    GoldenSram golden_;
    SramArbiter fast_;
    std::array<std::uint64_t, kBufferCount> array_words_{};
};

BuffersConfig small_buffers(std::uint32_t banks, std::uint32_t words) {
    BuffersConfig config;
    for (BufferConfig* buffer : {&config.weight, &config.activation, &config.kv, &config.score}) {
        *buffer = {banks, Bytes{words} * 32, 32};
    }
    return config;
}

AccessPattern run_of(Cycles start, Cycles words) {
    AccessPattern pattern;
    pattern.start = start;
    pattern.words = words;
    return pattern;
}

}  // namespace

TEST_CASE("port arbitration equals the stepped arbiter in random lives of many streams and timetables", "[sram]") {
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
        CAPTURE(seed);
        const BuffersConfig config = small_buffers(2U << seed % 3, 5U + seed * 7 % 40);
        RandomLife(seed, config).run(400);
    }
}

TEST_CASE("busy_before of a nested timetable counts its accesses", "[sram]") {
    std::mt19937 random(3);
    for (int i = 0; i < 200; ++i) {
        AccessPattern p;
        p.start = random() % 20;
        p.words = 1 + random() % 5;
        p.folds = 1 + random() % 4;
        p.fold_period = p.words + random() % 4;
        p.sweeps = 1 + random() % 3;
        p.sweep_period = (p.folds - 1) * p.fold_period + p.words + random() % 6;
        std::vector<bool> busy(p.end() + 10, false);
        for (std::uint64_t s = 0; s < p.sweeps; ++s) {
            for (std::uint64_t f = 0; f < p.folds; ++f) {
                for (std::uint64_t w = 0; w < p.words; ++w) {
                    busy[p.start + s * p.sweep_period + f * p.fold_period + w] = true;
                }
            }
        }
        std::uint64_t before = 0;
        for (Cycles cycle = 0; cycle < busy.size(); ++cycle) {
            REQUIRE(p.busy_before(cycle) == before);
            before += busy[cycle] ? 1 : 0;
        }
        REQUIRE(before == p.accesses());
    }
}

TEST_CASE("a stream moves one word a cycle and waits out what stands above it", "[sram]") {
    SramArbiter arbiter(small_buffers(4, 16));
    const BufferHalf half{BufferId::kv, 1};
    arbiter.start(SramClientId::dma_load, {half, 8, 16}, true, 100);  // 8 words in bank 0, 8 in bank 1
    CHECK(arbiter.finish(SramClientId::dma_load) == 116);
    // The array takes bank 0 in cycles 102 to 104: three cycles later.
    CHECK(arbiter.reserve(half, 0, run_of(102, 3), false, 101) == SramArbiter::bit(SramClientId::dma_load));
    CHECK(arbiter.finish(SramClientId::dma_load) == 119);
    // A vector read of five words in bank 1 from cycle 108 is over before the load gets there.
    arbiter.start(SramClientId::vector_read, {half, 16, 5}, false, 105);
    CHECK(arbiter.finish(SramClientId::vector_read) == 110);
    CHECK(arbiter.finish(SramClientId::dma_load) == 119);
    CHECK(arbiter.retire(SramClientId::vector_read, 110) == 0);
    CHECK(arbiter.retire(SramClientId::dma_load, 119) == 3);
    CHECK(arbiter.actions()[Action::kv_buffer_write] == 16);
    CHECK(arbiter.actions()[Action::kv_buffer_read] == 8);
}

TEST_CASE("a port that the array holds for long is found free again at once", "[sram]") {
    SramArbiter arbiter(small_buffers(2, 1024));
    const BufferHalf half{BufferId::weight, 0};
    AccessPattern dense = run_of(0, 64);
    dense.folds = 1000;
    dense.fold_period = 64;
    dense.sweeps = 1000;
    dense.sweep_period = 64000;
    arbiter.reserve(half, 0, dense, false, 0);
    arbiter.start(SramClientId::dma_load, {half, 0, 10}, true, 5);
    CHECK(arbiter.finish(SramClientId::dma_load) == 64'000'000 + 10);
}

TEST_CASE("what cannot be is refused: two products on one port, a region beyond its half, two streams of one client",
          "[sram]") {
    SramArbiter arbiter(small_buffers(4, 16));
    const BufferHalf half{BufferId::activation, 0};
    arbiter.reserve(half, 1, run_of(10, 4), false, 0);
    CHECK_THROWS_AS(arbiter.reserve(half, 1, run_of(13, 1), false, 0), SimulationError);
    CHECK_NOTHROW(arbiter.reserve(half, 1, run_of(14, 1), false, 0));
    CHECK_THROWS_AS(arbiter.reserve(half, 2, run_of(0, 1), false, 0), SimulationError);
    CHECK_THROWS_AS(arbiter.start(SramClientId::dma_load, {half, 30, 3}, true, 0), SimulationError);
    arbiter.start(SramClientId::dma_load, {half, 30, 2}, true, 0);
    CHECK_THROWS_AS(arbiter.start(SramClientId::dma_load, {half, 0, 1}, true, 0), SimulationError);
}

}  // namespace palimpsest
