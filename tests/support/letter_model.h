#pragma once
// A tiny model with a tokenizer that knows letters, as a llama2.c directory.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "golden/llama_reference.h"

namespace palimpsest {

/// Marks, bytes, then the lower-case letters and the space: 286 tokens; the model's further ones never occur.
inline void write_letters(const std::string& path, int vocabulary) {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](const std::string& text) {
        const float score = 0;
        const auto length = static_cast<std::int32_t>(text.size());
        file.write(reinterpret_cast<const char*>(&score), 4);
        file.write(reinterpret_cast<const char*>(&length), 4);
        file << text;
    };
    const std::int32_t longest = 8;
    file.write(reinterpret_cast<const char*>(&longest), 4);
    for (int token = 0; token < vocabulary; ++token) {
        const int letter = token - 3 - 256;
        if (token >= 3 && letter < 0) {
            constexpr const char* kDigits = "0123456789ABCDEF";
            put(std::string("<0x") + kDigits[(token - 3) / 16] + kDigits[(token - 3) % 16] + ">");
        } else if (letter >= 0 && letter < 27) {
            put(std::string(1, letter == 26 ? ' ' : static_cast<char>('a' + letter)));
        } else {
            put("[" + std::to_string(token) + "]");
        }
    }
}

/// `reference` has 300 tokens.
inline void write_letter_model(const std::string& directory, const LlamaReference& reference) {
    std::filesystem::create_directories(directory);
    reference.write(directory + "/model.bin");
    write_letters(directory + "/tokenizer.bin", 300);
}

}  // namespace palimpsest
