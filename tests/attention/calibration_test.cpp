// A calibration measured on a trace makes synthetic rows that look like the trace, and the rows of the default numbers
// do not.

#include "attention/calibration.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "attention/attention_statistics.h"
#include "attention/factory.h"
#include "attention/synthetic_source.h"
#include "attention/trace_source.h"
#include "config/attention_calibration_json.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

const std::string kTrace = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/traces/stories15M.ptrace";
const std::string kCalibration = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/attention/stories15M.json";

/// How far synthetic rows may be from recorded ones, by layer, in the mean over its heads.
struct Tolerance {
    const char* name;
    double (*of)(const LayerStatistics&);
    double absolute;
    double relative;
};
const std::vector<Tolerance> kTolerances{
    {"entropy", [](const LayerStatistics& s) { return s.rows.entropy; }, 0.12, 0},
    {"effective tokens", [](const LayerStatistics& s) { return s.rows.effective_tokens; }, 0, 0.15},
    {"mass on position 0", [](const LayerStatistics& s) { return s.rows.mass_first; }, 0.006, 0},
    {"mass on positions 0 to 3", [](const LayerStatistics& s) { return s.rows.mass_first4; }, 0.006, 0},
    {"mass on the last 4", [](const LayerStatistics& s) { return s.rows.mass_last4; }, 0.02, 0},
    {"mass on the last 16", [](const LayerStatistics& s) { return s.rows.mass_last16; }, 0.025, 0},
    {"mass on the last 64", [](const LayerStatistics& s) { return s.rows.mass_last64; }, 0.02, 0},
    {"mass on the heaviest 1/8", [](const LayerStatistics& s) { return s.rows.mass_top_eighth; }, 0.025, 0},
    {"overlap after 1", [](const LayerStatistics& s) { return s.persistence.after1; }, 0.03, 0},
    {"overlap after 16", [](const LayerStatistics& s) { return s.persistence.after16; }, 0.04, 0},
    {"overlap after 64", [](const LayerStatistics& s) { return s.persistence.after64; }, 0.055, 0},
};

bool within(const Tolerance& tolerance, const LayerStatistics& recorded, const LayerStatistics& made) {
    const double wanted = tolerance.of(recorded);
    return std::abs(tolerance.of(made) - wanted) <= tolerance.absolute + tolerance.relative * wanted;
}

PositionRange full_rows(const TraceSource& trace) {
    const std::uint32_t seen = std::min(trace.length(), trace.header().window);
    return {seen / 4, seen};
}

SyntheticShape shape_of(const TraceSource& trace) {
    return {.layers = trace.layers(),
            .heads = trace.heads(),
            .sequences = trace.sequences(),
            .length = full_rows(trace).last};
}

AttentionCalibration chat_like() {
    AttentionCalibration c;
    c.slow_correlation = 0.985;
    c.length = 256;
    c.second_sink_within = 32;
    c.recency_distances = {0, 1, 2, 4, 8, 16, 32, 64, 128};
    for (int layer = 0; layer < 2; ++layer) {
        LayerCalibration& of = c.layers.emplace_back();
        of.key_bias_correlation = 0.6;
        of.second_sink = layer == 1;
        for (int head = 0; head < 4; ++head) {
            of.heads.push_back({.key_bias_variance = 1.0,
                                .residual_variance = 1.5,
                                .ac1 = 0.65,
                                .ac4 = 0.37,
                                .ac16 = 0.2,
                                .sink_z = 3.0 + 0.5 * head,
                                .sink_deviation = 0.5,
                                .second_sink_z = layer == 1 ? 4.5 : 0.0,
                                .recency = {5, 4.5, 4, 3.5, 3, 2, 1.5, 1, 0}});
        }
    }
    return c;
}

}  // namespace

TEST_CASE("two AR(1) processes and white noise have the autocorrelations that were measured", "[calibration]") {
    const auto check = [](double ac1, double ac4, double ac16) {
        const ResidualParts p = split_residual(
            {.key_bias_variance = 1, .residual_variance = 1, .ac1 = ac1, .ac4 = ac4, .ac16 = ac16, .recency = {}},
            0.985);
        CHECK(p.slow + p.medium + p.white == Approx(1));
        CHECK(std::min({p.slow, p.medium, p.white}) >= 0);
        const auto at = [&](double lag) {
            return p.slow * std::pow(0.985, lag) + p.medium * std::pow(p.medium_correlation, lag);
        };
        CHECK(at(1) == Approx(ac1).margin(1e-9));
        CHECK(at(4) == Approx(ac4).margin(1e-9));
        CHECK(at(16) == Approx(ac16).margin(0.01));
    };
    check(0.655, 0.373, 0.212);  // means measured on TinyLlama, minimind2 and stories15M
    check(0.627, 0.394, 0.217);
    check(0.552, 0.351, 0.151);
    check(0, 0, 0);
}

