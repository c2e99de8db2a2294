#include "hardware/dram/address_map.h"

#include <bit>
#include <charconv>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct Field {
    std::string_view name;
    std::uint32_t bits;
    std::uint32_t packed_shift;  ///< where the field's bit 0 lies in the packed location
    std::uint32_t named = 0;     ///< bits the mapping has placed
    int open_pieces = 0;         ///< pieces without a width
};

struct Piece {
    Field* field;
    std::uint32_t bits;
    bool open;
};

std::uint32_t log2_of(std::uint64_t value, const char* path) {
    if (!std::has_single_bit(value)) {
        throw InputError("", path, fmt::format("{}", value), "a power of two");
    }
    return static_cast<std::uint32_t>(std::countr_zero(value));
}

[[noreturn]] void reject(const std::string& mapping, const std::string& why) {
    throw InputError("", "mapping", fmt::format("\"{}\"", mapping), why);
}

std::vector<Piece> parse(const std::string& mapping, std::span<Field> fields) {
    std::vector<Piece> pieces;
    std::string_view rest = mapping;
    while (true) {
        const std::size_t bar = rest.find('|');
        const std::string_view word = rest.substr(0, bar);
        const std::string_view name = word.substr(0, word.find(':'));
        Field* field = nullptr;
        for (Field& f : fields) {
            if (f.name == name) {
                field = &f;
            }
        }
        if (field == nullptr) {
            reject(mapping, fmt::format("channel, rank, row, bank, bankgroup, column in place of \"{}\"", name));
        }
        Piece piece{field, 0, name.size() == word.size()};
        if (piece.open) {
            if (++field->open_pieces > 1) {
                reject(mapping, fmt::format("\"{}\" without a width at most once", name));
            }
        } else {
            const char* const first = word.data() + name.size() + 1;
            const char* const last = word.data() + word.size();
            const auto [end, error] = std::from_chars(first, last, piece.bits);
            if (error != std::errc{} || end != last || piece.bits > field->bits) {
                reject(mapping, fmt::format("a width of 0 to {} in place of \"{}\"", field->bits, word));
            }
            field->named += piece.bits;
        }
        pieces.push_back(piece);
        if (bar == std::string_view::npos) {
            return pieces;
        }
        rest.remove_prefix(bar + 1);
    }
}

}  // namespace

AddressMap::AddressMap(const DramConfig& config) {
    const DramOrganisation& o = config.organisation;
    const std::uint32_t bank_bits = log2_of(o.banks_per_group, "organisation.banks_per_group");
    const std::uint32_t group_bits = log2_of(o.bank_groups, "organisation.bank_groups");
    const std::uint32_t column_bits = log2_of(o.columns, "organisation.columns");
    const std::uint32_t beat_bits = log2_of(config.timing.burst_length, "timing.burst_length");
    if (beat_bits > column_bits) {
        throw InputError("", "organisation.columns", fmt::format("{}", o.columns), "at least timing.burst_length");
    }
    std::array<Field, 6> fields{{
        {"row", log2_of(o.rows, "organisation.rows"), 0},
        {"column", column_bits - beat_bits, 32},
        {"bank", bank_bits, 48},
        {"bankgroup", group_bits, 48 + bank_bits},
        {"rank", log2_of(o.ranks, "organisation.ranks"), 48 + bank_bits + group_bits},
        {"channel", log2_of(o.channels, "organisation.channels"), 56},
    }};
    if (fields[0].bits > 32 || fields[1].bits > 16 || fields[5].bits > 8) {
        throw InputError("", "organisation", "the geometry", "at most 2^32 rows, 2^16 bursts a row, 2^8 channels");
    }
    const std::string& mapping = config.mapping;
    std::vector<Piece> pieces = parse(mapping, fields);
    for (Piece& piece : pieces) {
        if (piece.open) {
            if (piece.field->named > piece.field->bits) {
                reject(mapping, fmt::format("each bit of {} once; it has {}", piece.field->name, piece.field->bits));
            }
            piece.bits = piece.field->bits - piece.field->named;
        }
    }
    for (const Field& field : fields) {
        if (field.open_pieces > 0 ? field.named > field.bits : field.named != field.bits) {
            reject(mapping, fmt::format("each of the {} bits of {} once", field.bits, field.name));
        }
    }

    // From the least significant piece up: address bit `bit` is the next bit of its field.
    burst_shift_ = log2_of(config.burst_bytes(), "burst bytes");
    std::uint32_t bit = 0;
    std::array<std::uint32_t, 6> placed{};
    bool columns_alone = true;
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        std::uint32_t& next = placed[static_cast<std::size_t>(piece->field - fields.data())];
        columns_alone = columns_alone && (piece->bits == 0 || piece->field->name == "column");
        for (std::uint32_t i = 0; i < piece->bits; ++i, ++bit, ++next) {
            run_mask_ |= columns_alone ? std::uint64_t{1} << bit : 0;
            const std::uint64_t image = std::uint64_t{1} << (piece->field->packed_shift + next);
            if (bit >= 8 * tables_.size()) {
                throw InputError("", "organisation", "the geometry", "at most 2^48 bursts");
            }
            for (std::uint32_t value = 0; value < 256; ++value) {
                if ((value >> (bit % 8)) & 1) {
                    tables_[bit / 8][value] ^= image;
                }
            }
        }
    }
    tables_used_ = (bit + 7) / 8;
    bursts_ = std::uint64_t{1} << bit;
}

}  // namespace palimpsest
