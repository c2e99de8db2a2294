#include <cstdlib>
#include <filesystem>

#include "config/loader.h"

namespace palimpsest {
namespace {

namespace fs = std::filesystem;

bool holds_schemas(const fs::path& configs) {
    std::error_code error;
    return fs::is_directory(configs / "schema", error);
}

}  // namespace

std::string configs_directory() {
    if (const char* set = std::getenv("PALIMPSEST_CONFIGS"); set != nullptr && *set != '\0') {
        return set;
    }
    std::error_code error;
    for (fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path(); !folder.empty();
         folder = folder.parent_path()) {
        for (const fs::path& configs : {folder / "configs", folder / "share" / "palimpsest" / "configs"}) {
            if (holds_schemas(configs)) {
                return configs.string();
            }
        }
        if (folder == folder.root_path()) {
            break;
        }
    }
    return PALIMPSEST_SOURCE_CONFIGS;
}

}  // namespace palimpsest
