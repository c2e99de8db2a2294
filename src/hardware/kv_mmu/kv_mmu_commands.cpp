// The KV-MMU's command engine: score update, victim search, freeing of slots.
//
// One command at a time. A spilled score vector is brought into the row accumulator before its command and written back
// after it; the accumulator is single, so the next command with scores waits until DRAM has taken the vector.

#include <algorithm>

#include <fmt/format.h>

#include "common/checks.h"
#include "hardware/kv_mmu/kv_mmu.h"
#include "hardware/kv_mmu/own_request.h"
#include "palimpsest/error.h"

namespace palimpsest {

void KvMmu::accept(tlm::tlm_generic_payload& payload, const Command&) {
    commands_.push_back(&payload);
    if (phase_ == Phase::idle) {
        command_event_.notify(sc_core::SC_ZERO_TIME);
    }
}

const KvCommand& KvMmu::oldest_command() const {
    return std::get<KvCommand>(commands_.front()->get_extension<CommandExtension>()->command.work);
}

void KvMmu::run_commands() {
    // A notification may come early (a command arrives while another completes), so each phase looks for itself.
    if (phase_ == Phase::working) {
        if (clock().now() < resume_cycle_) {
            return;
        }
        finish();
    }
    if (phase_ == Phase::fetching) {
        if (!score_read_pending_) {
            start_work();
        }
    } else if (phase_ != Phase::working && !commands_.empty()) {
        begin_next();
    }
}

void KvMmu::begin_next() {
    const KvCommand& command = oldest_command();
    if (command.rows == 0) {
        start_work();
        return;
    }
    const std::uint64_t vector = scores_.vector_of(command.request, command.layer, command.head);
    if (!score_write_pending_ && held_slots_ > 0 && held_vector_ != vector) {
        write_back();
    }
    if (score_write_pending_) {
        phase_ = Phase::writing_back;
        set_state(UnitState::dram);
        return;
    }
    if (scores_.on_chip(vector) || held_slots_ > 0) {
        start_work();
        return;
    }
    phase_ = Phase::fetching;
    set_state(UnitState::dram);
    fetch_since_ = clock().now();
    scratch_scores_.assign(1, scores_.spill_segment(vector, command.slots));
    send_own(OwnKind::score_read, scratch_scores_);
}

void KvMmu::write_back() {
    scratch_scores_.assign(1, scores_.spill_segment(held_vector_, held_slots_));
    held_slots_ = 0;
    send_own(OwnKind::score_write, scratch_scores_);
}

void KvMmu::start_work() {
    const KvCommand& command = oldest_command();
    set_state(UnitState::busy);
    if (phase_ == Phase::fetching) {
        const Cycles waited = clock().now() - fetch_since_;
        meter_mutable().reattribute(UnitState::dram, UnitState::refresh,
                                    std::min(waited, fetch_refresh_ps_ / clock().period_ps()));
    }
    phase_ = Phase::working;
    resume_cycle_ = clock().now() + victims_.cycles(command);
    command_event_.notify(clock().until(resume_cycle_));
}

void KvMmu::finish() {
    tlm::tlm_generic_payload& payload = *commands_.front();
    const KvCommand& command = oldest_command();
    const std::uint64_t set = geometry_.set_of(command.request, command.layer, command.head);
    count_search(command, set);
    if (command.freed != nullptr && !command.freed->empty()) {
        free_slots(command, set);
    }
    if (command.rows > 0) {
        const std::uint64_t vector = scores_.vector_of(command.request, command.layer, command.head);
        if (!scores_.on_chip(vector)) {
            held_vector_ = vector;
            held_slots_ = std::max(held_slots_, command.slots);
            // A vector that other heads add to stays until the search, or until another vector needs the accumulator.
            if (scope_ == EvictionScope::head || command.searches > 0) {
                write_back();
            }
        }
    }
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
    const ProtectedSet compared = command.newest ? protected_ : ProtectedSet(0, 0);
    compared.count(victims_.passes(command), command.slots, resident, victims_.scores_per_word(), count());
}

void KvMmu::free_slots(const KvCommand& command, std::uint64_t set) {
    for (const SlotId slot : *command.freed) {
        const std::optional<TokenPosition> token = command.newest ? table_.token_in(set, slot) : std::nullopt;
        if (token && protected_.contains(*token, *command.newest)) {
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
