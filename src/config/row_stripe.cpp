#include "config/row_stripe.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace palimpsest {
namespace {

struct Piece {
    std::string_view field;
    std::uint32_t bits = 0;
    bool open = false;  ///< takes what the field's other pieces leave
};

std::vector<Piece> pieces_of(std::string_view mapping) {
    std::vector<Piece> pieces;
    while (!mapping.empty()) {
        const std::string_view word = mapping.substr(0, mapping.find('|'));
        mapping.remove_prefix(std::min(mapping.size(), word.size() + 1));
        const std::size_t colon = word.find(':');
        Piece piece{word.substr(0, colon), 0, colon == std::string_view::npos};
        if (!piece.open) {
            piece.bits = static_cast<std::uint32_t>(std::stoul(std::string(word.substr(colon + 1))));
        }
        pieces.push_back(piece);
    }
    return pieces;
}

std::uint32_t log2_of(std::uint64_t value) {
    return static_cast<std::uint32_t>(std::countr_zero(value));
}

}  // namespace

RowStripe row_stripe(const DramConfig& dram) {
    const DramOrganisation& o = dram.organisation;
    std::map<std::string_view, std::uint32_t> left{{"channel", log2_of(o.channels)},
                                                   {"rank", log2_of(o.ranks)},
                                                   {"row", log2_of(o.rows)},
                                                   {"bankgroup", log2_of(o.bank_groups)},
                                                   {"bank", log2_of(o.banks_per_group)},
                                                   {"column", log2_of(o.columns / dram.timing.burst_length)}};
    std::vector<Piece> pieces = pieces_of(dram.mapping);
    for (const Piece& piece : pieces) {
        left[piece.field] -= piece.bits;
    }
    // From the least significant bit up to the lowest row bit.
    std::uint32_t bits = log2_of(dram.burst_bytes());
    std::uint32_t stripe_bits = bits;
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        const std::uint32_t width = piece->open ? left[piece->field] : piece->bits;
        if (piece->field == "row" && width > 0) {
            break;
        }
        bits += width;
        if (piece->field == "column") {
            stripe_bits = bits;
        }
    }
    return {Bytes{1} << stripe_bits, 1U << (bits - stripe_bits)};
}

}  // namespace palimpsest
