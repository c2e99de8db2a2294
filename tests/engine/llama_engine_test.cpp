// The forward pass against a plain reference that recomputes everything from scratch in double precision.

#include <random>

#include "engine/llama2c_checkpoint.h"
#include "engine/llama_engine.h"
#include "golden/llama_reference.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

std::vector<std::uint32_t> random_tokens(std::size_t count, unsigned vocabulary) {
    std::mt19937 random(5);
    std::vector<std::uint32_t> tokens(count);
    for (auto& token : tokens) {
        token = random() % vocabulary;
    }
    return tokens;
}

/// Largest difference between the engine and the reference, in logits and in attention.
struct Difference {
    double logits = 0;
    double attention = 0;
    std::size_t rows = 0;
};

Difference compare(const ReferenceShape& shape, std::size_t text_tokens, const LlamaEngineConfig& config) {
    const ScratchDirectory scratch;
    const LlamaReference reference(shape, 11);
    reference.write(scratch / "tiny.bin");
    const LlamaWeights weights = read_llama2c_checkpoint(scratch / "tiny.bin");
    LlamaEngine engine(weights, config);
    const auto tokens = random_tokens(text_tokens, static_cast<unsigned>(shape.vocabulary));
    const auto expected = reference.run(tokens, static_cast<int>(engine.window()));

    Difference difference;
    std::vector<float> logits(tokens.size() * static_cast<std::size_t>(shape.vocabulary));
    engine.forward(tokens, logits, [&](const AttentionRow& row) {
        const auto& wanted = expected.attention[row.layer][row.head][row.position];
        ++difference.rows;
        REQUIRE(row.first_key + row.probabilities.size() == wanted.size());
        REQUIRE(row.first_key == (wanted.size() > engine.window() ? wanted.size() - engine.window() : 0));
        for (std::size_t i = 0; i < row.probabilities.size(); ++i) {
            difference.attention =
                std::max(difference.attention, std::abs(row.probabilities[i] - wanted[row.first_key + i]));
        }
    });
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const auto vocabulary = static_cast<std::size_t>(shape.vocabulary);
        const double wanted = expected.logits[i / vocabulary][i % vocabulary];
        difference.logits = std::max(difference.logits, std::abs(logits[i] - wanted));
    }
    return difference;
}

}  // namespace

TEST_CASE("logits and attention equal a plain reference for grouped, single and full heads", "[engine]") {
    ReferenceShape shape;
    shape.kv_heads = GENERATE(1, 2, 4);
    shape.tied = shape.kv_heads != 2;
    const Difference difference = compare(shape, 24, {});
    CHECK(difference.logits < 2e-4);
    CHECK(difference.attention < 1e-4);
    CHECK(difference.rows == 3U * 4U * 24U);
}

TEST_CASE("the chunk in which tokens are processed does not matter", "[engine]") {
    const std::uint32_t chunk = GENERATE(1U, 5U, 16U, 24U);
    const Difference difference = compare({}, 24, {.context = 24, .chunk = chunk});
    CHECK(difference.logits < 2e-4);
    CHECK(difference.attention < 1e-4);
}

TEST_CASE("a text longer than the trained context sees a window of the last keys", "[engine]") {
    const std::uint32_t chunk = GENERATE(1U, 7U, 64U);
    const std::uint32_t window = GENERATE(1U, 9U, 32U);
    const Difference difference = compare({}, 50, {.context = 50, .window = window, .chunk = chunk});
    CHECK(difference.logits < 2e-4);
    CHECK(difference.attention < 1e-4);
}

TEST_CASE("a text continues where it stopped, and starts anew after a reset", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const LlamaWeights weights = read_llama2c_checkpoint(scratch / "tiny.bin");
    LlamaEngine engine(weights, {.chunk = 4});
    const auto tokens = random_tokens(12, 300);
    std::vector<float> whole(tokens.size() * 300);
    engine.forward(tokens, whole);
    for (int round = 0; round < 2; ++round) {
        engine.reset();
        std::vector<float> last(300);
        engine.forward(std::span(tokens).first(5));
        engine.forward(std::span(tokens).subspan(5, 6));
        CHECK(engine.position() == 11);
        engine.forward(std::span(tokens).last(1), last);
        for (std::size_t i = 0; i < last.size(); ++i) {
            REQUIRE(last[i] == Approx(whole[11 * 300 + i]).margin(1e-4));
        }
    }
}

TEST_CASE("the engine refuses tokens and texts it cannot take", "[engine]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const LlamaWeights weights = read_llama2c_checkpoint(scratch / "tiny.bin");
    LlamaEngine engine(weights);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>{300}), SimulationError);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>(33, 1)), SimulationError);
    std::vector<float> too_few(299);
    CHECK_THROWS_AS(engine.forward(std::vector<std::uint32_t>{1}, too_few), SimulationError);
    CHECK_NOTHROW(engine.forward(std::vector<std::uint32_t>(32, 1)));
}

TEST_CASE("the negative log-likelihood is that of the softmax", "[engine]") {
    const std::vector<float> logits = {1000.0F, 1000.0F, 999.0F};
    const double sum = 2 + std::exp(-1.0);
    CHECK(negative_log_likelihood(logits, 0) == Approx(std::log(sum)));
    CHECK(negative_log_likelihood(logits, 2) == Approx(std::log(sum) + 1));
}

}  // namespace palimpsest
