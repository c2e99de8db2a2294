// Serving: requests arrive one by one and share the machine by continuous batching. Who runs and what a step works on
// is the scheduler's; this carries it out on the machine and keeps the accounts.

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "attention/factory.h"
#include "host/capacity.h"
#include "host/serving_scheduler.h"
#include "host/transformer.h"
#include "host/workload.h"
#include "palimpsest/error.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kPicosecondsPerNanosecond = 1000;
/// Texts that synthetic attention has ready for requests in turn, as many as an equal batch can have.
constexpr std::uint32_t kMostTexts = 64;

/// One source for the replays of all requests.
class SharedSource final : public AttentionSource {
  public:
    explicit SharedSource(std::shared_ptr<AttentionSource> source) : source_(std::move(source)) {}

    std::uint32_t layers() const override { return source_->layers(); }
    std::uint32_t heads() const override { return source_->heads(); }
    std::uint32_t sequences() const override { return source_->sequences(); }
    std::uint32_t length() const override { return source_->length(); }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override {
        source_->row(sequence, layer, head, position, row);
    }
    std::string describe() const override { return source_->describe(); }
    bool synthetic() const override { return source_->synthetic(); }

  private:
    std::shared_ptr<AttentionSource> source_;
};

/// What a single request's replay is configured by: the run, without the list of requests.
RunConfig replay_config_of(const RunConfig& config) {
    RunConfig one;
    one.model = config.model;
    one.workload.batch = 1;
    one.workload.seed = config.workload.seed;
    one.cache = config.cache;
    one.attention = config.attention;
    return one;
}

class ServingWorkload : public Workload {
  public:
    ServingWorkload(const RunConfig& config, PolicyFactory policy)
        : config_(config),
          requests_(*config.workload.requests),
          policy_(std::move(policy)),
          evicts_(policy_ != nullptr || policy_info(config.cache.policy).evicts),
          replay_config_(replay_config_of(config)),
          buffers_(config.hardware),
          dram_(config.dram.organisation.bytes(), config.dram.organisation.row_bytes()),
          weights_(map_weights(config.model, dram_)) {
        // The longest request says what all slot sets must be able to do.
        const std::unique_ptr<CacheReplay> longest =
            make_replay(config.workload.prompt_tokens, config.workload.generated_tokens,
                        static_cast<std::uint32_t>(requests_.list.requests.size() - 1));
        geometry_ = serving_kv_geometry(config, evicts_, longest->uses_scores());
        note_ = longest->mapping_note();
        synthetic_ = longest->synthetic();
        place_kv(config, geometry_, dram_);
        own_regions_ = geometry_.region_bytes > 0;
        replays_.resize(geometry_.batch);
        residents_.resize(geometry_.batch);
        vector_pair_bytes_ = 2 * kv_vector_bytes(config.cache, geometry_) * config.model.layers * config.model.kv_heads;
    }

    const KvGeometry& geometry() const override { return geometry_; }

    void trace(SignalSink& sink) override {
        sink_ = &sink;
        waiting_signal_ = sink.declare("host.requests_waiting", SignalKind::level, 32);
        running_signal_ = sink.declare("host.requests_running", SignalKind::level, 8);
        sink.change(waiting_signal_, 0, 0);
        sink.change(running_signal_, 0, 0);
    }

