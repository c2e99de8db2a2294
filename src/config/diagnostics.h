#pragma once
// Collects everything that is wrong with a configuration, so that one run of the tool names all of it.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace palimpsest {

/// What is wrong, one line each: "FILE: json.path: what is there; accepted: what would be".
class Diagnostics {
  public:
    /// Only the first complaint about one place is kept: what follows is usually a consequence.
    void add(const std::string& file, const std::string& path, const std::string& what_is_there,
             const std::string& accepted);
    bool empty() const { return messages_.empty(); }
    const std::vector<std::string>& messages() const { return messages_; }
    /// Throws InputError with all messages, one a line.
    void throw_if_any() const;

  private:
    std::vector<std::string> messages_;
    std::set<std::pair<std::string, std::string>> places_;
};

/// A value as it is quoted in a message: `value 0`; long objects and arrays are cut short.
std::string quote_value(const nlohmann::json& value);

/// The candidate that `name` is most likely a misspelling of; empty when none is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

/// "a, b, c".
std::string join_names(const std::vector<std::string>& names);

}  // namespace palimpsest
