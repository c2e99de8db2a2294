#include "hardware/dram/trace_player.h"

#include <algorithm>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

// Of one channel. A FIFO that is never empty takes its bursts at the clocks at which they would be taken if each were
// sent when the one before it is gone, so that the channel is asked to advance once for many requests.
constexpr std::uint64_t kFillTo = 2048, kDrainTo = 256;

constexpr std::size_t kUnderWay = 4096;  ///< room for requests at first; a power of two, more than kFillTo

constexpr DramClock kLongestStep = DramClock{1} << 24;  ///< between two looks at whether to stop

}  // namespace

TracePlayer::TracePlayer(DramSystem& dram, Bytes request_bytes, const std::atomic<bool>* interrupted)
    : dram_(dram), interrupted_(interrupted), request_bytes_(request_bytes), requests_(kUnderWay), answers_(kUnderWay) {
    dram_.set_answers(answers_);
    const bool one_channel = dram.config().organisation.channels == 1;
    fill_to_ = one_channel ? kFillTo : 1;  // with several, where a request goes decides when the next is offered
    drain_to_ = one_channel ? kDrainTo : 0;
}

void TracePlayer::play(std::span<const DramRequest> requests) {
    if (!begun_ && !requests.empty()) {
        begun_ = true;
        if (requests.front().cycle != DramRequest::kNoCycle) {
            wait_until(requests.front().cycle);
        }
        result_.first_offer = now_;
        before_ = dram_.counts_at(now_);
    }
    while (!requests.empty()) {
        if (const DramClock cycle = requests.front().cycle; cycle != DramRequest::kNoCycle && cycle > now_) {
            wait_until(cycle);
        }
        const std::size_t most = std::min<std::size_t>(requests.size(), fill_to_ - in_fifo_);
        std::size_t count = 1;
        while (count < most && (requests[count].cycle == DramRequest::kNoCycle || requests[count].cycle <= now_)) {
            ++count;
        }
        send(requests.first(count));
        requests = requests.subspan(count);
        if (in_fifo_ >= fill_to_) {
            settle(drain_to_);
        }
    }
}

void TracePlayer::send(std::span<const DramRequest> requests) {
    while (sent_ + requests.size() - done_ > requests_.size()) {
        make_room();
    }
    const std::size_t mask = requests_.size() - 1;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests_[(sent_ + i) & mask] = requests[i];
    }
    dram_.send_each(requests, request_bytes_, static_cast<std::uint32_t>(sent_), now_);
    sent_ += requests.size();
    in_fifo_ += requests.size();
}

void TracePlayer::make_room() {
    record_finished();
    if (sent_ - done_ <= requests_.size() / 2) {
        return;
    }
    std::vector<DramRequest> requests(2 * requests_.size());
    std::vector<DramAnswer> answers(2 * answers_.size());
    for (std::uint64_t i = done_; i < sent_; ++i) {
        requests[i & (requests.size() - 1)] = requests_[i & (requests_.size() - 1)];
        answers[i & (answers.size() - 1)] = answers_[i & (answers_.size() - 1)];
    }
    requests_.swap(requests);
    answers_.swap(answers);
    dram_.set_answers(answers_);
}

void TracePlayer::wait_until(DramClock cycle) {
    const bool refreshes = dram_.config().refresh.mode != RefreshMode::none;  // else a long gap costs nothing
    while (refreshes && cycle - now_ > kLongestStep) {
        if (interrupted_ != nullptr && interrupted_->load()) {
            throw SimulationError("interrupted");
        }
        now_ += kLongestStep;
        dram_.counts_at(now_);  // decides all channels up to there, idle ones too
    }
    now_ = cycle;
}

void TracePlayer::settle(std::uint64_t bursts) {
    now_ = std::max(now_, dram_.advance_until_taken(bursts, finished_));
    in_fifo_ = bursts;  // of as many requests, at most
    record_finished();
}

void TracePlayer::record_finished() {
    const std::size_t mask = requests_.size() - 1;
    for (; done_ < sent_; ++done_) {
        const DramAnswer& answer = answers_[done_ & mask];
        if (answer.open_bursts > 0) {
            break;
        }
        const DramRequest& request = requests_[done_ & mask];
        const DramClock offered = request.cycle == DramRequest::kNoCycle ? answer.taken : request.cycle;
        (request.write != 0 ? result_.write_latency : result_.read_latency).add(answer.completion - offered);
        latest_ = std::max(latest_, answer.completion);
    }
}

const TraceResult& TracePlayer::finish() {
    settle(0);
    DramClock end = now_;
    while (!dram_.idle_at(end)) {  // never beyond the clock at which all is done
        end = dram_.idle_bound();
    }
    record_finished();
    end = std::max(end, latest_);
    result_.cycles = end - result_.first_offer;
    result_.counts = dram_.counts_at(end) - before_;
    result_.reads = result_.read_latency.count();
    result_.writes = result_.write_latency.count();
    return result_;
}

}  // namespace palimpsest
