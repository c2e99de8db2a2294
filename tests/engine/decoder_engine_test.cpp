// The forward pass against a plain reference that recomputes everything from scratch in double precision, and against
// logits of a second reference that are stored with tiny models of both families and all types.

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>

#include <nlohmann/json.hpp>

#include "engine/decoder_engine.h"
#include "engine/huggingface_model.h"
#include "engine/llama2c_checkpoint.h"
#include "golden/llama_reference.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/input_errors.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

constexpr unsigned kVocabulary = 300;

std::vector<std::uint32_t> random_tokens(std::size_t count, unsigned seed = 5) {
    std::mt19937 random(seed);
    std::vector<std::uint32_t> tokens(count);
    for (auto& token : tokens) {
        token = random() % kVocabulary;
    }
    return tokens;
}

/// Keeps the rows: by text, layer, head, position.
class Watch : public FullCache {
  public:
    using FullCache::FullCache;
    void observe(const AttentionRows& rows) override {
        for (std::uint32_t head = 0; head < rows.heads; ++head) {
            const auto row = rows.probabilities.subspan(head * rows.columns, rows.columns);
            seen[{rows.text, rows.layer, head, rows.position}].assign(row.begin(), row.end());
        }
    }
    std::map<std::array<std::uint32_t, 4>, std::vector<float>> seen;
};

/// Logits by text and position.
class Logits {
  public:
    explicit Logits(std::uint32_t texts) : by_text_(texts) {}
    LogitsObserver observer() {
        return [this](const LogitsBlock& block) {
            for (std::uint32_t text = 0; text < by_text_.size(); ++text) {
                for (std::uint32_t i = 0; i < block.positions; ++i) {
                    const auto row = block.row(text, block.first_position + i);
                    by_text_[text].emplace_back(row.begin(), row.end());
                }
            }
        };
    }
    const std::vector<std::vector<float>>& of(std::uint32_t text) const { return by_text_[text]; }

  private:
    std::vector<std::vector<std::vector<float>>> by_text_;
};

/// Of the largest wanted: single precision rounds in proportion to the sums' terms, and the order of the terms, which
/// the BLAS chooses by processor, decides how.
double largest_difference(const std::vector<std::vector<float>>& have, const std::vector<std::vector<double>>& want) {
    REQUIRE(have.size() == want.size());
    double difference = 0;
    double largest = 0;
    for (std::size_t row = 0; row < want.size(); ++row) {
        REQUIRE(have[row].size() == want[row].size());
        for (std::size_t i = 0; i < want[row].size(); ++i) {
            difference = std::max(difference, std::abs(have[row][i] - want[row][i]));
            largest = std::max(largest, std::abs(want[row][i]));
        }
    }
    return difference / largest;
}

/// Largest difference between the engine and the reference, in logits (of the largest) and in attention.
struct Difference {
    double logits = 0;
    double attention = 0;
};

Difference compare(const ReferenceShape& shape, std::uint32_t length, std::uint32_t window,
                   const DecoderEngineConfig& config) {
    const ScratchDirectory scratch;
    const LlamaReference reference(shape, 11);
    reference.write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    DecoderEngine engine(weights, config);
    Watch watch(length, window);
    Logits logits(1);
    const auto tokens = random_tokens(length);
    engine.forward(tokens, watch, logits.observer());

    const auto expected = reference.run(tokens, static_cast<int>(window));
    Difference difference{.logits = largest_difference(logits.of(0), expected.logits)};
    REQUIRE(watch.seen.size() == std::size_t{length} * 12);
    for (const auto& [where, row] : watch.seen) {
        const auto& wanted = expected.attention[where[1]][where[2]][where[3]];
        REQUIRE(row.size() == std::min<std::size_t>(window, wanted.size()));
        const std::size_t first = wanted.size() - row.size();
        for (std::size_t i = 0; i < row.size(); ++i) {
            difference.attention = std::max(difference.attention, std::abs(row[i] - wanted[first + i]));
        }
    }
    return difference;
}

std::filesystem::path data() {
    return std::filesystem::path(PALIMPSEST_SOURCE_DIR) / "tests/engine/data";
}

}  // namespace

TEST_CASE("logits and attention equal a plain reference for grouped, single and full heads", "[engine]") {
    ReferenceShape shape;
    shape.kv_heads = GENERATE(1, 2, 4);
    shape.tied = shape.kv_heads != 2;
    const Difference difference = compare(shape, 24, 24, {});
    CHECK(difference.logits < 2e-5);
    CHECK(difference.attention < 1e-4);
}

