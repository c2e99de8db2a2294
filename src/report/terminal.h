#pragma once
// A run as a person reads it: at most 100 columns of text.

#include <string>

#include "report/run_report.h"
#include "report/text_table.h"

namespace palimpsest {

inline constexpr std::size_t kTerminalColumns = 100;

/// What ran; latency, tokens/s; energy by block and class; KV cache; DRAM; where the cycles went; speed; notes.
std::string terminal_text(const RunReport& report, const TerminalStyle& style);

/// What ran, in one line: model, batch, tokens, policy, budget.
std::string run_title(const RunReport& report);

}  // namespace palimpsest
