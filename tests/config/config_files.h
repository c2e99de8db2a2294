#pragma once
// Small configuration files for tests.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "config/loader.h"
#include "palimpsest/error.h"
#include "support/scratch_directory.h"

namespace palimpsest {

/// A scratch directory that files are written into by name.
class ConfigFiles {
  public:
    /// Returns the file's path.
    std::string write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = directory_.path() / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }
    std::string write(const std::string& name, const char* text) const { return write(name, std::string(text)); }
    std::string write(const std::string& name, const nlohmann::json& document) const {
        return write(name, document.dump(2));
    }
    std::string path(const std::string& name) const { return directory_ / name; }

  private:
    ScratchDirectory directory_;
};

/// A run that is right: tests break one thing in it.
inline nlohmann::json small_run() {
    return nlohmann::json::parse(R"({
        "model": "stories15M",
        "workload": {"batch": 2, "prompt_tokens": 32, "generated_tokens": 8},
        "cache": {"budget": 16, "sinks": 2, "recent": 4}
    })");
}

/// The message of the InputError that `function` throws; empty when it throws none.
template <class Function>
std::string input_error_of(const Function& function) {
    try {
        function();
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

inline std::size_t lines_of(const std::string& text) {
    return text.empty() ? 0 : static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

inline std::string shipped(const std::string& name) {
    return std::string(PALIMPSEST_SOURCE_DIR) + "/configs/" + name;
}

}  // namespace palimpsest
