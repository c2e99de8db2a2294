#include "attention/trace_format.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>

#include "palimpsest/error.h"

namespace palimpsest {

static_assert(std::endian::native == std::endian::little, "trace files are little-endian and are read as they are");

std::uint64_t TraceHeader::codes_before(std::uint32_t position) const {
    const std::uint64_t growing = std::min(position, window);  // rows that see one key more than the row before
    return growing * (growing + 1) / 2 + std::uint64_t{position - growing} * window;
}

std::uint64_t TraceHeader::codes_per_head(std::uint32_t position) const {
    const std::uint32_t first = position / rows_per_block * rows_per_block;
    return codes_before(std::min(length, first + rows_per_block)) - codes_before(first);
}

std::uint64_t TraceHeader::block_codes(std::uint64_t number) const {
    const auto block = static_cast<std::uint32_t>(number / layers % blocks_per_layer());
    return heads * codes_per_head(block * rows_per_block);
}

std::string to_json(const TraceHeader& h) {
    const nlohmann::ordered_json json = {{"format", "palimpsest attention trace"},
                                         {"model",
                                          {{"name", h.model},
                                           {"checkpoint_xxh64", h.checkpoint_hash},
                                           {"layers", h.layers},
                                           {"heads", h.heads},
                                           {"kv_heads", h.kv_heads},
                                           {"head_dim", h.head_dim},
                                           {"vocabulary", h.vocabulary}}},
                                         {"sequences", h.sequences},
                                         {"length", h.length},
                                         {"window", h.window},
                                         {"rows_per_block", h.rows_per_block},
                                         {"code", "square root, 255 steps"},
                                         {"text", {{"title", h.text}, {"licence", h.licence}, {"pieces", h.pieces}}},
                                         {"tool", h.tool}};
    // A piece may be part of a character; it is shown only, so a replacement mark is good enough.
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void check_trace_header(const std::string& file, const TraceHeader& h) {
    const auto demand = [&](bool holds, const char* member, std::uint64_t value, const std::string& accepted) {
        if (!holds) {
            throw InputError(file, std::string("header ") + member, fmt::format("{}", value), accepted);
        }
    };
    demand(h.layers > 0 && h.layers <= 4096, "model.layers", h.layers, "1 to 4096");
    demand(h.heads > 0 && h.heads <= 4096, "model.heads", h.heads, "1 to 4096");
    demand(h.kv_heads > 0 && h.heads % h.kv_heads == 0, "model.kv_heads", h.kv_heads,
           fmt::format("a divisor of {} heads", h.heads));
    demand(h.sequences > 0 && h.sequences <= 65536, "sequences", h.sequences, "1 to 65536");
    demand(h.length > 0 && h.length <= 1u << 20, "length", h.length, "1 to 1048576");
    demand(h.window > 0, "window", h.window, "1 or more");
    demand(h.rows_per_block > 0 && h.rows_per_block <= 1u << 20, "rows_per_block", h.rows_per_block, "1 to 1048576");
    const std::uint64_t largest = h.heads * h.codes_per_head(h.length - 1);
    const std::uint64_t full =
        h.length > h.rows_per_block ? h.heads * h.codes_per_head(h.length - 1 - h.rows_per_block) : 0;
    demand(std::max(largest, full) <= std::numeric_limits<std::int32_t>::max(), "rows_per_block", h.rows_per_block,
           "blocks of less than 2 GiB");
    const bool whole_text = h.pieces.size() == h.sequences &&
                            std::ranges::all_of(h.pieces, [&](const auto& s) { return s.size() == h.length; });
    demand(h.pieces.empty() || whole_text, "text.pieces", h.pieces.size(),
           fmt::format("nothing, or {} sequences of {} pieces", h.sequences, h.length));
}

TraceHeader parse_trace_header(const std::string& file, const std::string& text) {
    TraceHeader h;
    try {
        const auto json = nlohmann::json::parse(text);
        const auto& model = json.at("model");
        model.at("name").get_to(h.model);
        model.at("checkpoint_xxh64").get_to(h.checkpoint_hash);
        model.at("layers").get_to(h.layers);
        model.at("heads").get_to(h.heads);
        model.at("kv_heads").get_to(h.kv_heads);
        model.at("head_dim").get_to(h.head_dim);
        model.at("vocabulary").get_to(h.vocabulary);
        json.at("sequences").get_to(h.sequences);
        json.at("length").get_to(h.length);
        json.at("window").get_to(h.window);
        json.at("rows_per_block").get_to(h.rows_per_block);
        const auto& words = json.at("text");
        words.at("title").get_to(h.text);
        words.at("licence").get_to(h.licence);
        words.at("pieces").get_to(h.pieces);
        json.at("tool").get_to(h.tool);
    } catch (const nlohmann::json::exception& error) {
        throw InputError(file, "header", error.what(), "the JSON that docs/attention-traces.md describes");
    }
    check_trace_header(file, h);
    return h;
}

std::uint64_t trace_checksum(std::string_view bytes) {
    return XXH64(bytes.data(), bytes.size(), 0);
}

}  // namespace palimpsest
