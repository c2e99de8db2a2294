#pragma once
// Cost tables from and to JSON. Not through fields.h: entries are by action name, and keep range and source.

#include "config/cost_table.h"
#include "config/json_document.h"

namespace palimpsest {

/// From a document that has passed cost.schema.json. An entry that is a plain number has no range.
CostTable read_cost_table(const Json& document);
/// Every entry with value, low and high; sources are left out.
Json write_cost_table(const CostTable& table);

/// Whether the cost of an action is in the cost table; those of DRAM commands are in the DRAM file.
bool is_cost_table_action(Action action);

}  // namespace palimpsest
