#include "engine/tokenizer_json.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "engine/byte_letters.h"
#include "engine/json_node.h"
#include "engine/merge_bpe_tokenizer.h"
#include "engine/tokenizer_json_steps.h"
#include "engine/tokenizer_marks.h"
#include "engine/utf8.h"

namespace palimpsest {
namespace {

using Token = Tokenizer::Token;
using Piece = MergeBpeVocabulary::Piece;

/// Reads one document; `spelled_` holds the pieces as the file writes them.
class Reader {
  public:
    Reader(const JsonNode& document, std::uint32_t vocabulary)
        : document_(document), model_(document["model"]), size_(vocabulary), taken_(vocabulary, nullptr) {}

    std::unique_ptr<Tokenizer> read(const std::string& directory);

  private:
    void check_model() const;
    void read_vocabulary();
    void read_added_tokens();
    void check_size() const;
    void read_merges();
    void claim(Token token, const std::string& text, const JsonNode& where);
    Piece piece_of(const std::string& text) const;
    std::optional<Token> token_of(const std::string& text) const;

    const JsonNode& document_;
    JsonNode model_;
    std::uint32_t size_;
    MergeBpeRules rules_;
    MergeBpeVocabulary result_;
    bool has_bytes_ = false;
    std::unordered_map<std::string, Token> spelled_;
    std::vector<const std::string*> taken_;  ///< by id, the text in `spelled_`
};

void Reader::check_model() const {
    const JsonNode type = model_["type"];
    if (!type.absent() && type.text() != "BPE") {  // old files do not say
        type.refuse("BPE");
    }
    const JsonNode dropout = model_["dropout"];
    if (!dropout.absent() && dropout.value() != 0) {
        dropout.refuse("null: merges are not left out at random");
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        const JsonNode affix = model_[key];
        if (!affix.absent() && !affix.text().empty()) {
            affix.refuse("null or \"\"");
        }
    }
}

void Reader::claim(Token token, const std::string& text, const JsonNode& where) {
    const auto [entry, is_new] = spelled_.emplace(text, token);
    if (!is_new && entry->second != token) {
        where.refuse(fmt::format("{} has the ids {} and {}", quote_value(text), entry->second, token),
                     "one id for each token");
    }
    if (taken_[token] != nullptr && *taken_[token] != text) {
        where.refuse(fmt::format("id {} is both {} and {}", token, quote_value(*taken_[token]), quote_value(text)),
                     "one token for each id");
    }
    taken_[token] = &entry->first;
}

Piece Reader::piece_of(const std::string& text) const {
    if (rules_.symbols_are_bytes) {
        auto bytes = bytes_of_letters(text);
        return bytes ? Piece{std::move(*bytes), PieceKind::text} : Piece{text, PieceKind::silent};
    }
    if (has_bytes_) {
        if (const auto byte = byte_spelled(text)) {
            return {std::string(1, *byte), PieceKind::byte};
        }
    }
    if (text.find(' ') != std::string::npos) {  // no text has spaces when pieces are looked up
        return {text, PieceKind::silent};
    }
    return {replaced(text, kSpaceSpelled, " "), PieceKind::text};
}

std::optional<Token> Reader::token_of(const std::string& text) const {
    const auto found = spelled_.find(text);
    return found == spelled_.end() ? std::nullopt : std::optional(found->second);
}

void Reader::read_vocabulary() {
    const JsonNode vocabulary = model_["vocab"];
    if (!vocabulary.value().is_object()) {
        vocabulary.refuse("an object of ids by token");
    }
    spelled_.reserve(vocabulary.value().size());
    result_.pieces.resize(size_);
    for (const auto& [text, id] : vocabulary.value().items()) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= size_) {
            vocabulary.refuse(fmt::format("{} has {}", quote_value(text), quote_value(id)),
                              fmt::format("ids below {}, the size of the model's vocabulary", size_));
        }
        const auto token = id.get<Token>();
        claim(token, text, vocabulary);
        result_.pieces[token] = piece_of(text);
    }
}

