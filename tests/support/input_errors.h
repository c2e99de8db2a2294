#pragma once
// What a reader says of bad input.

#include <string>
#include <vector>

#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {

/// The message of the InputError that `call` throws; empty if none.
template <class Call>
std::string input_error(const Call& call) {
    try {
        call();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

inline void check_contains(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        INFO(text);
        INFO(part);
        CHECK(text.find(part) != std::string::npos);
    }
}

}  // namespace palimpsest