TEST_CASE("the chunk in which tokens are processed does not matter", "[engine]") {
    const std::uint32_t chunk = GENERATE(1U, 5U, 16U, 24U);
    const Difference difference = compare({}, 24, 24, {.cells = 24, .positions = 24, .chunk = chunk});
    CHECK(difference.logits < 2e-5);
    CHECK(difference.attention < 1e-4);
}

TEST_CASE("a text longer than the trained context sees a window of the last keys", "[engine]") {
    const std::uint32_t chunk = GENERATE(1U, 7U, 64U);
    const std::uint32_t window = GENERATE(1U, 9U, 32U);
    const Difference difference = compare({}, 50, window, {.cells = 50, .positions = 50, .chunk = chunk});
    CHECK(difference.logits < 2e-5);
    CHECK(difference.attention < 1e-4);
}

TEST_CASE("texts in lockstep are what each is alone, for any number of threads", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    const std::uint32_t group = GENERATE(1U, 2U);
    const unsigned threads = GENERATE(1U, 3U);
    std::vector<std::uint32_t> together;
    Logits all(3);
    for (unsigned text = 0; text < 3; ++text) {
        const auto tokens = random_tokens(20, text);
        together.insert(together.end(), tokens.begin(), tokens.end());
    }
    FullCache cache(32, 32);
    DecoderEngine engine(weights, {.texts = 3, .chunk = 6, .group = group, .threads = threads});
    engine.forward(together, cache, all.observer());
    for (unsigned text = 0; text < 3; ++text) {
        DecoderEngine single(weights, {.chunk = 6, .threads = threads});
        Logits alone(1);
        single.forward(random_tokens(20, text), cache, alone.observer());
        REQUIRE(all.of(text).size() == 20);
        for (std::size_t i = 0; i < 20; ++i) {
            for (std::size_t j = 0; j < kVocabulary; ++j) {
                REQUIRE(all.of(text)[i][j] == Approx(alone.of(0)[i][j]).margin(4e-4));
            }
        }
    }
}

TEST_CASE("texts of a group may have caches of different size", "[engine]") {
    /// The second of two sees the last 5 keys, in 5 cells taken in turn.
    class Two : public FullCache {
      public:
        Two() : FullCache(32, 32) {}
        void place(std::uint32_t text, std::uint32_t, std::uint32_t position, std::span<std::uint32_t> cells) override {
            std::ranges::fill(cells, text % 2 == 0 ? position : position % 5);
        }
        std::span<const std::uint32_t> attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                                std::uint32_t head) override {
            return FullCache::attended(text, layer, text % 2 == 0 ? position : std::min(position, 4U), head);
        }
    };
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    const auto tokens = random_tokens(20);
    std::vector<std::uint32_t> four;
    for (int text = 0; text < 4; ++text) {
        four.insert(four.end(), tokens.begin(), tokens.end());
    }
    Two two;
    Logits together(4), full(1), windowed(1);
    DecoderEngine(weights, {.texts = 4, .group = 2, .group_cells = {20, 5}}).forward(four, two, together.observer());
    FullCache all(32, 32), window(32, 5);
    DecoderEngine(weights).forward(tokens, all, full.observer());
    DecoderEngine(weights).forward(tokens, window, windowed.observer());
    for (std::uint32_t text = 0; text < 4; ++text) {
        const auto& alone = text % 2 == 0 ? full.of(0) : windowed.of(0);
        for (std::size_t i = 0; i < alone.size(); ++i) {
            for (std::size_t j = 0; j < kVocabulary; ++j) {
                REQUIRE(together.of(text)[i][j] == Approx(alone[i][j]).margin(4e-4));
            }
        }
    }
}

TEST_CASE("logits are the same to the last bit for any number of threads", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    FullCache cache(32, 32);
    const auto logits_with = [&](unsigned threads) {
        DecoderEngine engine(weights, {.texts = 3, .chunk = 6, .threads = threads});
        Logits logits(3);
        engine.forward(random_tokens(60), cache, logits.observer());
        return logits.of(2);
    };
    const auto alone = logits_with(1);
    const unsigned threads = GENERATE(2U, 3U, 7U);
    CHECK(logits_with(threads) == alone);
}

TEST_CASE("the engine refuses weights that make no numbers, and says where", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    FullCache cache(32, 32);
    const std::vector<std::uint32_t> tokens(8, 1);
    const auto read = [&] { DecoderEngine(weights).forward(tokens, cache, [](const LogitsBlock&) {}); };
    CHECK_NOTHROW(read());
    const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
    SECTION("in a layer") {
        weights.layers[1].attention_norm.weight[0] = bad;
        check_contains(input_error(read), {"attention of layer 1", "position 0", "finite"});
    }
    SECTION("behind the last one") {
        weights.final_norm.weight[0] = bad;
        check_contains(input_error(read), {"the model's last layer or its classifier", "finite"});
    }
}

