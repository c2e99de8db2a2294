#include "engine/tokenizer_marks.h"

#include <filesystem>
#include <initializer_list>

namespace palimpsest {
namespace {

using TokenOf = std::function<std::optional<std::uint32_t>(const std::string&)>;

/// `node` is a post_processor or a step of one.
void read_template(const JsonNode& node, std::uint32_t vocabulary, TokenizerMarks& marks) {
    if (node.absent()) {
        return;
    }
    const std::string& type = node["type"].text();
    if (type == "Sequence") {
        const JsonNode parts = node["processors"];
        for (std::size_t i = 0; i < parts.size(); ++i) {
            read_template(parts.at(i), vocabulary, marks);
        }
    }
    if (type != "TemplateProcessing") {
        return;
    }
    const JsonNode parts = node["single"];
    bool text_seen = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const JsonNode special = parts.at(i)["SpecialToken"];
        if (special.absent()) {
            text_seen = true;
            continue;
        }
        auto& mark = text_seen ? marks.end : marks.begin;
        if (!mark) {
            mark = node["special_tokens"][special["id"].text()]["ids"].at(0).number_below(vocabulary);
        }
    }
}

/// A token's text, or an object with it as `content`.
void read_named(const JsonNode& node, const TokenOf& token_of, std::optional<std::uint32_t>& mark) {
    if (mark || node.absent()) {
        return;
    }
    const JsonNode name = node.value().is_object() ? node["content"] : node;
    mark = token_of(name.text());
    if (!mark) {
        name.refuse("a token of tokenizer.json");
    }
}

void read_number(const JsonNode& node, std::uint32_t vocabulary, std::optional<std::uint32_t>& mark) {
    if (!mark && !node.absent()) {
        mark = (node.value().is_array() ? node.at(0) : node).number_below(vocabulary);
    }
}

}  // namespace

TokenizerMarks find_tokenizer_marks(const JsonNode& tokenizer, const std::string& directory, std::uint32_t vocabulary,
                                    const TokenOf& token_of) {
    TokenizerMarks marks;
    read_template(tokenizer["post_processor"], vocabulary, marks);
    if (directory.empty()) {
        return marks;
    }
    for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "config.json"}) {
        const std::string file = (std::filesystem::path(directory) / name).string();
        if ((marks.begin && marks.end) || !std::filesystem::exists(file)) {
            continue;
        }
        const Json document = read_json_file(file);
        const JsonNode node(file, document);
        if (std::string_view(name) == "config.json") {
            read_number(node["bos_token_id"], vocabulary, marks.begin);
            read_number(node["eos_token_id"], vocabulary, marks.end);
        } else {
            read_named(node["bos_token"], token_of, marks.begin);
            read_named(node["eos_token"], token_of, marks.end);
        }
    }
    return marks;
}

}  // namespace palimpsest
