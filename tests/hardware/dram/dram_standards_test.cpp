// Random traffic on every preset breaks no rule of its standard. PALIMPSEST_LONG_TESTS=1: ten million commands each.

#include <cstdlib>
#include <deque>

#include "config/loader.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/dram_system.h"
#include "hardware/dram/protocol_checker.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

constexpr const char* kPresets[] = {"ddr3-1600",   "ddr4-2400",   "ddr4-3200", "lpddr4-3200",
                                    "lpddr4-4266", "lpddr5-6400", "hbm2"};

/// A way to run any preset.
struct Variant {
    const char* name;
    void (*change)(DramConfig& config);
    bool needs_all_features = false;
};

constexpr Variant kVariants[] = {
    {"as shipped", [](DramConfig&) {}},
    {"closed pages, two ranks",
     [](DramConfig& c) {
         c.controller.page_policy = PagePolicy::closed;
         c.organisation.ranks = 2;
     }},
    {"short queues, few hits in a row",
     [](DramConfig& c) {
         c.controller.read_queue = 4;
         c.controller.write_queue = 6;
         c.controller.write_high = 5;
         c.controller.write_low = 1;
         c.controller.starvation_cap = 2;
     }},
    {"first come, first served, adaptive pages",
     [](DramConfig& c) {
         c.controller.scheduling = DramScheduling::fcfs;
         c.controller.page_policy = PagePolicy::adaptive;
     },
     true},
    {"refresh of one bank where there is, put off, power-down",
     [](DramConfig& c) {
         c.refresh.mode = c.timing.nRFCpb != 0 ? RefreshMode::per_bank : RefreshMode::all_bank;
         c.refresh.postpone = 7;
         c.power_down.power_down_after = 30;
     },
     true},
    {"two ranks, refresh put off, self-refresh",
     [](DramConfig& c) {
         c.controller.page_policy = PagePolicy::adaptive;
         c.refresh.postpone = 3;
         c.power_down = {40, 700};
         c.organisation.ranks = 2;
     },
     true},
};

/// Counts what goes by.
struct CommandCounter : DramCommandSink {
    std::uint64_t commands = 0;
    void command(const DramCommand&) override { ++commands; }
};

/// Streams, strides and single places, reads and writes, some urgent, in bursts of activity with gaps of all lengths.
DramCounts play(const DramConfig& config, std::uint64_t seed, std::uint64_t commands) {
    RandomDram random(seed);
    ProtocolChecker checker(config.timing, config.organisation, config.refresh.mode);
    CommandCounter counter;
    DramSystem dram(config, &checker);
    dram.add_sink(counter);
    struct Slot {
        DramTransaction transaction;
        std::vector<DramSegment> segments;
    };
    std::deque<Slot> slots(24);
    std::vector<DramTransaction*> free;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        slots[i].transaction.user = i;
        free.push_back(&slots[i].transaction);
    }
    DramClock now = 0;
    std::uint32_t writes = 30;
    std::uint64_t gap = 0;
    while (counter.commands < commands) {
        if (random.chance(3)) {
            random.next_pattern(config);
            writes = random.one_of({0U, 10U, 50U, 100U});
            gap = random.one_of({0ULL, 0ULL, 30ULL, 1000ULL, 2ULL * config.timing.nREFI});
        }
        if (free.empty()) {
            now = std::max(now, dram.next_wakeup());
            dram.advance_to(now, free);
            continue;
        }
        if (gap != 0 && random.chance(30)) {
            now += random.between(0, gap);
            dram.advance_to(now, free);
        }
        DramTransaction& transaction = *free.back();
        free.pop_back();
        Slot& slot = slots[transaction.user];
        slot.segments = random.segments(config);
        transaction.segments = slot.segments;
        transaction.write = random.chance(writes);
        transaction.urgent = random.chance(10);
        dram.send(transaction, now);
    }
    while (free.size() < slots.size()) {
        now = std::max(now, dram.next_wakeup());
        dram.advance_to(now, free);
    }
    while (!dram.idle_at(now)) {
        now = std::max(now + 1, dram.idle_bound());
    }
    const DramCounts counts = dram.counts_at(now);
    checker.finish(now);
    std::string broken;
    for (std::size_t i = 0; i < std::min<std::size_t>(checker.violations().size(), 5); ++i) {
        broken += to_string(checker.violations()[i]) + "\n";
    }
    CHECK(broken == "");
    CHECK(checker.commands_checked() >= commands);
    CHECK(counts.data_bus_clocks + counts.refresh_clocks + counts.waiting_clocks + counts.idle_clocks ==
          config.organisation.channels * now);
    return counts;
}

std::uint64_t commands_wanted() {
    const char* wanted = std::getenv("PALIMPSEST_LONG_TESTS");
    return wanted != nullptr && std::string(wanted) == "1" ? 10'000'000 : 20'000;
}

}  // namespace

TEST_CASE("Random traffic breaks no rule of any preset's standard", "[dram][checker]") {
    std::uint64_t seed = 0;
    for (const char* preset : kPresets) {
        for (const Variant& variant : kVariants) {
            if (variant.needs_all_features && !kAllDramFeatures) {
                continue;
            }
            CAPTURE(preset, variant.name);
            DramConfig config = load_dram(preset);
            variant.change(config);
            const DramCounts counts = play(config, ++seed, commands_wanted());
            CHECK(counts.reads > 0);
            CHECK(counts.writes > 0);
            CHECK(counts.precharges > 0);
            CHECK(counts.refreshes + counts.bank_refreshes > 0);
            CHECK((config.power_down.power_down_after == 0 || counts.power_downs > 0));
            CHECK((config.power_down.self_refresh_after == 0 || counts.self_refreshes > 0));
        }
    }
}
