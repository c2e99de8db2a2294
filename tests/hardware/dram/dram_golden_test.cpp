// The golden controller, and the production one, against commands worked out by hand.

#include <deque>
#include <set>

#include "golden/dram_golden.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/dram_scenarios.h"
#include "hardware/dram/protocol_checker.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

struct Outcome {
    std::vector<std::string> commands;
    DramCounts counts;
    DramClock completion = 0, refresh_wait = 0;
};

Outcome on_golden(const DramScenario& scenario) {
    GoldenDram golden(scenario.config);
    std::deque<GoldenTransaction> transactions;
    while (golden.now < scenario.until) {
        while (transactions.size() < scenario.arrivals.size() &&
               scenario.arrivals[transactions.size()].clock == golden.now) {
            const DramScenario::Arrival& arrival = scenario.arrivals[transactions.size()];
            GoldenTransaction& transaction = transactions.emplace_back();
            transaction.segments = {{arrival.address, arrival.bytes}};
            transaction.write = arrival.write;
            transaction.urgent = arrival.urgent;
            golden.send(transaction);
        }
        golden.step();
    }
    REQUIRE(transactions.size() == scenario.arrivals.size());
    Outcome outcome;
    for (const DramCommand& command : golden.commands) {
        outcome.commands.push_back(scenario_line(command, scenario.config.organisation));
    }
    outcome.counts = golden.counts;
    if (!transactions.empty()) {
        outcome.completion = transactions[scenario.judged].completion;
        outcome.refresh_wait = transactions[scenario.judged].refresh_wait;
    }
    return outcome;
}

Outcome on_production(const DramScenario& scenario) {
    CommandRecorder recorder;
    DramSystem dram(scenario.config, &recorder);
    std::deque<DramSegment> segments;
    std::deque<DramTransaction> transactions;
    for (const DramScenario::Arrival& arrival : scenario.arrivals) {
        segments.push_back({arrival.address, arrival.bytes});
        DramTransaction& transaction = transactions.emplace_back();
        transaction.segments = {&segments.back(), 1};
        transaction.write = arrival.write;
        transaction.urgent = arrival.urgent;
        dram.send(transaction, arrival.clock);
    }
    std::vector<DramTransaction*> finished;
    dram.advance_to(scenario.until, finished);
    Outcome outcome;
    outcome.counts = dram.counts_at(scenario.until);
    for (const DramCommand& command : recorder.commands) {
        outcome.commands.push_back(scenario_line(command, scenario.config.organisation));
    }
    if (!transactions.empty()) {
        outcome.completion = transactions[scenario.judged].completion;
        outcome.refresh_wait = transactions[scenario.judged].refresh_wait;
    }
    return outcome;
}

/// The golden controller's commands for the random traffic of a seed, and some idle time.
GoldenDram random_run(const DramConfig& config, RandomDram& random) {
    GoldenDram golden(config);
    std::deque<GoldenTransaction> transactions;
    const std::uint64_t gap = random.one_of({0ULL, 10ULL, 300ULL});
    for (std::uint64_t i = random.between(1, 40); i > 0; --i) {
        if (random.chance(20)) {
            random.next_pattern(config);
        }
        GoldenTransaction& transaction = transactions.emplace_back();
        transaction.segments = random.segments(config);
        transaction.write = random.chance(40);
        transaction.urgent = random.chance(20);
        golden.send(transaction);
        for (std::uint64_t clocks = random.chance(50) ? 0 : random.between(0, gap); clocks > 0; --clocks) {
            golden.step();
        }
    }
    for (std::uint64_t quiet = 0; !golden.idle() || quiet < 1000; ++quiet) {
        REQUIRE(golden.now < 200000);
        golden.step();
    }
    return golden;
}

std::vector<ProtocolViolation> violations(const DramConfig& config, const GoldenDram& golden) {
    ProtocolChecker checker(config.timing, config.organisation, config.refresh.mode);
    for (const DramCommand& command : golden.commands) {
        checker.command(command);
    }
    checker.finish(golden.now);
    return checker.violations();
}

/// A timing, and the rules of which one at least is broken by a controller that takes it for a clock less.
struct Shortened {
    std::uint32_t DramTiming::*timing;
    std::set<std::string> rules;
};

