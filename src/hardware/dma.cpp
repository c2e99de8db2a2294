#include "hardware/dma.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

DmaStream::DmaStream(const sc_core::sc_module_name& name, UnitId id, const DmaConfig& config, const ClockDomain& clock,
                     SramBuffers& buffers, Bytes kv_token_bytes)
    : Unit(name, id, clock, config.command_queue),
      memory_socket("memory_socket"),
      kv_socket("kv_socket"),
      config_(config),
      buffers_(buffers),
      kv_token_bytes_(kv_token_bytes) {
    SC_HAS_PROCESS(DmaStream);
    memory_socket.register_nb_transport_bw(this, &DmaStream::memory_answer);
    kv_socket.register_nb_transport_bw(this, &DmaStream::memory_answer);
    for (unsigned i = 0; i < config.outstanding; ++i) {
        auto line = std::make_unique<Line>();
        line->request = new MemoryRequest;  // owned by the payload from here on
        line->request->master_tag = i;
        line->payload.set_extension(line->request);
        line->payload.set_command(loads() ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
        free_lines_.push_back(line.get());
        lines_.push_back(std::move(line));
    }
    SC_METHOD(step);
    sensitive << step_event_;
    dont_initialize();
}

DmaStream::~DmaStream() = default;

void DmaStream::accept(tlm::tlm_generic_payload& payload, const Command& command) {
    const auto& work = std::get<DmaCommand>(command.work);
    const Bytes total = total_bytes(work, kv_token_bytes_);
    const auto* region = std::get_if<DramRegion>(&work.memory);
    const Bytes row = region != nullptr && region->rows > 1 ? region->row_bytes : total;
    if (total == 0) {
        throw SimulationError(fmt::format("{}: '{}' moves no bytes", name_of(id()), command.label));
    }
    const std::uint32_t word_bytes = buffers_.config_of(work.buffer.where.buffer).word_bytes;
    if (ceil_div<Bytes>(total, word_bytes) > work.buffer.words) {
        throw SimulationError(fmt::format("{}: '{}' moves {} bytes, its {} words of the {} buffer hold {}",
                                          name_of(id()), command.label, total, work.buffer.words,
                                          name_of(work.buffer.where.buffer), Bytes{work.buffer.words} * word_bytes));
    }
    if (transfers_.empty()) {
        wait_from_ = clock().now();
    }
    bytes_moved_[static_cast<std::size_t>(work.traffic)] += total;
    transfers_.push_back(
        std::make_unique<Transfer>(Transfer{&payload, work, RequestSplitter(total, row, config_.request_bytes), 0}));
    update_state();
    wake(clock().now());
}

void DmaStream::wake(Cycles cycle) {
    step_event_.notify(clock().until(cycle));
}

void DmaStream::step() {
    const Cycles now = clock().now();
    if (can_begin() && last_begun_ != now) {
        last_begun_ = now;
        begin_request();
    }
    if (!to_send_.empty() && last_sent_ != now) {
        last_sent_ = now;
        Line* line = to_send_.front();
        to_send_.pop_front();
        send(*line);
    }
    if (!to_send_.empty() || can_begin()) {
        wake(now + 1);
    }
    update_state();
}

bool DmaStream::can_begin() const {
    return next_transfer_ < transfers_.size() && !free_lines_.empty() && (loads() || in_sram_ == nullptr);
}

void DmaStream::begin_request() {
    Line& line = *free_lines_.back();
    free_lines_.pop_back();
    Transfer& transfer = *transfers_[next_transfer_];
    const RequestPiece piece = transfer.splitter.next();
    if (transfer.splitter.done()) {
        ++next_transfer_;
    }
    ++transfer.open;
    line.transfer = &transfer;
    line.words =
        words_of(transfer.command.buffer, piece, buffers_.config_of(transfer.command.buffer.where.buffer).word_bytes);
    MemoryRequest& request = *line.request;
    request.segments.clear();
    request.traffic = transfer.command.traffic;
    request.refresh_wait_ps = 0;
    if (const auto* region = std::get_if<DramRegion>(&transfer.command.memory)) {
        request.is_kv = false;
        append_segments(*region, piece, request.segments);
    } else {
        request.is_kv = true;
        request.kv = std::get<KvAccess>(transfer.command.memory);
        request.stream_offset = piece.offset;
    }
    line.payload.set_data_length(static_cast<unsigned>(piece.bytes));
    count()[Action::dma_word] += line.words.words;
    if (signals_ != nullptr) {
        signals_->change(lines_signal_, clock().time_of(clock().now()), lines_.size() - free_lines_.size());
    }
    if (loads()) {
        send(line);
    } else {
        sram_queue_.push_back(&line);
        start_sram();
    }
}

void DmaStream::send(Line& line) {
    ++awaiting_memory_;
    line.payload.set_address(line.request->segments.empty() ? 0 : line.request->segments.front().address);
    line.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (line.request->is_kv ? kv_socket : memory_socket)->nb_transport_fw(line.payload, phase, delay);
}

tlm::tlm_sync_enum DmaStream::memory_answer(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                            sc_core::sc_time&) {
    if (phase != tlm::BEGIN_RESP) {
        return tlm::TLM_ACCEPTED;  // END_REQ: the request has been taken
    }
    Line& line = *lines_[payload.get_extension<MemoryRequest>()->master_tag];
    --awaiting_memory_;
    book_refresh(line.request->refresh_wait_ps / clock().period_ps());
    if (loads()) {
        sram_queue_.push_back(&line);
        start_sram();
    } else {
        finish(line);
    }
    update_state();
    retire();
    return tlm::TLM_COMPLETED;
}

void DmaStream::start_sram() {
    while (in_sram_ == nullptr && !sram_queue_.empty()) {
        Line* line = sram_queue_.front();
        sram_queue_.pop_front();
        if (line->words.words == 0) {  // a piece whose word an earlier one has moved
            if (loads()) {
                finish(*line);
            } else {
                to_send_.push_back(line);  // step, which began it, sends it
            }
            continue;
        }
        in_sram_ = line;
        buffers_.stream(loads() ? SramClientId::dma_load : SramClientId::dma_store, line->words, loads(), *this,
                        line->request->master_tag);
    }
}

void DmaStream::stream_done(std::uint64_t tag, Cycles conflict_cycles) {
    Line& line = *lines_[tag];
    in_sram_ = nullptr;
    meter_mutable().close(clock().now());
    meter_mutable().reattribute(UnitState::busy, UnitState::port_conflict, conflict_cycles);
    if (loads()) {
        finish(line);
        start_sram();
    } else {
        to_send_.push_back(&line);
        wake(clock().now());
    }
    update_state();
    retire();
}

void DmaStream::finish(Line& line) {
    --line.transfer->open;
    line.transfer = nullptr;
    free_lines_.push_back(&line);
    if (signals_ != nullptr) {
        signals_->change(lines_signal_, clock().time_of(clock().now()), lines_.size() - free_lines_.size());
    }
    wake(clock().now());
}

void DmaStream::retire() {
    while (!transfers_.empty() && next_transfer_ > 0 && transfers_.front()->open == 0) {
        tlm::tlm_generic_payload* payload = transfers_.front()->command_payload;
        transfers_.pop_front();
        --next_transfer_;
        complete(*payload);
    }
}

/// The wait just over, or over in this very cycle, was for this answer; what of it fell into a refresh is booked as
/// that.
void DmaStream::book_refresh(Cycles refresh_cycles) {
    const Cycles now = clock().now();
    if (in_sram_ != nullptr && wait_until_ != now) {
        return;
    }
    meter_mutable().close(now);
    meter_mutable().reattribute(UnitState::dram, UnitState::refresh, std::min(now - wait_from_, refresh_cycles));
    wait_from_ = now;
}

void DmaStream::update_state() {
    if (!has_work()) {
        return;  // the sequencer says why
    }
    const UnitState state = in_sram_ != nullptr ? UnitState::busy : UnitState::dram;
    if (meter().state() == state) {
        return;
    }
    const Cycles now = clock().now();
    if (state == UnitState::dram) {
        wait_from_ = now;
    } else {
        wait_until_ = now;
    }
    set_state(state);
}

void DmaStream::trace(SignalSink& sink, const std::string& hierarchy) {
    Unit::trace(sink, hierarchy);
    signals_ = &sink;
    lines_signal_ = sink.declare(hierarchy + ".line_buffers", SignalKind::level, 8);
    sink.change(lines_signal_, 0, 0);
}

std::string DmaStream::diagnose() const {
    return fmt::format("{}; {} request(s) in memory, {} of {} line buffers free", Unit::diagnose(), awaiting_memory_,
                       free_lines_.size(), lines_.size());
}

}  // namespace palimpsest