TEST_CASE("a text continues where it stopped, and starts anew after a reset", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    DecoderEngine engine(weights, {.chunk = 4});
    FullCache cache(32, 32);
    const auto tokens = random_tokens(12);
    Logits whole(1);
    engine.forward(tokens, cache, whole.observer());
    for (int round = 0; round < 2; ++round) {
        engine.reset();
        Logits last(1);
        engine.forward(std::span(tokens).first(5), cache);
        engine.forward(std::span(tokens).subspan(5, 6), cache);
        CHECK(engine.position() == 11);
        engine.forward(std::span(tokens).last(1), cache, last.observer());
        for (std::size_t i = 0; i < kVocabulary; ++i) {
            REQUIRE(last.of(0)[0][i] == Approx(whole.of(0)[11][i]).margin(1e-4));
        }
    }
}

TEST_CASE("the engine refuses tokens and texts it cannot take", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    FullCache cache(32, 32);
    DecoderEngine engine(weights);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>{kVocabulary}, cache), SimulationError);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>(33, 1), cache), SimulationError);
    CHECK_NOTHROW(engine.forward(std::vector<std::uint32_t>(32, 1), cache));
    DecoderEngine small(weights, {.cells = 5});
    CHECK_THROWS_AS(small.forward(std::vector<std::uint32_t>(6, 1), cache), SimulationError);
    DecoderEngine pair(weights, {.texts = 2});
    CHECK_THROWS_AS(pair.forward(std::vector<std::uint32_t>(3, 1), cache), SimulationError);
}

TEST_CASE("an exception of the hook ends the pass and leaves the engine usable", "[engine]") {
    class Failing : public FullCache {
      public:
        using FullCache::FullCache;
        void observe(const AttentionRows& rows) override {
            if (rows.text == 2 && rows.position == 3) {
                throw SimulationError("no");
            }
        }
    };
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    DecoderEngine engine(weights, {.texts = 4, .threads = 3});
    Failing failing(32, 32);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>(32, 1), failing), SimulationError);
    FullCache cache(32, 32);
    engine.reset();
    CHECK_NOTHROW(engine.forward(std::vector<std::uint32_t>(32, 1), cache));
}

TEST_CASE("logits of both families and all types are those stored with the tiny models", "[engine]") {
    // The references are computed in double precision from the same rounded weights, so that only float rounding of the
    // engine's sums is left: logits are of size 1 to 10.
    constexpr double kTolerance = 1e-4;
    const std::uint32_t chunk = GENERATE(3U, 64U);
    std::size_t models = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data())) {
        if (!entry.is_directory()) {
            continue;
        }
        INFO(entry.path());
        ++models;
        const DecoderWeights weights = read_huggingface_model(entry.path().string());
        const auto reference = nlohmann::json::parse(std::ifstream(entry.path() / "reference_logits.json"));
        const auto tokens = reference["tokens"].get<std::vector<std::uint32_t>>();
        const auto length = static_cast<std::uint32_t>(tokens.size());
        DecoderEngine engine(weights, {.chunk = chunk});
        FullCache cache(length, length);
        Logits logits(1);
        engine.forward(tokens, cache, logits.observer());
        const auto positions = reference["positions"].get<std::vector<std::size_t>>();
        for (std::size_t i = 0; i < positions.size(); ++i) {
            const auto wanted = reference["logits"][i].get<std::vector<double>>();
            CHECK(largest_difference({logits.of(0)[positions[i]]}, {wanted}) < kTolerance);
        }
    }
    CHECK(models == 5);
}

TEST_CASE("the negative log-likelihood is that of the softmax", "[engine]") {
    const std::vector<float> logits = {1.0F, 3.0F, -2.0F};
    const double sum = std::exp(1.0) + std::exp(3.0) + std::exp(-2.0);
    CHECK(negative_log_likelihood(logits, 0) == Approx(-std::log(std::exp(1.0) / sum)));
    CHECK(negative_log_likelihood(logits, 2) == Approx(-std::log(std::exp(-2.0) / sum)));
    // Values whose exponentials do not fit a double.
    CHECK(negative_log_likelihood(std::vector<float>{1000.0F, 999.0F}, 1) == Approx(std::log(1 + std::exp(1.0))));
}

}  // namespace palimpsest
