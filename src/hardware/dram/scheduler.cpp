#include "hardware/dram/scheduler.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kLongestTimeout = 65536;  ///< of the adaptive page policy

std::uint64_t bit(std::uint32_t bank) {
    return std::uint64_t{1} << bank;
}

TimedCommand column_command(bool write) {
    return write ? TimedCommand::write : TimedCommand::read;
}

TimedCommandSet commands_used(const DramConfig& config) {
    using enum TimedCommand;
    TimedCommandSet used = set_of(activate) | set_of(precharge) | set_of(read) | set_of(write);
    if (config.refresh.mode != RefreshMode::none) {
        used |= set_of(config.refresh.mode == RefreshMode::per_bank ? refresh_bank : refresh);
    }
    if (config.power_down.power_down_after > 0) {
        used |= set_of(power_down_enter) | set_of(power_down_exit);
    }
    if (config.power_down.self_refresh_after > 0) {
        used |= set_of(self_refresh_enter) | set_of(self_refresh_exit);
    }
    return used;
}

/// All ones if a < b, else 0, for clocks: by arithmetic, as which bank is ready has no pattern that a branch could
/// learn.
std::uint64_t ones_if_less(DramClock a, DramClock b) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(a - b) >> 63);
}

template <class Function>
void for_each_bank(std::uint64_t banks, Function f) {
    for (; banks != 0; banks &= banks - 1) {
        f(static_cast<std::uint32_t>(std::countr_zero(banks)));
    }
}

}  // namespace

TimedCommand DramScheduler::command_of(Need need, bool write) {
    return need == Need::column     ? column_command(write)
           : need == Need::activate ? TimedCommand::activate
                                    : TimedCommand::precharge;
}

DramScheduler::DramScheduler(const DramConfig& config)
    : device_(config.timing, config.organisation, commands_used(config)),
      keeper_(config, device_),
      reads_(config.controller.read_queue),
      writes_(config.controller.write_queue),
      ranks_(config.organisation.ranks),
      banks_a_rank_(config.organisation.banks()),
      rank_banks_(banks_a_rank_ == 64 ? ~std::uint64_t{0} : bit(banks_a_rank_) - 1),
      starvation_cap_(config.controller.starvation_cap),
      write_high_(config.controller.write_high),
      write_low_(config.controller.write_low),
      first_come_(config.controller.scheduling == DramScheduling::fcfs),
      page_policy_(config.controller.page_policy),
      streaks_(page_policy_ == PagePolicy::open && !first_come_ && config.timing.nCCD_S > 1),
      same_group_spacing_(config.timing.nCCD_L),
      other_group_spacing_(config.timing.nCCD_S),
      other_rank_spacing_(config.timing.burst_clocks() + config.timing.nRTRS),
      activate_to_column_(config.timing.nRCD),
      precharge_to_activate_(config.timing.nRP) {
    if (page_policy_ == PagePolicy::adaptive) {
        pages_.assign(std::size_t{ranks_} * banks_a_rank_, Page{.timeout = config.controller.page_timeout});
    }
}

void DramScheduler::insert(bool write, const DramLocation& where, const BurstOwner& owner, DramClock now) {
    const std::uint32_t bank = where.bank;
    const bool was_write_mode = write_mode();
    const bool open = (open_banks_ & bit(bank)) != 0 && open_row_[bank] == where.row;
    const std::uint64_t order = next_order();
    mutable_queue(write).insert(where, owner.urgent ? order - kNotUrgent : order, owner, open);
    keeper_.burst_enters(device_.rank_of(bank));
    if (write && writes_.size() >= write_high_) {
        forced_writes_ = true;
    }
    classify(write, bank);
    if (write_mode() != was_write_mode || first_come_ || keeper_.wants_something()) {
        next_pick_ = now;
    } else if (write == was_write_mode && (keeper_.serviceable() & bit(bank)) != 0) {
        const TimedCommand next = command_of(wanted_[write].need[bank], write);
        next_pick_ = std::min(next_pick_, std::max(now, device_.ready(next, bank)));
    }
}

void DramScheduler::add(Candidates& candidates, std::uint32_t bank, TimedCommand command) {
    const DramClock ready = device_.ready_within_rank(command, bank);
    candidates.soonest = candidates.banks == 0 ? ready : std::min(candidates.soonest, ready);
    candidates.banks |= bit(bank);
}

