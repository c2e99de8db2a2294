// Traces come back as they were written, damaged ones are refused with the place, and unfinished ones leave nothing.

#include <cmath>
#include <cstring>
#include <random>

#include "attention/probability_code.h"
#include "attention/trace_source.h"
#include "attention/trace_writer.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

TraceHeader small_header() {
    return {.model = "tiny",
            .checkpoint_hash = "0123456789abcdef",
            .layers = 2,
            .heads = 3,
            .kv_heads = 1,
            .head_dim = 8,
            .vocabulary = 100,
            .sequences = 2,
            .length = 21,
            .window = 9,
            .rows_per_block = 8,
            .text = "numbers",
            .licence = "none",
            .tool = "test",
            .pieces = {}};
}

/// A row of its own for each place, summing to one.
std::vector<float> made_up_row(const TraceHeader& header, std::uint32_t sequence, std::uint32_t layer,
                               std::uint32_t head, std::uint32_t position) {
    std::mt19937 random(((sequence * 10 + layer) * 10 + head) * 1000 + position);
    std::vector<float> row(header.visible_keys(position));
    float sum = 0;
    for (float& p : row) {
        p = std::pow(static_cast<float>(random() % 1000) / 1000.0F, 6.0F) + 1e-6F;
        sum += p;
    }
    for (float& p : row) {
        p /= sum;
    }
    return row;
}

/// As an engine does: block by block, in it by layer, head, position.
void write_rows(TraceWriter& writer, const TraceHeader& header) {
    for (std::uint32_t sequence = 0; sequence < header.sequences; ++sequence) {
        for (std::uint32_t first = 0; first < header.length; first += header.rows_per_block) {
            const std::uint32_t last = std::min(header.length, first + header.rows_per_block);
            for (std::uint32_t layer = 0; layer < header.layers; ++layer) {
                for (std::uint32_t head = 0; head < header.heads; ++head) {
                    for (std::uint32_t position = first; position < last; ++position) {
                        writer.row(sequence, layer, head, position,
                                   made_up_row(header, sequence, layer, head, position));
                    }
                }
            }
        }
    }
}

void write_trace(const std::string& path, const TraceHeader& header) {
    TraceWriter writer(path, header);
    write_rows(writer, header);
    writer.finish();
}

