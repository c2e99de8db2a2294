#include "attention/text_sequences.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Token = BpeTokenizer::Token;

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kSpace);
    return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Reads documents one after another, giving the begin mark where one begins.
class DocumentCursor {
  public:
    explicit DocumentCursor(const std::vector<std::vector<Token>>& documents) : documents_(documents) {}

    bool at_end() const { return document_ == documents_.size(); }
    /// Appends to `tokens` until it has `length`, or the documents end.
    void fill(std::vector<Token>& tokens, std::size_t length) {
        while (tokens.size() < length && !at_end()) {
            if (offset_ == 0 || tokens.empty()) {
                tokens.push_back(BpeTokenizer::kBegin);
            }
            const std::vector<Token>& document = documents_[document_];
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
    const std::vector<std::vector<Token>>& documents_;
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

std::vector<std::vector<Token>> cut_sequences(const std::vector<std::vector<Token>>& documents,
                                              const SequencePlan& plan, const std::string& file) {
    DocumentCursor cursor(documents);
    std::vector<Token> skipped;
    cursor.fill(skipped, plan.skip_tokens);
    cursor.to_document_start();
    std::vector<std::vector<Token>> sequences(plan.sequences);
    for (std::uint32_t i = 0; i < plan.sequences; ++i) {
        cursor.fill(sequences[i], plan.length);
        if (sequences[i].size() < plan.length) {
            throw InputError(file, "",
                             fmt::format("the text ends after {} sequences and {} tokens ({} tokens skipped)", i,
                                         sequences[i].size(), skipped.size()),
                             fmt::format("text for {} sequences of {} tokens", plan.sequences, plan.length));
        }
        cursor.to_document_start();
    }
    return sequences;
}

}  // namespace palimpsest
