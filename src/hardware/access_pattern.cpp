// AccessPattern: counting and comparing nested-loop timetables without walking their cycles.

#include <algorithm>

#include "hardware/sram_arbiter.h"

namespace palimpsest {
namespace {

std::uint64_t runs(const AccessPattern& p) {
    return p.sweeps * p.folds;
}

}  // namespace

Cycles AccessPattern::end() const {
    return start + (sweeps - 1) * sweep_period + (folds - 1) * fold_period + words;
}

std::uint64_t AccessPattern::busy_before(Cycles cycle) const {
    if (cycle <= start) {
        return 0;
    }
    Cycles since = cycle - start;
    std::uint64_t count = 0;
    if (sweeps > 1) {
        const std::uint64_t sweep = std::min(since / sweep_period, sweeps - 1);
        count += sweep * folds * words;
        since -= sweep * sweep_period;
    }
    if (folds > 1) {
        const std::uint64_t fold = std::min(since / fold_period, folds - 1);
        count += fold * words;
        since -= fold * fold_period;
    }
    return count + std::min(since, words);
}

bool collide(const AccessPattern& a, const AccessPattern& b) {
    if (a.end() <= b.start || b.end() <= a.start) {
        return false;
    }
    // Interleaved: look whether the one asks for anything during a run of the other.
    const AccessPattern& walked = runs(a) <= runs(b) ? a : b;
    const AccessPattern& counted = runs(a) <= runs(b) ? b : a;
    for (std::uint64_t sweep = 0; sweep < walked.sweeps; ++sweep) {
        for (std::uint64_t fold = 0; fold < walked.folds; ++fold) {
            const Cycles from = walked.start + sweep * walked.sweep_period + fold * walked.fold_period;
            if (counted.busy_before(from + walked.words) != counted.busy_before(from)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace palimpsest
