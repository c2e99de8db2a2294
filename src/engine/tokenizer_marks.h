#pragma once
// The begin and end marks of a Hugging Face model, which several files may name.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/json_node.h"

namespace palimpsest {

struct TokenizerMarks {
    std::optional<std::uint32_t> begin;
    std::optional<std::uint32_t> end;
};

/// Each mark from the first that names it: the special tokens that post_processor's TemplateProcessing puts around a
/// text (of `tokenizer`, a tokenizer.json); bos_token and eos_token of tokenizer_config.json, then of
/// special_tokens_map.json; bos_token_id and eos_token_id (the first, if a list) of config.json. The files are looked
/// for in `directory`, if that is not empty. add_bos_token and add_eos_token are not asked: they say what is put around
/// a text unasked for, not what the model was trained with. `token_of` finds a token's id by its text. Throws
/// InputError where a mark is not of the vocabulary.
TokenizerMarks find_tokenizer_marks(const JsonNode& tokenizer, const std::string& directory, std::uint32_t vocabulary,
                                    const std::function<std::optional<std::uint32_t>(const std::string&)>& token_of);

}  // namespace palimpsest
