// Tokens found by their spelling.

#include <string>
#include <vector>

#include "engine/literal_tokens.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

/// "text" as it is, a literal's token in brackets.
std::string parts_of(const LiteralTokens& literals, std::string_view text) {
    std::string result;
    for (const auto& part : literals.split(text)) {
        CHECK_FALSE(part.text.empty());
        result += part.literal == nullptr ? std::string(part.text) : "[" + std::to_string(part.literal->token) + "]";
    }
    return result;
}

}  // namespace

TEST_CASE("the first literal is taken, and the longest of those that begin there", "[tokenizer]") {
    const LiteralTokens literals({{.text = "ab", .token = 1},
                                  {.text = "abcd", .token = 2},
                                  {.text = "bcdef", .token = 3},
                                  {.text = "", .token = 4}});
    CHECK(parts_of(literals, "xabcdefab") == "x[2]ef[1]");
    CHECK(parts_of(literals, "abbcdef") == "[1][3]");
    CHECK(parts_of(literals, "abc") == "[1]c");
    CHECK(parts_of(literals, "").empty());
    CHECK(parts_of(LiteralTokens(), "abc") == "abc");
}

TEST_CASE("a literal may swallow the white space around it, but no other literal's", "[tokenizer]") {
    const LiteralTokens literals({{.text = "L", .token = 1, .takes_left = true},
                                  {.text = "R", .token = 2, .takes_right = true},
                                  {.text = "--", .token = 3}});
    CHECK(parts_of(literals, "a \u3000L b") == "a[1] b");
    CHECK(parts_of(literals, "a R \n\u00a0b") == "a [2]b");
    CHECK(parts_of(literals, "--  L--R  L") == "[3][1][3][2][1]");
    CHECK(parts_of(literals, "\x80 L") == "\x80[1]");
}

}  // namespace palimpsest
