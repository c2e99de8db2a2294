#pragma once
// Signals by scope, in the order in which they were declared.

#include <string>
#include <vector>

#include "report/vcd_writer.h"

namespace palimpsest {

struct Scope {
    std::string name;
    std::vector<SignalSink::SignalId> signals;
    std::vector<Scope> children;
};

/// The root has no name; the outermost scopes are its children.
Scope scope_tree(const std::vector<VcdWriter::Signal>& signals);

}  // namespace palimpsest
