#include "hardware/kv_mmu/resident_bitmap.h"

namespace palimpsest {
namespace {

std::uint32_t ones(std::uint64_t word) {
    return static_cast<std::uint32_t>(std::popcount(word));
}

/// First bit at or after `from` that is set in the words, each first exchanged by `flip`.
std::uint32_t next(std::span<const std::uint64_t> words, std::uint32_t from, std::uint64_t flip) {
    std::size_t w = from / kBitsPerWord;
    if (w >= words.size()) {
        return static_cast<std::uint32_t>(words.size()) * kBitsPerWord;
    }
    std::uint64_t word = (words[w] ^ flip) & (~std::uint64_t{0} << (from % kBitsPerWord));
    while (word == 0) {
        if (++w == words.size()) {
            return static_cast<std::uint32_t>(w) * kBitsPerWord;
        }
        word = words[w] ^ flip;
    }
    return static_cast<std::uint32_t>(w) * kBitsPerWord + static_cast<std::uint32_t>(std::countr_zero(word));
}

}  // namespace

std::uint32_t bitmap_rank(std::span<const std::uint64_t> words, std::uint32_t bit) {
    std::uint32_t rank = 0;
    const std::size_t last = bit / kBitsPerWord;
    for (std::size_t w = 0; w < last; ++w) {
        rank += ones(words[w]);
    }
    if (bit % kBitsPerWord != 0) {
        rank += ones(words[last] & ((std::uint64_t{1} << (bit % kBitsPerWord)) - 1));
    }
    return rank;
}

std::uint32_t bitmap_select(std::span<const std::uint64_t> words, std::uint32_t from, std::uint32_t skip) {
    std::size_t w = from / kBitsPerWord;
    std::uint64_t word = words[w] & (~std::uint64_t{0} << (from % kBitsPerWord));
    for (std::uint32_t in_word = ones(word); skip >= in_word; in_word = ones(word)) {
        skip -= in_word;
        word = words[++w];
    }
    for (; skip > 0; --skip) {
        word &= word - 1;
    }
    return static_cast<std::uint32_t>(w) * kBitsPerWord + static_cast<std::uint32_t>(std::countr_zero(word));
}

std::uint32_t bitmap_next_set(std::span<const std::uint64_t> words, std::uint32_t from) {
    return next(words, from, 0);
}

std::uint32_t bitmap_next_clear(std::span<const std::uint64_t> words, std::uint32_t from) {
    return next(words, from, ~std::uint64_t{0});
}

std::uint32_t bitmap_top(std::span<const std::uint64_t> words) {
    for (std::size_t w = words.size(); w-- > 0;) {
        if (words[w] != 0) {
            return static_cast<std::uint32_t>(w + 1) * kBitsPerWord -
                   static_cast<std::uint32_t>(std::countl_zero(words[w]));
        }
    }
    return 0;
}

}  // namespace palimpsest