TEST_CASE("what no such process can have becomes the nearest it can", "[calibration]") {
    for (const double ac16 : {0.0, 0.5, 1.0}) {
        for (const double ac4 : {0.0, 0.2, 1.0}) {
            for (const double ac1 : {0.0, 0.01, 1.0}) {
                const ResidualParts p = split_residual({.key_bias_variance = 1,
                                                        .residual_variance = 1,
                                                        .ac1 = ac1,
                                                        .ac4 = ac4,
                                                        .ac16 = ac16,
                                                        .recency = {}},
                                                       0.985);
                CHECK(std::min({p.slow, p.medium, p.white}) >= 0);
                CHECK(p.slow + p.medium + p.white == Approx(1));
                CHECK(p.medium_correlation < 1);
            }
        }
    }
}

TEST_CASE("calibrating on synthetic rows finds the numbers that they were made from", "[calibration]") {
    const AttentionCalibration made = chat_like();
    SyntheticSource source(made, 11, {.layers = 2, .heads = 4, .sequences = 3, .length = 256});
    const AttentionCalibration found = calibrate(source, {64, 256});
    CHECK(found.second_sink_within == 32);
    double bias = 0, residual = 0, ac1 = 0;
    for (std::size_t layer = 0; layer < 2; ++layer) {
        CHECK(found.layers[layer].second_sink == (layer == 1));
        CHECK(found.layers[layer].key_bias_correlation == Approx(0.6).margin(0.25));
        for (std::size_t head = 0; head < 4; ++head) {
            const HeadCalibration& f = found.layers[layer].heads[head];
            const double deviation = std::sqrt(f.key_bias_variance + f.residual_variance);
            const HeadCalibration& m = made.layers[layer].heads[head];
            CHECK(f.sink_z * deviation == Approx(m.sink_z * std::sqrt(2.5)).margin(0.5));
            CHECK(f.sink_deviation == Approx(0.5).margin(0.1));
            for (std::size_t knot = 0; knot < m.recency.size(); ++knot) {
                CHECK(f.recency[knot] == Approx(m.recency[knot]).margin(0.6));
            }
            bias += f.key_bias_variance / 8;
            residual += f.residual_variance / 8;
            ac1 += f.ac1 / 8;
        }
    }
    CHECK(bias + residual == Approx(2.5).margin(0.3));
    CHECK(bias == Approx(1.0).margin(0.3));
    CHECK(ac1 == Approx(0.65).margin(0.08));
}

TEST_CASE("calibrated rows have the recorded statistics in every layer", "[calibration][shipped]") {
    TraceSource trace(kTrace);
    const PositionRange positions = full_rows(trace);
    SyntheticSource calibrated(load_attention_calibration(kCalibration), 1, shape_of(trace));
    SyntheticSource plain(SyntheticAttention{}, 1, shape_of(trace));
    std::vector<std::uint32_t> plain_misses(kTolerances.size());
    for (std::uint32_t layer = 0; layer < trace.layers(); ++layer) {
        const LayerStatistics recorded = layer_statistics(trace, layer, positions);
        const LayerStatistics like_it = layer_statistics(calibrated, layer, positions);
        const LayerStatistics unlike = layer_statistics(plain, layer, positions);
        for (std::size_t i = 0; i < kTolerances.size(); ++i) {
            INFO("layer " << layer << ", " << kTolerances[i].name << ": recorded " << kTolerances[i].of(recorded)
                          << ", synthetic " << kTolerances[i].of(like_it) << ", default " << kTolerances[i].of(unlike));
            CHECK(within(kTolerances[i], recorded, like_it));
            plain_misses[i] += within(kTolerances[i], recorded, unlike) ? 0 : 1;
        }
    }
    // No tolerance is so wide that rows of the default numbers, those of another model, pass in every layer. But one:
    // how much is left after 64 queries happens to be alike in the two.
    for (std::size_t i = 0; i < kTolerances.size(); ++i) {
        INFO(kTolerances[i].name << ": the default is beyond in " << plain_misses[i] << " layers");
        CHECK((plain_misses[i] > 0 || kTolerances[i].name == std::string("overlap after 64")));
    }
}