void DramScheduler::classify(bool write, std::uint32_t bank) {
    const BurstQueue& q = queue(write);
    const BurstQueue::Slot oldest = q.oldest(bank), hit = q.oldest_hit(bank);
    Need need = Need::nothing;
    if (hit != BurstQueue::kNone && (hit == oldest || passed_[bank] < starvation_cap_)) {
        need = Need::column;
    } else if (oldest != BurstQueue::kNone) {
        need = (open_banks_ & bit(bank)) != 0 ? Need::precharge : Need::activate;
    }
    Wanted& wanted = wanted_[write];
    const Need before = wanted.need[bank];
    if (need != before) {
        wanted.need[bank] = need;
        if (before != Need::nothing) {
            wanted.of(before).banks &= ~bit(bank);
        }
        if (need != Need::nothing) {
            add(wanted.of(need), bank, command_of(need, write));
        }
    } else if (need == Need::column) {
        add(wanted.column, bank, column_command(write));  // it may have had one just now
    }
    if (page_policy_ != PagePolicy::open) {
        classify_unwanted(bank);
    }
}

void DramScheduler::classify(std::uint32_t bank) {
    classify(false, bank);
    classify(true, bank);
}

/// Open, and no queued burst of either direction wants the row.
bool DramScheduler::unwanted(std::uint32_t bank) const {
    return (open_banks_ & bit(bank)) != 0 && reads_.oldest_hit(bank) == BurstQueue::kNone &&
           writes_.oldest_hit(bank) == BurstQueue::kNone;
}

void DramScheduler::classify_unwanted(std::uint32_t bank) {
    unwanted_open_ = unwanted(bank) ? unwanted_open_ | bit(bank) : unwanted_open_ & ~bit(bank);
}

DramClock DramScheduler::close_ready(std::uint32_t bank) const {
    const DramClock ready = device_.ready(TimedCommand::precharge, bank);
    if (pages_.empty()) {
        return ready;
    }
    const Page& page = pages_[bank];
    return page.last_column == kNever ? kNever : std::max(ready, page.last_column + page.timeout);
}

template <class WordOf>
DramScheduler::Best DramScheduler::oldest_legal(Candidates& candidates, TimedCommand command, DramClock now,
                                                WordOf word_of) const {
    Best best;
    const std::uint64_t banks = candidates.banks & keeper_.serviceable();
    if (banks == 0 || candidates.soonest > now) {
        return best;
    }
    DramClock soonest = kNever;  // of those that are not legal
    std::uint32_t legal = 0;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        const std::uint64_t here = banks & rank_mask(rank);
        if (here == 0) {
            continue;
        }
        if (const DramClock ready = device_.rank_ready(command, rank); ready > now) {
            soonest = std::min(soonest, ready);
            continue;
        }
        for_each_bank(here, [&](std::uint32_t bank) {
            const DramClock ready = device_.ready_within_rank(command, bank);
            const std::uint64_t illegal = ones_if_less(now, ready);
            best.word = std::min(best.word, word_of(bank) | illegal);
            soonest = std::min(soonest, ready | ~illegal);
            legal += 1 + static_cast<std::uint32_t>(illegal);
        });
    }
    if (legal <= 1) {  // the one leaves the set, or is put in anew
        candidates.soonest = soonest;
    }
    return best;
}

DramClock DramScheduler::first_legal(const Candidates& candidates, TimedCommand command) const {
    const std::uint64_t banks = candidates.banks & keeper_.serviceable();
    if (banks == 0) {
        return kNever;
    }
    if (ranks_ == 1) {
        return std::max(device_.rank_ready(command, 0), candidates.soonest);
    }
    DramClock ready = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if (banks & rank_mask(rank)) {
            ready = std::min(ready, device_.rank_ready(command, rank));
        }
    }
    return std::max(ready, candidates.soonest);
}

/// A lower bound on the next clock of any command but for those of the rank keeper.
DramClock DramScheduler::first_legal() const {
    const bool write = write_mode();
    const Wanted& wanted = wanted_[write];
    return std::min({first_legal(wanted.column, column_command(write)),
                     first_legal(wanted.activate, TimedCommand::activate),
                     first_legal(wanted.precharge, TimedCommand::precharge)});
}

bool DramScheduler::take(const RankKeeper::Wish& wish, Pick& pick) const {
    pick = {wish.kind, false, wish.bank, BurstQueue::kNone, true};
    return true;
}

