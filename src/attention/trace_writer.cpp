#include "attention/trace_writer.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "attention/probability_code.h"
#include "palimpsest/error.h"

namespace palimpsest {

namespace {

TraceHeader checked(const std::string& path, TraceHeader header) {
    check_trace_header(path, header);
    return header;
}

template <class Object>
std::string_view bytes_of(const Object& object) {
    return {reinterpret_cast<const char*>(&object), sizeof object};
}

}  // namespace

TraceWriter::TraceWriter(std::string path, TraceHeader header, int compression)
    : path_(std::move(path)), header_(checked(path_, std::move(header))), compression_(compression), file_(path_) {
    const std::string json = to_json(header_);
    write(bytes_of(TracePreamble{.header_bytes = static_cast<std::uint32_t>(json.size()),
                                 .header_checksum = trace_checksum(json)}));
    write(json);
    index_.resize(header_.blocks());
    layers_.resize(header_.layers);
    begin_block();
}

void TraceWriter::row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                      std::span<const float> probabilities) {
    if (sequence >= header_.sequences || layer >= header_.layers || head >= header_.heads ||
        position >= header_.length ||
        header_.block_number(sequence, layer, position) != block_ * header_.layers + layer ||
        layers_[layer].rows_missing == 0 || probabilities.size() != header_.visible_keys(position)) {
        fail(fmt::format("a row of {} keys for sequence {}, layer {}, head {}, position {} is not what comes next",
                         probabilities.size(), sequence, layer, head, position));
    }
    LayerBuffer& buffer = layers_[layer];
    const std::uint32_t first = position / header_.rows_per_block * header_.rows_per_block;
    const std::uint64_t offset =
        head * header_.codes_per_head(position) + header_.codes_before(position) - header_.codes_before(first);
    std::ranges::transform(probabilities, buffer.codes.begin() + static_cast<std::ptrdiff_t>(offset),
                           [](float p) { return static_cast<char>(encode_probability(p)); });
    if (--buffer.rows_missing == 0) {
        write_layer(layer);
    }
}

void TraceWriter::begin_block() {
    const std::uint64_t number = block_ * header_.layers;
    if (number == header_.blocks()) {
        return;
    }
    const auto first = static_cast<std::uint32_t>(block_ % header_.blocks_per_layer()) * header_.rows_per_block;
    const std::uint32_t rows = std::min(header_.length - first, header_.rows_per_block);
    for (LayerBuffer& buffer : layers_) {
        buffer.codes.assign(header_.block_codes(number), 0);
        buffer.rows_missing = std::uint64_t{rows} * header_.heads;
    }
    layers_missing_ = header_.layers;
}

void TraceWriter::write_layer(std::uint32_t layer) {
    const std::vector<char>& codes = layers_[layer].codes;
    compressed_.resize(ZSTD_compressBound(codes.size()));
    const std::size_t bytes =
        ZSTD_compress(compressed_.data(), compressed_.size(), codes.data(), codes.size(), compression_);
    if (ZSTD_isError(bytes) != 0) {
        fail(ZSTD_getErrorName(bytes));
    }
    index_[block_ * header_.layers + layer] = {.offset = end_,
                                               .compressed_bytes = static_cast<std::uint32_t>(bytes),
                                               .codes = static_cast<std::uint32_t>(codes.size()),
                                               .checksum = trace_checksum({compressed_.data(), bytes})};
    write({compressed_.data(), bytes});
    if (--layers_missing_ == 0) {
        ++block_;
        begin_block();
    }
}

void TraceWriter::finish() {
    if (block_ * header_.layers != header_.blocks()) {
        fail("rows are missing");
    }
    const std::string_view index(reinterpret_cast<const char*>(index_.data()), index_.size() * sizeof(TraceBlock));
    write(index);
    write(bytes_of(trace_checksum(index)));
    file_.commit();
}

void TraceWriter::write(std::string_view bytes) {
    file_.write(bytes);
    end_ += bytes.size();
}

void TraceWriter::fail(const std::string& what) const {
    throw SimulationError(fmt::format("{}: cannot be written: {}", path_, what));
}

}  // namespace palimpsest
