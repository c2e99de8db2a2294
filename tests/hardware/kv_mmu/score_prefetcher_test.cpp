// The row accumulators on their own: whatever the order of commands and answers, a command sees the scores that the
// last one on its vector left, nothing is lost, and nobody waits for ever. The timing is in kv_mmu_test.cpp.

#include "hardware/kv_mmu/score_prefetcher.h"

#include <map>
#include <random>
#include <vector>

#include "support/catch.h"

using namespace palimpsest;

namespace {

/// DRAM and the rows by content: a vector's content is how many commands have worked on it.
class Contents {
  public:
    void send(const ScoreTransfer& t) {
        in_flight.push_back(t);
        if (t.write) {
            REQUIRE(rows_[t.row].vector == t.vector);
            REQUIRE(rows_[t.row].content == truth[t.vector]);
        } else {
            for (const ScoreTransfer& other : in_flight) {
                REQUIRE((other == t || other.vector != t.vector));  // nothing is read while it is written
            }
            rows_[t.row] = {t.vector, 0};
        }
    }
    void answer(std::size_t which) {
        const ScoreTransfer t = in_flight[which];
        in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(which));
        if (t.write) {
            dram_[t.vector] = rows_[t.row].content;
        } else {
            rows_[t.row].content = dram_[t.vector];
        }
    }
    /// A command works in a row: on a spilled vector that must be there as it is, or on one that is on chip.
    void work(std::uint32_t row, const ScoreNeed& need) {
        if (need.spilled) {
            REQUIRE(rows_[row].vector == need.vector);
            REQUIRE(rows_[row].content == truth[need.vector]);
            rows_[row].content = ++truth[need.vector];
        } else {
            rows_[row] = {};
        }
    }

    std::vector<ScoreTransfer> in_flight;
    std::map<std::uint64_t, std::uint64_t> truth;

  private:
    struct Row {
        std::uint64_t vector = ~std::uint64_t{0};
        std::uint64_t content = 0;
    };
    Row rows_[2];
    std::map<std::uint64_t, std::uint64_t> dram_;
};

}  // namespace

TEST_CASE("every command works on the latest scores of its vector", "[kv_mmu][score_prefetch]") {
    std::mt19937 random(41);
    for (int n = 0; n < 400; ++n) {
        const bool prefetch = n % 2 == 1;
        ScorePrefetcher rows(prefetch);
        Contents contents;
        std::vector<ScoreNeed> commands;
        for (int i = 0; i < 60; ++i) {
            ScoreNeed need{random() % 8 != 0, random() % 4 != 0, 0, 1};
            need.vector = need.spilled ? random() % 4 : 100 + random() % 4;
            commands.push_back(need);
        }
        std::size_t oldest = 0;
        bool working = false;
        std::size_t idle_steps = 0;
        std::size_t ahead = 0;
        const auto send = [&](const std::optional<ScoreTransfer>& what) {
            if (what) {
                ahead += what->ahead ? 1 : 0;
                contents.send(*what);
            }
        };
        while (oldest < commands.size()) {
            idle_steps = contents.in_flight.empty() && !working ? idle_steps + 1 : 0;
            REQUIRE(idle_steps < 3);  // else nothing would ever happen again
            while (!contents.in_flight.empty() && random() % 3 == 0) {
                const std::size_t which = random() % contents.in_flight.size();
                const std::uint32_t row = contents.in_flight[which].row;
                contents.answer(which);
                rows.answered(row);
            }
            if (working && random() % 3 == 0) {
                working = false;
                send(rows.finish(random() % 2 == 0));
                ++oldest;
                if (oldest == commands.size()) {
                    break;
                }
            }
            if (!working) {
                send(rows.provide(commands[oldest]));
                if (rows.ready(commands[oldest])) {
                    rows.start(commands[oldest]);
                    working = true;
                    REQUIRE(rows.working_row().has_value() == commands[oldest].scores);
                    if (rows.working_row()) {
                        contents.work(*rows.working_row(), commands[oldest]);
                    }
                }
            }
            if (oldest + 1 < commands.size()) {
                send(rows.provide_ahead(commands[oldest], commands[oldest + 1]));
            }
        }
        REQUIRE((ahead > 0) == prefetch);
    }
}

TEST_CASE("a vector that is being written back is taken from its row, not from DRAM", "[kv_mmu][score_prefetch]") {
    ScorePrefetcher rows(true);
    const ScoreNeed a{true, true, 7, 64};
    CHECK(rows.provide(a) == ScoreTransfer{0, false, false, 7, 64});
    CHECK(rows.fetching(a));
    CHECK_FALSE(rows.provide_ahead(a, a));
    rows.answered(0);
    CHECK(rows.start(a) == 0U);
    CHECK_FALSE(rows.provide_ahead(a, a));
    CHECK(rows.finish(true) == ScoreTransfer{0, true, false, 7, 64});
    CHECK_FALSE(rows.provide(a));
    CHECK_FALSE(rows.ready(a));
    rows.answered(0);
    CHECK(rows.ready(a));
    CHECK_FALSE(rows.start(a).has_value());  // DRAM was not asked
}