bool DramScheduler::pick(DramClock now, Pick& pick) {
    DramClock next = kNever;
    RankKeeper::Wish wish;
    const bool keeper_wants = keeper_.wants_something();
    if (keeper_wants && keeper_.wake_or_refresh(open_banks_, now, wish, next)) {
        return take(wish, pick);
    }
    if (first_come_) {
        if (pick_first_come(now, pick, next)) {
            return true;
        }
    } else {
        const bool write = write_mode();
        const BurstQueue& q = queue(write);
        Wanted& wanted = wanted_[write];
        const Best column = oldest_legal(wanted.column, column_command(write), now,
                                         [&](std::uint32_t bank) { return q.hit_word(bank); });
        if (column.any()) {
            pick = {write ? DramCommandKind::write : DramCommandKind::read, write,
                    static_cast<std::uint8_t>(column.bank()), q.oldest_hit(column.bank())};
            return true;
        }
        const auto oldest = [&](std::uint32_t bank) { return q.oldest_word(bank); };
        const Best activate = oldest_legal(wanted.activate, TimedCommand::activate, now, oldest);
        if (activate.any()) {
            pick = {DramCommandKind::activate, write, static_cast<std::uint8_t>(activate.bank()),
                    q.oldest(activate.bank())};
            return true;
        }
        const Best precharge = oldest_legal(wanted.precharge, TimedCommand::precharge, now, oldest);
        if (precharge.any()) {
            pick = {DramCommandKind::precharge, write, static_cast<std::uint8_t>(precharge.bank()),
                    q.oldest(precharge.bank())};
            return true;
        }
        next = std::min(next, first_legal());
    }
    if (page_policy_ != PagePolicy::open && pick_unwanted(now, pick, next)) {
        return true;
    }
    if (keeper_wants && keeper_.sleep(open_banks_, now, wish, next)) {
        return take(wish, pick);
    }
    next_pick_ = next;
    return false;
}

/// FCFS: the oldest burst of the direction and none else.
bool DramScheduler::pick_first_come(DramClock now, Pick& pick, DramClock& next) {
    const bool write = write_mode();
    const BurstQueue& q = queue(write);
    const BurstQueue::Slot slot = q.first();
    if (slot == BurstQueue::kNone || (keeper_.serviceable() & bit(q[slot].bank)) == 0) {
        return false;
    }
    const std::uint32_t bank = q[slot].bank;
    const bool is_open = (open_banks_ & bit(bank)) != 0, hit = is_open && open_row_[bank] == q[slot].row;
    const DramClock ready = device_.ready(hit       ? column_command(write)
                                          : is_open ? TimedCommand::precharge
                                                    : TimedCommand::activate,
                                          bank);
    if (ready > now) {
        next = std::min(next, ready);
        return false;
    }
    const DramCommandKind column = write ? DramCommandKind::write : DramCommandKind::read;
    pick = {hit       ? column
            : is_open ? DramCommandKind::precharge
                      : DramCommandKind::activate,
            write, static_cast<std::uint8_t>(bank), slot};
    return true;
}

/// Closed and adaptive page policy.
bool DramScheduler::pick_unwanted(DramClock now, Pick& pick, DramClock& next) {
    for (std::uint64_t rest = unwanted_open_ & keeper_.serviceable(); rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        const DramClock ready = close_ready(bank);
        if (ready <= now) {
            pick = {DramCommandKind::precharge, false, static_cast<std::uint8_t>(bank), BurstQueue::kNone};
            return true;
        }
        next = std::min(next, ready);
    }
    return false;
}

