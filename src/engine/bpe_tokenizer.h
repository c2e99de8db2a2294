#pragma once
// The name that callers of ScoreBpeTokenizer knew it by.

#include "engine/score_bpe_tokenizer.h"

namespace palimpsest {

using BpeTokenizer = ScoreBpeTokenizer;

}  // namespace palimpsest
