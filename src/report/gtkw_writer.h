#pragma once
// A GTKWave save file for a dump: which signals to show, in groups named as the machine's blocks, and the zoom.

#include <string>
#include <vector>

#include "report/vcd_writer.h"

namespace palimpsest {

/// `dump_path` is the absolute path of the dump, `shown` what it spans.
std::string gtkw_text(const std::vector<VcdWriter::Signal>& signals, const std::string& dump_path, TimeWindow shown);

}  // namespace palimpsest
