#include "host/simulate.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include <fmt/format.h>
#include <systemc>

#include "common/host_memory.h"
#include "hardware/kernel.h"
#include "hardware/machine.h"
#include "host/driver.h"
#include "host/profile_checks.h"
#include "host/profile_collector.h"
#include "host/result_checks.h"
#include "host/timeline_recorder.h"
#include "host/workload.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using HostClock = std::chrono::steady_clock;

double seconds_since(HostClock::time_point start) {
    return std::chrono::duration<double>(HostClock::now() - start).count();
}

/// How often at least, in simulated cycles, the watchdog looks for progress and an interrupt is noticed.
constexpr Cycles kWatchPeriod = 1'000'000;

void end_if_interrupted(const SimulateOptions& options, const Machine& machine) {
    if (options.interrupted != nullptr && options.interrupted->load()) {
        throw SimulationError(fmt::format("interrupted at cycle {}", machine.clock().now()));
    }
}

/// Lets simulated time pass until `cycle`, or less: until the driver is through or nothing is left to happen. An
/// exception of ours that crosses a SystemC process comes out as a report: "uncaught exception: TEXT", with the process
/// and the time; what it says is TEXT.
void advance_to(Cycles cycle, const Machine& machine, const HostDriver& driver) {
    const ClockDomain& clock = machine.clock();
    try {
        // The kernel lets time pass without an event only when it is told to, and then even if none is to come.
        const auto nothing_until = [&] {
            return sc_core::sc_pending_activity() && sc_core::sc_time_to_pending_activity() > clock.until(cycle);
        };
        if (clock.now() == 0 || !nothing_until()) {
            sc_core::sc_start(clock.until(cycle), sc_core::SC_EXIT_ON_STARVATION);
        }
        if (!driver.finished() && clock.now() < cycle && nothing_until()) {
            sc_core::sc_start(clock.until(cycle), sc_core::SC_RUN_TO_TIME);
        }
    } catch (const sc_core::sc_report& report) {
        throw SimulationError(report.get_msg());
    }
}

[[noreturn]] void report_stuck(const Machine& machine, Cycles cycle, const std::string& why) {
    throw SimulationError(
        fmt::format("the simulation is stuck at cycle {}: {}. Who waits for whom:{}", cycle, why, machine.diagnose()));
}

/// Simulates until the driver's software is through; ends a run that makes no progress.
void run_to_end(Machine& machine, HostDriver& driver, ProfileCollector& profile, const RunConfig& config,
                const SimulateOptions& options, const std::exception_ptr& failure) {
    std::uint64_t completed = 0;
    Cycles last_progress = 0;
    const Cycles look_every = std::clamp<Cycles>(config.simulation.watchdog_cycles / 4, 1, kWatchPeriod);
    while (!driver.finished()) {
        end_if_interrupted(options, machine);
        advance_to(std::min(machine.clock().now() + look_every, profile.next_sample()), machine, driver);
        if (failure) {
            std::rethrow_exception(failure);
        }
        if (driver.finished()) {
            return;
        }
        const Cycles now = machine.clock().now();
        if (now == profile.next_sample()) {
            profile.sample(machine);
        }
        if (!sc_core::sc_pending_activity()) {
            report_stuck(machine, now, "nothing is left to happen");
        }
        if (driver.asleep() || machine.sequencer().commands_completed() != completed) {
            completed = machine.sequencer().commands_completed();
            last_progress = now;
        } else if (now - last_progress >= config.simulation.watchdog_cycles) {
            report_stuck(machine, now, fmt::format("no command has completed for {} cycles", now - last_progress));
        }
    }
}

/// One machine from reset to the end of one workload, added to `result`.
void run_machine(const RunConfig& config, Workload& workload, const SimulateOptions& options, double from, double to,
                 HostClock::time_point start, ProfileCollector& profile, RunResult& result) {
    SimulationKernel kernel;
    sc_core::sc_report_handler::set_actions(sc_core::SC_ERROR, sc_core::SC_THROW);
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_INSTANCE_EXISTS_, sc_core::SC_THROW);
    Machine machine("machine", config, workload.geometry());
    if (options.waveform != nullptr) {
        machine.trace(*options.waveform);
        workload.trace(*options.waveform);
        options.waveform->declared();
    }
    std::optional<TimelineRecorder> timeline;
    if (options.timeline != nullptr) {
        timeline.emplace(*options.timeline, machine, config, workload.geometry(), result.total.cycles);
    }
    if (options.observer != nullptr) {
        machine.add_observer(*options.observer);
    }
    profile.begin(machine, kv_vector_bytes(config.cache, workload.geometry()), workload.profile_name());
    std::exception_ptr failure;
    HostDriver driver("host", config.pipeline, machine, [&](HostDriver& host) {
        try {
            workload.run(host, [&](double fraction, const std::string& phase) {
                end_if_interrupted(options, machine);
                if (timeline) {
                    timeline->progress(phase, host);
                }
                if (options.on_progress) {
                    options.on_progress(
                        {from + (to - from) * fraction, phase, machine.clock().now(), seconds_since(start)});
                }
            });
        } catch (const std::exception&) {
            failure = std::current_exception();  // SystemC would wrap it; rethrown outside the kernel
        }
    });
    driver.set_profile(profile);
    run_to_end(machine, driver, profile, config, options, failure);
    if (failure) {
        std::rethrow_exception(failure);
    }

    profile.end(machine);
    if (timeline) {
        timeline->finish(driver);
    }
    const Interval total = machine.snapshot();
    result.total.cycles += total.cycles;
    result.total.actions += total.actions;
    result.total.dram += total.dram;
    result.total.macs += total.macs;
    const std::vector<UnitResult> units = machine.unit_results();
    if (result.units.empty()) {
        result.units = units;
    } else {
        for (std::size_t i = 0; i < units.size(); ++i) {
            result.units[i].cycles += units[i].cycles;
        }
    }
    result.step_cycles.insert(result.step_cycles.end(), driver.step_cycles().begin(), driver.step_cycles().end());
    result.systemc_events += sc_core::sc_delta_count();
    const ByKvMmuPart<Bytes> needs = machine.kv_mmu().needed_bytes();
    for (std::size_t i = 0; i < kKvMmuParts; ++i) {
        result.kv_mmu_needs.of[i] = std::max(result.kv_mmu_needs.of[i], needs.of[i]);
    }
    workload.report(machine, result);
}

}  // namespace

RunResult simulate(const RunConfig& config, const SimulateOptions& options) {
    const HostClock::time_point start = HostClock::now();
    RunResult result;
    ProfileCollector profile;
    if (config.workload.operators.empty()) {
        const auto workload = config.workload.requests ? make_serving_workload(config, options.policy)
                                                       : make_model_workload(config, options.policy);
        run_machine(config, *workload, options, 0.0, 1.0, start, profile, result);
    } else {
        const auto count = static_cast<double>(config.workload.operators.size());
        double done = 0;
        for (const OperatorSpec& spec : config.workload.operators) {
            const auto workload = make_operator_workload(config, spec);
            run_machine(config, *workload, options, done / count, (done + 1) / count, start, profile, result);
            done += 1;
        }
    }
    result.total.tokens = result.prefill.tokens + result.generation.tokens;
    if (result.serving) {
        result.total.tokens += result.serving->mixed.tokens;
    }
    result.profile = profile.take();
    check_result(config, result);
    check_profile(result);
    result.host_seconds = seconds_since(start);
    result.peak_rss_bytes = peak_rss_bytes();
    return result;
}

}  // namespace palimpsest