std::string error_of(const std::string& path) {
    try {
        const TraceSource source(path);
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

void contains(const std::string& text, const std::vector<std::string>& parts) {
    for (const auto& part : parts) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("every row comes back within the code's error, older keys than the window as zero", "[trace]") {
    const ScratchDirectory scratch;
    TraceHeader header = small_header();
    header.window = GENERATE(1U, 9U, 50U);
    write_trace(scratch / "t.ptrace", header);
    // A cache of one byte holds one block at a time: rows must not depend on what was asked before.
    TraceSource source(scratch / "t.ptrace", GENERATE(std::size_t{1}, TraceSource::kDefaultCacheBytes));
    CHECK(source.layers() == 2);
    CHECK(source.heads() == 3);
    CHECK(source.sequences() == 2);
    CHECK(source.length() == 21);
    CHECK_FALSE(source.synthetic());
    for (std::uint32_t position = 0; position < header.length; ++position) {
        for (std::uint32_t sequence = 0; sequence < 2; ++sequence) {
            for (std::uint32_t layer = 0; layer < 2; ++layer) {
                for (std::uint32_t head = 0; head < 3; ++head) {
                    std::vector<Probability> row(position + 1, 4711);
                    source.row(sequence, layer, head, position, row);
                    const auto wanted = made_up_row(header, sequence, layer, head, position);
                    const std::size_t hidden = row.size() - wanted.size();
                    for (std::size_t key = 0; key < row.size(); ++key) {
                        const double p = key < hidden ? 0.0 : static_cast<double>(wanted[key - hidden]);
                        REQUIRE(std::abs(row[key] / 65535.0 - p) <= std::sqrt(p) / 255 + 2.0 / 65535);
                    }
                }
            }
        }
    }
}

TEST_CASE("blocks are decompressed once in position order, and memory stays within the cache", "[trace]") {
    const ScratchDirectory scratch;
    const TraceHeader header = small_header();
    write_trace(scratch / "t.ptrace", header);
    const auto read_all = [&](TraceSource& source) {
        for (std::uint32_t position = 0; position < header.length; ++position) {
            std::vector<Probability> row(position + 1);
            for (std::uint32_t layer = 0; layer < header.layers; ++layer) {
                source.row(0, layer, 1, position, row);
            }
        }
    };
    TraceSource roomy(scratch / "t.ptrace");
    read_all(roomy);
    CHECK(roomy.decompressions() == 2U * 3U);
    const std::uint64_t two_blocks = 2 * 3 * header.codes_per_head(15);
    TraceSource tight(scratch / "t.ptrace", two_blocks);
    read_all(tight);
    CHECK(tight.decompressions() == 2U * 3U);
    CHECK(tight.cached_bytes() <= two_blocks);
}

TEST_CASE("a trace's bytes and its header are determined by what it holds", "[trace]") {
    const ScratchDirectory scratch;
    TraceHeader header = small_header();
    header.pieces.assign(2, std::vector<std::string>(21, " word"));
    header.pieces[1][3] = "\xE2\x82";  // part of a character
    write_trace(scratch / "a.ptrace", header);
    write_trace(scratch / "b.ptrace", header);
    CHECK(content_of(scratch / "a.ptrace") == content_of(scratch / "b.ptrace"));
    const TraceSource source(scratch / "a.ptrace");
    CHECK(source.header().model == "tiny");
    CHECK(source.header().text == "numbers");
    CHECK(source.header().kv_heads == 1);
    CHECK(source.header().pieces[0][20] == " word");
    CHECK(source.describe().find("tiny") != std::string::npos);
    CHECK(source.file_bytes() == content_of(scratch / "a.ptrace").size());
}

TEST_CASE("any changed byte is found when the trace is opened", "[trace]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "t.ptrace", small_header());
    const std::string whole = content_of(scratch / "t.ptrace");
    for (std::size_t at = 0; at < whole.size(); at += at < 64 ? 1 : 13) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
        std::ofstream(scratch / "bad.ptrace", std::ios::binary) << bytes;
        INFO("byte " << at);
        REQUIRE(error_of(scratch / "bad.ptrace").find("bad.ptrace") != std::string::npos);
    }
}

TEST_CASE("a trace cut anywhere, or with bytes too many, is refused", "[trace]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "t.ptrace", small_header());
    const std::string whole = content_of(scratch / "t.ptrace");
    for (std::size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 17) {
        std::ofstream(scratch / "cut.ptrace", std::ios::binary) << whole.substr(0, size);
        INFO(size << " bytes");
        REQUIRE_FALSE(error_of(scratch / "cut.ptrace").empty());
    }
    std::ofstream(scratch / "long.ptrace", std::ios::binary) << whole << 'x';
    CHECK_FALSE(error_of(scratch / "long.ptrace").empty());
}

TEST_CASE("messages name the file, the place and what would be accepted", "[trace]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "t.ptrace", small_header());
    const std::string whole = content_of(scratch / "t.ptrace");
    const auto with = [&](std::size_t at, std::uint32_t value) {
        std::string bytes = whole;
        std::memcpy(bytes.data() + at, &value, 4);
        std::ofstream(scratch / "bad.ptrace", std::ios::binary) << bytes;
        return error_of(scratch / "bad.ptrace");
    };
    contains(with(0, 0), {"bad.ptrace: byte 0", "not an attention trace", "accepted"});
    contains(with(8, 7), {"byte 8", "format version 7", "version 1"});
    contains(with(12, 0xFFFFFFFF), {"byte 12", "header of 4294967295 bytes"});
    contains(with(40, 0), {"byte 24", "header's checksum"});
    contains(with(whole.size() - 40, 0), {"checksum of the index"});
    std::ofstream(scratch / "bad.ptrace", std::ios::binary) << whole.substr(0, whole.size() / 2);
    contains(error_of(scratch / "bad.ptrace"), {"cut off"});
    contains(error_of(scratch / "none.ptrace"), {"none.ptrace", "not a file"});
    contains(error_of(scratch.path().string()), {"not a file"});

    const TraceHeader header = small_header();
    const std::size_t first_block = 24 + to_json(header).size();
    contains(with(first_block + 4, 0x12345678), {"checksum of block 0", "byte " + std::to_string(first_block)});
}

TEST_CASE("a header whose numbers make no trace is refused by reader and writer", "[trace]") {
    const ScratchDirectory scratch;
    const auto broken = [&](auto change) {
        TraceHeader header = small_header();
        change(header);
        CHECK_THROWS_AS(TraceWriter(scratch / "t.ptrace", header), InputError);
        CHECK_THROWS_AS(parse_trace_header("t", to_json(header)), InputError);
    };
    broken([](TraceHeader& h) { h.layers = 0; });
    broken([](TraceHeader& h) { h.kv_heads = 2; });
    broken([](TraceHeader& h) { h.kv_heads = 0; });
    broken([](TraceHeader& h) { h.window = 0; });
    broken([](TraceHeader& h) { h.rows_per_block = 0; });
    broken([](TraceHeader& h) { h.length = 0; });
    broken([](TraceHeader& h) { h.pieces.assign(2, {"one"}); });
    broken([](TraceHeader& h) {
        h.heads = h.kv_heads = 4096;
        h.length = h.window = h.rows_per_block = 1U << 20;
    });
    CHECK_THROWS_AS(parse_trace_header("t", "{}"), InputError);
    CHECK_THROWS_AS(parse_trace_header("t", "no JSON"), InputError);
    CHECK(scratch.entries() == 0);
}

TEST_CASE("a trace that is not finished leaves nothing, and rows out of turn are errors", "[trace]") {
    const ScratchDirectory scratch;
    const TraceHeader header = small_header();
    {
        TraceWriter writer(scratch / "t.ptrace", header);
        writer.row(0, 1, 2, 3, made_up_row(header, 0, 1, 2, 3));
        CHECK_THROWS_AS(writer.row(0, 0, 0, 8, std::vector<float>(9)), SimulationError);  // next block
        CHECK_THROWS_AS(writer.row(1, 0, 0, 0, std::vector<float>(1)), SimulationError);  // next sequence
        CHECK_THROWS_AS(writer.row(0, 2, 0, 0, std::vector<float>(1)), SimulationError);  // no such layer
        CHECK_THROWS_AS(writer.row(0, 0, 0, 3, std::vector<float>(3)), SimulationError);  // too short
        CHECK_THROWS_AS(writer.finish(), SimulationError);
    }
    CHECK(scratch.entries() == 0);
    CHECK_THROWS_AS(TraceWriter(scratch / "no/folder/t.ptrace", header), SimulationError);

    write_trace(scratch / "t.ptrace", header);
    CHECK(scratch.entries() == 1);
    TraceSource source(scratch / "t.ptrace");
    std::vector<Probability> row(5);
    CHECK_THROWS_AS(source.row(0, 0, 0, 5, row), SimulationError);
    CHECK_THROWS_AS(source.row(2, 0, 0, 4, row), SimulationError);
    CHECK_NOTHROW(source.row(1, 1, 2, 4, row));
}

TEST_CASE("the square-root code keeps small probabilities and its error bound", "[trace]") {
    CHECK(kProbabilityOfCode.front() == 0);
    CHECK(kProbabilityOfCode.back() == kProbabilityOne);
    for (std::size_t code = 1; code < kProbabilityOfCode.size(); ++code) {
        REQUIRE(kProbabilityOfCode[code] > kProbabilityOfCode[code - 1]);
        REQUIRE(encode_probability(static_cast<float>(kProbabilityOfCode[code]) / 65535.0F) == code);
    }
    CHECK(encode_probability(1.0F / 65025) == 1);
    CHECK(encode_probability(-1.0F) == 0);
    CHECK(encode_probability(2.0F) == 255);
    CHECK(encode_probability(std::nanf("")) == 0);
    for (double p = 1e-7; p <= 1; p *= 1.0003) {
        const double error = std::abs(kProbabilityOfCode[encode_probability(static_cast<float>(p))] / 65535.0 - p);
        REQUIRE(error <= std::sqrt(p) / 255 + 1.0 / 260100 + 0.5 / 65535 + 1e-7);
    }
}

}  // namespace palimpsest
