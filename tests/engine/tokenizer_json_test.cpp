// tokenizer.json: small ones worked by hand, the marks of the files around it, and everything that is refused.

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/tokenizer_json.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

using Json = nlohmann::json;
using Token = Tokenizer::Token;
using Tokens = std::vector<Token>;

Json byte_level() {
    return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
}

/// Over bytes: U+0120 is a space, U+010A a line end.
Json byte_tokenizer() {
    return Json::parse(R"({
        "version": "1.0",
        "added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 9, "content": "[X]", "special": false}],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"<s>": 0, "a": 1, "b": 2, "\u0120": 3, "\u010a": 4, "\u00c3": 5, "\u00a9": 6, "\u0120a": 7,
                "\u00c3\u00a9": 8},
            "merges": ["\u0120 a", "\u00c3 \u00a9"]}})");
}

/// Over characters, as LLaMA's are published.
Json character_tokenizer() {
    return Json::parse(R"({
        "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing", "pair": [],
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "\u2581": 4, "a": 5, "\u2581a": 6, "aa": 7},
            "merges": [["\u2581", "a"], ["a", "a"]]}})");
}

class Files {
  public:
    void put(const std::string& name, const Json& content) const { std::ofstream(directory_ / name) << content.dump(); }
    std::unique_ptr<Tokenizer> read(std::uint32_t vocabulary) const {
        return read_tokenizer_json(directory_.path().string(), vocabulary);
    }
    std::string file() const { return directory_ / "tokenizer.json"; }

  private:
    ScratchDirectory directory_;
};

std::unique_ptr<Tokenizer> read(const Json& document, std::uint32_t vocabulary) {
    const Files files;
    files.put("tokenizer.json", document);
    return files.read(vocabulary);
}

/// Behind the file's name.
std::string error_of(const Json& document, std::uint32_t vocabulary = 10) {
    const Files files;
    files.put("tokenizer.json", document);
    try {
        files.read(vocabulary);
    } catch (const InputError& error) {
        const std::string text = error.what();
        REQUIRE(text.starts_with(files.file() + ": "));
        return text.substr(files.file().size() + 2);
    }
    return "no error";
}

std::string there_and_back(const Tokenizer& tokenizer, const std::string& text) {
    std::string result;
    std::optional<Token> previous = tokenizer.begin();
    for (const Token token : tokenizer.encode(text)) {
        result += tokenizer.decode(token, previous);
        previous = token;
    }
    return result;
}

}  // namespace

TEST_CASE("a byte-level tokenizer.json is read", "[tokenizer]") {
    const auto tokenizer = read(byte_tokenizer(), 10);
    CHECK(tokenizer->vocabulary() == 10);
    CHECK(tokenizer->encode("ab a\né") == Tokens{1, 2, 7, 4, 8});
    CHECK(tokenizer->encode("a[X] a") == Tokens{1, 9, 7});
    CHECK(tokenizer->decode(7) == " a");
    CHECK(tokenizer->decode(8) == "é");
    CHECK(tokenizer->decode(9) == "[X]");
    CHECK(tokenizer->decode(0).empty());
    CHECK_FALSE(tokenizer->begin());
    CHECK_FALSE(tokenizer->end());

    Json composing = byte_tokenizer();
    composing["normalizer"] = {{"type", "NFC"}};
    composing["model"]["ignore_merges"] = true;
    composing["pre_tokenizer"]["add_prefix_space"] = true;
    CHECK(read(composing, 10)->encode("a") == Tokens{7});

    Json split = byte_tokenizer();
    Json no_regex = byte_level();
    no_regex["use_regex"] = false;
    split["pre_tokenizer"] = {{"type", "Sequence"},
                              {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, no_regex}}};
    CHECK(read(split, 10)->encode("a a") == Tokens{1, 7});
}