void Reader::read_added_tokens() {
    const JsonNode added = document_["added_tokens"];
    for (std::size_t i = 0; !added.absent() && i < added.size(); ++i) {
        const JsonNode node = added.at(i);
        const Token token = node["id"].number_below(size_);
        const std::string& text = node["content"].text();
        claim(token, text, node);
        if (node["special"].flag(false)) {
            result_.pieces[token] = {text, PieceKind::mark};
            continue;
        }
        if (node["single_word"].flag(false)) {
            node["single_word"].refuse("false");
        }
        result_.pieces[token] = {text, PieceKind::literal};
        result_.literals.push_back({.text = text,
                                    .token = token,
                                    .takes_left = node["lstrip"].flag(false),
                                    .takes_right = node["rstrip"].flag(false)});
    }
}

void Reader::check_size() const {
    constexpr std::uint32_t kRounding = 1024;
    const auto last = std::find_if(taken_.rbegin(), taken_.rend(), [](const auto* text) { return text != nullptr; });
    const auto unused = static_cast<std::uint32_t>(last - taken_.rbegin());
    if (unused > 0 && (unused == size_ || unused >= kRounding || size_ % 8 != 0)) {
        model_["vocab"].refuse(fmt::format("{} tokens, with those in added_tokens", size_ - unused),
                               fmt::format("as many as the model's vocabulary has, {}", size_));
    }
}

void Reader::read_merges() {
    const JsonNode merges = model_["merges"];
    const std::size_t count = merges.size();
    result_.merges.reserve(count);
    for (std::size_t rank = 0; rank < count; ++rank) {
        const Json& merge = merges.value()[rank];
        std::string left;
        std::string right;
        if (merge.is_string()) {
            const auto& text = merge.get_ref<const std::string&>();
            const std::size_t space = std::min(text.find(' '), text.size());
            left = text.substr(0, space);
            right = text.substr(std::min(space + 1, text.size()));
        } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            left = merge[0].get<std::string>();
            right = merge[1].get<std::string>();
        }
        if (left.empty() || right.empty()) {
            merges.at(rank).refuse("\"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]");
        }
        const auto must_have = [&](const std::string& text) {
            const auto token = token_of(text);
            if (!token) {
                merges.at(rank).refuse(fmt::format("{} is not in model.vocab", quote_value(text)),
                                       "two tokens of model.vocab whose joint text is one, too");
            }
            return *token;
        };
        result_.merges.push_back({must_have(left), must_have(right), must_have(left + right)});
    }
}

std::unique_ptr<Tokenizer> Reader::read(const std::string& directory) {
    check_model();
    rules_ = read_tokenizer_steps(document_);
    rules_.whole_words = model_["ignore_merges"].flag(false);
    rules_.fuse_unknown = model_["fuse_unk"].flag(false);
    has_bytes_ = model_["byte_fallback"].flag(false);
    read_vocabulary();
    read_merges();
    read_added_tokens();
    check_size();
    if (const JsonNode unknown = model_["unk_token"]; !unknown.absent()) {
        result_.unknown = token_of(unknown.text());
        if (!result_.unknown) {
            unknown.refuse("a token of model.vocab");
        }
        result_.pieces[*result_.unknown].kind = PieceKind::mark;
    }
    const TokenizerMarks marks =
        find_tokenizer_marks(document_, directory, size_, [this](const std::string& text) { return token_of(text); });
    for (const auto mark : {marks.begin, marks.end}) {
        if (mark) {
            result_.pieces[*mark].kind = PieceKind::mark;
        }
    }
    result_.begin = marks.begin;
    result_.end = marks.end;
    return std::make_unique<MergeBpeTokenizer>(std::move(result_), std::move(rules_));
}

}  // namespace

std::unique_ptr<Tokenizer> read_tokenizer_json(const std::string& directory_or_file, std::uint32_t vocabulary) {
    const bool is_directory = std::filesystem::is_directory(directory_or_file);
    const std::string file =
        is_directory ? (std::filesystem::path(directory_or_file) / "tokenizer.json").string() : directory_or_file;
    const Json document = read_json_file(file);
    const JsonNode node(file, document);
    return Reader(node, vocabulary).read(is_directory ? directory_or_file : "");
}

}  // namespace palimpsest
