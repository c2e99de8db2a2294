#include "report/scope_tree.h"

#include <algorithm>

namespace palimpsest {
namespace {

Scope& child_of(Scope& scope, const std::string& name) {
    const auto found = std::find_if(scope.children.begin(), scope.children.end(),
                                    [&name](const Scope& child) { return child.name == name; });
    if (found != scope.children.end()) {
        return *found;
    }
    scope.children.push_back({name, {}, {}});
    return scope.children.back();
}

}  // namespace

Scope scope_tree(const std::vector<VcdWriter::Signal>& signals) {
    Scope root;
    for (SignalSink::SignalId id = 0; id < signals.size(); ++id) {
        Scope* scope = &root;
        for (const std::string& name : signals[id].scopes) {
            scope = &child_of(*scope, name);
        }
        scope->signals.push_back(id);
    }
    return root;
}

}  // namespace palimpsest