TEST_CASE("a LLaMA tokenizer.json is read", "[tokenizer]") {
    const auto tokenizer = read(character_tokenizer(), 8);
    CHECK(tokenizer->begin() == 1u);
    CHECK(tokenizer->encode("aa aa") == Tokens{6, 5, 6, 5});
    CHECK(tokenizer->encode(" a") == Tokens{4, 6});
    CHECK(tokenizer->encode("éx€a") == Tokens{4, 2, 3, 0, 5});  // bytes of é; x and € have none, and share one unknown
    CHECK(tokenizer->encode("").empty());
    CHECK(there_and_back(*tokenizer, "  aé a") == "  aé a");

    Json metaspace = character_tokenizer();
    metaspace["normalizer"] = nullptr;
    metaspace["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}};
    CHECK(read(metaspace, 8)->encode(" a") == Tokens{6});
    CHECK(read(metaspace, 8)->encode("a a") == Tokens{6, 6});
    metaspace["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", false}};
    CHECK(read(metaspace, 8)->encode("a a") == Tokens{5, 6});
}

TEST_CASE("marks are no part of a text", "[tokenizer]") {
    Json document = byte_tokenizer();
    document["model"]["vocab"] = {{"<s>", 0}, {"<", 1}, {"s", 2}, {">", 3}, {"<s", 4}};
    document["model"]["merges"] = {"< s", "<s >"};  // even merges that lead there give no text
    document["model"]["ignore_merges"] = true;
    document["pre_tokenizer"]["use_regex"] = false;
    document["added_tokens"] = {{{"id", 0}, {"content", "<s>"}, {"special", true}}};
    CHECK(read(document, 5)->encode("<s>") == Tokens{4, 3});
}

TEST_CASE("the marks come from the first file that names them", "[tokenizer]") {
    const Files files;
    files.put("config.json", {{"bos_token_id", 3}, {"eos_token_id", {4, 5}}});
    files.put("tokenizer.json", byte_tokenizer());
    CHECK(files.read(10)->begin() == 3u);
    CHECK(files.read(10)->end() == 4u);
    CHECK_FALSE(read_tokenizer_json(files.file(), 10)->begin());  // the file alone

    files.put("special_tokens_map.json", {{"bos_token", {{"content", "b"}}}});
    CHECK(files.read(10)->begin() == 2u);
    files.put("tokenizer_config.json", {{"bos_token", "a"}, {"eos_token", nullptr}, {"add_bos_token", false}});
    CHECK(files.read(10)->begin() == 1u);
    CHECK(files.read(10)->end() == 4u);

    Json document = byte_tokenizer();
    document["post_processor"] = {{"type", "Sequence"},
                                  {"processors", {byte_level(), character_tokenizer()["post_processor"]}}};
    document["post_processor"]["processors"][1]["special_tokens"]["<s>"]["ids"] = {0};
    files.put("tokenizer.json", document);
    CHECK(files.read(10)->begin() == 0u);

    files.put("tokenizer_config.json", {{"eos_token", "nowhere"}});
    CHECK_THROWS_WITH(files.read(10), Catch::Contains("tokenizer_config.json: eos_token: value \"nowhere\""));
    files.put("tokenizer_config.json", Json::object());
    files.put("config.json", {{"eos_token_id", 10}});
    CHECK_THROWS_WITH(files.read(10), Catch::Contains("config.json: eos_token_id: value 10"));
}

TEST_CASE("a vocabulary has the model's size, or the model's is rounded up", "[tokenizer]") {
    CHECK(error_of(byte_tokenizer(), 11).starts_with("model.vocab: 10 tokens, with those in added_tokens"));
    CHECK(error_of(byte_tokenizer(), 9).starts_with("added_tokens[1].id: value 9"));
    CHECK(error_of(byte_tokenizer(), 8).starts_with("model.vocab: value \"\u00c3\u00a9\" has value 8"));
    CHECK(error_of(byte_tokenizer(), 1600).starts_with("model.vocab: 10 tokens"));
    const auto padded = read(byte_tokenizer(), 16);
    CHECK(padded->vocabulary() == 16);
    CHECK(padded->decode(15).empty());
}

