#pragma once
// A row of valid bits with the two questions the address path asks: which bit is the n-th set one, and how long is the
// run of set bits from there. Works on words of the caller's, so that the bits of many sets lie in one array.

#include <bit>
#include <cstdint>
#include <span>

namespace palimpsest {

inline constexpr std::uint32_t kBitsPerWord = 64;

inline std::uint32_t bitmap_words(std::uint32_t bits) {
    return (bits + kBitsPerWord - 1) / kBitsPerWord;
}

inline bool bitmap_test(std::span<const std::uint64_t> words, std::uint32_t bit) {
    return ((words[bit / kBitsPerWord] >> (bit % kBitsPerWord)) & 1U) != 0;
}
inline void bitmap_set(std::span<std::uint64_t> words, std::uint32_t bit) {
    words[bit / kBitsPerWord] |= std::uint64_t{1} << (bit % kBitsPerWord);
}
inline void bitmap_clear(std::span<std::uint64_t> words, std::uint32_t bit) {
    words[bit / kBitsPerWord] &= ~(std::uint64_t{1} << (bit % kBitsPerWord));
}

/// Set bits below `bit`.
std::uint32_t bitmap_rank(std::span<const std::uint64_t> words, std::uint32_t bit);
/// The set bit with `skip` set bits between `from` (included) and it; at least that many exist.
std::uint32_t bitmap_select(std::span<const std::uint64_t> words, std::uint32_t from, std::uint32_t skip);
/// First set bit at or after `from`, or the number of bits in `words`.
std::uint32_t bitmap_next_set(std::span<const std::uint64_t> words, std::uint32_t from);
/// First clear bit at or after `from`, or the number of bits in `words`.
std::uint32_t bitmap_next_clear(std::span<const std::uint64_t> words, std::uint32_t from);
/// One more than the highest set bit, 0 when there is none.
std::uint32_t bitmap_top(std::span<const std::uint64_t> words);

}  // namespace palimpsest
