// The SystemC module: clock domains, protocol, responses at the golden controller's times, fault injection, waveforms.

#include <deque>
#include <map>

#include <tlm_utils/simple_initiator_socket.h>
#include <systemc>
#include <tlm>

#include "golden/dram_golden.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/dram_controller.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

using namespace palimpsest;

namespace {

struct SentRequest {
    GoldenTransaction golden;
    Picoseconds sent_ps = 0, answered_ps = 0, refresh_wait_ps = 0;
    bool answered = false;
};

/// Sends a script of requests, at most `outstanding` at once; payloads are used again.
class Master : public sc_core::sc_module {
  public:
    tlm_utils::simple_initiator_socket<Master> socket;

    SC_HAS_PROCESS(Master);
    /// `order`: requests of all masters in the order in which they were sent.
    Master(const sc_core::sc_module_name& name, std::vector<std::pair<Cycles, GoldenTransaction>> script,
           const ClockDomain& clock, std::size_t outstanding, std::deque<SentRequest>& order)
        : sc_module(name),
          socket("socket"),
          script_(std::move(script)),
          clock_(clock),
          order_(order),
          slots_(outstanding) {
        socket.register_nb_transport_bw(this, &Master::nb_transport_bw);
        for (Slot& slot : slots_) {
            slot.payload.set_extension(&slot.request);
            free_.push_back(&slot);
        }
        SC_METHOD(send);
        sensitive << wake_;
    }
    ~Master() override {
        for (Slot& slot : slots_) {
            slot.payload.clear_extension(&slot.request);
        }
    }

  private:
    struct Slot {
        tlm::tlm_generic_payload payload;
        MemoryRequest request;
        SentRequest* sent = nullptr;
    };

    void send() {
        while (next_ < script_.size() && !free_.empty()) {
            if (script_[next_].first > clock_.now()) {
                wake_.notify(clock_.until(script_[next_].first));
                return;
            }
            Slot& slot = *free_.back();
            free_.pop_back();
            SentRequest& sent = order_.emplace_back();
            sent.golden = script_[next_++].second;
            sent.sent_ps = sc_core::sc_time_stamp().value();
            slot.sent = &sent;
            slot.request.segments = sent.golden.segments;
            slot.request.traffic = sent.golden.traffic;
            slot.payload.set_command(sent.golden.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
            tlm::tlm_phase phase = tlm::BEGIN_REQ;
            sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
            CHECK(socket->nb_transport_fw(slot.payload, phase, delay) == tlm::TLM_ACCEPTED);
        }
    }

    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time&) {
        CHECK(phase == tlm::BEGIN_RESP);
        CHECK(payload.is_response_ok());
        for (Slot& slot : slots_) {
            if (&slot.payload == &payload) {
                CHECK_FALSE(slot.sent->answered);
                slot.sent->answered = true;
                slot.sent->answered_ps = sc_core::sc_time_stamp().value();
                slot.sent->refresh_wait_ps = slot.request.refresh_wait_ps;
                free_.push_back(&slot);
            }
        }
        send();  // from within the response: the controller must stand that
        return tlm::TLM_COMPLETED;
    }

    std::vector<std::pair<Cycles, GoldenTransaction>> script_;
    const ClockDomain& clock_;
    std::deque<SentRequest>& order_;
    std::deque<Slot> slots_;
    std::vector<Slot*> free_;
    std::size_t next_ = 0;
    sc_core::sc_event wake_;
};

std::vector<std::pair<Cycles, GoldenTransaction>> random_script(RandomDram& random, const DramConfig& config) {
    std::vector<std::pair<Cycles, GoldenTransaction>> script;
    Cycles cycle = 0;
    for (std::uint64_t i = random.between(1, 40); i > 0; --i) {
        if (random.chance(20)) {
            random.next_pattern(config);
        }
        cycle += random.chance(60) ? 0 : random.between(0, 200);
        GoldenTransaction transaction;
        transaction.segments = random.segments(config);
        transaction.write = random.chance(30);
        if (transaction.segments.empty()) {
            transaction.segments = {{0, 0}};  // asks for nothing, and gets its answer
        }
        script.emplace_back(cycle, transaction);
    }
    return script;
}

/// One write of one burst after another, for tests that need just any traffic.
std::vector<std::pair<Cycles, GoldenTransaction>> simple_script(std::size_t requests, bool write) {
    std::vector<std::pair<Cycles, GoldenTransaction>> script;
    for (std::size_t i = 0; i < requests; ++i) {
        GoldenTransaction transaction;
        transaction.segments = {{i * 4096, 256}};
        transaction.write = write;
        script.emplace_back(10, transaction);
    }
    return script;
}

/// Keeps every change, by signal name.
struct SignalLog : SignalSink {
    struct Signal {
        SignalKind kind;
        std::vector<std::pair<Picoseconds, std::uint64_t>> changes;
    };
    std::vector<std::string> names;
    std::map<std::string, Signal> signals;

    SignalId declare(std::string_view hierarchy, SignalKind kind, unsigned, std::string_view) override {
        names.emplace_back(hierarchy);
        signals[names.back()].kind = kind;
        return static_cast<SignalId>(names.size() - 1);
    }
    void change(SignalId signal, Picoseconds time_ps, std::uint64_t value) override {
        auto& changes = signals[names[signal]].changes;
        CHECK((changes.empty() || changes.back().first <= time_ps));
        changes.emplace_back(time_ps, value);
    }
};

}  // namespace

