#include "hardware/dram/device_timing.h"

#include <bit>

namespace palimpsest {

DeviceTiming::DeviceTiming(const DramTiming& timing, const DramOrganisation& organisation, TimedCommandSet used)
    : group_shift_(static_cast<std::uint32_t>(std::countr_zero(organisation.banks_per_group))),
      rank_shift_(static_cast<std::uint32_t>(std::countr_zero(organisation.banks()))),
      ranks_(organisation.ranks) {
    for (const TimingConstraint& constraint : timing_table(timing)) {
        if ((used & set_of(constraint.preceding)) == 0 || (used & set_of(constraint.following)) == 0) {
            continue;
        }
        Rules& rules = rules_[index(constraint.preceding)];
        const Rule rule{static_cast<std::uint32_t>(constraint.following), constraint.latency};
        if (constraint.window > 1) {
            histories_[index(constraint.preceding)].push_back(
                {constraint.following, constraint.window, constraint.latency,
                 std::vector<DramClock>(ranks_ * constraint.window, 0), std::vector<std::uint32_t>(ranks_, 0)});
            continue;
        }
        switch (constraint.level) {
            case TimingLevel::bank:
                rules.bank.push_back(rule);
                break;
            case TimingLevel::bank_group:
                rules.group.push_back(rule);
                break;
            case TimingLevel::rank:
                rules.rank.push_back(rule);
                break;
            case TimingLevel::other_ranks:
                rules.other_ranks.push_back(rule);
                break;
        }
    }
}

void DeviceTiming::issue(TimedCommand command, std::uint32_t bank, DramClock now) {
    const Rules& rules = rules_[index(command)];
    const std::uint32_t group = bank >> group_shift_;
    const std::uint32_t rank = bank >> rank_shift_;
    const auto raise = [](DramClock& ready, DramClock clock) { ready = std::max(ready, clock); };
    for (const Rule& rule : rules.bank) {
        raise(ready_bank_[rule.following][bank], now + rule.latency);
    }
    for (const Rule& rule : rules.group) {
        raise(ready_group_[rule.following][group], now + rule.latency);
    }
    for (const Rule& rule : rules.rank) {
        raise(ready_rank_[rule.following][rank], now + rule.latency);
    }
    if (ranks_ > 1) {
        for (const Rule& rule : rules.other_ranks) {
            for (std::uint32_t other = 0; other < ranks_; ++other) {
                if (other != rank) {
                    raise(ready_rank_[rule.following][other], now + rule.latency);
                }
            }
        }
    }
    for (History& history : histories_[index(command)]) {
        DramClock* const clocks = &history.clocks[rank * history.window];
        std::uint32_t& next = history.next[rank];
        clocks[next] = now + history.latency;
        next = next + 1 == history.window ? 0 : next + 1;
        raise(ready_rank_[index(history.following)][rank], clocks[next]);  // the oldest of the last `window`; 0: none
    }
}

}  // namespace palimpsest
