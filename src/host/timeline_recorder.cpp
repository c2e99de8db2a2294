#include "host/timeline_recorder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/overloaded.h"
#include "hardware/request_splitter.h"

namespace palimpsest {
namespace {

void describe(const DmaCommand& work, Bytes kv_vector_bytes, TimelineSlice& slice) {
    auto& arguments = slice.arguments;
    slice.category = name_of(work.traffic);
    if (const auto* access = std::get_if<KvAccess>(&work.memory)) {
        slice.name += access->value ? " V" : " K";
        arguments.push_back({"tokens", access->count});
    }
    arguments.push_back({"bytes", total_bytes(work, kv_vector_bytes)});
    arguments.push_back({"traffic", name_of(work.traffic)});
    if (const auto* region = std::get_if<DramRegion>(&work.memory)) {
        arguments.push_back({"address", region->address});
        if (region->rows > 1) {
            arguments.push_back({"rows", region->rows});
        }
    }
    arguments.push_back({"buffer", name_of(work.buffer.where.buffer)});
}

void describe(const GemmCommand& work, TimelineSlice& slice) {
    slice.category = "gemm";
    slice.arguments.push_back({"rows", work.stream_rows});
    slice.arguments.push_back({"reduction", work.reduction});
    slice.arguments.push_back({"outputs", work.outputs});
}

void describe(const VectorCommand& work, TimelineSlice& slice) {
    slice.category = name_of(work.kind);
    (slice.name += ' ') += name_of(work.kind);
    slice.arguments.push_back({"kind", name_of(work.kind)});
    slice.arguments.push_back({"rows", work.rows});
    slice.arguments.push_back({"columns", work.columns});
}

void describe(const KvCommand& work, TimelineSlice& slice) {
    slice.category = "eviction";
    slice.arguments.push_back({"slots", work.slots});
    slice.arguments.push_back({"rows", work.rows});
    slice.arguments.push_back({"searches", work.searches});
    slice.arguments.push_back({"freed", work.freed ? work.freed->size() : 0});
}

/// "prefill 3/4" is step 3 of the phase prefill, "serving, 2/8 requests done" a step of the phase serving.
std::string phase_of(const std::string& step) {
    const std::size_t count = step.find('/');
    const std::size_t blank = count == std::string::npos ? count : step.rfind(' ', count);
    std::string phase = step.substr(0, blank);
    if (phase.ends_with(',')) {
        phase.pop_back();
    }
    return phase;
}

}  // namespace

TimelineRecorder::TimelineRecorder(TimelineSink& sink, Machine& machine, const RunConfig& config,
                                   const KvGeometry& geometry, Cycles start_cycle)
    : sink_(sink),
      machine_(machine),
      start_cycle_(start_cycle),
      period_ps_(config.hardware.core_clock_ps),
      issue_latency_(config.hardware.sequencer.issue_latency_cycles),
      kv_vector_bytes_(kv_vector_bytes(config.cache, geometry)),
      phases_(sink.track("phases")),
      steps_(sink.track("steps")),
      bandwidth_(sink.counter("DRAM GB/s", {"read", "write"})),
      residents_(sink.counter("KV cache", {"residents"})) {
    // The order in which data passes the machine.
    for (const UnitId id :
         {UnitId::dma_load, UnitId::pe_array, UnitId::vector_unit, UnitId::kv_mmu, UnitId::dma_store}) {
        UnitTrack& unit = units_[static_cast<std::size_t>(id)];
        unit.track = sink.track(name_of(id));
        unit.queue = sink.counter(fmt::format("queue {}", name_of(id)), {"commands"});
        note_queue(unit, 0);
    }
    machine.sequencer().add_observer(*this);
}

void TimelineRecorder::note_queue(const UnitTrack& unit, Cycles now) {
    const std::array<double, 1> depth{static_cast<double>(unit.queued.size())};
    sink_.value(unit.queue, time_of(now), depth);
}

void TimelineRecorder::queued(const Command& command, Cycles cycle) {
    release(cycle);
    UnitTrack& unit = of(command);
    unit.queued.push_back(cycle);
    note_queue(unit, cycle);
    sample_dram(cycle, kBandwidthPeriod_ps);
}

void TimelineRecorder::issued(const Command& command, Cycles cycle) {
    release(cycle);
    UnitTrack& unit = of(command);
    Inside inside;
    inside.issued = cycle;
    if (unit.inside.empty()) {
        find_wait(command, std::max(unit.free_since, unit.queued.front()), cycle, inside);
    }
    unit.inside.push_back(inside);
    unit.queued.pop_front();
    note_queue(unit, cycle);
}

/// The unit stood still for the command whose token let this one go, if that one ended when the unit was free already.
void TimelineRecorder::find_wait(const Command& command, Cycles free, Cycles now, Inside& inside) {
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        for (Done& done : units_[u].done) {
            if (done.number != command.wait_for[u] || done.cycle + issue_latency_ != now || done.cycle <= free) {
                continue;
            }
            const auto on = static_cast<UnitId>(u);
            inside.wait = {on, command.wait_cause[u], now - free};
            const bool tile = command.unit == UnitId::pe_array || command.unit == UnitId::vector_unit;
            if (on == UnitId::dma_load && tile && done.slice && sink_.shows(time_of(now), time_of(now))) {
                // Loads are fewer than cycles, so that this is the number of one load of the whole run.
                inside.flow = start_cycle_ + done.number;
                done.slice->flow_out = inside.flow;
            }
            return;
        }
    }
}

