#pragma once
// What a configuration refers to: models, hardware, DRAM and cost tables as shipped presets, files, or objects in
// place, each laid on the `base` it names.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"

namespace palimpsest {

/// The sections of a run that may be references.
inline constexpr std::array kSections{"model", "hardware", "dram", "cost"};

/// One document that a section is made of.
struct SectionLayer {
    std::string file;
    std::string prefix;  ///< where in the file: "dram" for an object in place, empty for a file of its own
    Json document;
    std::map<std::string, std::string> renames;  ///< our key to the file's own, for imported formats
};

struct Section {
    std::vector<SectionLayer> layers;  ///< the first overrides the second, and so on
    Json document;                     ///< all of them merged, annotations kept

    /// The file that a setting comes from ("timing.nCL"; empty for the section itself), and its path there.
    FilePlace place_of(const std::string& path) const;
};

/// Reads what `reference` refers to. `file` and `prefix` say where the reference stands; problems go to `diagnostics`.
Section resolve_section(const Schemas& schemas, const std::string& kind, const Json& reference, const std::string& file,
                        const std::string& prefix, Diagnostics& diagnostics);

/// Holds a merged section to its schema: base and overrides together must say everything that is required.
void validate_section(const Schemas& schemas, const std::string& kind, const Json& document, const Locate& locate,
                      Diagnostics& diagnostics);

/// The schema that a document of this kind is held to: "model" documents may be Hugging Face's.
std::string schema_name(const std::string& kind, const Json& document);

/// Folder of a kind's presets, e.g. configs/models.
std::string preset_directory(const std::string& kind);
/// Names of the shipped presets of a kind, sorted.
std::vector<std::string> preset_names(const std::string& kind);

/// A data file named in `file`: relative to its folder, or to the shipped configs. Nothing when there is none.
std::optional<std::string> find_data_file(const std::string& name, const std::string& file);

}  // namespace palimpsest
