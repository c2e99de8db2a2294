// The KV-MMU's command engine: score update, victim search, freeing of slots.
//
// One command at a time. The row accumulators and their traffic are ScorePrefetcher's; here its word is carried out.

#include <algorithm>

#include <fmt/format.h>

#include "common/checks.h"
#include "hardware/kv_mmu/kv_mmu.h"
#include "hardware/kv_mmu/own_request.h"
#include "palimpsest/error.h"

namespace palimpsest {

void KvMmu::accept(tlm::tlm_generic_payload& payload, const Command&) {
    commands_.push_back(&payload);
    if (phase_ == Phase::idle || (commands_.size() == 2 && rows_.prefetches())) {
        command_event_.notify(sc_core::SC_ZERO_TIME);
    }
}

const Command& KvMmu::command_at(std::size_t place) const {
    return commands_[place]->get_extension<CommandExtension>()->command;
}

ScoreNeed KvMmu::need_of(const KvCommand& command) const {
    if (command.rows == 0) {
        return {};
    }
    const std::uint64_t vector = scores_.vector_of(command.request, command.layer, command.head);
    return {true, !scores_.on_chip(vector), vector, command.slots};
}

void KvMmu::run_commands() {
    // A notification may come early (a command arrives while another completes), so each step looks for itself.
    if (phase_ == Phase::working && clock().now() >= resume_cycle_) {
        finish();
    }
    if (phase_ != Phase::working && !commands_.empty()) {
        begin_oldest();
    }
    if (commands_.size() > 1 && rows_.prefetches()) {
        transfer(rows_.provide_ahead(need_of(work_at(0)), need_of(work_at(1))), 1);
    }
    if (phase_ == Phase::working) {
        command_event_.notify(clock().until(resume_cycle_));
    }
}

void KvMmu::begin_oldest() {
    const ScoreNeed need = need_of(work_at(0));
    transfer(rows_.provide(need), 0);
    if (rows_.ready(need)) {
        start_work(need);
    } else {
        wait_for_scores(need);
    }
}

void KvMmu::wait_for_scores(const ScoreNeed& need) {
    set_state(UnitState::dram);
    if (!rows_.fetching(need)) {
        phase_ = Phase::writing_back;
    } else if (phase_ != Phase::fetching) {
        phase_ = Phase::fetching;
        fetch_since_ = clock().now();
    }
}

void KvMmu::transfer(const std::optional<ScoreTransfer>& what, std::size_t place) {
    if (!what) {
        return;
    }
    if (what->ahead) {
        show_level(signals_.prefetching, ++prefetching_);
    }
    scratch_scores_.assign(1, scores_.spill_segment(what->vector, what->slots));
    for (CommandObserver* observer : observers_) {
        observer->moves_scores(command_at(place), scratch_scores_.front().bytes, what->write, clock().now());
    }
    send_own(what->write ? OwnKind::score_write : OwnKind::score_read, scratch_scores_, *what);
}

void KvMmu::start_work(const ScoreNeed& need) {
    set_state(UnitState::busy);
    const std::optional<std::uint32_t> fetched = rows_.start(need);
    if (fetched && phase_ == Phase::fetching) {
        const Cycles waited = clock().now() - fetch_since_;
        meter_mutable().reattribute(UnitState::dram, UnitState::refresh,
                                    std::min(waited, fetch_refresh_ps_[*fetched] / clock().period_ps()));
    }
    if (need.scores) {
        most_scores_ = std::max(most_scores_, need.slots);
    }
    phase_ = Phase::working;
    resume_cycle_ = clock().now() + victims_.cycles(work_at(0));
}

void KvMmu::finish() {
    tlm::tlm_generic_payload& payload = *commands_.front();
    const KvCommand& command = work_at(0);
    const std::uint64_t set = geometry_.set_of(command.request, command.layer, command.head);
    count_search(command, set);
    if (command.freed != nullptr && !command.freed->empty()) {
        free_slots(command, set);
    }
    // A vector that other heads add to stays until the search, or until its row is needed for another.
    transfer(rows_.finish(scope_ == EvictionScope::head || command.searches > 0), 0);
    commands_.pop_front();
    phase_ = Phase::idle;
    if (commands_.empty()) {
        set_state(UnitState::drained);
    }
    complete(payload);
}

void KvMmu::count_search(const KvCommand& command, std::uint64_t set) {
    victims_.count(command, count());
    const std::uint64_t resident = std::min(command.slots, table_.residents(set));
    protected_by(command).count(victims_.passes(command), command.slots, resident, victims_.scores_per_word(), count());
}

ProtectedSet KvMmu::protected_by(const KvCommand& command) const {
    if (!command.newest) {
        return {0, 0};
    }
    return command.recent ? protected_.with_recent(*command.recent) : protected_;
}

void KvMmu::free_slots(const KvCommand& command, std::uint64_t set) {
    const ProtectedSet kept = protected_by(command);
    for (const SlotId slot : *command.freed) {
        const std::optional<TokenPosition> token = command.newest ? table_.token_in(set, slot) : std::nullopt;
        if (token && kept.contains(*token, *command.newest)) {
            throw SimulationError(
                fmt::format("request {}, layer {}, KV head {}: slot {} is to be freed, whose token {} "
                            "is protected while {} is the newest",
                            command.request.value, command.layer.value, command.head.value, slot.value, token->value,
                            command.newest->value));
        }
        table_.free(set, slot);
    }
    if constexpr (kChecks) {
        table_.check_set(set);
    }
    raise(signals_.evicted, signals_.evictions, command.freed->size());
    show_residents();
}

}  // namespace palimpsest
