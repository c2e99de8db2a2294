// Tokenizers of GGUF vocabularies, small ones by hand.

#include <cmath>
#include <string>
#include <vector>

#include "engine/gguf_tokenizer.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Tokens = std::vector<Tokenizer::Token>;

GgufVocabulary with_scores() {
    GgufVocabulary vocabulary;
    vocabulary.model = "llama";
    vocabulary.tokens = {"<unk>", "<s>", "</s>", "<0x0A>", "\u2581", "a", "b", "\u2581a", "ab", "[X]"};
    vocabulary.scores = {0, 0, 0, 0, -4, -5, -6, -1, -2, 0};
    vocabulary.types = {2, 3, 3, 6, 1, 1, 1, 1, 1, 4};
    vocabulary.begin = 1;
    vocabulary.end = 2;
    return vocabulary;
}

GgufVocabulary with_merges() {
    GgufVocabulary vocabulary;
    vocabulary.model = "gpt2";
    vocabulary.tokens = {"<|endoftext|>", "a", "b", "\u0120", "\u0120a", "1", "11", "[X]"};
    vocabulary.types = {3, 1, 1, 1, 1, 1, 1, 4};
    vocabulary.merges = {"\u0120 a", "1 1"};
    vocabulary.pre_tokenizer = "gpt-2";
    vocabulary.begin = 0;
    vocabulary.end = 0;
    return vocabulary;
}

template <class Change>
std::string error_of(GgufVocabulary vocabulary, Change change) {
    change(vocabulary);
    try {
        make_tokenizer(vocabulary, "m.gguf");
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a GGUF vocabulary with scores", "[tokenizer]") {
    auto vocabulary = with_scores();
    const auto tokenizer = make_tokenizer(vocabulary, "m.gguf");
    CHECK(tokenizer->vocabulary() == 10);
    CHECK(tokenizer->begin() == 1u);
    CHECK(tokenizer->end() == 2u);
    CHECK(tokenizer->encode("ab\nab") == Tokens{7, 6, 3, 8});  // the space goes to "a" first: -1 beats -2
    CHECK(tokenizer->encode("a\u2581a") == Tokens{7, 7});
    CHECK(tokenizer->encode("a[X]a") == Tokens{7, 9, 7});
    CHECK(tokenizer->encode("é") == Tokens{4, 0});  // this vocabulary has one byte only
    CHECK(tokenizer->encode("</s>") == Tokens{4, 0, 0, 0, 0});
    CHECK(tokenizer->decode(7) == " a");
    CHECK(tokenizer->decode(7, 1) == "a");
    CHECK(tokenizer->decode(3) == "\n");
    CHECK(tokenizer->decode(9) == "[X]");
    CHECK(tokenizer->decode(2).empty());
    vocabulary.add_space = false;
    CHECK(make_tokenizer(vocabulary, "m.gguf")->encode("ab") == Tokens{8});
    CHECK(make_tokenizer(vocabulary, "m.gguf")->decode(7, 1) == " a");
}

TEST_CASE("a GGUF vocabulary with merges", "[tokenizer]") {
    auto vocabulary = with_merges();
    const auto tokenizer = make_tokenizer(vocabulary, "m.gguf");
    CHECK(tokenizer->begin() == 0u);
    CHECK(tokenizer->encode("a a b11") == Tokens{1, 4, 3, 2, 6});
    CHECK(tokenizer->encode("a[X]") == Tokens{1, 7});
    CHECK(tokenizer->decode(4, 0) == " a");
    CHECK(tokenizer->decode(0).empty());
    vocabulary.pre_tokenizer = "smollm";
    CHECK(make_tokenizer(vocabulary, "m.gguf")->encode("11") == Tokens{5, 5});
    for (const char* known : {"", "llama-bpe", "qwen2", "starcoder"}) {
        vocabulary.pre_tokenizer = known;
        CHECK(make_tokenizer(vocabulary, "m.gguf")->encode(" a") == Tokens{4});
    }
}

TEST_CASE("a GGUF vocabulary that is wrong is refused by field", "[tokenizer]") {
    const auto scores = with_scores();
    const auto merges = with_merges();
    using Vocabulary = GgufVocabulary&;
    const auto starts = [](const std::string& text, const char* with) {
        CAPTURE(text);
        CHECK(text.starts_with(std::string("m.gguf: tokenizer.ggml.") + with));
    };
    starts(error_of(scores, [](Vocabulary v) { v.model = "bert"; }), "model: value \"bert\"");
    starts(error_of(scores, [](Vocabulary v) { v.model.clear(); }), "model: missing");
    starts(error_of(scores, [](Vocabulary v) { v.tokens.clear(); }), "tokens: missing");
    starts(error_of(scores, [](Vocabulary v) { v.scores.pop_back(); }), "scores: 9 scores of 10 tokens");
    starts(error_of(scores, [](Vocabulary v) { v.scores[4] = std::nanf(""); }), "scores: value \"\u2581\"");
    starts(error_of(scores, [](Vocabulary v) { v.types.pop_back(); }), "token_type: 9 types of 10 tokens");
    starts(error_of(scores, [](Vocabulary v) { v.types[3] = 7; }), "token_type: value 7");
    starts(error_of(scores, [](Vocabulary v) { v.tokens[3] = "<0xZZ>"; }), "tokens: the byte token 3");
    starts(error_of(scores, [](Vocabulary v) { v.begin = 10; }), "bos_token_id: value 10");
    starts(error_of(scores, [](Vocabulary v) { v.unknown = 10; }), "unknown_token_id: value 10");
    starts(error_of(merges, [](Vocabulary v) { v.merges[1] = "1 x"; }), "merges: value \"1 x\", but value \"x\"");
    starts(error_of(merges, [](Vocabulary v) { v.merges[1] = ""; }), "merges: value \"\"");
    starts(error_of(merges, [](Vocabulary v) { v.pre_tokenizer = "default"; }), "pre: value \"default\"");
}

}  // namespace palimpsest
