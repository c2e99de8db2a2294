// The library interface as another program uses it: only public headers.

#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "palimpsest/dram.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

using Completions = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // request, clock

struct Random {
    std::uint64_t address, bytes, clock;
    bool write;
};

std::vector<Random> random_requests(std::uint64_t capacity) {
    std::mt19937_64 random(5);
    std::vector<Random> requests;
    std::uint64_t clock = 0;
    for (int i = 0; i < 600; ++i) {
        clock += random() % 3 == 0 ? random() % 90 : 0;
        requests.push_back({random() % (capacity - 512), 1 + random() % 512, clock, random() % 3 == 0});
    }
    return requests;
}

}  // namespace

TEST_CASE("a program reads and writes through the library", "[dram][library]") {
    Completions done;
    Dram dram("ddr4-2400", {"refresh.mode=none"}, [&](std::uint64_t user, std::uint64_t clock) {
        CHECK(dram.now() == clock);
        done.emplace_back(user, clock);
    });
    CHECK(dram.capacity() == std::uint64_t{8} << 30);
    CHECK(dram.burst_bytes() == 64);
    CHECK(dram.clock_ps() == 833);
    CHECK(dram.peak_bytes_per_second() == Approx(19.2e9).epsilon(0.01));
    CHECK(dram.idle());
    CHECK(dram.next_completion() == Dram::kNoClock);

    dram.send(0x1f60, 64, false, 1);  // parts of two bursts, in two bank groups
    dram.send(0x8000, 64, true, 2);
    CHECK(dram.pending() == 2);
    CHECK_FALSE(dram.idle());
    while (dram.pending() > 0) {
        dram.tick();
    }
    // The write is in its queue at clock 3. ACT at 0 and 4, RD 17 clocks later, its data 17 + 4 + 1 later.
    CHECK(done == Completions{{2, 3}, {1, 4 + 17 + 17 + 4 + 1}});
    CHECK(dram.now() == 43);
    dram.advance_to(500);
    CHECK(dram.idle());
    CHECK(dram.counts().reads == 2);
    CHECK(dram.counts().writes == 1);
    CHECK(dram.counts().bytes_read == 128);
}

TEST_CASE("ticks and jumps give the same completions", "[dram][library]") {
    for (const char* preset : {"ddr4-2400", "hbm2"}) {
        const auto play = [&](std::uint64_t step) {
            Completions done;
            Dram dram(preset, {}, [&](std::uint64_t user, std::uint64_t clock) { done.emplace_back(user, clock); });
            std::uint64_t user = 0;
            for (const Random& request : random_requests(dram.capacity())) {
                while (dram.now() + step < request.clock) {
                    dram.advance_to(dram.now() + step);
                }
                dram.advance_to(request.clock);
                dram.send(request.address, request.bytes, request.write, user++);
            }
            while (dram.pending() > 0) {
                dram.advance_to(step == 1 ? dram.now() + 1 : dram.next_completion());
            }
            CHECK(done.size() == user);
            return done;
        };
        CHECK(play(1) == play(1000000));
    }
}

TEST_CASE("completions come in order of their clock", "[dram][library]") {
    std::uint64_t latest = 0;
    Dram dram("lpddr4-3200", {}, [&](std::uint64_t, std::uint64_t clock) {
        CHECK(clock >= latest);
        CHECK(clock == dram.now());
        latest = clock;
    });
    for (const Random& request : random_requests(dram.capacity())) {
        dram.send(request.address, request.bytes, request.write);
    }
    dram.advance_to(1'000'000);
    CHECK(dram.pending() == 0);
    CHECK(dram.now() == 1'000'000);
}

TEST_CASE("a callback sends the next request: a chain of dependent reads", "[dram][library]") {
    std::uint64_t left = 9;
    std::vector<std::uint64_t> clocks;
    std::optional<Dram> dram;
    dram.emplace("ddr4-2400", std::vector<std::string>{"refresh.mode=none"},
                 [&](std::uint64_t user, std::uint64_t clock) {
                     clocks.push_back(clock);
                     if (left-- > 0) {
                         dram->send(0, 64, false, user + 1);
                     }
                 });
    dram->send(0, 64, false);
    dram->advance_to(10'000);
    REQUIRE(clocks.size() == 10);
    CHECK(clocks[0] == 17 + 17 + 4 + 1);
    for (std::size_t i = 1; i < clocks.size(); ++i) {
        CHECK(clocks[i] - clocks[i - 1] == 17 + 4 + 1);  // the row is open
    }
}

TEST_CASE("what the library refuses", "[dram][library]") {
    CHECK_THROWS_AS(Dram("no-such-dram"), InputError);
    CHECK_THROWS_AS(Dram("ddr4-2400", {"timing.nCLL=3"}), InputError);
    CHECK_THROWS_AS(Dram("ddr4-2400", {"organisation.rows=1000"}), InputError);
    Dram dram("ddr4-2400");
    CHECK_THROWS_AS(dram.send(dram.capacity() - 32, 64, false), SimulationError);
    CHECK_THROWS_AS(dram.send(0, 0, false), SimulationError);
    CHECK(dram.pending() == 0);
    dram.advance_to(10);
    CHECK_THROWS_AS(dram.advance_to(9), SimulationError);
    Dram moved = std::move(dram);
    moved.send(0, 64, false);
    moved.advance_to(moved.next_completion());
    CHECK(moved.pending() <= 1);
}