TEST_CASE("Responses come at the first core edge after the golden controller's completion", "[dram][systemc]") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        RandomDram random(seed);
        DramConfig config = random.config(kAllDramFeatures);
        config.timing.tCK_ps = random.one_of({625U, 833U, 1000U, 1250U});
        if (config.timing.nREFI * config.timing.tCK_ps > 3'900'000) {
            config.timing.nREFI = static_cast<std::uint32_t>(3'900'000 / config.timing.tCK_ps);
        }
        FreshKernel kernel;
        const ClockDomain core(random.one_of({1000U, 700U}));
        DramController dram("dram", config, core);
        std::deque<SentRequest> order;
        Master one("one", random_script(random, config), core, random.between(1, 8), order);
        Master two("two", random_script(random, config), core, random.between(1, 8), order);
        one.socket.bind(dram.memory_socket);
        two.socket.bind(dram.memory_socket);
        sc_core::sc_start(sc_core::sc_time::from_value(60'000'000));
        CHECK(dram.in_flight() == 0);
        CHECK(dram.idle());

        GoldenDram golden(config);
        std::size_t next = 0;
        const DramClock end = dram.clocks_at(sc_core::sc_time_stamp().value());
        while (golden.now < end) {
            while (next < order.size() && ceil_div(order[next].sent_ps, config.timing.tCK_ps) == golden.now) {
                golden.send(order[next++].golden);
            }
            golden.step();
        }
        REQUIRE(next == order.size());
        for (const SentRequest& request : order) {
            REQUIRE(request.answered);
            const Picoseconds data_ps = request.golden.completion * config.timing.tCK_ps;
            REQUIRE(request.answered_ps == round_up(data_ps, core.period_ps()));
            REQUIRE(request.refresh_wait_ps == request.golden.refresh_wait * config.timing.tCK_ps);
        }
        CHECK(dram.counts_at(sc_core::sc_time_stamp().value()) == golden.counts);
    }
}

TEST_CASE("A dropped response leaves its request in flight, and diagnose() says so", "[dram][systemc]") {
    FreshKernel kernel;
    const ClockDomain core(1000);
    const DramConfig config;
    DramController dram("dram", config, core, 3);
    std::deque<SentRequest> order;
    Master master("master", simple_script(5, false), core, 5, order);
    master.socket.bind(dram.memory_socket);
    sc_core::sc_start(5, sc_core::SC_US);
    CHECK(dram.in_flight() == 1);
    CHECK_FALSE(dram.idle());
    std::size_t answered = 0;
    for (const SentRequest& request : order) {
        answered += request.answered;
    }
    CHECK(answered == 4);
    CHECK(dram.diagnose().find("1 request(s) in flight, the oldest a read since 10000 ps") != std::string::npos);
}

TEST_CASE("The idle event comes when posted writes are out and their data has moved", "[dram][systemc]") {
    FreshKernel kernel;
    const ClockDomain core(1000);
    DramConfig config;
    config.refresh.mode = RefreshMode::none;
    DramController dram("dram", config, core);
    std::deque<SentRequest> order;
    Master master("master", simple_script(6, true), core, 6, order);
    master.socket.bind(dram.memory_socket);
    sc_core::sc_start(12, sc_core::SC_NS);
    CHECK_FALSE(dram.idle());
    Picoseconds idle_ps = 0;
    const sc_core::sc_event& idle = dram.when_idle();
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.set_sensitivity(&idle);
    options.dont_initialize();
    sc_core::sc_spawn([&] { idle_ps = sc_core::sc_time_stamp().value(); }, "watch", &options);
    sc_core::sc_start(2, sc_core::SC_US);

    GoldenDram golden(config);
    for (std::size_t next = 0; next < order.size() || !golden.idle();) {
        while (next < order.size() && ceil_div(order[next].sent_ps, config.timing.tCK_ps) == golden.now) {
            golden.send(order[next++].golden);
        }
        golden.step();
    }
    CHECK(idle_ps == round_up(golden.now * config.timing.tCK_ps, core.period_ps()));
    CHECK(dram.idle());
}

TEST_CASE("Waveforms show queues and banks in time order", "[dram][systemc]") {
    FreshKernel kernel;
    const ClockDomain core(1000);
    DramConfig config;
    config.timing.nREFI = 1500;
    DramController dram("dram", config, core);
    SignalLog log;
    dram.trace(log, "machine.dram");
    std::deque<SentRequest> order;
    Master master("master", simple_script(16, false), core, 16, order);
    master.socket.bind(dram.memory_socket);
    sc_core::sc_start(3, sc_core::SC_US);
    dram.counts_at(sc_core::sc_time_stamp().value());

    const auto& bank = log.signals.at("machine.dram.channel0.rank0.bank0.state").changes;
    std::vector<std::uint64_t> states;
    for (const auto& [time, value] : bank) {
        states.push_back(value);
    }
    // closed; opening, open (the stream's first rows); closing, closed, refresh, closed at the first refresh.
    REQUIRE(states.size() >= 7);
    CHECK(std::vector<std::uint64_t>(states.begin(), states.begin() + 7) ==
          std::vector<std::uint64_t>{0, 1, 2, 3, 0, 4, 0});
    CHECK(log.signals.at("machine.dram.channel0.rank0.refresh").changes.size() == 3);
    std::uint64_t deepest = 0;
    for (const auto& [time, depth] : log.signals.at("machine.dram.channel0.read_queue").changes) {
        deepest = std::max(deepest, depth);
    }
    CHECK(deepest > 8);
    CHECK(log.signals.at("machine.dram.channel0.read_queue").changes.back().second == 0);
}