const Shortened kShortened[] = {
    {&DramTiming::nRCD, {"tRCD"}},
    {&DramTiming::nRP, {"tRP", "tRP before REF", "tRP before REFPB", "tRP before SRE"}},
    {&DramTiming::nRAS, {"tRAS"}},
    {&DramTiming::nRC, {"tRC", "tRC before REF", "tRC before REFPB"}},
    {&DramTiming::nRRD_S, {"tRRD_S", "tRRD before REFPB", "tRRD after REFPB"}},
    {&DramTiming::nRRD_L, {"tRRD_L"}},
    {&DramTiming::nFAW, {"tFAW"}},
    {&DramTiming::nCCD_L, {"tCCD_L"}},
    {&DramTiming::nWTR_S, {"tWTR_S"}},
    {&DramTiming::nWTR_L, {"tWTR_L"}},
    {&DramTiming::nRTP, {"tRTP"}},
    {&DramTiming::nWR, {"tWR", "tWRPDEN"}},
    {&DramTiming::nRTRS, {"tRTRS"}},
    {&DramTiming::nRFC, {"tRFC"}},
    {&DramTiming::nRFCpb, {"tRFCpb"}},
    {&DramTiming::nCKE, {"tCKE"}},
    {&DramTiming::nXP, {"tXP"}},
    {&DramTiming::nCKESR, {"tCKESR"}},
    {&DramTiming::nXS, {"tXS"}},
};

void require_as_worked_out(const DramScenario& scenario, const Outcome& outcome) {
    CAPTURE(scenario.name);
    CHECK(outcome.commands == scenario.commands);
    for (std::size_t i = 0; i < scenario.counts.size(); ++i) {
        CAPTURE(i);
        CHECK(outcome.counts.*scenario.counts[i].first == scenario.counts[i].second);
    }
    if (scenario.completion != 0) {
        CHECK(outcome.completion == scenario.completion);
        CHECK(outcome.refresh_wait == scenario.refresh_wait);
    }
}

}  // namespace

TEST_CASE("The golden DRAM controller does what the rules say, worked out by hand", "[dram][golden]") {
    for (const DramScenario& scenario : dram_scenarios()) {
        require_as_worked_out(scenario, on_golden(scenario));
    }
}

TEST_CASE("The DRAM system does what the rules say, worked out by hand", "[dram]") {
    if (!kAllDramFeatures) {
        return;
    }
    for (const DramScenario& scenario : dram_scenarios()) {
        require_as_worked_out(scenario, on_production(scenario));
    }
}

TEST_CASE("The golden DRAM controller breaks no rule of the standard", "[dram][golden]") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        RandomDram random(seed);
        const DramConfig config = random.config();
        CHECK_NOTHROW(check_dram_config(config, ""));
        const GoldenDram golden = random_run(config, random);
        std::string broken;
        for (const ProtocolViolation& violation : violations(config, golden)) {
            broken += to_string(violation) + "\n";
        }
        CHECK(broken == "");
        const DramCounts& c = golden.counts;
        CHECK(c.active_clocks + c.precharged_clocks + c.active_power_down_clocks + c.precharged_power_down_clocks +
                  c.self_refresh_clocks ==
              std::uint64_t{config.organisation.channels} * config.organisation.ranks * golden.now);
    }
}

TEST_CASE("A controller that takes one timing for a clock less is caught, by that timing's rules", "[dram][golden]") {
    for (std::size_t i = 0; i < std::size(kShortened); ++i) {
        const Shortened& wrong = kShortened[i];
        CAPTURE(i, *wrong.rules.begin());
        std::set<std::string> found;
        for (std::uint64_t seed = 1; seed <= 100 && found.empty(); ++seed) {
            RandomDram random(seed);
            const DramConfig config = random.config();
            DramConfig shortened = config;
            if (config.timing.*wrong.timing < 2) {
                continue;
            }
            --(shortened.timing.*wrong.timing);
            for (const ProtocolViolation& violation : violations(config, random_run(shortened, random))) {
                found.insert(violation.rule);
            }
        }
        CHECK_FALSE(found.empty());
        for (const std::string& rule : found) {
            CHECK(wrong.rules.count(rule) == 1);
        }
    }
}
