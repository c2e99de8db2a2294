// The engine on real weights. Hidden: runs with [.stories15M] where scripts/fetch-model has put the model.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/decoder_engine.h"
#include "engine/llama2c_checkpoint.h"
#include "engine/score_bpe_tokenizer.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

std::filesystem::path model_directory() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const std::filesystem::path base =
        cache != nullptr ? std::filesystem::path(cache) : std::filesystem::path(home != nullptr ? home : "") / ".cache";
    return base / "palimpsest" / "models" / "stories15M";
}

struct Stories {
    DecoderWeights weights = read_llama2c_model((model_directory() / "model.bin").string());
    ScoreBpeTokenizer tokenizer =
        ScoreBpeTokenizer::read((model_directory() / "tokenizer.bin").string(), weights.shape.vocabulary);
};

/// Continues `tokens` to `length` tokens, each chosen by `choose` from its logits.
template <class Choose>
double continue_text(const DecoderWeights& weights, std::vector<std::uint32_t>& tokens, std::size_t length,
                     Choose choose) {
    DecoderEngine engine(weights);
    FullCache cache(weights.shape.max_positions, weights.shape.max_positions);
    std::vector<float> logits(weights.shape.vocabulary);
    engine.forward(std::span(tokens).first(tokens.size() - 1), cache);
    double loss = 0;
    std::size_t chosen = 0;
    while (tokens.size() < length) {
        engine.forward(std::span(tokens).last(1), cache,
                       [&](const LogitsBlock& block) { std::ranges::copy(block.values, logits.begin()); });
        tokens.push_back(choose(logits));
        loss += negative_log_likelihood(logits, tokens.back());
        ++chosen;
    }
    return std::exp(loss / static_cast<double>(chosen));
}

}  // namespace

TEST_CASE("stories15M continues a story as a story", "[.stories15M]") {
    if (!std::filesystem::exists(model_directory() / "model.bin")) {
        WARN("no model in " << model_directory() << ": scripts/fetch-model stories15M gets it");
        return;
    }
    const Stories stories;
    REQUIRE(stories.tokenizer.encode("Once upon a time") == std::vector<std::uint32_t>{9038, 2501, 263, 931});

    std::vector<std::uint32_t> tokens = {ScoreBpeTokenizer::kBegin, 9038, 2501, 263, 931};
    continue_text(stories.weights, tokens, 40, [](std::span<const float> logits) {
        return static_cast<std::uint32_t>(std::ranges::max_element(logits) - logits.begin());
    });
    std::string text;
    for (std::size_t i = 1; i < tokens.size(); ++i) {
        text += stories.tokenizer.decode(tokens[i], tokens[i - 1]);
    }
    // What any right engine says: the best token is ahead of the next by far more than float rounding.
    CHECK(
        text ==
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine. One day, she "
        "saw a big, red ball in the sky.");
}

TEST_CASE("stories15M is at home in text that it wrote itself", "[.stories15M]") {
    if (!std::filesystem::exists(model_directory() / "model.bin")) {
        WARN("no model in " << model_directory() << ": scripts/fetch-model stories15M gets it");
        return;
    }
    const Stories stories;
    std::mt19937 random(1);
    std::vector<std::uint32_t> tokens = {ScoreBpeTokenizer::kBegin};
    const double perplexity = continue_text(stories.weights, tokens, 256, [&](std::span<const float> logits) {
        std::vector<double> weights(logits.size());
        std::ranges::transform(logits, weights.begin(), [](float logit) { return std::exp(double{logit}); });
        return static_cast<std::uint32_t>(std::discrete_distribution<int>(weights.begin(), weights.end())(random));
    });
    // A uniform guess has 32000; published stories have about 3.
    CHECK(perplexity > 1.5);
    CHECK(perplexity < 8);

    // The same tokens in one go have the same perplexity: what generation saw step by step is what a chunk sees.
    DecoderEngine engine(stories.weights);
    FullCache cache(256, 256);
    double loss = 0;
    engine.forward(tokens, cache, [&](const LogitsBlock& block) {
        for (std::uint32_t i = block.first_position; i < block.first_position + block.positions; ++i) {
            loss += i + 1 < tokens.size() ? negative_log_likelihood(block.row(0, i), tokens[i + 1]) : 0;
        }
    });
    CHECK(std::exp(loss / static_cast<double>(tokens.size() - 1)) == Approx(perplexity).epsilon(1e-3));
}

}  // namespace palimpsest
