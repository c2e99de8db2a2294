#include "hardware/kv_mmu/victim_unit.h"

#include <algorithm>

namespace palimpsest {
namespace {

std::variant<RunningMinimum, ComparatorTree> search_of(const KvMmuConfig& config, std::uint32_t lanes) {
    if (config.victim_unit == VictimUnitKind::tree) {
        return ComparatorTree(lanes, config.victim_compares_per_stage);
    }
    return RunningMinimum(lanes, config.victim_latency_cycles);
}

}  // namespace

std::uint32_t scores_per_word(const KvMmuConfig& config, std::uint32_t score_bits) {
    return std::max(1U, config.score_word_bytes * 8 / score_bits);
}

VictimUnit::VictimUnit(const KvMmuConfig& config, std::uint32_t lanes, std::uint32_t score_bits)
    : lanes_(lanes),
      scores_per_word_(palimpsest::scores_per_word(config, score_bits)),
      search_(search_of(config, scores_per_word_)) {}

Cycles VictimUnit::cycles(const KvCommand& command) const {
    const Cycles freed = command.freed == nullptr ? 0 : command.freed->size();
    if (command.rows == 0) {
        return std::max<Cycles>(1, freed);
    }
    const Cycles words = ceil_div(command.slots, scores_per_word_);
    const Cycles accumulate = Cycles{command.rows} * ceil_div(command.slots, lanes_);
    const Cycles search = std::visit([&](const auto& s) { return s.cycles(words, command.searches); }, search_);
    const Cycles table = freed - std::min<Cycles>(freed, command.searches);
    return std::max<Cycles>(1, accumulate + words + search + table);
}

SearchPasses VictimUnit::passes(const KvCommand& command) const {
    if (command.rows == 0) {
        return {};
    }
    return std::visit([&](const auto& s) { return s.passes(command.searches); }, search_);
}

void VictimUnit::count(const KvCommand& command, ActionCounts& counts) const {
    counts[Action::kv_slot_table_write] += command.freed == nullptr ? 0 : command.freed->size();
    if (command.rows == 0) {
        return;
    }
    const std::uint64_t words = ceil_div(command.slots, scores_per_word_);
    const SearchPasses searched = passes(command);
    // A row's first sum is the load of the row, its last the one into the score: as many adds as probabilities.
    counts[Action::kv_score_add] += std::uint64_t{command.rows} * command.slots;
    counts[Action::kv_score_read] += words * std::max<std::uint64_t>(1, searched.whole) + searched.single_words;
    counts[Action::kv_score_write] += words;
    counts[Action::kv_victim_compare] +=
        std::visit([&](const auto& s) { return s.compares(words, command.searches); }, search_);
}

}  // namespace palimpsest
