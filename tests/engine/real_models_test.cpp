// The engine and tokenizers on real models, against a forward pass in double precision whose logits are stored. Hidden:
// runs with [.real_models] for those that scripts/fetch-model has got.

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "engine/decoder_engine.h"
#include "engine/model_files.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

/// Single precision throughout costs this much of logits of size 10 (tests/engine/data/README.md).
constexpr double kTolerance = 1e-3;

bool is_there(const std::string& model) {
    try {
        find_model(model);
        return true;
    } catch (const InputError&) {
        WARN(model << " is not there: scripts/fetch-model " << model << " gets it");
        return false;
    }
}

}  // namespace

TEST_CASE("tokens and logits of real models are those of the reference", "[.real_models]") {
    const std::string name = GENERATE("stories15M", "minimind2-small", "tinyllama-1.1b");
    if (!is_there(name)) {
        return;
    }
    INFO(name);
    const std::filesystem::path data = std::filesystem::path(PALIMPSEST_SOURCE_DIR) / "tests/engine/data";
    const auto reference = nlohmann::json::parse(std::ifstream(data / (name + ".json")));
    const LoadedModel model = open_model(name);

    std::vector<std::uint32_t> tokens = model.tokenizer->encode(reference.at("text").get<std::string>());
    REQUIRE(model.tokenizer->begin());
    tokens.insert(tokens.begin(), *model.tokenizer->begin());
    REQUIRE(tokens == reference.at("tokens").get<std::vector<std::uint32_t>>());

    const auto length = static_cast<std::uint32_t>(tokens.size());
    DecoderEngine engine(model.weights, {.cells = length, .positions = length});
    FullCache cache(length, length);
    std::vector<std::vector<float>> logits;
    engine.forward(tokens, cache, [&](const LogitsBlock& block) {
        for (std::uint32_t i = 0; i < block.positions; ++i) {
            const auto row = block.row(0, block.first_position + i);
            logits.emplace_back(row.begin(), row.end());
        }
    });
    for (std::size_t i = 0; i < reference.at("positions").size(); ++i) {
        const auto& row = logits.at(reference["positions"][i]);
        const auto ids = reference["ids"][i].get<std::vector<std::size_t>>();
        for (std::size_t k = 0; k < ids.size(); ++k) {
            CHECK(row[ids[k]] == Approx(reference["logits"][i][k].get<double>()).margin(kTolerance));
        }
        CHECK(*std::ranges::max_element(row) == row[ids[0]]);
    }
}

}  // namespace palimpsest
