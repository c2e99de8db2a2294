#pragma once
// The two kinds of workload the host driver runs: a model's prefill and generation, or one operator alone.

#include <functional>
#include <memory>
#include <string>

#include "common/signal_sink.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "host/cache_replay.h"
#include "host/driver.h"
#include "palimpsest/policy.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// A workload knows the KV geometry it needs, and the software that runs it. `Progress` is called with the share done.
class Workload {
  public:
    using ProgressHook = std::function<void(double fraction, const std::string& phase)>;

    virtual ~Workload() = default;
    virtual const KvGeometry& geometry() const = 0;
    /// What the profile books all its commands on; empty: each on its own label and layer.
    virtual std::string profile_name() const { return {}; }
    /// Declares the workload's own signals; before the simulation starts.
    virtual void trace(SignalSink&) {}
    virtual void run(HostDriver& driver, const ProgressHook& progress) = 0;
    /// Adds what the workload knows to the result, after the run.
    virtual void report(Machine& machine, RunResult& result) const = 0;
};

/// Prefill and generation of the configured model; `policy`, where given, replaces that of the configuration. Throws
/// InputError when the model does not fit DRAM.
std::unique_ptr<Workload> make_model_workload(const RunConfig& config, PolicyFactory policy = {});
/// The configured model serving the requests of `workload.requests`. Throws InputError where DRAM or the KV region
/// holds not one of them.
std::unique_ptr<Workload> make_serving_workload(const RunConfig& config, PolicyFactory policy = {});
/// One operator of WorkloadConfig::operators.
std::unique_ptr<Workload> make_operator_workload(const RunConfig& config, const OperatorSpec& spec);

}  // namespace palimpsest
