// The scheduler of continuous batching against lists that are looked through by the written rules, and its
// reservations.

#include "host/serving_scheduler.h"

#include <random>
#include <set>

#include "golden/serving_golden.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

constexpr Bytes kCell = 64;

struct Case {
    std::vector<GoldenArrival> arrivals;
    std::uint32_t region, places, step_tokens, chunk;
    bool equal;  ///< all have as many cells: partitions
};

Case random_case(std::mt19937& random) {
    const auto pick = [&](std::uint32_t least, std::uint32_t most) {
        return least + static_cast<std::uint32_t>(random() % (most - least + 1));
    };
    Case c{};
    c.equal = random() % 2 == 0;
    c.places = pick(1, 8);
    c.step_tokens = c.places + pick(0, 40);
    c.chunk = pick(1, 24);
    const std::uint32_t most_cells = pick(1, 12);
    c.region = c.equal ? most_cells * pick(1, 8) : most_cells + pick(0, 40);
    Cycles now = 0;
    for (std::uint32_t n = pick(1, 40), i = 0; i < n; ++i) {
        now += random() % 3 == 0 ? 0 : pick(0, 900);
        c.arrivals.push_back({now, pick(1, 60), pick(1, 20), c.equal ? most_cells : pick(1, most_cells)});
    }
    return c;
}

ServingScheduler scheduler_of(const Case& c) {
    std::vector<ArrivingRequest> requests;
    for (const GoldenArrival& a : c.arrivals) {
        requests.push_back({a.arrival, a.prompt, a.output, a.cells * kCell});
    }
    const std::uint32_t cells = c.arrivals.front().cells;
    return {{c.places, c.step_tokens, c.chunk},
            std::move(requests),
            c.equal ? KvReservations::partitions(c.region / cells, cells * kCell)
                    : KvReservations::first_fit(c.region * kCell)};
}

}  // namespace

TEST_CASE("the scheduler admits, steps and lets go as the rules say, on random arrivals", "[serving]") {
    std::mt19937 random(2027);
    std::set<AdmissionLimit> limits;
    for (int run = 0; run < 300; ++run) {
        const Case c = random_case(random);
        ServingScheduler scheduler = scheduler_of(c);
        GoldenServing golden(c.arrivals, c.region, c.places, c.step_tokens, c.chunk);
        Cycles now = 0;
        std::uint64_t tokens = 0;
        for (int steps = 0; !scheduler.done(); ++steps) {
            REQUIRE(steps < 100000);
            const auto admissions = scheduler.admit(now);
            const std::vector<std::uint32_t> admitted = golden.boundary(now);
            REQUIRE(admissions.size() == admitted.size());
            for (std::size_t i = 0; i < admitted.size(); ++i) {
                const GoldenServing::Request& r = golden.requests[admitted[i]];
                REQUIRE(admissions[i].request == admitted[i]);
                REQUIRE(admissions[i].place == r.place);
                REQUIRE(admissions[i].kv_offset == r.first_cell * kCell);
            }
            if (scheduler.limit()) {
                limits.insert(*scheduler.limit());
            }
            REQUIRE(scheduler.reservations().free() == golden.free_cells() * kCell);
            if (!c.equal) {
                REQUIRE(scheduler.reservations().usable() == golden.longest_run() * kCell);
            }
            const auto planned = scheduler.plan();
            const std::vector<GoldenServing::Work>& work = golden.next_step();
            REQUIRE(planned.size() == work.size());
            std::uint32_t step_tokens = 0;
            for (std::size_t i = 0; i < work.size(); ++i) {
                const ServingScheduler::Segment& s = planned[i];
                REQUIRE(GoldenServing::Work{s.request, s.place, s.first_position, s.tokens, s.prefill, s.logits} ==
                        work[i]);
                step_tokens += s.tokens;
            }
            REQUIRE(step_tokens <= c.step_tokens);
            tokens += step_tokens;
            if (planned.empty()) {
                REQUIRE(scheduler.waiting() == 0);
                now = scheduler.next_arrival().value();
                continue;
            }
            now += 1 + random() % 400;
            const auto departures = scheduler.complete(now);
            const std::vector<std::uint32_t> left = golden.step_over(now);
            REQUIRE(departures.size() == left.size());
            for (std::size_t i = 0; i < left.size(); ++i) {
                REQUIRE(departures[i].request == left[i]);
                REQUIRE(departures[i].place == golden.requests[left[i]].place);
            }
        }
        std::uint64_t all = 0;
        for (std::uint32_t i = 0; i < c.arrivals.size(); ++i) {
            const ServingScheduler::Times& times = scheduler.times(i);
            REQUIRE(times.admitted == golden.requests[i].admitted);
            REQUIRE(times.first_token == golden.requests[i].first_token);
            REQUIRE(times.finished == golden.requests[i].finished);
            REQUIRE(times.admitted >= c.arrivals[i].arrival);
            all += c.arrivals[i].prompt + c.arrivals[i].output;
        }
        REQUIRE(tokens == all);
        REQUIRE(scheduler.reservations().reserved() == 0);
    }
    REQUIRE(limits.size() == kAdmissionLimits);  // all three reasons to wait have occurred
}

