#pragma once
// Protected set: the residents that no victim may be, known by position. Two comparators a lane beside the victim
// unit's compare the position that the slot table has for the lane's slot with two bounds:
//   sinks    position < sinks
//   recent   position + recent > newest        newest: of the sequence, counting the token that is about to come
// `recent` is that of the configuration, or where the policy adapts it (rce) a register of the set, which the command
// brings as it is at its last search.
// What the policies of src/policy protect is the same set. The token written last needs no rule of its own: it is
// `newest` - 1, and recent where `recent` is two or more; with less a policy may choose it.
//
// A search reads the position of every score it looks at, protected or not, since ties go to the oldest token.

#include <cstdint>

#include "config/run_config.h"
#include "hardware/kv_mmu/victim_search.h"
#include "palimpsest/counters.h"

namespace palimpsest {

class ProtectedSet {
  public:
    ProtectedSet(std::uint32_t sinks, std::uint32_t recent) : sinks_(sinks), recent_(recent) {}
    /// What the policy named in `cache` protects.
    explicit ProtectedSet(const CacheConfig& cache);

    bool contains(TokenPosition position, TokenPosition newest) const {
        return position.value < sinks_ || std::uint64_t{position.value} + recent_ > newest.value;
    }
    /// The same with another number of recent positions: the set's window register.
    ProtectedSet with_recent(std::uint32_t recent) const { return {sinks_, recent}; }
    /// Comparators of a lane that have something to compare with.
    std::uint32_t comparators() const { return (sinks_ > 0 ? 1U : 0U) + (recent_ > 0 ? 1U : 0U); }

    /// Adds what searches over `slots` scores in words of `per_word` cost, of which `resident` are in the slot table
    /// (a prompt chunk's own tokens are not): table words read, four positions of 16 bit each, and compares.
    void count(SearchPasses passes, std::uint64_t slots, std::uint64_t resident, std::uint64_t per_word,
               ActionCounts& counts) const;

  private:
    std::uint32_t sinks_;
    std::uint32_t recent_;
};

}  // namespace palimpsest
