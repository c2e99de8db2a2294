#include "hardware/sram_arbiter.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

bool loops_do_not_overlap(const AccessPattern& p) {
    return p.words > 0 && p.folds > 0 && p.sweeps > 0 && (p.folds == 1 || p.words <= p.fold_period) &&
           (p.sweeps == 1 || (p.folds - 1) * p.fold_period + p.words <= p.sweep_period);
}

template <class Bank>
std::uint64_t busy_before(const Bank& bank, Cycles cycle) {
    std::uint64_t busy = 0;
    for (const auto& reservation : bank) {
        busy += reservation.pattern.busy_before(cycle);
    }
    return busy;
}

/// The first cycle before which the bank has `words` cycles without the array, counted from `from`.
template <class Bank>
Cycles after_free(const Bank& bank, Cycles from, std::uint64_t words) {
    if (bank.empty()) {
        return from + words;
    }
    const std::uint64_t busy_at_start = busy_before(bank, from);
    const auto target = [&](Cycles cycle) { return from + words + busy_before(bank, cycle) - busy_at_start; };
    // Adding what is busy meanwhile converges on the answer from below, in a few steps where the array leaves gaps.
    constexpr int kSteps = 6;
    Cycles low = from + words;
    for (int step = 0; step < kSteps; ++step) {
        const Cycles next = target(low);
        if (next == low) {
            return low;
        }
        low = next;
    }
    Cycles high = low;
    for (const auto& reservation : bank) {
        high = std::max(high, reservation.end);
    }
    high += words;
    while (low < high) {
        const Cycles middle = low + (high - low) / 2;
        if (target(middle) <= middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

}  // namespace

std::string_view name_of(SramClientId client) {
    static constexpr std::array<std::string_view, kSramClients> names{"pe_array", "vector_read", "vector_write",
                                                                      "dma_store", "dma_load"};
    return names[static_cast<std::size_t>(client)];
}

SramArbiter::SramArbiter(const BuffersConfig& config)
    : config_(config), configs_{&config_.weight, &config_.activation, &config_.kv, &config_.score} {
    for (std::size_t i = 0; i < halves_.size(); ++i) {
        halves_[i].config = configs_[i / 2];
        halves_[i].banks.resize(halves_[i].config->banks_per_half());
    }
}

SramArbiter::ClientMask SramArbiter::start(SramClientId id, const BufferRegion& region, bool write, Cycles now) {
    Half& half = half_of(region.where);
    Stream& stream = streams_[index(id)];
    const std::uint32_t bank_words = half.config->words_per_bank();
    const std::uint64_t half_words = std::uint64_t{bank_words} * half.banks.size();
    if (id == SramClientId::pe_array || stream.active) {
        throw SimulationError(fmt::format("SRAM: {} starts a stream while it has one", name_of(id)));
    }
    if (std::uint64_t{region.first_word} + region.words > half_words) {
        throw SimulationError(
            fmt::format("SRAM: {} moves words {} to {} of a half of the {} buffer, which has {} words", name_of(id),
                        region.first_word, std::uint64_t{region.first_word} + region.words,
                        name_of(region.where.buffer), half_words));
    }
    catch_up(half, now);
    stream.active = true;
    stream.write = write;
    stream.region = region;
    stream.began = now;
    stream.current = 0;
    stream.visits.clear();
    for (std::uint32_t word = 0; word < region.words;) {
        const std::uint32_t place = region.first_word + word;
        const std::uint32_t words = std::min(region.words - word, bank_words - place % bank_words);
        stream.visits.push_back({place / bank_words, now, now, words});
        word += words;
    }
    half.streaming |= bit(id);
    return static_cast<ClientMask>(replan(half, index(id), now) | bit(id));
}

SramArbiter::ClientMask SramArbiter::reserve(BufferHalf where, std::uint32_t bank_index, const AccessPattern& pattern,
                                             bool write, Cycles now) {
    Half& half = half_of(where);
    if (bank_index >= half.banks.size() || pattern.start < now || !loops_do_not_overlap(pattern)) {
        throw SimulationError(fmt::format("SRAM: a timetable that cannot be kept for bank {} of the {} buffer",
                                          bank_index, name_of(where.buffer)));
    }
    Bank& bank = half.banks[bank_index];
    catch_up(half, now);
    std::erase_if(bank, [now](const Reservation& r) { return r.end <= now; });
    for (const Reservation& other : bank) {
        if (collide(other.pattern, pattern)) {
            throw SimulationError(fmt::format(
                "SRAM: two products of the PE array ask for bank {} of half {} of the {} buffer in the same cycle, "
                "between cycles {} and {}",
                bank_index, where.half, name_of(where.buffer), std::max(other.pattern.start, pattern.start),
                std::min(other.end, pattern.end())));
        }
    }
    bank.push_back({pattern, pattern.end()});
    count(where.buffer, write, pattern.accesses());

    for (std::size_t client = 0; client < kSramClients; ++client) {
        const Stream& stream = streams_[client];
        if ((half.streaming >> client & 1U) == 0) {
            continue;
        }
        for (std::size_t i = stream.current; i < stream.visits.size(); ++i) {
            if (stream.visits[i].bank == bank_index && stream.visits[i].leave > pattern.start) {
                return replan(half, client, now);
            }
        }
    }
    return 0;
}

Cycles SramArbiter::retire(SramClientId id, Cycles now) {
    Stream& stream = streams_[index(id)];
    if (!stream.active || stream.finish != now) {
        throw SimulationError(fmt::format("SRAM: the stream of {} is not over in cycle {}", name_of(id), now));
    }
    Half& half = half_of(stream.region.where);
    catch_up(half, now);
    half.streaming &= static_cast<ClientMask>(~bit(id));
    stream.active = false;
    count(stream.region.where.buffer, stream.write, stream.region.words);
    return now - stream.began - stream.region.words;
}

SramArbiter::Half& SramArbiter::half_of(BufferHalf half) {
    if (half.half > 1) {
        throw SimulationError(fmt::format("SRAM: half {} of the {} buffer", half.half, name_of(half.buffer)));
    }
    return halves_[index(half)];
}

void SramArbiter::count(BufferId buffer, bool write, std::uint64_t words) {
    const auto first = static_cast<std::size_t>(Action::weight_buffer_read);
    actions_.n[first + 2 * static_cast<std::size_t>(buffer) + (write ? 1 : 0)] += words;
}

/// Books what the half's streams have moved before `now`, so that what blocked them until then may be forgotten. Lowest
/// priority first: a stream's progress is worked out from where those above it were.
void SramArbiter::catch_up(Half& half, Cycles now) {
    if (half.streaming == 0) {
        return;
    }
    for (std::size_t client = kSramClients; client-- > 0;) {
        if ((half.streaming >> client & 1U) == 0) {
            continue;
        }
        Stream& stream = streams_[client];
        while (stream.current < stream.visits.size() && stream.visits[stream.current].leave <= now) {
            ++stream.current;
        }
        if (stream.current == stream.visits.size() || stream.visits[stream.current].enter >= now) {
            continue;
        }
        Visit& visit = stream.visits[stream.current];
        block_by_higher(half, client, visit.bank, visit.enter);
        visit.words -= static_cast<std::uint32_t>(free_cycles(half.banks[visit.bank], visit.enter, now));
        visit.enter = now;
    }
}

SramArbiter::ClientMask SramArbiter::replan(Half& half, std::size_t highest, Cycles now) {
    ClientMask changed = 0;
    for (std::size_t client = highest; client < kSramClients; ++client) {
        if ((half.streaming >> client & 1U) == 0) {
            continue;
        }
        const Cycles before = streams_[client].finish;
        plan(half, client, now);
        if (streams_[client].finish != before) {
            changed |= static_cast<ClientMask>(1U << client);
        }
    }
    return changed;
}

void SramArbiter::plan(Half& half, std::size_t client, Cycles now) {
    Stream& stream = streams_[client];
    Cycles cycle = now;
    for (std::size_t i = stream.current; i < stream.visits.size(); ++i) {
        Visit& visit = stream.visits[i];
        Bank& bank = half.banks[visit.bank];
        std::erase_if(bank, [now](const Reservation& r) { return r.end <= now; });
        block_by_higher(half, client, visit.bank, cycle);
        visit.enter = cycle;
        visit.leave = leave_after(bank, cycle, visit.words);
        cycle = visit.leave;
    }
    if (stream.current < stream.visits.size() || stream.visits.empty()) {
        stream.finish = cycle;
    }
}

/// A stream wants the port in every cycle of its stay, and where the array has it, nobody below gets it either: so its
/// whole stay is closed to the streams below.
void SramArbiter::block_by_higher(const Half& half, std::size_t client, std::uint32_t bank, Cycles from) {
    blocked_.clear();
    for (std::size_t higher = 1; higher < client; ++higher) {
        if ((half.streaming >> higher & 1U) == 0) {
            continue;
        }
        const Stream& stream = streams_[higher];
        for (std::size_t i = stream.current; i < stream.visits.size(); ++i) {
            const Visit& visit = stream.visits[i];
            if (visit.bank == bank && visit.leave > from) {
                blocked_.push_back({std::max(visit.enter, from), visit.leave});
            }
        }
    }
    if (blocked_.size() < 2) {
        return;
    }
    std::sort(blocked_.begin(), blocked_.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < blocked_.size(); ++i) {
        if (blocked_[i].from <= blocked_[kept].to) {
            blocked_[kept].to = std::max(blocked_[kept].to, blocked_[i].to);
        } else {
            blocked_[++kept] = blocked_[i];
        }
    }
    blocked_.resize(kept + 1);
}

std::uint64_t SramArbiter::free_cycles(const Bank& bank, Cycles from, Cycles to) const {
    std::uint64_t free = 0;
    Cycles cycle = from;
    const auto add_gap = [&](Cycles until) {
        if (until > cycle) {
            free += (until - cycle) - (busy_before(bank, until) - busy_before(bank, cycle));
        }
    };
    for (const Span& span : blocked_) {
        if (span.from >= to) {
            break;
        }
        add_gap(span.from);
        cycle = span.to;
    }
    add_gap(to);
    return free;
}

Cycles SramArbiter::leave_after(const Bank& bank, Cycles from, std::uint64_t words) const {
    Cycles cycle = from;
    for (const Span& span : blocked_) {
        const std::uint64_t free = (span.from - cycle) - (busy_before(bank, span.from) - busy_before(bank, cycle));
        if (free >= words) {
            break;
        }
        words -= free;
        cycle = span.to;
    }
    return after_free(bank, cycle, words);
}

unsigned SramArbiter::holder(BufferHalf where, std::uint32_t bank, Cycles now) const {
    const Half& half = halves_[index(where)];
    for (const Reservation& reservation : half.banks[bank]) {
        if (reservation.pattern.start <= now && now < reservation.end) {
            return static_cast<unsigned>(SramClientId::pe_array);
        }
    }
    for (std::size_t client = 0; client < kSramClients; ++client) {
        if ((half.streaming >> client & 1U) == 0) {
            continue;
        }
        for (const Visit& visit : streams_[client].visits) {
            if (visit.bank == bank && visit.enter <= now && now < visit.leave) {
                return static_cast<unsigned>(client);
            }
        }
    }
    return kSramClients;
}

Cycles SramArbiter::next_change(Cycles now) const {
    Cycles next = std::numeric_limits<Cycles>::max();
    const auto consider = [&](Cycles cycle) {
        if (cycle > now) {
            next = std::min(next, cycle);
        }
    };
    for (const Half& half : halves_) {
        for (const Bank& bank : half.banks) {
            for (const Reservation& reservation : bank) {
                consider(reservation.pattern.start);
                consider(reservation.end);
            }
        }
    }
    for (const Stream& stream : streams_) {
        if (stream.active) {
            for (const Visit& visit : stream.visits) {
                consider(visit.enter);
                consider(visit.leave);
            }
        }
    }
    return next;
}

}  // namespace palimpsest
