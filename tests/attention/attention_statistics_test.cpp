// Statistics on rows whose numbers are plain, and of the trace that ships.

#include "attention/attention_statistics.h"

#include <algorithm>
#include <cmath>

#include "attention/trace_source.h"
#include "support/catch.h"

namespace palimpsest {

TEST_CASE("a uniform row spreads over all its keys", "[statistics]") {
    std::vector<Probability> scratch;
    const std::vector<Probability> row(32, 2000);
    const RowStatistics s = statistics_of(row, scratch);
    CHECK(s.entropy == Approx(std::log(32.0)));
    CHECK(s.effective_tokens == Approx(32));
    CHECK(s.mass_first == Approx(1.0 / 32));
    CHECK(s.mass_first4 == Approx(4.0 / 32));
    CHECK(s.mass_self == Approx(1.0 / 32));
    CHECK(s.mass_last4 == Approx(4.0 / 32));
    CHECK(s.mass_last16 == Approx(0.5));
    CHECK(s.mass_last64 == Approx(1));
    CHECK(s.mass_top_eighth == Approx(4.0 / 32));
}

TEST_CASE("a row of one key, and one of a single heavy key", "[statistics]") {
    std::vector<Probability> scratch;
    const RowStatistics one = statistics_of(std::vector<Probability>{65535}, scratch);
    CHECK(one.entropy == Approx(0).margin(1e-12));
    CHECK(one.mass_last16 == Approx(1));
    CHECK(one.mass_top_eighth == Approx(1));
    std::vector<Probability> row(20);
    row[7] = 30000;
    const RowStatistics heavy = statistics_of(row, scratch);
    CHECK(heavy.effective_tokens == Approx(1));
    CHECK(heavy.mass_first == 0);
    CHECK(heavy.mass_last16 == Approx(1));
    CHECK(heavy.mass_top_eighth == Approx(1));
    CHECK(statistics_of(std::vector<Probability>(5), scratch).entropy == 0);
}

TEST_CASE("the heaviest eighth persists as far as the same keys stay heavy", "[statistics]") {
    /// Query t gives all to key t - t mod 32 and to the key before: a new pair every 32 queries.
    class Pairs final : public AttentionSource {
      public:
        std::uint32_t layers() const override { return 1; }
        std::uint32_t heads() const override { return 1; }
        std::uint32_t sequences() const override { return 1; }
        std::uint32_t length() const override { return 200; }
        void row(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t position,
                 std::span<Probability> row) override {
            std::ranges::fill(row, Probability{0});
            row[position - position % 32] = 30000;
            if (position >= 32) {
                row[position - position % 32 - 1] = 30000;
            }
        }
        std::string describe() const override { return "pairs"; }
        bool synthetic() const override { return true; }
    } pairs;
    // Of 5 to 8 heaviest keys of rows 40 to 63, two are the pair; the rest are keys without attention, the oldest
    // first.
    const PersistenceStatistics same = persistence_of(pairs, 0, {40, 60});
    CHECK(same.after1 > 0.95);
    CHECK(same.after16 > 0.8);
    CHECK(same.after64 == 0);  // no row is so much later
    // A row's pair is not the next one's once 32 queries have come: what is left are the oldest keys.
    const PersistenceStatistics changing = persistence_of(pairs, 0, {64, 192});
    CHECK(changing.after1 > changing.after16);
    CHECK(changing.after16 > changing.after64);
}

TEST_CASE("the trace that ships covers the quickstart and looks like stories15M", "[trace][shipped]") {
    const std::string path = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/traces/stories15M.ptrace";
    TraceSource trace(path);
    CHECK(trace.file_bytes() < 4'000'000);
    CHECK(trace.layers() == 6);
    CHECK(trace.heads() == 6);
    CHECK(trace.sequences() == 4);
    CHECK(trace.length() >= 320);
    CHECK(trace.header().model == "stories15M");
    // An independent program measured 2.70, 0.0036, 0.686 and 0.883 on other texts of this model.
    RowStatistics all;
    for (std::uint32_t layer = 0; layer < trace.layers(); ++layer) {
        all += mean_of(head_statistics(trace, layer, {128, 256}));
    }
    all = all / trace.layers();
    CHECK(all.entropy == Approx(2.70).margin(0.15));
    CHECK(all.mass_first < 0.02);
    CHECK(all.mass_last16 == Approx(0.686).margin(0.03));
    CHECK(all.mass_top_eighth == Approx(0.883).margin(0.02));

    std::uint64_t lowest = 1'000'000;
    std::uint64_t highest = 0;
    for (std::uint32_t position = 0; position < trace.length(); ++position) {
        std::vector<Probability> row(position + 1);
        trace.row(3, position % 6, position / 6 % 6, position, row);
        std::uint64_t sum = 0;
        for (const Probability p : row) {
            sum += p;
        }
        lowest = std::min(lowest, sum);
        highest = std::max(highest, sum);
    }
    CHECK(lowest > 0.97 * 65535);
    CHECK(highest < 1.03 * 65535);
}

}  // namespace palimpsest
