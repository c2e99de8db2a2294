// From a checkpoint and a text to a trace, on a tiny model with known attention.

#include <filesystem>

#include <nlohmann/json.hpp>

#include "attention/recorder.h"
#include "attention/trace_source.h"
#include "golden/llama_reference.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/input_errors.h"
#include "support/letter_model.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

RecordRequest request_in(const ScratchDirectory& scratch) {
    write_letter_model(scratch / "tiny", LlamaReference({}, 4));
    std::ofstream(scratch / "text.txt")
        << "a cat sat on a mat and ran\n<|endoftext|>\nthe dog sat on the log\n<|endoftext|>\n"
        << "no one knows where the last one went or what it saw there\n";
    return {.model = scratch / "tiny",
            .text = scratch / "text.txt",
            .out = scratch / "out.ptrace",
            .plan = {.sequences = 2, .length = 40},
            .title = "letters",
            .licence = "none"};
}

}  // namespace

TEST_CASE("a recording holds the attention of the model over the text", "[record]") {
    const ScratchDirectory scratch;
    const RecordRequest request = request_in(scratch);
    double fraction = 0;
    const RecordResult result = record_trace(request, [&](double f) { fraction = f; });
    CHECK(fraction == Approx(1.0));
    CHECK(result.perplexity > 1);
    TraceSource trace(request.out);
    const TraceHeader& header = trace.header();
    CHECK(header.model == "tiny");
    CHECK(header.window == 32);  // the context it was "trained" on
    CHECK(header.length == 40);
    CHECK(header.licence == "none");
    REQUIRE(header.pieces.size() == 2);
    CHECK(header.pieces[0][0] == "<s>");
    CHECK(header.pieces[0][2] == "a");
    CHECK(header.pieces[1][2] == "n");  // the third document: the second was begun by the first sequence

    // The tokens again, from the pieces, for the reference.
    std::vector<unsigned> tokens;
    for (const std::string& piece : header.pieces[1]) {
        tokens.push_back(piece == "<s>"                  ? 1U
                         : piece == " " || piece.empty() ? 259U + 26U
                                                         : 259U + static_cast<unsigned>(piece[0] - 'a'));
    }
    const auto expected = LlamaReference({}, 4).run(tokens, 32);
    double worst = 0;
    for (std::uint32_t position = 0; position < 40; ++position) {
        std::vector<Probability> row(position + 1);
        trace.row(1, 2, 3, position, row);
        for (std::size_t key = 0; key < row.size(); ++key) {
            const double p = expected.attention[2][3][position][key];
            worst = std::max(worst, std::abs(row[key] / 65535.0 - p) - std::sqrt(p) / 255);
        }
    }
    CHECK(worst < 1e-4);
}

TEST_CASE("the same recording gives the same bytes", "[record]") {
    const ScratchDirectory scratch;
    RecordRequest request = request_in(scratch);
    record_trace(request);
    const std::string first = content_of(request.out);
    request.out = scratch / "again.ptrace";
    record_trace(request);
    CHECK(content_of(request.out) == first);
    request.keep_text = false;
    record_trace(request);
    CHECK(TraceSource(request.out).header().pieces.empty());
}

TEST_CASE("an interrupted recording leaves nothing", "[record]") {
    const ScratchDirectory scratch;
    const RecordRequest request = request_in(scratch);
    const std::size_t before = scratch.entries();
    std::atomic<bool> interrupted{false};
    CHECK_THROWS_AS(record_trace(
                        request, [&](double) { interrupted = true; }, &interrupted),
                    SimulationError);
    CHECK(scratch.entries() == before);
}

TEST_CASE("a text too short, or a file missing, is bad input", "[record]") {
    const ScratchDirectory scratch;
    RecordRequest request = request_in(scratch);
    const std::size_t before = scratch.entries();
    request.plan.sequences = 9;
    CHECK_THROWS_AS(record_trace(request), InputError);
    request = request_in(scratch);
    request.text = scratch / "none.txt";
    CHECK_THROWS_AS(record_trace(request), InputError);
    CHECK(scratch.entries() == before);
}

TEST_CASE("a model with learned positions records no text longer than they reach", "[record]") {
    const ScratchDirectory scratch;
    RecordRequest request = request_in(scratch);
    request.model = scratch / "gpt2";
    std::filesystem::copy(PALIMPSEST_SOURCE_DIR "/tests/engine/data/tiny-gpt2-f32", request.model);
    nlohmann::json vocabulary;
    for (unsigned token = 0; token < 66; ++token) {  // '9' to 'z'
        vocabulary[std::string(1, static_cast<char>('9' + token))] = token;
    }
    std::ofstream(request.model + "/tokenizer.json")
        << nlohmann::json{{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}},
                          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}}};
    request.plan = {.sequences = 1, .length = 17};
    CHECK_NOTHROW(record_trace(request));
    request.plan.length = 18;
    check_contains(input_error([&] { record_trace(request); }), {"--length", "18", "at most 17"});
}

}  // namespace palimpsest
