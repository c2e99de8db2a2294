#pragma once
// Continuous batching: which requests run, and what each step of the machine works on. Plain rules, no simulated time
// of its own; docs/serving.md has them in words and by example.
//
//   ServingScheduler scheduler(rules, requests, reservations);
//   while (!scheduler.done()) {
//       for (const Admission& a : scheduler.admit(now)) ...        at a step boundary
//       const auto& step = scheduler.plan();                       empty: nothing runs, sleep until next_arrival()
//       for (const Departure& d : scheduler.complete(now)) ...     when the step is over
//   }
//
// Requests wait in one queue in order of arrival and are admitted from its front: where the first has no room, nobody
// passes it. Each has the lowest free place of the machine.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "host/kv_reservations.h"
#include "palimpsest/result.h"
#include "palimpsest/types.h"

namespace palimpsest {

struct ServingRules {
    std::uint32_t places = 1;                         ///< requests that run at once
    std::uint32_t step_tokens = 64;                   ///< most tokens of a step; at least `places`
    std::uint32_t chunk_tokens = 64;                  ///< most prompt tokens of one request in a step
    AdmissionLimit no_place = AdmissionLimit::batch;  ///< why there are no more places
};

/// A request as the scheduler knows it.
struct ArrivingRequest {
    Cycles arrival_cycle = 0;  ///< ascending
    std::uint32_t prompt_tokens = 1;
    std::uint32_t output_tokens = 1;
    Bytes kv_bytes = 0;  ///< to be reserved; those that could never be are not given to the scheduler
};

class ServingScheduler {
  public:
    struct Admission {
        std::uint32_t request = 0;  ///< index in the list
        std::uint32_t place = 0;
        Bytes kv_offset = 0;
    };
    struct Segment {
        std::uint32_t request = 0;
        std::uint32_t place = 0;
        std::uint32_t first_position = 0;
        std::uint32_t tokens = 1;
        bool prefill = false;
        bool logits = false;  ///< the last prompt token, or a generated one
        bool operator==(const Segment&) const = default;
    };
    struct Departure {
        std::uint32_t request = 0;
        std::uint32_t place = 0;
    };
    struct Times {
        Cycles admitted = 0, first_token = 0, finished = 0;
    };

    ServingScheduler(const ServingRules& rules, std::vector<ArrivingRequest> requests, KvReservations reservations);

    /// Requests that have arrived by `now` join the queue; those at its front that find a place and room are admitted.
    std::span<const Admission> admit(Cycles now);
    /// The next step: a token for each request in generation, then prompt chunks while the step has room, both in order
    /// of admission.
    std::span<const Segment> plan();
    /// The step that was planned is over. Returns who leaves, in order of admission.
    std::span<const Departure> complete(Cycles now);

    /// When the next request joins the queue; none where all have.
    std::optional<Cycles> next_arrival() const;
    bool done() const { return finished_ == requests_.size(); }
    std::size_t finished() const { return finished_; }
    std::size_t waiting() const { return queue_.size(); }
    std::size_t running() const { return running_.size(); }
    /// Why the first in the queue waits, after admit(); none where nobody does.
    std::optional<AdmissionLimit> limit() const { return limit_; }
    const KvReservations& reservations() const { return reservations_; }
    const ArrivingRequest& request(std::uint32_t index) const { return requests_[index]; }
    const Times& times(std::uint32_t index) const { return times_[index]; }

  private:
    struct Running {
        std::uint32_t request = 0;
        std::uint32_t place = 0;
        Bytes kv_offset = 0;
        std::uint32_t tokens = 0;  ///< that have passed the model
    };

    ServingRules rules_;
    std::vector<ArrivingRequest> requests_;
    KvReservations reservations_;
    std::vector<Times> times_;
    std::size_t arrived_ = 0;
    std::size_t finished_ = 0;
    std::deque<std::uint32_t> queue_;
    std::vector<Running> running_;  ///< in order of admission
    std::vector<bool> place_taken_;
    std::optional<AdmissionLimit> limit_;
    std::vector<Admission> admissions_;
    std::vector<Segment> step_;
    std::vector<Departure> departures_;
};

}  // namespace palimpsest