TEST_CASE("what a tokenizer.json cannot hold is refused at its place", "[tokenizer]") {
    struct Wrong {
        const char* pointer;
        Json value;
        const char* error;
    };
    const Json metaspace = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
    const std::vector<Wrong> all = {
        {"/model/type", "Unigram", "model.type: value \"Unigram\""},
        {"/model/dropout", 0.1, "model.dropout: value 0.1"},
        {"/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix: value \"</w>\""},
        {"/model/unk_token", "?", "model.unk_token: value \"?\""},
        {"/model/fuse_unk", 1, "model.fuse_unk: value 1; accepted: true or false"},
        {"/model/vocab", {1, 2}, "model.vocab: value [1,2]"},
        {"/model/vocab/b", 1, "model.vocab: id 1 is both value \"a\" and value \"b\""},
        {"/model/vocab/b", -1, "model.vocab: value \"b\" has value -1"},
        {"/model/vocab/b", 2.5, "model.vocab: value \"b\" has value 2.5"},
        {"/model/merges", nullptr, "model.merges: value null; accepted: an array"},
        {"/model/merges/1", "a", "model.merges[1]: value \"a\""},
        {"/model/merges/1", {"a", 1}, "model.merges[1]: value [\"a\",1]"},
        {"/model/merges/1", "a x", "model.merges[1]: value \"x\" is not in model.vocab"},
        {"/model/merges/1", "a b", "model.merges[1]: value \"ab\" is not in model.vocab"},
        {"/model/merges/1", "a b c", "model.merges[1]: value \"b c\" is not in model.vocab"},
        {"/added_tokens", "x", "added_tokens: value \"x\"; accepted: an array"},
        {"/added_tokens/1/id", 1, "added_tokens[1]: id 1 is both value \"a\" and value \"[X]\""},
        {"/added_tokens/0/id", 9, "added_tokens[0]: value \"<s>\" has the ids 0 and 9"},
        {"/added_tokens/1/content", 7, "added_tokens[1].content: value 7; accepted: a string"},
        {"/added_tokens/1/single_word", true, "added_tokens[1].single_word: value true"},
        {"/normalizer", {{"type", "Lowercase"}}, "normalizer.type: value \"Lowercase\""},
        {"/normalizer", {{"type", "Prepend"}, {"prepend", "x"}}, "normalizer.prepend: value \"x\""},
        {"/normalizer", character_tokenizer()["normalizer"], "normalizer: value {\"normalizers\""},
        {"/pre_tokenizer", nullptr, "pre_tokenizer: value null"},
        {"/pre_tokenizer", {{"type", "Whitespace"}}, "pre_tokenizer.type: value \"Whitespace\""},
        {"/pre_tokenizer", {{"type", "ByteLevel"}}, "pre_tokenizer.add_prefix_space: missing"},
        {"/pre_tokenizer", metaspace, "decoder.type: value \"ByteLevel\""},
        {"/pre_tokenizer",
         {{"type", "Sequence"}, {"pretokenizers", {byte_level(), metaspace}}},
         "pre_tokenizer.pretokenizers[1].type: value \"Metaspace\"; accepted: ByteLevel as the last step"},
        {"/pre_tokenizer",
         {{"type", "Split"}, {"pattern", {{"Regex", "x"}}}, {"behavior", "Isolated"}},
         "pre_tokenizer.pattern.Regex: value \"x\""},
        {"/pre_tokenizer",
         {{"type", "Split"}, {"pattern", {{"Regex", "x"}}}, {"behavior", "MergedWithNext"}},
         "pre_tokenizer.behavior: value \"MergedWithNext\""},
        {"/decoder", {{"type", "WordPiece"}}, "decoder.type: value \"WordPiece\""},
        {"/model", 3, "model: value 3; accepted: an object"},
    };
    for (const auto& [pointer, value, error] : all) {
        Json document = byte_tokenizer();
        document[Json::json_pointer(pointer)] = value;
        CAPTURE(pointer, value.dump());
        const std::string message = error_of(document);
        CAPTURE(message);
        CHECK(message.starts_with(error));
    }
    CHECK_THROWS_AS(read_tokenizer_json("/nowhere/tokenizer.json", 10), InputError);
    CHECK(error_of(Json::array()).starts_with("value []; accepted: an object"));
}

}  // namespace palimpsest
