#pragma once
// What a tokenizer.json does to a text before and after merging: its normalizer, pre_tokenizer and decoder.

#include "engine/json_node.h"
#include "engine/merge_bpe_tokenizer.h"

namespace palimpsest {

/// The rules of `document` but for those that its `model` holds. Two kinds of tokenizer are known: over bytes
/// (pre_tokenizer ByteLevel, alone or after Split or Digits; normalizer none or NFC), and over characters with spaces
/// spelled U+2581 (normalizers Prepend and Replace, or pre_tokenizer Metaspace, maybe followed by Digits). All else is
/// an InputError at its path.
MergeBpeRules read_tokenizer_steps(const JsonNode& document);

}  // namespace palimpsest
