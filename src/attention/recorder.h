#pragma once
// Runs a model over a text and records its attention: what `palimpsest record` does.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "attention/text_sequences.h"
#include "attention/trace_writer.h"

namespace palimpsest {

struct RecordRequest {
    std::string model;  ///< what open_model() takes
    std::string text;   ///< UTF-8; documents separated by kDocumentSeparator
    std::string out;
    SequencePlan plan;  ///< length 0: as many positions as the model was trained on
    std::string title;  ///< of the text; empty: the file's name
    std::string licence = "not stated";
    bool keep_text = true;  ///< the trace carries the text's pieces, for `palimpsest inspect`
    int compression = TraceWriter::kDefaultCompression;
};

struct RecordResult {
    TraceHeader header;
    double perplexity = 0;  ///< of the model on the recorded text; document starts are not counted
};

/// Calls `on_progress` with the fraction done. Throws InputError for input that cannot be used, SimulationError when
/// `interrupted` is set or the file cannot be written; then nothing is left.
RecordResult record_trace(const RecordRequest& request, const std::function<void(double)>& on_progress = {},
                          const std::atomic<bool>* interrupted = nullptr);

}  // namespace palimpsest
