#include "host/profile_collector.h"

#include <algorithm>
#include <cstring>

#include "hardware/request_splitter.h"

namespace palimpsest {

static_assert(kProfiledUnits.size() == kUnitCount);

ProfileCollector::ProfileCollector() : operators_(1), layers_(1), names_{"idle"} {}

void ProfileCollector::begin(Machine& machine, Bytes kv_vector_bytes, std::string name) {
    kv_vector_bytes_ = kv_vector_bytes;
    only_operator_.reset();
    if (!name.empty()) {
        const auto known = std::find(names_.begin() + 1, names_.end(), name);
        only_operator_ = static_cast<std::size_t>(known - names_.begin());
        if (known == names_.end()) {
            names_.push_back(std::move(name));
            operators_.emplace_back();
        }
    }
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        meters_[u] = &machine.meter(static_cast<UnitId>(u));
    }
    machine.add_observer(*this);
}

void ProfileCollector::begin_phase(std::string_view name, Cycles cycle) {
    book_cycles_until(cycle);
    auto& phases = profile_.phases;
    const auto known = std::find(phases.begin(), phases.end(), name);
    phase_ = static_cast<std::size_t>(known - phases.begin());
    if (known == phases.end()) {
        phases.emplace_back(name);
        for (auto* entries : {&operators_, &layers_}) {
            for (ProfileEntry& entry : *entries) {
                entry.phase_cycles.resize(phases.size());
            }
        }
    }
}

void ProfileCollector::decided(const CacheReplay& replay, bool prefill) {
    if (residency_) {
        residency_->step(replay, prefill);
    }
}

std::size_t ProfileCollector::operator_of(const char* label) {
    for (const auto& [text, place] : seen_) {
        if (text == label) {
            return place;
        }
    }
    auto known = std::find(names_.begin() + 1, names_.end(), label);  // the same text elsewhere
    const auto place = static_cast<std::size_t>(known - names_.begin());
    if (known == names_.end()) {
        names_.emplace_back(label);
        operators_.emplace_back().phase_cycles.resize(profile_.phases.size());
    }
    seen_.emplace_back(label, place);
    return place;
}

std::size_t ProfileCollector::layer_of(std::uint16_t layer) {
    if (layer == kNoLayer) {
        return 0;
    }
    if (layer >= layer_entries_.size()) {
        layer_entries_.resize(layer + std::size_t{1});
    }
    std::size_t& entry = layer_entries_[layer];
    if (entry == 0) {
        entry = layers_.size();
        layers_.emplace_back().phase_cycles.resize(profile_.phases.size());
    }
    return entry;
}

ProfileCollector::Place ProfileCollector::place_of(const Command& command) {
    if (only_operator_) {
        return {*only_operator_, 0};
    }
    return {operator_of(command.label), layer_of(command.layer)};
}

template <class Book>
void ProfileCollector::at(const Place& place, Book&& book) {
    book(operators_[place.op]);
    book(layers_[place.layer]);
}

void ProfileCollector::book_cycles_until(Cycles cycle) {
    const Cycles passed = cycle - booked_until_;
    if (passed == 0) {
        return;
    }
    booked_until_ = cycle;
    at(outstanding_.empty() ? Place{} : outstanding_.front().place, [&](ProfileEntry& entry) {
        entry.cycles += passed;
        if (phase_ != kNone) {
            entry.phase_cycles[phase_] += passed;
        }
    });
}

void ProfileCollector::hold_until(Cycles cycle) {
    before_.held_command_cycles += held_ * (cycle - held_until_);
    held_until_ = cycle;
}

void ProfileCollector::queued(const Command& command, Cycles cycle) {
    if (outstanding_.empty()) {
        book_cycles_until(cycle);
    }
    const Place place = place_of(command);
    by_unit_[static_cast<std::size_t>(command.unit)].push_back(retired_ + outstanding_.size());
    outstanding_.push_back({place, false});
    hold_until(cycle);
    ++held_;
    at(place, [](ProfileEntry& entry) { ++entry.commands; });
    if (const auto* gemm = std::get_if<GemmCommand>(&command.work)) {
        const std::uint64_t macs = gemm->stream_rows * gemm->reduction * gemm->outputs;
        at(place, [&](ProfileEntry& entry) { entry.macs += macs; });
    } else if (const auto* dma = std::get_if<DmaCommand>(&command.work)) {
        const Bytes bytes = total_bytes(*dma, kv_vector_bytes_);
        const auto traffic = static_cast<std::size_t>(dma->traffic);
        at(place,
           [&](ProfileEntry& entry) { (dma->to_dram ? entry.bytes_written : entry.bytes_read)[traffic] += bytes; });
    }
}

