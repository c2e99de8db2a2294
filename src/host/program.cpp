#include "host/program.h"

#include <numeric>

namespace palimpsest {
namespace {

constexpr std::size_t kLoad = static_cast<std::size_t>(UnitId::dma_load);

void wait(Command& command, std::size_t unit, std::uint64_t number, UnitState cause) {
    if (number > command.wait_for[unit]) {
        command.wait_for[unit] = number;
        command.wait_cause[unit] = cause;
    }
}

}  // namespace

bool Program::overlaps(Mechanism mechanism) const {
    switch (mechanism) {
        case Mechanism::projection:
            return pipeline_.weight_prefetch;
        case Mechanism::attention:
            return pipeline_.attention_overlap;
        case Mechanism::eviction:
            return pipeline_.eviction_overlap;
    }
    return true;
}

void Program::emit(UnitId unit, decltype(Command::work) work, Mechanism mechanism, std::initializer_list<Hazard*> reads,
                   std::initializer_list<Hazard*> writes) {
    const auto self = static_cast<std::size_t>(unit);
    Command command;
    command.unit = unit;
    command.number = last_[self] + 1;
    command.wait_cause.fill(UnitState::dependency);
    command.work = std::move(work);
    command.label = label_;
    command.layer = layer_;
    command.request = request_;
    command.head = head_;
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        const UnitState raw_cause = u == kLoad ? UnitState::operand : UnitState::dependency;
        for (const Hazard* hazard : reads) {
            if (hazard != nullptr) {
                wait(command, u, hazard->writers[u], raw_cause);
            }
        }
        if (u != self) {
            for (const Hazard* hazard : writes) {
                if (hazard != nullptr) {
                    wait(command, u, hazard->readers[u], UnitState::buffer_full);
                    wait(command, u, hazard->writers[u], UnitState::buffer_full);
                }
            }
        }
        wait(command, u, fence_[u], UnitState::dependency);
        if (!overlaps(mechanism)) {
            wait(command, u, last_[u], UnitState::dependency);
        }
    }
    last_[self] = command.number;
    if (!overlaps(mechanism)) {
        fence_[self] = command.number;
    }
    for (Hazard* hazard : reads) {
        if (hazard != nullptr) {
            hazard->readers[self] = command.number;
        }
    }
    for (Hazard* hazard : writes) {
        if (hazard != nullptr) {
            hazard->writers[self] = command.number;
        }
    }
    sink_(std::move(command));
}

std::uint64_t Program::emitted() const {
    return std::accumulate(last_.begin(), last_.end(), std::uint64_t{0});
}

}  // namespace palimpsest
