#pragma once
// What the values of a DRAM config must satisfy between them, one relation an entry: those without which the controller
// cannot run it, and those of the JEDEC standard that it names.
//
//     check_dram_structure(config);   // DramSystem, whatever the device
//     check_jedec(config);            // files and settings of users, unless they set allow_nonstandard

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/dram_config.h"
#include "config/dram_standards.h"

namespace palimpsest {

/// A value that breaks a relation.
struct DramProblem {
    std::string path;           ///< in the DRAM file, "timing.nRC"
    std::string what_is_there;  ///< "value 99"
    std::string accepted;       ///< with the reason and its source
};

/// A condition on a config. `standard` is null in relations that hold for any device.
struct DramRelation {
    std::string_view name;
    std::string_view rule;     ///< in words
    std::string_view source;   ///< empty: what the controller needs
    std::string_view applies;  ///< names of standards, or "all"
    void (*check)(const DramConfig& config, const DramStandard* standard, std::vector<DramProblem>& problems);
};

/// What this controller needs.
std::span<const DramRelation> dram_structure_relations();
/// What JEDEC asks for.
std::span<const DramRelation> jedec_relations();

/// Everything that is broken. The mapping string and powers of two are not looked at here.
std::vector<DramProblem> dram_structure_problems(const DramConfig& config);
/// Values are taken as they are, whether or not the config allows nonstandard ones.
std::vector<DramProblem> jedec_problems(const DramConfig& config);

/// Throw InputError listing all problems, one a line; `file` is named in it.
void check_dram_structure(const DramConfig& config, const std::string& file = "");
void check_jedec(const DramConfig& config, const std::string& file = "");

}  // namespace palimpsest
