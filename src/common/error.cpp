#include "palimpsest/error.h"

#include <fmt/format.h>

namespace palimpsest {
namespace {

std::string describe(const std::string& file, const std::string& where, const std::string& what_is_there,
                     const std::string& what_is_accepted) {
    std::string message = file;
    if (!where.empty()) {
        message += fmt::format("{}{}", message.empty() ? "" : ": ", where);
    }
    message += fmt::format("{}{}", message.empty() ? "" : ": ", what_is_there);
    if (!what_is_accepted.empty()) {
        message += fmt::format("; accepted: {}", what_is_accepted);
    }
    return message;
}

}  // namespace

InputError::InputError(const std::string& file, const std::string& where, const std::string& what_is_there,
                       const std::string& what_is_accepted)
    : std::runtime_error(describe(file, where, what_is_there, what_is_accepted)) {}

}  // namespace palimpsest
