#include "hardware/vector_unit.h"

#include <algorithm>

#include <fmt/format.h>

namespace palimpsest {
namespace {

/// Blocks in the register file: one being read, one executing, one being written.
constexpr std::uint64_t kRegisterBlocks = 3;
enum Tag : std::uint64_t { read_tag, write_tag };

BufferRegion part_of(const BufferRegion& region, std::uint32_t offset, std::uint32_t words) {
    return {region.where, region.first_word + offset, words};
}

}  // namespace

VectorUnit::VectorUnit(const sc_core::sc_module_name& name, const HardwareConfig& config, const ClockDomain& clock,
                       SramBuffers& buffers)
    : Unit(name, UnitId::vector_unit, clock, config.vector_unit.command_queue),
      buffers_(buffers),
      config_(config.vector_unit) {
    on_event(accumulator_event_, "accumulator_read_done", &VectorUnit::accumulator_read_done);
    on_event(execute_event_, "execute_done", &VectorUnit::execute_done);
}

void VectorUnit::on_event(sc_core::sc_event& event, const char* name, void (VectorUnit::*handler)()) {
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.dont_initialize();
    options.set_sensitivity(&event);
    sc_core::sc_spawn([this, handler] { (this->*handler)(); }, name, &options);
}

void VectorUnit::accept(tlm::tlm_generic_payload& payload, const Command& command) {
    const Cycles now = clock().now();
    if (in_flight_.empty()) {
        set_state(UnitState::busy, now);
        read_.since = execute_.since = write_.since = now;
        booked_in_gap_ = 0;
    }
    in_flight_.push_back({&payload, BlockPlan(std::get<VectorCommand>(command.work), config_)});
    advance();
}

/// Begins whatever can begin in this cycle. A stage without work for a block (nothing to write) passes it on at once.
void VectorUnit::advance() {
    const Cycles now = clock().now();
    bool again = true;
    while (again) {
        const std::uint64_t ended = read_.ended + write_.ended;
        if (!write_.working && write_.begun < execute_.ended) {
            begin_write(now);
        }
        if (!execute_.working && execute_.begun < read_.ended) {
            begin_execute(now);
        }
        if (!read_.working && read_.begun < write_.ended + kRegisterBlocks) {
            begin_read(now);
        }
        again = read_.ended + write_.ended != ended;
    }
}

void VectorUnit::begin_read(Cycles now) {
    const auto next = std::find_if(in_flight_.begin(), in_flight_.end(),
                                   [](const InFlight& command) { return command.read < command.plan.size(); });
    if (next == in_flight_.end()) {
        return;
    }
    const VectorBlock block = next->plan.block(next->read++);
    read_.begin(now);
    accumulator_done_ = now + block.accumulator_cycles;
    read_parts_ = (block.source_words > 0 ? 1U : 0U) + (block.accumulator_cycles > 0 ? 1U : 0U);
    count()[Action::accumulator_access] += block.accumulator_reads;
    if (block.source_words > 0) {
        buffers_.stream(SramClientId::vector_read,
                        part_of(next->plan.command().source, block.source_offset, block.source_words), false, *this,
                        read_tag);
    }
    if (block.accumulator_cycles > 0) {
        accumulator_event_.notify(clock().until(accumulator_done_));
    }
    if (read_parts_ == 0) {
        read_.end(now);
    }
}

void VectorUnit::begin_execute(Cycles now) {
    const auto next = std::find_if(in_flight_.begin(), in_flight_.end(),
                                   [](const InFlight& command) { return command.executed < command.plan.size(); });
    const VectorBlock block = next->plan.block(next->executed++);
    execute_.begin(now);
    count()[Action::vector_lane_add] += block.lane_adds;
    count()[Action::vector_lane_multiply] += block.lane_multiplies;
    count()[Action::vector_lane_special] += block.lane_specials;
    execute_event_.notify(clock().until(now + block.execute_cycles));
}

void VectorUnit::begin_write(Cycles now) {
    const auto next = std::find_if(in_flight_.begin(), in_flight_.end(),
                                   [](const InFlight& command) { return command.writing < command.plan.size(); });
    const VectorBlock block = next->plan.block(next->writing++);
    write_.begin(now);
    if (block.destination_words == 0) {
        end_write(now);
        return;
    }
    buffers_.stream(SramClientId::vector_write,
                    part_of(next->plan.command().destination, block.destination_offset, block.destination_words), true,
                    *this, write_tag);
}

void VectorUnit::stream_done(std::uint64_t tag, Cycles conflict_cycles) {
    const Cycles now = clock().now();
    if (tag == read_tag) {
        if (!execute_.working) {
            // The execute stage waited for this read, from when the accumulator part was there.
            book_conflict(std::max(read_.since, std::min(accumulator_done_, now)), conflict_cycles);
        }
        end_read_part();
    } else {
        if (!execute_.working && !read_.working) {
            book_conflict(std::max(read_.since, write_.since), conflict_cycles);
        }
        end_write(now);
        advance();
        report_complete();
    }
}

void VectorUnit::accumulator_read_done() {
    end_read_part();
}

void VectorUnit::end_read_part() {
    if (--read_parts_ == 0) {
        read_.end(clock().now());
        advance();
        report_complete();
    }
}

void VectorUnit::execute_done() {
    execute_.end(clock().now());
    booked_in_gap_ = 0;
    advance();
    report_complete();
}

void VectorUnit::end_write(Cycles now) {
    write_.end(now);
    const auto oldest = std::find_if(in_flight_.begin(), in_flight_.end(),
                                     [](const InFlight& command) { return command.written < command.plan.size(); });
    ++oldest->written;
}

void VectorUnit::report_complete() {
    while (!in_flight_.empty() && in_flight_.front().written == in_flight_.front().plan.size()) {
        tlm::tlm_generic_payload& payload = *in_flight_.front().payload;
        in_flight_.pop_front();
        if (in_flight_.empty()) {
            set_state(UnitState::drained);  // until the sequencer names the cause
        }
        complete(payload);
    }
}

/// The execute stage has been idle since it ended its latest block. Of these cycles as many were lost to ports as the
/// stream waited, but no more than passed while it ran (since `from`), and no cycle is booked twice.
void VectorUnit::book_conflict(Cycles from, Cycles conflict_cycles) {
    const Cycles now = clock().now();
    const Cycles waited = now - std::max(from, execute_.since);
    const Cycles unbooked = now - execute_.since - booked_in_gap_;
    const Cycles lost = std::min({conflict_cycles, waited, unbooked});
    if (lost > 0) {
        booked_in_gap_ += lost;
        meter_mutable().set(UnitState::busy, now);
        meter_mutable().reattribute(UnitState::busy, UnitState::port_conflict, lost);
    }
}

std::string VectorUnit::diagnose() const {
    return fmt::format("{}; blocks read {}, executed {}, written {}", Unit::diagnose(), read_.ended, execute_.ended,
                       write_.ended);
}

}  // namespace palimpsest
