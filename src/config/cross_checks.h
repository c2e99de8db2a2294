#pragma once
// What no schema can say: conditions between the fields of a run.

#include "config/diagnostics.h"
#include "config/run_config.h"
#include "config/schema.h"

namespace palimpsest {

/// Adds every broken condition to `diagnostics`, each at the field a user would most likely change, found by `locate`.
/// Of a run of single operators the model is not looked at.
void cross_check(const RunConfig& config, const Locate& locate, Diagnostics& diagnostics);

/// The conditions on one section alone, for `validate` on a hardware or DRAM file. Paths begin with "hardware" or
/// "dram".
void cross_check_hardware(const HardwareConfig& hardware, const Locate& locate, Diagnostics& diagnostics);
void cross_check_dram(const DramConfig& dram, const Locate& locate, Diagnostics& diagnostics);
void cross_check_model(const ModelShape& model, const Locate& locate, Diagnostics& diagnostics);
void cross_check_cost(const CostTable& cost, const Locate& locate, Diagnostics& diagnostics);

}  // namespace palimpsest
