#pragma once
// The vocabulary that a GGUF file carries, as plain data (its tokenizer.ggml.* fields).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace palimpsest {

struct GgufVocabulary {
    std::string model;                     ///< "llama": pieces with scores; "gpt2": merges over byte letters
    std::vector<std::string> tokens;       ///< piece by id
    std::vector<float> scores;             ///< by id; empty if absent
    std::vector<std::int32_t> types;       ///< by id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
    std::vector<std::string> merges;       ///< "left right", by rank
    std::string pre_tokenizer;             ///< pre, "gpt2" only: what text is cut into words by; empty if absent
    bool add_space = true;                 ///< add_space_prefix, "llama" only; where absent, true
    std::optional<std::uint32_t> begin;    ///< bos_token_id
    std::optional<std::uint32_t> end;      ///< eos_token_id
    std::optional<std::uint32_t> unknown;  ///< unknown_token_id
    bool add_begin = false;                ///< add_bos_token; where absent, true for "llama"
};

}  // namespace palimpsest