TEST_CASE("the shipped calibration is what its trace gives", "[calibration][shipped]") {
    TraceSource trace(kTrace);
    const AttentionCalibration shipped = load_attention_calibration(kCalibration);
    const AttentionCalibration again = calibrate(trace, full_rows(trace));
    REQUIRE(again.layers.size() == shipped.layers.size());
    CHECK(again.recency_distances == shipped.recency_distances);
    for (std::size_t layer = 0; layer < again.layers.size(); ++layer) {
        for (std::size_t head = 0; head < again.layers[layer].heads.size(); ++head) {
            const HeadCalibration& a = again.layers[layer].heads[head];
            const HeadCalibration& b = shipped.layers[layer].heads[head];
            CHECK(a.key_bias_variance == Approx(b.key_bias_variance).epsilon(0.01).margin(0.001));
            CHECK(a.sink_z == Approx(b.sink_z).epsilon(0.01).margin(0.01));
            CHECK(a.recency[3] == Approx(b.recency[3]).epsilon(0.01).margin(0.01));
        }
    }
}

TEST_CASE("a model of other layers and heads takes layers by depth and heads in turn", "[calibration]") {
    AttentionCalibration c = chat_like();
    for (LayerCalibration& layer : c.layers) {
        layer.second_sink = false;
        for (HeadCalibration& head : layer.heads) {
            head.sink_z = &layer == &c.layers.front() ? -20 : 20;  // nothing on position 0, or all
        }
    }
    c.layers[1].heads[2].sink_z = -20;
    const auto source = make_attention_source(CalibratedAttention{c}, 5, 6, 8, 1, 200);
    CHECK(source->synthetic());
    CHECK(source->layers() == 6);
    CHECK(source->heads() == 8);
    std::vector<Probability> row(150);
    for (std::uint32_t layer = 0; layer < 6; ++layer) {
        for (std::uint32_t head = 0; head < 8; ++head) {
            source->row(0, layer, head, 149, row);
            const bool has_sink = layer >= 3 && head % 4 != 2;
            CHECK((row[0] > kProbabilityOne / 2) == has_sink);
        }
    }
}

TEST_CASE("a second sink lies at one place in all layers that have one", "[calibration]") {
    SyntheticSource source(chat_like(), 3, {.layers = 2, .heads = 4, .sequences = 5, .length = 256});
    for (std::uint32_t sequence = 0; sequence < 5; ++sequence) {
        const std::uint32_t at = source.second_sink(sequence);
        REQUIRE(at >= 1);
        REQUIRE(at <= 32);
        std::vector<double> mass(200);
        std::vector<Probability> row(200);
        for (std::uint32_t head = 0; head < 4; ++head) {
            source.row(sequence, 1, head, 199, row);
            std::transform(mass.begin(), mass.end(), row.begin(), mass.begin(), std::plus<>());
        }
        CHECK(std::max_element(mass.begin() + 1, mass.begin() + 100) - mass.begin() == at);
    }
}

TEST_CASE("rows stay reproducible in any order with calibrated heads", "[calibration]") {
    const SyntheticShape shape{.layers = 2, .heads = 4, .sequences = 1, .length = 100};
    SyntheticSource in_order(chat_like(), 7, shape);
    std::vector<std::vector<Probability>> rows;
    for (std::uint32_t position = 0; position < 100; ++position) {
        rows.emplace_back(position + 1);
        in_order.row(0, 1, 2, position, rows.back());
    }
    SyntheticSource at_random(chat_like(), 7, shape);
    for (const std::uint32_t position : {99U, 3U, 3U, 50U, 98U}) {
        std::vector<Probability> row(position + 1);
        at_random.row(0, 1, 2, position, row);
        CHECK(row == rows[position]);
    }
}

TEST_CASE("too few positions to measure on are refused", "[calibration]") {
    SyntheticSource source(SyntheticAttention{}, 1, {.layers = 1, .heads = 1, .sequences = 1, .length = 200});
    CHECK_THROWS_AS(calibrate(source, {0, 100}), InputError);
    CHECK_THROWS_AS(calibrate(source, {150, 200}), InputError);
}

}  // namespace palimpsest
