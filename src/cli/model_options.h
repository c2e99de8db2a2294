#pragma once
// The options of every subcommand that reads a text with a real model.

#include <string>

#include <CLI/CLI.hpp>

namespace palimpsest {

/// --model and --text, both required.
inline void add_model_options(CLI::App& command, std::string& model, std::string& text) {
    command
        .add_option("--model", model,
                    "model directory (Hugging Face, llama2.c) or GGUF file; scripts/fetch-model gets some")
        ->required()
        ->type_name("PATH");
    command
        .add_option("--text", text,
                    "UTF-8 text, or a shipped one as texts/stories15M.txt; documents end with a line <|endoftext|>")
        ->required()
        ->type_name("FILE");
}

}  // namespace palimpsest
