#pragma once
// The whole of a run as one document, and its hash.

#include "config/json_document.h"
#include "config/run_config.h"

namespace palimpsest {

/// Every setting with its value, references and overrides applied, in the form that a run file has: it can be run
/// again.
///
Json write_run(const RunConfig& config);

/// XXH3-128, in hex, of a resolved document without `simulation` and `sources`: what has no influence on the results.
std::string hash_of(const Json& resolved);

/// XXH3-128 of bytes, in hex.
std::string xxh3_128(const std::string& bytes);

}  // namespace palimpsest