void DramScheduler::issue(const Pick& pick, DramClock now) {
    const std::uint32_t bank = pick.bank, rank = device_.rank_of(bank);
    switch (pick.kind) {
        case DramCommandKind::activate:
            open(pick, now);
            break;
        case DramCommandKind::precharge:
            if (pick.slot != BurstQueue::kNone) {
                mutable_queue(pick.write)[pick.slot].precharged = true;
            }
            if (!pages_.empty() && !pick.of_keeper) {
                Page& page = pages_[bank];
                if (pick.slot == BurstQueue::kNone) {
                    page.closed = true;
                    page.closed_row = open_row_[bank];
                } else if (unwanted(bank)) {
                    page.timeout = std::max(1U, page.timeout / 2);
                }
            }
            close(bank, now);
            break;
        case DramCommandKind::precharge_all:
            for_each_bank(rank_mask(rank), [&](std::uint32_t each) {
                if ((open_banks_ & bit(each)) != 0) {
                    close(each, now);
                } else {
                    device_.issue(TimedCommand::precharge, each, now);  // the precharge time runs for it too
                }
            });
            break;
        case DramCommandKind::read:
        case DramCommandKind::write: {
            BurstQueue& q = mutable_queue(pick.write);
            device_.issue(column_command(pick.write), bank, now);
            const bool passes = pick.slot != q.oldest(bank);
            q.remove_hits(bank);
            keeper_.burst_leaves(rank);
            if (pick.write && writes_.size() <= write_low_) {
                forced_writes_ = false;
            }
            if (!pages_.empty()) {
                pages_[bank].last_column = now;
            }
            classify(pick.write, bank);
            if (passes && ++passed_[bank] >= starvation_cap_) {
                classify(bank);
            }
            break;
        }
        case DramCommandKind::refresh:
            device_.issue(TimedCommand::refresh, bank, now);
            break;
        case DramCommandKind::refresh_bank:
            device_.issue(TimedCommand::refresh_bank, bank, now);
            break;
        case DramCommandKind::power_down_enter:
            device_.issue(TimedCommand::power_down_enter, bank, now);
            break;
        case DramCommandKind::power_down_exit:
            device_.issue(TimedCommand::power_down_exit, bank, now);
            break;
        case DramCommandKind::self_refresh_enter:
            device_.issue(TimedCommand::self_refresh_enter, bank, now);
            break;
        case DramCommandKind::self_refresh_exit:
            device_.issue(TimedCommand::self_refresh_exit, bank, now);
            break;
    }
    if (pick.of_keeper) {
        keeper_.granted({pick.kind, pick.bank}, now);
        forget_bounds();
    } else {
        keeper_.commanded(rank, now);
    }
    const bool ask = keeper_.wants_something() || first_come_ || page_policy_ != PagePolicy::open;
    next_pick_ = ask ? now + 1 : std::max(now + 1, first_legal());
}

void DramScheduler::open(const Pick& pick, DramClock now) {
    const std::uint32_t bank = pick.bank;
    BurstQueue::Entry& burst = mutable_queue(pick.write)[pick.slot];
    burst.activated = true;
    device_.issue(TimedCommand::activate, bank, now);
    if (!pages_.empty()) {
        adapt_to_opening(bank, burst.row);
    }
    open_banks_ |= bit(bank);
    open_row_[bank] = burst.row;
    passed_[bank] = 0;
    reads_.row_opened(bank, burst.row);
    writes_.row_opened(bank, burst.row);
    classify(bank);
}

void DramScheduler::adapt_to_opening(std::uint32_t bank, std::uint32_t row) {
    Page& page = pages_[bank];
    if (page.closed && page.closed_row == row) {
        page.timeout = std::min(kLongestTimeout, 2 * page.timeout);
    }
    page.closed = false;
    page.last_column = kNever;
}

void DramScheduler::close(std::uint32_t bank, DramClock now) {
    device_.issue(TimedCommand::precharge, bank, now);
    open_banks_ &= ~bit(bank);
    reads_.row_closed(bank);
    writes_.row_closed(bank);
    classify(bank);
}

/// Scans have left out banks that may be serviceable again.
void DramScheduler::forget_bounds() {
    for (Wanted& wanted : wanted_) {
        wanted.column.soonest = wanted.activate.soonest = wanted.precharge.soonest = 0;
    }
}

void DramScheduler::refresh_due(DramClock now) {
    keeper_.fall_due(now);
    next_pick_ = now;
}

DramClock DramScheduler::earliest_column(bool write) const {
    const std::uint64_t all = ranks_ * banks_a_rank_ == 64 ? ~std::uint64_t{0} : bit(ranks_ * banks_a_rank_) - 1;
    if ((keeper_.serviceable() & all) != all) {
        return earliest_column_of_any(write);  // banks held back are not among the candidates' bounds
    }
    const Wanted& wanted = wanted_[write];
    const auto after = [](DramClock first, DramClock clocks) { return first == kNever ? kNever : first + clocks; };
    return std::min(
        {first_legal(wanted.column, column_command(write)),
         after(first_legal(wanted.activate, TimedCommand::activate), activate_to_column_),
         after(first_legal(wanted.precharge, TimedCommand::precharge), precharge_to_activate_ + activate_to_column_)});
}

DramClock DramScheduler::earliest_column_of_any(bool write) const {
    DramClock earliest = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        earliest = std::min(earliest, device_.rank_ready(column_command(write), rank));
    }
    return earliest;
}

}  // namespace palimpsest
