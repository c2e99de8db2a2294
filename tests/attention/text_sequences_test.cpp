// How a text becomes sequences of tokens.

#include "attention/text_sequences.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Tokens = TokenSequence;
constexpr Tokenizer::Token kBegin = 1;

}  // namespace

TEST_CASE("documents end at the separator and lose the space around them", "[text]") {
    CHECK(split_documents(" one\ntwo \n<|endoftext|>\n\n<|endoftext|>\nthree\n") ==
          std::vector<std::string>{"one\ntwo", "three"});
    CHECK(split_documents("").empty());
    CHECK(split_documents(" \n ").empty());
}

TEST_CASE("sequences run through documents and begin at one", "[text]") {
    const std::vector<Tokens> documents = {{10, 11, 12}, {20, 21}, {30, 31, 32, 33}, {40, 41, 42}};
    CHECK(cut_sequences(documents, {.sequences = 2, .length = 6}, kBegin, "t") ==
          std::vector<Tokens>{{1, 10, 11, 12, 1, 20}, {1, 30, 31, 32, 33, 1}});
    CHECK(cut_sequences(documents, {.sequences = 2, .length = 4, .skip_tokens = 2}, kBegin, "t") ==
          std::vector<Tokens>{{1, 20, 21, 1}, {1, 30, 31, 32}});
    CHECK(cut_sequences(documents, {.sequences = 1, .length = 16}, kBegin, "t").front().size() == 16);
    CHECK_THROWS_AS(cut_sequences(documents, {.sequences = 1, .length = 17}, kBegin, "t"), InputError);
    CHECK_THROWS_AS(cut_sequences(documents, {.sequences = 5, .length = 4}, kBegin, "t"), InputError);
    CHECK_THROWS_AS(cut_sequences({}, {.sequences = 1, .length = 1}, kBegin, "t"), InputError);
}

TEST_CASE("fewer sequences will do where that is said", "[text]") {
    const std::vector<Tokens> documents = {{10, 11, 12}, {20, 21, 22}};
    CHECK(cut_sequences(documents, {.sequences = 9, .length = 4, .at_least = 1}, kBegin, "t").size() == 2);
    CHECK_THROWS_AS(cut_sequences(documents, {.sequences = 9, .length = 4, .at_least = 3}, kBegin, "t"), InputError);
}

TEST_CASE("a model without a begin mark gets none", "[text]") {
    const std::vector<Tokens> documents = {{10, 11, 12}, {20, 21}};
    CHECK(cut_sequences(documents, {.sequences = 1, .length = 5}, std::nullopt, "t") ==
          std::vector<Tokens>{{10, 11, 12, 20, 21}});
}

TEST_CASE("a text of one document is cut without leaving any out", "[text]") {
    const std::vector<Tokens> documents = {{10, 11, 12, 13, 14, 15}};
    CHECK(cut_sequences(documents, {.sequences = 2, .length = 3}, kBegin, "t") ==
          std::vector<Tokens>{{1, 10, 11}, {1, 12, 13}});
    CHECK(cut_sequences(documents, {.sequences = 1, .length = 3, .skip_tokens = 3}, kBegin, "t") ==
          std::vector<Tokens>{{1, 12, 13}});
}

}  // namespace palimpsest