TEST_CASE("the example of docs/serving.md", "[serving]") {
    using Segment = ServingScheduler::Segment;
    ServingScheduler scheduler({2, 8, 8}, {{0, 10, 3, 1}, {0, 5, 2, 1}, {15, 4, 1, 1}},
                               KvReservations::partitions(2, 1));
    const std::vector<std::vector<Segment>> steps{
        {{0, 0, 0, 8, true, false}},
        {{0, 0, 8, 2, true, true}, {1, 1, 0, 5, true, true}},
        {{0, 0, 10, 1, false, true}, {1, 1, 5, 1, false, true}},
        {{0, 0, 11, 1, false, true}, {1, 1, 6, 1, false, true}},
        {{0, 0, 12, 1, false, true}, {2, 1, 0, 4, true, true}},
        {{2, 1, 4, 1, false, true}},
    };
    Cycles now = 0;
    for (const std::vector<Segment>& expected : steps) {
        scheduler.admit(now);
        const auto planned = scheduler.plan();
        REQUIRE(std::vector<Segment>(planned.begin(), planned.end()) == expected);
        now += 10;
        scheduler.complete(now);
    }
    REQUIRE(scheduler.done());
    REQUIRE(scheduler.times(1).finished == 40);
    REQUIRE(scheduler.times(2).admitted == 40);
    REQUIRE(scheduler.times(0).finished == 50);
    REQUIRE(scheduler.times(2).first_token == 50);
}

TEST_CASE("partitions are equal whatever a request asks for; nothing longer is let in", "[serving]") {
    KvReservations kv = KvReservations::partitions(2, 100);
    REQUIRE(kv.reserve(30) == Bytes{0});
    REQUIRE(kv.reserve(100) == Bytes{100});
    REQUIRE(kv.free() == 0);
    REQUIRE_FALSE(kv.reserve(1));
    kv.release(0);
    REQUIRE_FALSE(kv.reserve(101));
    REQUIRE_FALSE(kv.could_ever_hold(101));
    REQUIRE(kv.usable() == 100);
    REQUIRE_THROWS_AS(kv.release(0), SimulationError);
}

TEST_CASE("first fit takes the first piece that is long enough, and pieces grow together", "[serving]") {
    KvReservations kv = KvReservations::first_fit(100);
    REQUIRE(kv.reserve(40) == Bytes{0});
    REQUIRE(kv.reserve(20) == Bytes{40});
    REQUIRE(kv.reserve(40) == Bytes{60});
    kv.release(0);
    kv.release(60);
    REQUIRE(kv.free() == 80);
    REQUIRE(kv.usable() == 40);
    REQUIRE_FALSE(kv.reserve(50));  // enough is free, in two pieces
    REQUIRE(kv.reserve(30) == Bytes{0});
    REQUIRE(kv.reserve(30) == Bytes{60});
    kv.release(40);
    REQUIRE(kv.usable() == 30);  // 30 to 60
    kv.release(0);
    kv.release(60);
    REQUIRE(kv.usable() == 100);
}

TEST_CASE("rules that cannot work are refused", "[serving]") {
    REQUIRE_THROWS_AS(ServingScheduler({4, 3, 8}, {}, KvReservations::partitions(4, 1)), SimulationError);
    REQUIRE_THROWS_AS(ServingScheduler({0, 3, 8}, {}, KvReservations::partitions(4, 1)), SimulationError);
}
