#pragma once
// A workload of single operators: from a run's JSON, or from a CSV of layers as other accelerator simulators take.

#include <string>
#include <vector>

#include "config/json_document.h"
#include "config/run_config.h"

namespace palimpsest {

/// From a list that has passed operators.schema.json.
std::vector<OperatorSpec> read_operators(const Json& list, bool operands_ready);
/// The same list back, every default filled in.
Json write_operators(const std::vector<OperatorSpec>& operators);

/// Reads a CSV of layers. The header decides what they are, case and order of the columns do not matter:
///  - GEMM: "Layer, M, N, K," (M x K by K x N);
///  - convolution: "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter,
///  Strides,",
///    lowered by im2col: M = output pixels, K = filter height * width * channels, N = filters. The input's height and
///    width count their padding.
/// InputError with file and line on a row that does not fit.
std::vector<OperatorSpec> read_layers_csv(const std::string& file, bool operands_ready);
std::vector<OperatorSpec> parse_layers_csv(const std::string& text, const std::string& file, bool operands_ready);

}  // namespace palimpsest
