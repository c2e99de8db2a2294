// Any bytes as a tokenizer.json; what is accepted encodes a text of everything and decodes it.

#include <optional>
#include <stdexcept>

#include "engine/tokenizer_json.h"
#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"

namespace palimpsest {

const unsigned kFuzzMutations = 10000;

void fuzz_one(std::string_view input) {
    constexpr std::uint32_t kVocabulary = 16;
    const InputFile file(input);
    const auto tokenizer = read_tokenizer_json(file.path(), kVocabulary);
    std::optional<Tokenizer::Token> previous = tokenizer->begin();
    for (const Tokenizer::Token token : tokenizer->encode("Ba aab's  a12\r\n\n e\u0301\u2581é日\xFF<s> [X]b")) {
        if (token >= kVocabulary) {
            throw std::logic_error("a token that is not of the vocabulary");
        }
        tokenizer->decode(token, previous);
        previous = token;
    }
}

std::vector<std::string> fuzz_seeds() {
    return {
        R"({"added_tokens": [{"id": 0, "content": "<s>", "special": true},
             {"id": 1, "content": "[X]", "lstrip": true, "rstrip": true}],
           "normalizer": {"type": "NFC"},
           "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
           "decoder": {"type": "ByteLevel"},
           "model": {"type": "BPE", "ignore_merges": true,
             "vocab": {"<s>": 0, "a": 2, "b": 3, "Ġ": 4, "Ċ": 5, "Ã": 6, "©": 7, "Ġa": 8, "Ã©": 9, "aa": 10},
             "merges": ["Ġ a", "Ã ©", "a a"]}})",
        R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
             {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
              "behavior": "Isolated", "invert": false},
             {"type": "Digits", "individual_digits": true},
             {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
           "model": {"vocab": {"a": 0, "b": 1, "Ġ": 2, "1": 3, "ab": 4}, "merges": [["a", "b"]]}})",
        R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
             {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
           "post_processor": {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
             "special_tokens": {"<s>": {"ids": [1]}}},
           "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
           "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
             "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "a": 5, "b": 6, "▁a": 7, "aa": 8},
             "merges": ["▁ a", "a a"]}})",
        R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
           "model": {"vocab": {"▁": 0, "a": 1, "▁a": 2, "15": 15}, "merges": ["▁ a"]}})",
    };
}

}  // namespace palimpsest