    void run(HostDriver& driver, const ProgressHook& progress) override {
        const ClockDomain& clock = driver.machine().clock();
        ServingScheduler scheduler = make_scheduler();
        Lowering lowering{config_, driver.program(), buffers_};
        TransformerLowering transformer(lowering, weights_, dram_);
        std::uint64_t all_tokens = 0;
        for (const RequestSpec* request : served_) {
            all_tokens += std::uint64_t{request->prompt_tokens} + request->output_tokens;
        }
        std::uint64_t tokens_done = 0;
        while (!scheduler.done()) {
            for (const ServingScheduler::Admission& admission : scheduler.admit(clock.now())) {
                begin(admission, scheduler, driver.machine().kv_mmu());
            }
            show(scheduler, clock);
            const std::span<const ServingScheduler::Segment> planned = scheduler.plan();
            if (planned.empty()) {
                sleep(scheduler, driver);
                continue;
            }
            ServingSample& sample = open_sample(scheduler, clock.now());
            const std::string_view phase = phase_of(planned);
            replay(planned);
            driver.begin_phase(phase);
            const std::uint64_t step_tokens = rows_of(segments_);
            transformer.step(segments_, [&](std::uint32_t layers) {
                const double done = static_cast<double>(step_tokens) * layers / config_.model.layers;
                progress((static_cast<double>(tokens_done) + done) / static_cast<double>(all_tokens),
                         fmt::format("serving, {}/{} requests done", scheduler.finished(), served_.size()));
            });
            driver.end_step();
            tokens_done += step_tokens;
            sample.used_bytes = used_bytes();
            const std::optional<AdmissionLimit> limit = scheduler.limit();
            leave(scheduler.complete(clock.now()), driver);
            if (scheduler.done()) {
                driver.drain();
            }
            sample.cycles = clock.now() - sample.start;
            if (limit) {
                result_.blocked[static_cast<std::size_t>(*limit)] += sample.cycles;
            }
            book(phase, driver.interval(), step_tokens);
        }
        show(scheduler, clock);
        finish(scheduler);
    }

    void report(Machine& machine, RunResult& result) const override {
        result.prefill = prefill_;
        result.generation = generation_;
        result.prefill_steps = static_cast<std::uint32_t>(result_.prefill_steps);
        result.serving = result_;
        result.kv_cache.policy = policy_ ? "custom" : config_.cache.policy;
        result.kv_cache.budget = std::min(geometry_.slots, geometry_.positions);
        result.kv_cache.peak_bytes = machine.kv_mmu().peak_bytes();
        result.kv_cache.full_bytes = full_bytes_;
        result.kv_cache.evictions = evictions_;
        result.kv_cache.resident_tokens_peak = machine.kv_mmu().resident_tokens_peak();
        result.notes["attention_source"] = note_;
        result.notes["requests"] = fmt::format(
            "Requests arrive by {}; each output token is a step of generation, the last of which finds the end of the "
            "text. The rules are those of docs/serving.md.",
            std::filesystem::path(requests_.file).filename().string());
        result.estimated = synthetic_;
    }

  private:
    Cycles arrival_cycle(const RequestSpec& request) const {
        return ceil_div<std::uint64_t>(request.arrival_ns * kPicosecondsPerNanosecond, config_.hardware.core_clock_ps);
    }

    /// What a request of so many tokens reserves.
    Bytes kv_bytes(std::uint32_t tokens) const {
        return kv_request_bytes(config_.cache, geometry_, own_regions_ ? tokens : kv_places(config_.cache, geometry_));
    }

    ServingScheduler make_scheduler() {
        const Bytes one = kv_bytes(0);
        KvReservations reservations = own_regions_ ? KvReservations::first_fit(geometry_.region_bytes)
                                                   : KvReservations::partitions(geometry_.batch, one);
        for (const RequestSpec& request : requests_.list.rejected) {
            result_.turned_away.push_back({request.id, request.prompt_tokens, request.output_tokens, "length"});
        }
        std::vector<ArrivingRequest> arriving;
        Bytes least = ~Bytes{0};
        for (const RequestSpec& request : requests_.list.requests) {
            const Bytes bytes = kv_bytes(request.prompt_tokens + request.output_tokens);
            least = std::min(least, bytes);
            if (!reservations.could_ever_hold(bytes)) {
                result_.turned_away.push_back(
                    {request.id, request.prompt_tokens, request.output_tokens, "kv_capacity"});
                continue;
            }
            served_.push_back(&request);
            text_.push_back(static_cast<std::uint32_t>(&request - requests_.list.requests.data()));
            arriving.push_back({arrival_cycle(request), request.prompt_tokens, request.output_tokens, bytes});
        }
        if (served_.empty()) {
            throw InputError("", "workload.requests.kv_capacity_bytes",
                             fmt::format("{} bytes of DRAM for KV", reservations.capacity()),
                             fmt::format("{} or more: what the shortest request reserves", least));
        }
        std::ranges::sort(result_.turned_away, {}, &TurnedAway::id);
        result_.clamped = requests_.list.clamped;
        result_.places = geometry_.batch;
        result_.step_tokens = serving_step_tokens(config_);
        result_.kv_capacity_bytes = reservations.capacity();
        result_.partitions = !own_regions_;
        const bool fewer = geometry_.batch < config_.workload.batch;  // the KV region has no more partitions
        const ServingRules rules{geometry_.batch, result_.step_tokens, config_.cache.prefill_chunk,
                                 fewer ? AdmissionLimit::capacity : AdmissionLimit::batch};
        return ServingScheduler(rules, std::move(arriving), std::move(reservations));
    }

