#include "host/serving_scheduler.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

ServingScheduler::ServingScheduler(const ServingRules& rules, std::vector<ArrivingRequest> requests,
                                   KvReservations reservations)
    : rules_(rules),
      requests_(std::move(requests)),
      reservations_(std::move(reservations)),
      times_(requests_.size()),
      place_taken_(rules.places, false) {
    if (rules.places == 0 || rules.step_tokens < rules.places || rules.chunk_tokens == 0) {
        throw SimulationError(fmt::format("serving with {} places, steps of {} and chunks of {} tokens", rules.places,
                                          rules.step_tokens, rules.chunk_tokens));
    }
}

std::span<const ServingScheduler::Admission> ServingScheduler::admit(Cycles now) {
    while (arrived_ < requests_.size() && requests_[arrived_].arrival_cycle <= now) {
        queue_.push_back(static_cast<std::uint32_t>(arrived_++));
    }
    admissions_.clear();
    limit_.reset();
    while (!queue_.empty()) {
        const auto place = std::ranges::find(place_taken_, false);
        if (place == place_taken_.end()) {
            limit_ = rules_.no_place;
            break;
        }
        const std::uint32_t request = queue_.front();
        const Bytes bytes = requests_[request].kv_bytes;
        const std::optional<Bytes> offset = reservations_.reserve(bytes);
        if (!offset) {
            limit_ = reservations_.free() >= bytes ? AdmissionLimit::fragmentation : AdmissionLimit::capacity;
            break;
        }
        queue_.pop_front();
        *place = true;
        const auto number = static_cast<std::uint32_t>(place - place_taken_.begin());
        running_.push_back({request, number, *offset, 0});
        times_[request].admitted = now;
        admissions_.push_back({request, number, *offset});
    }
    return admissions_;
}

std::span<const ServingScheduler::Segment> ServingScheduler::plan() {
    step_.clear();
    std::uint32_t room = rules_.step_tokens;
    for (const Running& r : running_) {
        if (r.tokens >= requests_[r.request].prompt_tokens) {
            step_.push_back({r.request, r.place, r.tokens, 1, false, true});
            --room;
        }
    }
    for (const Running& r : running_) {
        const std::uint32_t prompt = requests_[r.request].prompt_tokens;
        if (r.tokens < prompt && room > 0) {
            const std::uint32_t tokens = std::min({prompt - r.tokens, rules_.chunk_tokens, room});
            step_.push_back({r.request, r.place, r.tokens, tokens, true, r.tokens + tokens == prompt});
            room -= tokens;
        }
    }
    return step_;
}

std::span<const ServingScheduler::Departure> ServingScheduler::complete(Cycles now) {
    for (const Segment& segment : step_) {
        Running& r = *std::ranges::find(running_, segment.request, &Running::request);
        r.tokens += segment.tokens;
        if (segment.prefill && segment.logits) {
            times_[r.request].first_token = now;
        }
    }
    step_.clear();
    departures_.clear();
    std::erase_if(running_, [&](const Running& r) {
        const ArrivingRequest& request = requests_[r.request];
        if (r.tokens < request.prompt_tokens + request.output_tokens) {
            return false;
        }
        times_[r.request].finished = now;
        reservations_.release(r.kv_offset);
        place_taken_[r.place] = false;
        departures_.push_back({r.request, r.place});
        ++finished_;
        return true;
    });
    return departures_;
}

std::optional<Cycles> ServingScheduler::next_arrival() const {
    return arrived_ < requests_.size() ? std::optional(requests_[arrived_].arrival_cycle) : std::nullopt;
}

}  // namespace palimpsest
