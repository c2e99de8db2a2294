#include "hardware/sram_buffers.h"

#include <array>
#include <limits>
#include <vector>

#include <fmt/format.h>

namespace palimpsest {

struct SramBuffers::Implementation {
    struct Waiting {
        SramClient* client = nullptr;
        std::uint64_t tag = 0;
        sc_core::sc_event done;
    };
    /// One bank's port in the waveform.
    struct PortSignal {
        BufferHalf where;
        std::uint32_t bank = 0;
        SignalSink::SignalId signal = 0;
        unsigned shown = kSramClients;
    };

    Implementation(const BuffersConfig& config, const ClockDomain& clock_domain)
        : arbiter(config), clock(clock_domain) {}

    void reschedule(SramArbiter::ClientMask changed) {
        for (std::size_t client = 1; client < kSramClients; ++client) {
            const auto id = static_cast<SramClientId>(client);
            if ((changed & SramArbiter::bit(id)) != 0) {
                waiting[client].done.cancel();
                waiting[client].done.notify(clock.until(arbiter.finish(id)));
            }
        }
        show_ports(clock.now());
    }

    void finish(SramClientId id) {
        Waiting& slot = waiting[static_cast<std::size_t>(id)];
        show_ports_until(clock.now());
        const Cycles conflict_cycles = arbiter.retire(id, clock.now());
        show_ports(clock.now());
        slot.client->stream_done(slot.tag, conflict_cycles);
    }

    // Only while a waveform is written. No event wakes for it, or a run would not be the same with and without one:
    // what the ports did is shown when the arbiter is about to change, and what holds then.

    void show_ports(Cycles now) {
        if (ports.empty()) {
            return;
        }
        for (PortSignal& port : ports) {
            const unsigned holder = arbiter.holder(port.where, port.bank, now);
            if (holder != port.shown) {
                port.shown = holder;
                sink->change(port.signal, clock.time_of(now), holder);
            }
        }
        shown_to = now;
    }

    void show_ports_until(Cycles now) {
        while (!ports.empty()) {
            const Cycles next = arbiter.next_change(shown_to);
            if (next > now) {
                return;
            }
            show_ports(next);
        }
    }

    SramArbiter arbiter;
    const ClockDomain& clock;
    std::array<Waiting, kSramClients> waiting;
    SignalSink* sink = nullptr;
    std::vector<PortSignal> ports;
    std::array<SignalSink::SignalId, kBufferCount * 2> occupancy{};
    Cycles shown_to = 0;
};

SramBuffers::SramBuffers(const sc_core::sc_module_name& name, const BuffersConfig& config, const ClockDomain& clock)
    : sc_module(name), implementation_(std::make_unique<Implementation>(config, clock)) {
    Implementation* self = implementation_.get();
    for (std::size_t client = 1; client < kSramClients; ++client) {
        const auto id = static_cast<SramClientId>(client);
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.dont_initialize();
        options.set_sensitivity(&self->waiting[client].done);
        sc_core::sc_spawn([self, id] { self->finish(id); }, fmt::format("finish_{}", name_of(id)).c_str(), &options);
    }
}

SramBuffers::~SramBuffers() = default;

void SramBuffers::stream(SramClientId id, const BufferRegion& region, bool write, SramClient& client,
                         std::uint64_t tag) {
    implementation_->show_ports_until(implementation_->clock.now());
    const auto changed = implementation_->arbiter.start(id, region, write, implementation_->clock.now());
    auto& slot = implementation_->waiting[static_cast<std::size_t>(id)];
    slot.client = &client;
    slot.tag = tag;
    implementation_->reschedule(changed);
}

void SramBuffers::reserve(BufferHalf half, std::uint32_t bank, const AccessPattern& pattern, bool write) {
    implementation_->show_ports_until(implementation_->clock.now());
    implementation_->reschedule(
        implementation_->arbiter.reserve(half, bank, pattern, write, implementation_->clock.now()));
}

const ActionCounts& SramBuffers::actions() const {
    return implementation_->arbiter.actions();
}

const BufferConfig& SramBuffers::config_of(BufferId buffer) const {
    return implementation_->arbiter.config_of(buffer);
}

void SramBuffers::trace(SignalSink& sink, const std::string& hierarchy) {
    Implementation& self = *implementation_;
    self.sink = &sink;
    std::string holders;
    for (std::size_t client = 0; client < kSramClients; ++client) {
        holders += fmt::format("{},", name_of(static_cast<SramClientId>(client)));
    }
    holders += "idle";
    for (std::size_t i = 0; i < kBufferCount * 2; ++i) {
        const BufferHalf where{static_cast<BufferId>(i / 2), static_cast<std::uint8_t>(i % 2)};
        const std::string prefix = fmt::format("{}.{}.half{}", hierarchy, name_of(where.buffer), where.half);
        self.occupancy[i] = sink.declare(prefix + ".words", SignalKind::level, 32);
        sink.change(self.occupancy[i], 0, 0);
        for (std::uint32_t bank = 0; bank < config_of(where.buffer).banks_per_half(); ++bank) {
            const auto signal =
                sink.declare(fmt::format("{}.bank{}.port", prefix, bank), SignalKind::state, 3, holders);
            if (signal != SignalSink::kLeftOut) {
                sink.change(signal, 0, kSramClients);
                self.ports.push_back({where, bank, signal});
            }
        }
    }
}

void SramBuffers::set_occupancy(BufferHalf half, std::uint32_t words) {
    Implementation& self = *implementation_;
    if (self.sink != nullptr) {
        self.sink->change(self.occupancy[static_cast<std::size_t>(half.buffer) * 2 + half.half],
                          self.clock.time_of(self.clock.now()), words);
    }
}

}  // namespace palimpsest