    std::unique_ptr<CacheReplay> make_replay(std::uint32_t prompt, std::uint32_t output, std::uint32_t text) {
        RunConfig& one = replay_config_;
        one.workload.prompt_tokens = prompt;
        one.workload.generated_tokens = output;
        one.workload.first_text = text;
        return std::make_unique<CacheReplay>(one, source_for_request(), policy_);
    }

    /// A trace is opened once for all. A synthetic source keeps state along a text, so that each request has its own.
    std::unique_ptr<AttentionSource> source_for_request() {
        const auto count =
            static_cast<std::uint32_t>(std::min<std::size_t>(kMostTexts, requests_.list.requests.size()));
        const auto make = [&](std::uint32_t texts) {
            return make_attention_source(config_.attention, config_.workload.seed, config_.model.layers,
                                         config_.model.heads, texts,
                                         config_.workload.prompt_tokens + config_.workload.generated_tokens);
        };
        if (!std::holds_alternative<AttentionTraceSource>(config_.attention)) {
            return make(count);
        }
        if (!trace_) {
            trace_ = make(count);
        }
        return std::make_unique<SharedSource>(trace_);
    }

    void begin(const ServingScheduler::Admission& admission, const ServingScheduler& scheduler, KvMmu& kv_mmu) {
        const ArrivingRequest& request = scheduler.request(admission.request);
        replays_[admission.place] = make_replay(request.prompt_tokens, request.output_tokens, text_[admission.request]);
        residents_[admission.place] = 0;
        if (own_regions_) {
            kv_mmu.set_region(RequestId{admission.place},
                              {admission.kv_offset, request.prompt_tokens + request.output_tokens});
        }
    }

    /// Nothing runs: time passes until the next request arrives.
    void sleep(ServingScheduler& scheduler, HostDriver& driver) {
        const ClockDomain& clock = driver.machine().clock();
        ServingSample& sample = open_sample(scheduler, clock.now());
        driver.begin_phase("idle");
        driver.sleep_until(scheduler.next_arrival().value());
        sample.cycles = clock.now() - sample.start;
        add(result_.idle, driver.interval());
    }

    /// Lets the requests' caches decide about the step, and says what the machine is to do.
    void replay(std::span<const ServingScheduler::Segment> planned) {
        segments_.clear();
        std::uint64_t unmanaged = 0;
        for (const ServingScheduler::Segment& segment : planned) {
            CacheReplay& cache = *replays_[segment.place];
            if (segment.prefill) {
                cache.prefill_chunk(segment.first_position, segment.tokens);
            } else {
                cache.generation_step(segment.first_position);
            }
            residents_[segment.place] = cache.decision(RequestId{0}, LayerId{0}, KvHeadId{0}).residents_after;
            segments_.push_back({RequestId{segment.place}, text_[segment.request], segment.first_position,
                                 segment.tokens, segment.prefill, segment.logits, &cache, RequestId{0}});
            unmanaged += segment.first_position + segment.tokens;
        }
        full_bytes_ = std::max(full_bytes_, unmanaged * vector_pair_bytes_);
    }

