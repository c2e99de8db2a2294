#include "engine/tokenizer_json_steps.h"

#include <fmt/format.h>

namespace palimpsest {
namespace {

/// Rules while the file is read.
struct Steps {
    MergeBpeRules rules{.symbols_are_bytes = false};
    bool byte_level = false;
    bool spells_spaces = false;  ///< as U+2581
};

void read_normalizer(const JsonNode& node, Steps& steps) {
    if (node.absent()) {
        return;
    }
    const std::string& type = node["type"].text();
    const auto must_spell_space = [](const JsonNode& text) {
        if (text.text() != kSpaceSpelled) {
            text.refuse(fmt::format("\"{}\"", kSpaceSpelled));
        }
    };
    if (type == "Sequence") {
        const JsonNode parts = node["normalizers"];
        for (std::size_t i = 0; i < parts.size(); ++i) {
            read_normalizer(parts.at(i), steps);
        }
    } else if (type == "NFC") {
        steps.rules.compose = true;
    } else if (type == "Prepend") {
        must_spell_space(node["prepend"]);
        steps.rules.leading_space = LeadingSpace::always;
    } else if (type == "Replace") {
        const JsonNode replaced_text = node["pattern"]["String"];
        if (replaced_text.text() != " ") {
            replaced_text.refuse("\" \"");
        }
        must_spell_space(node["content"]);
        steps.spells_spaces = true;
    } else {
        node["type"].refuse(
            fmt::format("NFC, Prepend of \"{0}\", Replace of \" \" by \"{0}\", or a Sequence of these", kSpaceSpelled));
    }
}

void read_split(const JsonNode& node, Steps& steps) {
    const std::string& behavior = node["behavior"].text();
    // Both keep what the pattern matches, which is all of the text.
    const bool kept = node["invert"].flag(false) ? behavior == "Removed" : behavior == "Isolated";
    if (!kept) {
        node["behavior"].refuse("Isolated, or Removed with invert");
    }
    const JsonNode pattern = node["pattern"]["Regex"];
    const auto rule = split_rule_of_pattern(pattern.text());
    if (!rule) {
        pattern.refuse("the pattern of GPT-2, LLaMA 3 or Qwen2");
    }
    steps.rules.split.push_back(*rule);
}

void read_metaspace(const JsonNode& node, Steps& steps) {
    if (node["replacement"].text() != kSpaceSpelled) {
        node["replacement"].refuse(fmt::format("\"{}\"", kSpaceSpelled));
    }
    if (!steps.rules.split.empty() || steps.spells_spaces) {
        node["type"].refuse("Metaspace as the first step, or not at all");
    }
    steps.spells_spaces = true;
    const JsonNode scheme = node["prepend_scheme"];
    const bool before_schemes = scheme.absent();
    if (before_schemes ? node["add_prefix_space"].flag(true) : scheme.text() == "always") {
        steps.rules.leading_space = LeadingSpace::unless_there;
    } else if (!before_schemes && scheme.text() == "first") {
        steps.rules.leading_space = LeadingSpace::first_unless_there;
    } else if (!before_schemes && scheme.text() != "never") {
        scheme.refuse("always, first or never");
    }
    if (node["split"].flag(true)) {
        steps.rules.split.push_back(SplitRule::before_spaces);
    }
}

void read_pre_tokenizer(const JsonNode& node, Steps& steps) {
    if (node.absent()) {
        return;
    }
    const std::string& type = node["type"].text();
    if (steps.byte_level) {
        node["type"].refuse("ByteLevel as the last step");
    }
    if (type == "Sequence") {
        const JsonNode parts = node["pretokenizers"];
        for (std::size_t i = 0; i < parts.size(); ++i) {
            read_pre_tokenizer(parts.at(i), steps);
        }
    } else if (type == "ByteLevel") {
        steps.byte_level = true;
        if (node["add_prefix_space"].flag()) {
            if (!steps.rules.split.empty()) {
                node["add_prefix_space"].refuse("false after other steps");
            }
            steps.rules.leading_space = LeadingSpace::unless_there;
        }
        if (node["use_regex"].flag(true)) {
            steps.rules.split.push_back(SplitRule::gpt2);
        }
    } else if (type == "Split") {
        read_split(node, steps);
    } else if (type == "Digits") {
        steps.rules.split.push_back(node["individual_digits"].flag(false) ? SplitRule::single_digits
                                                                          : SplitRule::digit_runs);
    } else if (type == "Metaspace") {
        read_metaspace(node, steps);
    } else {
        node["type"].refuse("ByteLevel, Split, Digits, Metaspace, or a Sequence of these");
    }
}

/// Decoding follows from the kind of tokenizer; here is only seen that the file means the same.
void check_decoder(const JsonNode& node, bool byte_level) {
    if (node.absent()) {
        return;
    }
    const std::string& type = node["type"].text();
    if (type == "Sequence") {
        const JsonNode parts = node["decoders"];
        for (std::size_t i = 0; i < parts.size(); ++i) {
            check_decoder(parts.at(i), byte_level);
        }
    } else if (byte_level && type != "ByteLevel") {
        node["type"].refuse("ByteLevel, as the pre_tokenizer is");
    } else if (!byte_level && type != "Replace" && type != "ByteFallback" && type != "Fuse" && type != "Strip" &&
               type != "Metaspace") {
        node["type"].refuse("Replace, ByteFallback, Fuse, Strip, Metaspace, or a Sequence of these");
    }
}

}  // namespace

MergeBpeRules read_tokenizer_steps(const JsonNode& document) {
    Steps steps;
    read_normalizer(document["normalizer"], steps);
    const bool prepends = steps.rules.leading_space != LeadingSpace::none;
    read_pre_tokenizer(document["pre_tokenizer"], steps);
    if (steps.byte_level && (steps.spells_spaces || prepends)) {
        document["normalizer"].refuse("none or NFC where the pre_tokenizer is ByteLevel");
    }
    if (!steps.byte_level && !steps.spells_spaces) {
        document["pre_tokenizer"].refuse(
            fmt::format("ByteLevel, or Metaspace, or a normalizer that replaces \" \" by \"{}\"", kSpaceSpelled));
    }
    check_decoder(document["decoder"], steps.byte_level);
    steps.rules.symbols_are_bytes = steps.byte_level;
    return steps.rules;
}

}  // namespace palimpsest
