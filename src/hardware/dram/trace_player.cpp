#include "hardware/dram/trace_player.h"

#include <algorithm>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

// Of one channel. A FIFO that is never empty takes its bursts at the clocks at which they would be taken if each were
// sent when the one before it is gone, so that the channel is asked to advance once for many requests.
constexpr std::uint64_t kFillTo = 512, kDrainTo = 128;

constexpr DramClock kLongestStep = DramClock{1} << 24;  ///< between two looks at whether to stop

}  // namespace

TracePlayer::TracePlayer(DramSystem& dram, Bytes request_bytes, const std::atomic<bool>* interrupted)
    : dram_(dram), interrupted_(interrupted), segment_{0, request_bytes} {
    request_bursts_ = (request_bytes - 1) / dram.config().burst_bytes() + 2;
    const bool one_channel = dram.config().organisation.channels == 1;
    fill_to_ = one_channel ? kFillTo : 0;  // with several, where a request goes decides when the next is offered
    drain_to_ = one_channel ? kDrainTo : 0;
}

void TracePlayer::play(std::span<const AddressRequest> requests) {
    if (!begun_ && !requests.empty()) {
        begun_ = true;
        if (requests.front().cycle != AddressRequest::kNoCycle) {
            wait_until(requests.front().cycle);
        }
        result_.first_offer = now_;
        before_ = dram_.counts_at(now_);
    }
    for (const AddressRequest& request : requests) {
        offer(request);
    }
}

inline void TracePlayer::offer(const AddressRequest& request) {
    if (request.cycle != AddressRequest::kNoCycle && request.cycle > now_) {
        wait_until(request.cycle);
    }
    if (free_.empty()) {
        pool_.push_back({.segments = {&segment_, 1}});
        free_.push_back(&pool_.back());
    }
    DramTransaction& transaction = *free_.back();
    free_.pop_back();
    segment_.address = request.address;
    transaction.write = request.write != 0;
    transaction.user = request.cycle;
    dram_.send(transaction, now_);
    in_fifo_ += request_bursts_;
    if (in_fifo_ >= fill_to_) {
        settle(drain_to_);
    }
}

void TracePlayer::wait_until(DramClock cycle) {
    while (cycle - now_ > kLongestStep) {
        if (interrupted_ != nullptr && interrupted_->load()) {
            throw SimulationError("interrupted");
        }
        now_ += kLongestStep;
        dram_.advance_to(now_, finished_);
        dram_.counts_at(now_);  // idle channels too
    }
    now_ = cycle;
}

void TracePlayer::settle(std::uint64_t bursts) {
    now_ = std::max(now_, dram_.advance_until_taken(bursts, finished_));
    in_fifo_ = bursts;
    record_finished();
}

void TracePlayer::record_finished() {
    for (const DramTransaction* transaction : finished_) {
        const DramClock offered =
            transaction->user == AddressRequest::kNoCycle ? transaction->taken : transaction->user;
        (transaction->write ? result_.write_latency : result_.read_latency).add(transaction->completion - offered);
        latest_ = std::max(latest_, transaction->completion);
    }
    free_.insert(free_.end(), finished_.begin(), finished_.end());
    finished_.clear();
}

const TraceResult& TracePlayer::finish() {
    settle(0);
    for (DramClock wakeup = dram_.next_wakeup(); wakeup != kNever; wakeup = dram_.next_wakeup()) {
        dram_.advance_to(wakeup, finished_);
        record_finished();
    }
    DramClock end = std::max(latest_, result_.first_offer);
    while (!dram_.idle_at(end)) {
        end = dram_.idle_bound();
    }
    result_.cycles = end - result_.first_offer;
    result_.counts = dram_.counts_at(end) - before_;
    result_.reads = result_.read_latency.count();
    result_.writes = result_.write_latency.count();
    return result_;
}

}  // namespace palimpsest
