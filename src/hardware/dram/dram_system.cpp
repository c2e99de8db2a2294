#include "hardware/dram/dram_system.h"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/dram/channel.h"
#include "hardware/dram/config_check.h"
#include "palimpsest/error.h"

namespace palimpsest {

DramSystem::DramSystem(const DramConfig& config, DramCommandSink* sink)
    : config_((check_dram_config(config), config)),
      map_(config),
      part_of_channel_(config.organisation.channels, DramChannel::kNoPart) {
    if (sink != nullptr) {
        sinks_.push_back(sink);
    }
    for (std::uint32_t channel = 0; channel < config.organisation.channels; ++channel) {
        channels_.push_back(std::make_unique<DramChannel>(config_, channel, sinks_, finished_));
    }
}

DramSystem::~DramSystem() = default;

void DramSystem::add_sink(DramCommandSink& sink) {
    sinks_.push_back(&sink);
}

void DramSystem::send(DramTransaction& transaction, DramClock now) {
    if (now < now_) {
        throw SimulationError(
            fmt::format("DRAM transaction sent at clock {}, when clock {} is decided", now, now_ - 1));
    }
    Bytes requested = 0;
    for (const DramSegment& segment : transaction.segments) {
        const Bytes capacity = config_.organisation.bytes();
        if (segment.bytes > capacity || segment.address > capacity - segment.bytes) {
            throw SimulationError(fmt::format("DRAM access of {} bytes at 0x{:x}: beyond the capacity of {} bytes",
                                              segment.bytes, segment.address, capacity));
        }
        requested += segment.bytes;
    }
    now_ = now;
    transaction.completion = transaction.taken = now;
    transaction.refresh_wait = 0;
    transaction.open_parts = 0;
    DramCounts& counts = requested_;
    (transaction.write ? counts.written_by_class
                       : counts.read_by_class)[static_cast<std::size_t>(transaction.traffic)] += requested;

    std::uint64_t next_burst = ~std::uint64_t{0};  // after the last one appended
    for (const DramSegment& segment : transaction.segments) {
        if (segment.bytes == 0) {
            continue;
        }
        std::uint64_t burst = map_.burst_of(segment.address);
        const std::uint64_t end = map_.burst_of(segment.address + segment.bytes - 1) + 1;
        if (burst + 1 == next_burst) {
            ++burst;  // the segment before it ends in the same burst
        }
        for (std::uint64_t bursts = 0; burst < end; burst += bursts) {
            bursts = std::min(map_.run_from(burst), end - burst);
            const DramLocation where = map_.locate(burst);
            std::uint32_t& part = part_of_channel_[where.channel];
            if (part == DramChannel::kNoPart) {
                part = channels_[where.channel]->open_part(transaction, now);
                ++transaction.open_parts;
                touched_.push_back(where.channel);
            }
            channels_[where.channel]->append(part, where, static_cast<std::uint32_t>(bursts));
        }
        next_burst = end;
    }
    latest_floor_ = now;
    for (const std::uint32_t channel : touched_) {
        part_of_channel_[channel] = DramChannel::kNoPart;
        latest_floor_ = std::max(latest_floor_, channels_[channel]->latest_floor());
    }
    touched_.clear();
    if (transaction.open_parts == 0) {
        finished_.push_back(&transaction);
    }
}

void DramSystem::set_answers(std::span<DramAnswer> answers) {
    answers_ = answers;
    for (const auto& channel : channels_) {
        channel->set_answers(answers);
    }
}

void DramSystem::send_each(std::span<const DramRequest> requests, Bytes bytes, std::uint32_t first, DramClock now) {
    now_ = std::max(now_, now);
    const std::size_t mask = answers_.size() - 1;
    std::array<std::uint64_t, 2> count{};  // reads, writes
    AddressMap::Walker walker(map_);
    for (const DramRequest& request : requests) {
        const bool write = request.write != 0;
        std::uint64_t burst = map_.burst_of(request.address);
        const std::uint64_t last = map_.burst_of(request.address + bytes - 1);
        ++count[write];
        DramAnswer& answer = answers_[first & mask];
        answer.taken = answer.completion = now;
        answer.open_bursts = static_cast<std::uint32_t>(last - burst + 1);
        for (; burst <= last; ++burst) {
            const DramLocation where = walker.locate(burst);
            channels_[where.channel]->append_streamed(first, where, write, now);
        }
        ++first;
    }
    requested_.read_by_class[0] += count[0] * bytes;
    requested_.written_by_class[0] += count[1] * bytes;
}

void DramSystem::advance_to(DramClock now, std::vector<DramTransaction*>& finished) {
    now_ = std::max(now_, now);
    for (const auto& channel : channels_) {
        if (channel->awaited()) {
            channel->advance_to(now);
        }
    }
    finished.insert(finished.end(), finished_.begin(), finished_.end());
    finished_.clear();
}

DramClock DramSystem::advance_until_taken(std::uint64_t bursts, std::vector<DramTransaction*>& finished) {
    for (const auto& channel : channels_) {
        channel->advance_until_taken(bursts);
        now_ = std::max(now_, channel->now());
    }
    finished.insert(finished.end(), finished_.begin(), finished_.end());
    finished_.clear();
    return now_;
}

DramClock DramSystem::next_wakeup(DramClock known) const {
    DramClock wakeup = known;
    for (const DramTransaction* transaction : finished_) {
        wakeup = std::min(wakeup, transaction->completion);
    }
    for (const auto& channel : channels_) {
        if (channel->awaited() && wakeup > channel->completion_floor()) {
            wakeup = std::min(wakeup, channel->completion_bound());
        }
    }
    return wakeup;
}

void DramSystem::catch_up(DramClock now) {
    now_ = std::max(now_, now);
    for (const auto& channel : channels_) {
        channel->advance_to(now_);
    }
}

DramCounts DramSystem::counts_at(DramClock now) {
    catch_up(now);
    DramCounts sum = requested_;
    for (const auto& channel : channels_) {
        channel->add_counts(sum, now_);
    }
    return sum;
}

bool DramSystem::idle_at(DramClock now) {
    catch_up(now);
    return std::all_of(channels_.begin(), channels_.end(), [](const auto& channel) { return channel->idle(); });
}

DramClock DramSystem::idle_bound() const {
    DramClock bound = now_;
    for (const auto& channel : channels_) {
        bound = std::max(bound, channel->idle_bound());
    }
    return bound;
}

std::string DramSystem::diagnose() const {
    std::string text;
    for (const auto& channel : channels_) {
        if (channel->awaited() || !channel->idle()) {
            text += (text.empty() ? "" : "; ") + channel->diagnose();
        }
    }
    return text.empty() ? "all channels idle" : text;
}

}  // namespace palimpsest
