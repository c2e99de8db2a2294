#pragma once
// One DMA stream: moves tiles between DRAM and the SRAM buffers. The machine has two, dma_load and dma_store.
// Per-cycle specification: docs/blocks/dma.md.
//
//   command_socket  target, from the sequencer (Unit)
//   memory_socket   initiator, to the DRAM controller: weights and activations
//   kv_socket       initiator, to the KV-MMU: KvAccess commands
//
// A command is split into requests of at most `request_bytes`, each of which holds one of `outstanding` line buffers
// from its issue to the end of its SRAM transfer (load), or from the start of its SRAM transfer to its acknowledgement
// (store). Up to `command_queue` commands are worked on at once: requests of the next are issued while answers of the
// last are due.
//
// Load: one request issued a cycle while a line buffer is free; answers are written to SRAM in the order they arrive,
// one word a cycle, one request at a time. Store: one request at a time is read from SRAM, one word a cycle; it is
// issued in the cycle after its last word.
//
// States: busy while words move between line buffer and SRAM, port_conflict for the cycles of these in which the port
// was another's, dram (or refresh) while only answers are awaited.

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include <tlm_utils/simple_initiator_socket.h>
#include <systemc>
#include <tlm>

#include "config/hardware_config.h"
#include "hardware/memory_request.h"
#include "hardware/request_splitter.h"
#include "hardware/sram_buffers.h"
#include "hardware/unit.h"

namespace palimpsest {

class DmaStream : public Unit, private SramClient {
  public:
    tlm_utils::simple_initiator_socket<DmaStream> memory_socket;
    tlm_utils::simple_initiator_socket<DmaStream> kv_socket;

    /// `id` is UnitId::dma_load or UnitId::dma_store.
    DmaStream(const sc_core::sc_module_name& name, UnitId id, const DmaConfig& config, const ClockDomain& clock,
              SramBuffers& buffers, Bytes kv_token_bytes);
    ~DmaStream() override;

    /// Requested bytes so far, by Traffic.
    const std::array<Bytes, kTrafficClasses>& bytes_moved() const { return bytes_moved_; }
    void trace(SignalSink& sink, const std::string& hierarchy) override;
    std::string diagnose() const override;

  private:
    /// A command under way.
    struct Transfer {
        tlm::tlm_generic_payload* command_payload;
        DmaCommand command;
        RequestSplitter splitter;
        std::uint64_t open = 0;  ///< requests begun and not finished
    };
    /// A line buffer and the request it holds.
    struct Line {
        tlm::tlm_generic_payload payload;
        MemoryRequest* request = nullptr;  ///< the payload's extension
        Transfer* transfer = nullptr;
        BufferRegion words;
    };

    void accept(tlm::tlm_generic_payload& payload, const Command& command) override;
    void stream_done(std::uint64_t tag, Cycles conflict_cycles) override;
    tlm::tlm_sync_enum memory_answer(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);
    void step();
    bool can_begin() const;
    void begin_request();
    void send(Line& line);
    void start_sram();
    void finish(Line& line);
    void retire();
    void wake(Cycles cycle);
    void update_state();
    void book_refresh(Cycles refresh_cycles);
    bool loads() const { return id() == UnitId::dma_load; }

    DmaConfig config_;
    SramBuffers& buffers_;
    Bytes kv_token_bytes_;
    std::vector<std::unique_ptr<Line>> lines_;
    std::vector<Line*> free_lines_;
    std::deque<std::unique_ptr<Transfer>> transfers_;  ///< oldest first
    std::size_t next_transfer_ = 0;                    ///< first of `transfers_` with requests to begin
    std::deque<Line*> sram_queue_;                     ///< loads: answered; waits for the SRAM port
    Line* in_sram_ = nullptr;                          ///< its words move now
    std::deque<Line*> to_send_;                        ///< stores: read from SRAM, go out next
    unsigned awaiting_memory_ = 0;
    Cycles last_begun_ = ~Cycles{0};  ///< one request a cycle begins
    Cycles last_sent_ = ~Cycles{0};   ///< stores: one request a cycle goes to memory
    Cycles wait_from_ = 0;            ///< start of the current wait for memory, or of the one before
    Cycles wait_until_ = ~Cycles{0};  ///< end of the last wait
    std::array<Bytes, kTrafficClasses> bytes_moved_{};
    sc_core::sc_event step_event_;
    SignalSink* signals_ = nullptr;
    SignalSink::SignalId lines_signal_ = 0;
};

}  // namespace palimpsest
