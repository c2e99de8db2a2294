#include "attention/trace_source.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>

#include "attention/probability_code.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kDamaged = "the bytes that were recorded (the file is damaged: copy or record it again)";

}  // namespace

TraceSource::TraceSource(const std::string& path, std::size_t cache_bytes) : path_(path), cache_bytes_(cache_bytes) {
    std::error_code error;
    const bool regular = std::filesystem::is_regular_file(path_, error);
    file_.open(path_, std::ios::binary);
    if (!regular || !file_) {
        throw InputError(path_, "", regular ? "cannot be read" : "is not a file",
                         "an attention trace, as `palimpsest record` writes it");
    }
    file_bytes_ = std::filesystem::file_size(path_);
    read_preamble_and_header();
    read_index();
    check_blocks();
    blocks_.resize(index_.size());
}

void TraceSource::read_preamble_and_header() {
    TracePreamble preamble;
    const std::uint64_t there = std::min<std::uint64_t>(file_bytes_, sizeof preamble.magic);
    preamble.magic = {};
    read(0, preamble.magic.data(), there, "the magic number");
    if (preamble.magic != kTraceMagic) {
        throw InputError(path_, "byte 0", "is not an attention trace",
                         "a file that begins with the bytes 89 50 54 52 41 43 45 0a");
    }
    read(0, &preamble, sizeof preamble, "the preamble");
    if (preamble.version != kTraceVersion) {
        throw InputError(
            path_, "byte 8", fmt::format("format version {}", preamble.version),
            fmt::format("version {} (record the trace again with this version's `palimpsest record`)", kTraceVersion));
    }
    if (preamble.header_bytes > file_bytes_) {
        throw InputError(path_, "byte 12",
                         fmt::format("a header of {} bytes in a file of {}", preamble.header_bytes, file_bytes_),
                         kDamaged);
    }
    std::string json(preamble.header_bytes, '\0');
    read(sizeof preamble, json.data(), json.size(), "the header");
    if (trace_checksum(json) != preamble.header_checksum) {
        throw InputError(path_, fmt::format("byte {}", sizeof preamble), "the header's checksum is wrong", kDamaged);
    }
    header_ = parse_trace_header(path_, json);
    blocks_offset_ = sizeof preamble + json.size();
}

void TraceSource::read_index() {
    const std::uint64_t blocks = header_.blocks();
    const std::uint64_t bytes = blocks * sizeof(TraceBlock);
    std::uint64_t checksum = 0;
    if (blocks > file_bytes_ / sizeof(TraceBlock) || blocks_offset_ + bytes + sizeof checksum > file_bytes_) {
        throw InputError(path_, fmt::format("byte {}", blocks_offset_),
                         fmt::format("the file has {} bytes: it is cut off", file_bytes_),
                         fmt::format("{} blocks and {} bytes of index after them", blocks, bytes + sizeof checksum));
    }
    const std::uint64_t index_offset = file_bytes_ - sizeof checksum - bytes;
    index_.resize(blocks);
    read(index_offset, index_.data(), bytes, "the index");
    read(index_offset + bytes, &checksum, sizeof checksum, "the index");
    if (checksum != trace_checksum({reinterpret_cast<const char*>(index_.data()), bytes})) {
        throw InputError(path_, fmt::format("byte {}", index_offset),
                         "the checksum of the index at the end is wrong: the file is cut off or damaged", kDamaged);
    }
    std::uint64_t block_bytes = 0;
    for (std::uint64_t number = 0; number < blocks; ++number) {
        if (index_[number].codes != header_.block_codes(number)) {
            throw InputError(path_, fmt::format("block {}", number), fmt::format("{} codes", index_[number].codes),
                             fmt::format("{} codes, as the header says", header_.block_codes(number)));
        }
        block_bytes += index_[number].compressed_bytes;
    }
    if (blocks_offset_ + block_bytes != index_offset) {
        throw InputError(
            path_, "", fmt::format("the file has {} bytes", file_bytes_),
            fmt::format("{} bytes, as its index says", blocks_offset_ + block_bytes + bytes + sizeof checksum));
    }
}

