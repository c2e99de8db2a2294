// palimpsest record: a model's attention over a text, into a trace file.

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "attention/recorder.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/progress_line.h"
#include "config/references.h"

namespace palimpsest {
namespace {

void record(RecordRequest request) {
    request.text = find_data_file(request.text, "").value_or(request.text);
    RecordResult result;
    {
        const InterruptGuard interrupt;
        ProgressLine progress;
        result = record_trace(
            request, [&](double fraction) { progress.update(fraction, fmt::format("recording {}", request.out)); },
            &interrupt.flag());
    }
    const TraceHeader& header = result.header;
    const auto bytes = static_cast<double>(std::filesystem::file_size(request.out));
    fmt::print("{}: {}, {} layers x {} heads, {} sequences of {} tokens, {:.2f} MB ({:.2f} bits a probability)\n",
               request.out, header.model, header.layers, header.heads, header.sequences, header.length, bytes / 1e6,
               8 * bytes / static_cast<double>(header.codes()));
    fmt::print("perplexity of the text: {:.2f}\n", result.perplexity);
    if (header.length > header.window) {
        fmt::print("positions from {} on see the last {} keys only: the context the model was trained on\n",
                   header.window, header.window);
    }
}

}  // namespace

void add_record_command(CLI::App& app) {
    auto* command = app.add_subcommand("record", "Record the attention of a real model over a text into a trace file");
    const auto request = std::make_shared<RecordRequest>();
    request->plan.sequences = 4;
    request->plan.length = 0;
    add_model_options(*command, request->model, request->text);
    command->add_option("--out", request->out, "trace file to write")->required()->type_name("FILE");
    command->add_option("--sequences", request->plan.sequences, "token sequences cut from the text (default 4)")
        ->check(CLI::Range(1U, 65536U))
        ->type_name("N");
    command->add_option("--length", request->plan.length, "tokens a sequence (default: what the model was trained on)")
        ->check(CLI::Range(1U, 1U << 20))
        ->type_name("T");
    command
        ->add_option("--skip-tokens", request->plan.skip_tokens, "tokens of the text left out at the start (default 0)")
        ->type_name("K");
    command->add_option("--title", request->title, "what the text is, for the trace's header (default: its file name)");
    command->add_option("--licence", request->licence, "licence of the text, for the trace's header");
    command->add_flag("!--no-text", request->keep_text, "leave the text's pieces out of the trace");
    command->add_option("--compression", request->compression, "zstd level (default 19)")
        ->check(CLI::Range(1, 22))
        ->type_name("LEVEL");
    command->callback([request] { record(*request); });
}

}  // namespace palimpsest