    static std::string_view phase_of(std::span<const ServingScheduler::Segment> planned) {
        const bool any = std::ranges::any_of(planned, &ServingScheduler::Segment::prefill);
        const bool all = std::ranges::all_of(planned, &ServingScheduler::Segment::prefill);
        return all ? "prefill" : any ? "mixed" : "generation";
    }

    ServingSample& open_sample(const ServingScheduler& scheduler, Cycles now) {
        const KvReservations& kv = scheduler.reservations();
        return result_.samples.emplace_back(ServingSample{now, 0, static_cast<std::uint32_t>(scheduler.waiting()),
                                                          static_cast<std::uint32_t>(scheduler.running()),
                                                          kv.reserved(), 0, kv.free(), kv.usable()});
    }

    Bytes used_bytes() const {
        Bytes used = 0;
        for (const std::uint32_t tokens : residents_) {
            used += tokens * vector_pair_bytes_;
        }
        return used;
    }

    void leave(std::span<const ServingScheduler::Departure> departures, HostDriver& driver) {
        std::vector<RequestId> places;
        for (const ServingScheduler::Departure& departure : departures) {
            evictions_ += replays_[departure.place]->evictions();
            replays_[departure.place].reset();
            residents_[departure.place] = 0;
            places.emplace_back(departure.place);
        }
        driver.release(places);
    }

    static void add(Interval& to, const Interval& part) {
        to.cycles += part.cycles;
        to.actions += part.actions;
        to.dram += part.dram;
        to.macs += part.macs;
    }

    void book(std::string_view phase, const Interval& part, std::uint64_t tokens) {
        const bool prefill = phase == "prefill";
        const bool mixed = phase == "mixed";
        Interval& to = prefill ? prefill_ : mixed ? result_.mixed : generation_;
        ++(prefill ? result_.prefill_steps : mixed ? result_.mixed_steps : result_.generation_steps);
        add(to, part);
        to.tokens += tokens;
    }

    void finish(const ServingScheduler& scheduler) {
        for (std::uint32_t i = 0; i < served_.size(); ++i) {
            const ServingScheduler::Times& times = scheduler.times(i);
            result_.requests.push_back({served_[i]->id, scheduler.request(i).arrival_cycle, times.admitted,
                                        times.first_token, times.finished, served_[i]->prompt_tokens,
                                        served_[i]->output_tokens});
        }
    }

    void show(const ServingScheduler& scheduler, const ClockDomain& clock) const {
        if (sink_ != nullptr) {
            sink_->change(waiting_signal_, clock.time_of(clock.now()), scheduler.waiting());
            sink_->change(running_signal_, clock.time_of(clock.now()), scheduler.running());
        }
    }

    const RunConfig& config_;
    const RequestsConfig& requests_;
    PolicyFactory policy_;
    bool evicts_;
    RunConfig replay_config_;  ///< scratch of make_replay()
    std::shared_ptr<AttentionSource> trace_;
    BufferPlan buffers_;
    DramAllocator dram_;
    WeightMap weights_;
    KvGeometry geometry_;
    bool own_regions_ = false;
    Bytes vector_pair_bytes_ = 0;  ///< K and V of a token in all layers and heads
    std::string note_;
    bool synthetic_ = false;

    std::vector<const RequestSpec*> served_;             ///< as the scheduler numbers them
    std::vector<std::uint32_t> text_;                    ///< by served request: its number in the list
    std::vector<std::unique_ptr<CacheReplay>> replays_;  ///< by place
    std::vector<std::uint32_t> residents_;               ///< by place: tokens in a slot set
    std::vector<StepSegment> segments_;                  ///< of the step at hand
    Interval prefill_, generation_;
    ServingResult result_;
    Bytes full_bytes_ = 0;
    std::uint64_t evictions_ = 0;

    SignalSink* sink_ = nullptr;
    SignalSink::SignalId waiting_signal_ = 0, running_signal_ = 0;
};

}  // namespace

std::unique_ptr<Workload> make_serving_workload(const RunConfig& config, PolicyFactory policy) {
    if (!policy) {
        check_capacity(config);
    }
    return std::make_unique<ServingWorkload>(config, std::move(policy));
}

}  // namespace palimpsest
