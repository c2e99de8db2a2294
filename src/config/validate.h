#pragma once
// One file judged by itself: a run, a model, hardware, DRAM, cost or attention file, or a CSV of layers.

#include <string>
#include <vector>

#include "config/json_document.h"

namespace palimpsest {

/// What a document is: run, model, hardware, dram, cost or attention. Its `$schema` says so; without one, its keys do.
/// A document that is nothing we know counts as a run.
std::string document_kind(const Json& document);

/// Validates the file as a run would and returns one line on what it describes. Overrides apply to runs only. Throws
/// InputError with all that is wrong.
std::string validate_file(const std::string& path, const std::vector<std::string>& overrides = {});

}  // namespace palimpsest
