// The tokenizers of real models against the tokens that their publishers' library gives. Hidden: runs with
// [.real_tokenizers] where scripts/fetch-model has put the models.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/tokenizer_json.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Tokens = std::vector<Tokenizer::Token>;

struct Expected {
    const char* text;
    Tokens tokens;
};

/// Null, with a warning, where the model is not there.
std::unique_ptr<Tokenizer> tokenizer_of(const std::string& model, std::uint32_t vocabulary) {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const std::filesystem::path base =
        cache != nullptr ? std::filesystem::path(cache) : std::filesystem::path(home != nullptr ? home : "") / ".cache";
    const auto directory = base / "palimpsest" / "models" / model;
    if (!std::filesystem::exists(directory / "tokenizer.json")) {
        WARN("no tokenizer in " << directory << ": scripts/fetch-model " << model << " gets it");
        return nullptr;
    }
    return read_tokenizer_json(directory.string(), vocabulary);
}

void check(const Tokenizer& tokenizer, const std::vector<Expected>& expected) {
    for (const auto& [text, tokens] : expected) {
        CAPTURE(text);
        CHECK(tokenizer.encode(text) == tokens);
        std::string back;
        auto previous = tokenizer.begin();
        for (const auto token : tokens) {
            back += tokenizer.decode(token, previous);
            previous = token;
        }
        CHECK(back == text);
    }
}

}  // namespace

TEST_CASE("minimind2-small's tokenizer gives its publisher's tokens", "[.real_tokenizers]") {
    const auto tokenizer = tokenizer_of("minimind2-small", 6400);
    if (tokenizer == nullptr) {
        return;
    }
    CHECK(tokenizer->begin() == 1u);
    CHECK(tokenizer->end() == 2u);
    check(*tokenizer,
          {
              {"Hello, world! It's 2024.", {42, 392, 338, 14, 1636, 3, 999, 531, 2107, 6246, 16}},
              {"  two  spaces\n\n\ttab\r\n", {223, 3143, 223, 1120, 3331, 201, 201, 200, 86, 445, 204, 201}},
              {" if (a == b) {\n    return c->d[0x1F];\n}",
               {1309, 958, 67, 4095, 297, 11, 2841, 1187, 3170, 272, 15, 32, 70, 61, 18, 90, 19, 40, 63, 29, 201, 95}},
              {"naïve café — “Привет” 日本語 👍🏽 ½",
               {80,  67,  130, 110, 319, 272, 1397, 4100, 223, 3181, 3934, 143,  256, 144,
                225, 143, 119, 143, 113, 143, 116,  144,  227, 1025, 223,  1395, 833, 5351,
                255, 223, 175, 256, 242, 238, 175,  256,  240, 124,  223,  129,  124}},
              {"don't DON'T they'll 'S 12345",
               {70, 266, 1608, 720, 49, 48, 9, 54, 820, 3129, 2040, 53, 4937, 21, 22, 23}},
          });
}

TEST_CASE("TinyLlama's tokenizer gives its publisher's tokens", "[.real_tokenizers]") {
    const auto tokenizer = tokenizer_of("tinyllama-1.1b", 32000);
    if (tokenizer == nullptr) {
        return;
    }
    CHECK(tokenizer->begin() == 1u);
    CHECK(tokenizer->end() == 2u);
    check(*tokenizer, {
                          {"Hello, world! It's 2024.",
                           {15043, 29892, 3186, 29991, 739, 29915, 29879, 29871, 29906, 29900, 29906, 29946, 29889}},
                          {"  two  spaces\n\n\ttab\r\n", {259, 1023, 29871, 8162, 13, 13, 12, 3891, 30004, 13}},
                          {" if (a == b) {\n    return c->d[0x1F];\n}",
                           {29871, 565, 313,   29874, 1275,  289,   29897, 426,   13,   1678, 736,
                            274,   976, 29881, 29961, 29900, 29916, 29896, 29943, 1385, 13,   29913}},
                          {"naïve café — “Привет” 日本語 👍🏽 ½",
                           {1055,  30085, 345,   274, 28059, 813, 1346, 30013, 641, 7616, 30024, 29871, 30325,
                            30346, 30968, 29871, 243, 162,   148, 144,  243,   162, 146,  192,   29871, 30226}},
                          {"don't DON'T they'll 'S 12345",
                           {1016, 29915, 29873, 360, 1164, 29915, 29911, 896, 29915, 645, 525, 29903, 29871, 29896,
                            29906, 29941, 29946, 29945}},
                      });
}

}  // namespace palimpsest
