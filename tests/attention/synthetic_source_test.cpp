// Synthetic rows have the statistics that their parameters say, whatever the order they are asked for.

#include <cmath>
#include <vector>

#include "attention/attention_statistics.h"
#include "attention/factory.h"
#include "attention/synthetic_source.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

struct Moments {
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    void add(double a, double b) { n += 1, x += a, y += b, xx += a * a, yy += b * b, xy += a * b; }
    double mean() const { return x / n; }
    double variance() const { return xx / n - x * x / n / n; }
    double correlation() const { return (xy / n - x * y / n / n) / std::sqrt(variance() * (yy / n - y * y / n / n)); }
};

std::vector<float> logits(SyntheticSource& source, std::uint32_t layer, std::uint32_t head, std::uint32_t position) {
    std::vector<float> row(position + 1);
    source.logits(0, layer, head, position, row);
    return row;
}

std::vector<Probability> row_of(AttentionSource& source, std::uint32_t sequence, std::uint32_t layer,
                                std::uint32_t head, std::uint32_t position) {
    std::vector<Probability> row(position + 1);
    source.row(sequence, layer, head, position, row);
    return row;
}

}  // namespace

TEST_CASE("a row is the same in whatever order rows are asked for, and differs by seed and place", "[synthetic]") {
    const SyntheticShape shape{.layers = 2, .heads = 2, .sequences = 2, .length = 80};
    SyntheticSource in_order(SyntheticAttention{}, 7, shape);
    std::vector<std::vector<Probability>> rows;
    for (std::uint32_t position = 0; position < shape.length; ++position) {
        rows.push_back(row_of(in_order, 1, 1, 0, position));
    }
    SyntheticSource at_random(SyntheticAttention{}, 7, shape);
    for (const std::uint32_t position : {50U, 50U, 3U, 79U, 0U, 78U, 51U}) {
        REQUIRE(row_of(at_random, 1, 1, 0, position) == rows[position]);
    }
    CHECK(row_of(in_order, 0, 1, 0, 60) != rows[60]);
    CHECK(row_of(in_order, 1, 0, 0, 60) != rows[60]);
    CHECK(row_of(in_order, 1, 1, 1, 60) != rows[60]);
    SyntheticSource other_seed(SyntheticAttention{}, 8, shape);
    CHECK(row_of(other_seed, 1, 1, 0, 60) != rows[60]);
}

TEST_CASE("rows sum to one", "[synthetic]") {
    SyntheticSource source(SyntheticAttention{}, 3, {.layers = 1, .heads = 3, .sequences = 1, .length = 300});
    for (std::uint32_t position = 0; position < 300; ++position) {
        double sum = 0;
        for (const Probability p : row_of(source, 0, 0, position % 3, position)) {
            sum += p;
        }
        REQUIRE(sum == Approx(65535).margin(0.5 * (position + 1)));
    }
}

TEST_CASE("key bias and residual have the variances and correlations asked for", "[synthetic]") {
    SyntheticAttention config;
    config.recency_logit = 0;
    config.sink_tokens = 0;
    config.residual_autocorrelation = 0.8;
    const std::uint32_t length = 500;
    const auto pair_moments = [&](double bias, double residual, std::uint32_t lag, std::uint32_t other_head) {
        config.key_bias_variance = bias;
        config.residual_variance = residual;
        SyntheticSource source(config, 21, {.layers = 1, .heads = 16, .sequences = 1, .length = length});
        Moments moments;
        for (std::uint32_t head = 0; head < 15; ++head) {
            const auto early = logits(source, 0, head, length - 1 - lag);
            const auto late = logits(source, 0, head + other_head, length - 1);
            for (std::size_t key = 0; key < early.size(); ++key) {
                moments.add(early[key], late[key]);
            }
        }
        return moments;
    };
    const Moments residual = pair_moments(0, 2.0, 1, 0);
    CHECK(residual.mean() == Approx(0).margin(0.05));
    CHECK(residual.variance() == Approx(2.0).epsilon(0.06));
    CHECK(residual.correlation() == Approx(0.8).margin(0.02));
    CHECK(pair_moments(0, 2.0, 4, 0).correlation() == Approx(0.8 * 0.8 * 0.8 * 0.8).margin(0.03));
    CHECK(pair_moments(0, 2.0, 0, 1).correlation() == Approx(0).margin(0.03));  // heads apart
    const Moments bias = pair_moments(1.5, 0, 0, 1);
    CHECK(bias.variance() == Approx(1.5).epsilon(0.15));
    CHECK(bias.correlation() == Approx(0.6).margin(0.05));             // heads of a layer share keys
    CHECK(pair_moments(1.5, 0, 100, 0).correlation() == Approx(1.0));  // a bias lasts
}

