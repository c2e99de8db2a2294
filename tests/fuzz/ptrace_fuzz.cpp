// Any bytes as an attention trace: as they are, and once more with the checksums put right, which otherwise stop nearly
// everything at the door.

#include <cstring>

#include "attention/trace_source.h"
#include "attention/trace_writer.h"
#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

void read_rows(std::string_view input) {
    const InputFile file(input);
    TraceSource trace(file.path(), std::size_t{1} << 20);
    constexpr std::uint32_t kMost = 64;
    for (std::uint32_t step = 0; step < kMost; ++step) {
        const std::uint32_t position = std::min(step * 7, std::uint32_t{4096}) % trace.length();
        std::vector<Probability> row(position + 1);
        trace.row(step % trace.sequences(), step % trace.layers(), step % trace.heads(), position, row);
    }
}

template <class T>
T load(const std::string& bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

template <class T>
void store(std::string& bytes, std::size_t at, const T& value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Checksums of the header, of each block that lies in the file, and of the index; nothing where there is no room.
void repair_checksums(std::string& bytes) {
    if (bytes.size() < sizeof(TracePreamble)) {
        return;
    }
    auto preamble = load<TracePreamble>(bytes, 0);
    if (preamble.header_bytes > bytes.size() - sizeof preamble) {
        return;
    }
    const std::string header_text = bytes.substr(sizeof preamble, preamble.header_bytes);
    preamble.header_checksum = trace_checksum(header_text);
    store(bytes, 0, preamble);
    const std::uint64_t blocks = parse_trace_header("input", header_text).blocks();  // InputError: no index either
    if (blocks > bytes.size() / sizeof(TraceBlock) ||
        blocks * sizeof(TraceBlock) + sizeof(std::uint64_t) > bytes.size()) {
        return;
    }
    const std::size_t end = bytes.size() - sizeof(std::uint64_t);
    const std::size_t index = end - blocks * sizeof(TraceBlock);
    for (std::size_t at = index; at < end; at += sizeof(TraceBlock)) {
        auto block = load<TraceBlock>(bytes, at);
        if (block.offset <= bytes.size() && block.compressed_bytes <= bytes.size() - block.offset) {
            block.checksum = trace_checksum(std::string_view(bytes).substr(block.offset, block.compressed_bytes));
            store(bytes, at, block);
        }
    }
    store(bytes, end, trace_checksum(std::string_view(bytes).substr(index, end - index)));
}

std::string small_trace(std::uint32_t window) {
    const ScratchDirectory scratch;
    const TraceHeader header{.model = "tiny",
                             .checkpoint_hash = "0123456789abcdef",
                             .layers = 2,
                             .heads = 2,
                             .kv_heads = 1,
                             .head_dim = 8,
                             .vocabulary = 100,
                             .sequences = 2,
                             .length = 12,
                             .window = window,
                             .rows_per_block = 8,
                             .text = "numbers",
                             .licence = "none",
                             .tool = "test",
                             .pieces = {}};
    TraceWriter writer(scratch / "seed", header, 1);
    for (std::uint32_t sequence = 0; sequence < header.sequences; ++sequence) {
        for (std::uint32_t first = 0; first < header.length; first += header.rows_per_block) {
            for (std::uint32_t layer = 0; layer < header.layers; ++layer) {
                for (std::uint32_t head = 0; head < header.heads; ++head) {
                    for (std::uint32_t position = first;
                         position < std::min(header.length, first + header.rows_per_block); ++position) {
                        const std::uint32_t keys = header.visible_keys(position);
                        writer.row(sequence, layer, head, position,
                                   std::vector<float>(keys, 1.0F / static_cast<float>(keys)));
                    }
                }
            }
        }
    }
    writer.finish();
    return content_of(scratch / "seed");
}

}  // namespace

const unsigned kFuzzMutations = 5000;

void fuzz_one(std::string_view input) {
    try {
        read_rows(input);
        return;
    } catch (const InputError&) {  // most likely a checksum
    }
    std::string repaired(input);
    repair_checksums(repaired);
    read_rows(repaired);
}

std::vector<std::string> fuzz_seeds() {
    return {small_trace(12), small_trace(5)};
}

}  // namespace palimpsest