void TraceSource::check_blocks() {
    for (std::uint64_t number = 0; number < index_.size(); ++number) {
        read_block(number);
    }
}

void TraceSource::read(std::uint64_t offset, void* data, std::uint64_t bytes, const std::string& what) {
    if (offset > file_bytes_ || bytes > file_bytes_ - offset) {
        throw InputError(path_, fmt::format("byte {}", offset),
                         fmt::format("the file has {} bytes and ends inside {}", file_bytes_, what),
                         fmt::format("{} bytes here", bytes));
    }
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes));
    if (!file_) {
        throw InputError(path_, fmt::format("byte {}", offset), fmt::format("{} cannot be read", what),
                         "a file that stays as it is while it is used");
    }
}

/// Into compressed_.
void TraceSource::read_block(std::uint64_t number) {
    const TraceBlock& entry = index_[number];
    compressed_.resize(entry.compressed_bytes);
    read(entry.offset, compressed_.data(), entry.compressed_bytes, fmt::format("block {}", number));
    if (trace_checksum({compressed_.data(), compressed_.size()}) != entry.checksum) {
        throw InputError(path_, fmt::format("byte {}", entry.offset),
                         fmt::format("the checksum of block {} is wrong", number), kDamaged);
    }
}

const std::vector<char>& TraceSource::block(std::uint64_t number) {
    Block& wanted = blocks_[number];
    if (wanted.codes.empty()) {
        decompress(number);
    }
    wanted.last_used = ++uses_;
    return wanted.codes;
}

void TraceSource::decompress(std::uint64_t number) {
    const TraceBlock& entry = index_[number];
    while (cached_bytes_ > 0 && cached_bytes_ + entry.codes > cache_bytes_) {
        Block* oldest = nullptr;
        for (Block& candidate : blocks_) {
            if (!candidate.codes.empty() && (oldest == nullptr || candidate.last_used < oldest->last_used)) {
                oldest = &candidate;
            }
        }
        cached_bytes_ -= oldest->codes.size();
        oldest->codes = {};
    }
    read_block(number);
    std::vector<char> codes(entry.codes);
    const std::size_t size = ZSTD_decompress(codes.data(), codes.size(), compressed_.data(), compressed_.size());
    if (size != codes.size()) {
        throw InputError(path_, fmt::format("byte {}", entry.offset),
                         fmt::format("block {} does not decompress: {}", number,
                                     ZSTD_isError(size) != 0 ? ZSTD_getErrorName(size) : "too few codes"),
                         fmt::format("a zstd frame of {} codes", codes.size()));
    }
    blocks_[number].codes = std::move(codes);
    cached_bytes_ += entry.codes;
    ++decompressions_;
}

void TraceSource::row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                      std::span<Probability> row) {
    if (sequence >= header_.sequences || layer >= header_.layers || head >= header_.heads ||
        position >= header_.length || row.size() != std::size_t{position} + 1) {
        throw SimulationError(fmt::format("{}: has no row of {} keys for sequence {}, layer {}, head {}, position {}",
                                          path_, row.size(), sequence, layer, head, position));
    }
    const std::vector<char>& codes = block(header_.block_number(sequence, layer, position));
    const std::uint32_t first_row = position / header_.rows_per_block * header_.rows_per_block;
    const std::uint64_t offset =
        head * header_.codes_per_head(position) + header_.codes_before(position) - header_.codes_before(first_row);
    const std::uint32_t first_key = header_.first_key(position);
    std::ranges::fill(row.first(first_key), Probability{0});
    decode_probabilities({reinterpret_cast<const std::uint8_t*>(codes.data()) + offset, row.size() - first_key},
                         row.subspan(first_key));
}

std::string TraceSource::describe() const {
    return fmt::format(
        "attention of {} ({} layers, {} heads) over {} sequences of {} tokens of \"{}\", each query seeing the last {} "
        "keys, "
        "recorded with a full cache",
        header_.model, header_.layers, header_.heads, header_.sequences, header_.length, header_.text, header_.window);
}

}  // namespace palimpsest