TEST_CASE("recency falls linearly in log2(1 + distance) to nothing at half the length", "[synthetic]") {
    SyntheticAttention config;
    config.key_bias_variance = 0;
    config.residual_variance = 0;
    config.sink_tokens = 0;
    config.recency_logit = 6;
    SyntheticSource source(config, 1, {.layers = 1, .heads = 1, .sequences = 1, .length = 254});
    const auto row = logits(source, 0, 0, 253);
    const auto at_distance = [&](std::size_t d) { return row[253 - d]; };
    CHECK(at_distance(0) == Approx(6));
    CHECK(at_distance(1) == Approx(6 - 6.0 / 7));  // log2(1 + 127) = 7
    CHECK(at_distance(31) == Approx(6 - 6.0 / 7 * 5));
    CHECK(at_distance(127) == Approx(0).margin(1e-5));
    CHECK(at_distance(200) == 0);
}

TEST_CASE("sinks stand out by the deviations asked for", "[synthetic]") {
    SyntheticAttention config;  // a chat model's: z = 5.4
    config.recency_logit = 0;
    config.sink_tokens = 2;
    SyntheticSource source(config, 5, {.layers = 4, .heads = 4, .sequences = 1, .length = 200});
    Moments sinks, others;
    for (std::uint32_t layer = 0; layer < 4; ++layer) {
        for (std::uint32_t head = 0; head < 4; ++head) {
            for (std::uint32_t position = 100; position < 200; ++position) {
                const auto row = logits(source, layer, head, position);
                sinks.add(row[0], row[1]);
                for (std::size_t key = 2; key < row.size(); ++key) {
                    others.add(row[key], 0);
                }
            }
        }
    }
    const double deviation = std::sqrt(others.variance());
    CHECK(deviation == Approx(std::sqrt(1.6 + 2.05)).epsilon(0.05));
    CHECK((sinks.mean() - others.mean()) / deviation == Approx(5.4).epsilon(0.05));
    CHECK((sinks.x - sinks.y) / sinks.n == Approx(1.0).margin(0.05));  // the second is one nat below
    CHECK(std::sqrt(sinks.variance()) == Approx(0.5).epsilon(0.1));
}

TEST_CASE("the defaults look like a chat model's heads: a strong sink, a little recency, a heavy top eighth",
          "[synthetic]") {
    SyntheticSource source(SyntheticAttention{}, 1, {.layers = 2, .heads = 4, .sequences = 1, .length = 1024});
    const RowStatistics s = mean_of(head_statistics(source, 1, {512, 1024}));
    // Measured on TinyLlama-1.1B: 0.43, 0.19, 0.90.
    CHECK(s.mass_first > 0.3);
    CHECK(s.mass_first < 0.65);
    CHECK(s.mass_last16 > 0.1);
    CHECK(s.mass_last16 < 0.4);
    CHECK(s.mass_top_eighth > 0.8);
}

TEST_CASE("parameters that mean nothing are refused by name", "[synthetic]") {
    SyntheticAttention config;
    config.residual_autocorrelation = 1.5;
    CHECK_THROWS_AS(SyntheticSource(config, 1, SyntheticShape{}), InputError);
    config = {};
    config.key_bias_variance = -1;
    CHECK_THROWS_AS(SyntheticSource(config, 1, SyntheticShape{}), InputError);
}

TEST_CASE("the factory gives synthetic rows of the shape asked for, with fewer sequences where memory is short",
          "[synthetic]") {
    const auto small = make_attention_source(SyntheticAttention{}, 1, 2, 3, 5, 64);
    CHECK(small->synthetic());
    CHECK(small->layers() == 2);
    CHECK(small->heads() == 3);
    CHECK(small->sequences() == 5);
    CHECK(small->length() == 64);
    CHECK(row_of(*small, 4, 1, 2, 63).size() == 64);
    const auto large = make_attention_source(SyntheticAttention{}, 1, 32, 32, 64, 4096);
    CHECK(large->sequences() == 4);
    CHECK_THROWS_AS(make_attention_source(AttentionTraceSource{"/nonexistent.ptrace"}, 1, 1, 1, 1, 1), InputError);
}

}  // namespace palimpsest