void ProfileCollector::issued(const Command& /*command*/, Cycles cycle) {
    hold_until(cycle);
    --held_;
}

void ProfileCollector::completed(const Command& command, Cycles cycle) {
    const auto unit = static_cast<std::size_t>(command.unit);
    Outstanding& done = outstanding_[by_unit_[unit].front() - retired_];
    by_unit_[unit].pop_front();
    done.complete = true;
    book_busy(unit, done.place, cycle);
    if (outstanding_.front().complete) {
        book_cycles_until(cycle);
        while (!outstanding_.empty() && outstanding_.front().complete) {
            outstanding_.pop_front();
            ++retired_;
        }
    }
}

void ProfileCollector::moves_scores(const Command& command, Bytes bytes, bool to_dram, Cycles /*cycle*/) {
    constexpr auto kScores = static_cast<std::size_t>(Traffic::scores);
    at(place_of(command),
       [&](ProfileEntry& entry) { (to_dram ? entry.bytes_written : entry.bytes_read)[kScores] += bytes; });
}

/// A meter may find later that a few of its busy cycles were lost to port conflicts; until it has been busy for as many
/// again nothing more is booked.
void ProfileCollector::book_busy(std::size_t unit, const Place& place, Cycles cycle) {
    last_completed_[unit] = place;
    const Cycles busy = meters_[unit]->cycles_in(UnitState::busy, cycle);
    if (busy > busy_booked_[unit]) {
        at(place, [&](ProfileEntry& entry) { entry.busy[unit] += busy - busy_booked_[unit]; });
        busy_booked_[unit] = busy;
    }
}

/// At the end of a machine: what was booked and found to be lost since is taken back, from the latest first.
void ProfileCollector::settle_busy(std::size_t unit, Cycles cycle) {
    book_busy(unit, last_completed_[unit], cycle);
    const Cycles excess = busy_booked_[unit] - meters_[unit]->cycles_in(UnitState::busy, cycle);
    const auto take_back = [&](std::vector<ProfileEntry>& entries, std::size_t first) {
        Cycles left = excess;
        for (std::size_t i = 0; i < entries.size() && left > 0; ++i) {
            Cycles& booked = entries[(first + i) % entries.size()].busy[unit];
            const Cycles taken = std::min(booked, left);
            booked -= taken;
            left -= taken;
        }
    };
    take_back(operators_, last_completed_[unit].op);
    take_back(layers_, last_completed_[unit].layer);
}

SeriesTotals ProfileCollector::totals(Machine& machine, Cycles cycle) {
    hold_until(cycle);
    const DramCounts dram = machine.dram().counts_at(machine.clock().time_of(cycle));
    return {before_.bytes_read + dram.bytes_read, before_.bytes_written + dram.bytes_written,
            before_.held_command_cycles};
}

void ProfileCollector::sample(Machine& machine) {
    series_.sample(totals(machine, next_sample()));
}

void ProfileCollector::end(Machine& machine) {
    const Cycles now = machine.clock().now();
    book_cycles_until(now);
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        settle_busy(u, now);
    }
    profile_.kv_bytes_forwarded += machine.kv_mmu().write_combiner().forwarded_bytes();
    profile_.kv_bytes_overwritten += machine.kv_mmu().write_combiner().overwritten_bytes();
    before_ = totals(machine, now);
    start_ += now;
    booked_until_ = held_until_ = 0;
    busy_booked_ = {};
    last_completed_ = {};
}

RunProfile ProfileCollector::take() {
    series_.finish(start_, before_);
    profile_.series = series_.series();
    for (std::size_t i = 1; i < operators_.size(); ++i) {
        profile_.operators.push_back({names_[i], std::move(operators_[i])});
    }
    profile_.operators.push_back({names_[0], std::move(operators_[0])});
    for (std::size_t layer = 0; layer < layer_entries_.size(); ++layer) {
        if (layer_entries_[layer] != 0) {
            profile_.layers.push_back({static_cast<std::uint32_t>(layer), std::move(layers_[layer_entries_[layer]])});
        }
    }
    profile_.layers.push_back({std::nullopt, std::move(layers_[0])});
    if (residency_) {
        profile_.residency = residency_->track();
    }
    return std::move(profile_);
}

}  // namespace palimpsest
