#include "attention/text_sequences.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/mapped_file.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Token = Tokenizer::Token;

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kSpace);
    return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Reads documents one after another, giving the begin mark where one begins.
class DocumentCursor {
  public:
    DocumentCursor(const std::vector<TokenSequence>& documents, std::optional<Token> begin)
        : documents_(documents), begin_(begin) {}

    bool at_end() const { return document_ == documents_.size(); }
    /// Appends to `tokens` until it has `length`, or the documents end.
    void fill(TokenSequence& tokens, std::size_t length) {
        while (tokens.size() < length && !at_end()) {
            if (begin_ && (offset_ == 0 || tokens.empty())) {
                tokens.push_back(*begin_);
            }
            const TokenSequence& document = documents_[document_];
            const std::size_t count = std::min(length - tokens.size(), document.size() - offset_);
            tokens.insert(tokens.end(), document.begin() + static_cast<std::ptrdiff_t>(offset_),
                          document.begin() + static_cast<std::ptrdiff_t>(offset_ + count));
            offset_ += count;
            if (offset_ == document.size()) {
                ++document_;
                offset_ = 0;
            }
        }
    }
    /// Leaves out the rest of a document that was begun, unless it is the only one.
    void to_document_start() {
        if (documents_.size() > 1 && offset_ > 0) {
            ++document_;
            offset_ = 0;
        }
    }

  private:
    const std::vector<TokenSequence>& documents_;
    std::optional<Token> begin_;
    std::size_t document_ = 0;
    std::size_t offset_ = 0;
};

}  // namespace

std::vector<std::string> split_documents(std::string_view text) {
    std::vector<std::string> documents;
    while (!text.empty()) {
        const std::size_t end = text.find(kDocumentSeparator);
        if (const std::string_view document = trim(text.substr(0, end)); !document.empty()) {
            documents.emplace_back(document);
        }
        text = end == std::string_view::npos ? "" : text.substr(end + kDocumentSeparator.size());
    }
    return documents;
}

std::vector<TokenSequence> cut_sequences(const std::vector<TokenSequence>& documents, const SequencePlan& plan,
                                         std::optional<Token> begin, const std::string& file) {
    DocumentCursor cursor(documents, begin);
    TokenSequence skipped;
    cursor.fill(skipped, plan.skip_tokens);
    cursor.to_document_start();
    std::vector<TokenSequence> sequences(plan.sequences);
    for (std::uint32_t i = 0; i < plan.sequences; ++i) {
        cursor.fill(sequences[i], plan.length);
        if (sequences[i].size() < plan.length) {
            if (plan.at_least > 0 && i >= plan.at_least) {
                sequences.resize(i);
                break;
            }
            throw InputError(file, "",
                             fmt::format("the text ends after {} sequences and {} tokens ({} tokens skipped)", i,
                                         sequences[i].size(), skipped.size()),
                             fmt::format("text for {} sequences of {} tokens", plan.sequences, plan.length));
        }
        cursor.to_document_start();
    }
    return sequences;
}

std::vector<TokenSequence> read_sequences(const std::string& file, const Tokenizer& tokenizer,
                                          const SequencePlan& plan) {
    const MappedFile text(file, "a text file");
    std::vector<TokenSequence> documents;
    for (const std::string& document :
         split_documents({reinterpret_cast<const char*>(text.bytes().data()), text.bytes().size()})) {
        documents.push_back(tokenizer.encode(document));
    }
    return cut_sequences(documents, plan, tokenizer.begin(), file);
}

}  // namespace palimpsest