void TimelineRecorder::completed(const Command& command, Cycles cycle) {
    release(cycle);
    UnitTrack& unit = of(command);
    const Inside inside = unit.inside.front();
    unit.inside.pop_front();
    const Cycles begin = std::max(inside.issued, unit.free_since);
    unit.free_since = cycle;
    Done& done = unit.done.emplace_back();
    done.number = command.number;
    done.cycle = cycle;
    if (sink_.shows(time_of(begin), time_of(cycle))) {
        done.slice = slice_of(command, inside, begin, cycle);
    }
    const std::array<double, 1> residents{static_cast<double>(machine_.kv_mmu().slot_table().total_residents())};
    sink_.value(residents_, time_of(cycle), residents);
    sample_dram(cycle, kBandwidthPeriod_ps);
}

TimelineSlice TimelineRecorder::slice_of(const Command& command, const Inside& inside, Cycles begin, Cycles end) const {
    TimelineSlice slice;
    slice.track = units_[static_cast<std::size_t>(command.unit)].track;
    slice.begin_ps = time_of(begin);
    slice.end_ps = time_of(end);
    slice.name = command.label;
    slice.flow_in = inside.flow;
    slice.arguments = {{"operator", std::string_view(command.label)}};
    if (command.layer != kNoLayer) {
        slice.arguments.push_back({"layer", command.layer});
    }
    slice.arguments.push_back({"request", command.request});
    if (command.head) {
        slice.arguments.push_back({"head", command.head->value});
    }
    std::visit(Overloaded{[&](const DmaCommand& work) { describe(work, kv_vector_bytes_, slice); },
                          [&](const auto& work) { describe(work, slice); }},
               command.work);
    slice.arguments.push_back({"command", command.number});
    if (begin > inside.issued) {
        slice.arguments.push_back({"behind_cycles", begin - inside.issued});
    }
    if (inside.wait) {
        slice.arguments.push_back({"wait_cause", name_of(inside.wait->cause)});
        slice.arguments.push_back({"waited_for", name_of(inside.wait->on)});
        slice.arguments.push_back({"wait_cycles", inside.wait->cycles});
    }
    return slice;
}

void TimelineRecorder::release(Cycles now) {
    for (UnitTrack& unit : units_) {
        while (!unit.done.empty() && unit.done.front().cycle + issue_latency_ < now) {
            if (unit.done.front().slice) {
                sink_.slice(*unit.done.front().slice);
            }
            unit.done.pop_front();
        }
    }
}

void TimelineRecorder::sample_dram(Cycles now, Picoseconds least_ps) {
    const Picoseconds passed_ps = (now - sampled_) * period_ps_;
    if (passed_ps < least_ps || passed_ps == 0) {
        return;
    }
    const DramCounts counts = machine_.dram().counts_at(now * period_ps_);
    constexpr double kBytesPerPicosecondInGigabytes = 1e3;
    const auto rate = [&](Bytes later, Bytes earlier) {
        return static_cast<double>(later - earlier) * kBytesPerPicosecondInGigabytes / static_cast<double>(passed_ps);
    };
    const std::array<double, 2> rates{rate(counts.bytes_read, sampled_counts_.bytes_read),
                                      rate(counts.bytes_written, sampled_counts_.bytes_written)};
    sink_.value(bandwidth_, time_of(sampled_), rates);
    sampled_ = now;
    sampled_counts_ = counts;
}

void TimelineRecorder::progress(const std::string& phase, const HostDriver& driver) {
    if (step_name_.empty()) {
        step_name_ = phase;
        phase_name_ = phase_of(phase);
    }
    close_steps(driver);
    step_name_ = phase;
    if (std::string name = phase_of(phase); name != phase_name_) {
        close_phase();
        phase_name_ = std::move(name);
    }
}

void TimelineRecorder::close_steps(const HostDriver& driver) {
    for (; steps_closed_ < driver.step_cycles().size(); ++steps_closed_) {
        const Cycles begin = driver.step_begins()[steps_closed_];
        const Cycles end = begin + driver.step_cycles()[steps_closed_];
        TimelineSlice slice;
        slice.track = steps_;
        slice.begin_ps = time_of(begin);
        slice.end_ps = time_of(end);
        slice.name = step_name_;
        slice.category = "step";
        slice.arguments = {{"step", steps_closed_}, {"cycles", end - begin}};
        sink_.slice(slice);
        phase_begin_ = phase_begin_.value_or(begin);
        phase_end_ = end;
    }
}

void TimelineRecorder::close_phase() {
    if (!phase_begin_) {
        return;
    }
    TimelineSlice slice;
    slice.track = phases_;
    slice.begin_ps = time_of(*phase_begin_);
    slice.end_ps = time_of(phase_end_);
    slice.name = phase_name_;
    slice.category = "phase";
    slice.arguments = {{"cycles", phase_end_ - *phase_begin_}};
    sink_.slice(slice);
    phase_begin_.reset();
}

void TimelineRecorder::finish(const HostDriver& driver) {
    const Cycles now = machine_.clock().now();
    release(~Cycles{0});
    sample_dram(now, 0);
    sink_.value(bandwidth_, time_of(now), std::array<double, 2>{});
    close_steps(driver);
    close_phase();
}

}  // namespace palimpsest
