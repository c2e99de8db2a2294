#pragma once
// The JSON Schemas of configs/schema/: the one source of key names, types, ranges, units and texts. valijson decides
// whether a document is valid; what is wrong with it is then said in our own words, with place, value and accepted
// range.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/json_document.h"

namespace palimpsest {

/// A file, and a path into it, for an error message.
struct FilePlace {
    std::string file;
    std::string path;
};
/// Where in the user's files the value at a path of the document under validation came from.
using Locate = std::function<FilePlace(const std::string& path)>;

/// All values lie in one file, below `prefix` there.
Locate locate_in(const std::string& file, const std::string& prefix = {});

class Schemas {
  public:
    /// Reads every NAME.schema.json of the folder. References between schemas are put in place.
    explicit Schemas(const std::string& directory);
    ~Schemas();

    /// Schema `name`: run, model, huggingface, hardware, dram, cost or operators.
    const Json& get(const std::string& name) const;
    /// Adds everything that is wrong with `document` to `diagnostics`.
    void validate(const std::string& name, const Json& document, const Locate& locate, Diagnostics& diagnostics) const;

  private:
    struct Compiled;

    Json dereference(const Json& node, int depth) const;
    const Compiled& compiled(const std::string& name) const;

    std::string directory_;
    std::map<std::string, Json> schemas_;
    mutable std::map<std::string, std::unique_ptr<Compiled>> compiled_;  ///< made when first used
};

/// The schema of the value at a path, given as its keys; null when the schema knows no such path.
const Json* schema_at(const Json& schema, const std::vector<std::string>& keys);

/// The keys that an object of this schema may have, comments apart.
std::vector<std::string> known_keys(const Json& schema);

/// The paths of every setting below a schema, e.g. "pe_array.rows".
std::vector<std::string> known_paths(const Json& schema, const std::string& prefix = {});

/// What a schema accepts, in words: "an integer, 1 to 64 requests".
std::string accepted_by(const Json& schema);

/// One thing wrong with a document: where, what is there, what would be accepted.
struct SchemaProblem {
    std::string path;
    std::string what_is_there;
    std::string accepted;
};
/// Everything wrong with `value`, in the order of the document. Knows the keywords that our schemas use.
std::vector<SchemaProblem> explain_schema_errors(const Json& schema, const Json& value);

}  // namespace palimpsest
