#pragma once
// KV Memory Management Unit: every access to the KV cache passes it, and it keeps the cache at a constant size by
// putting new tokens into the slots of evicted ones. Per-cycle specification: docs/blocks/kv_mmu.md.
//
// Sockets
//   request_socket  KV requests of the DMA streams (any number of masters), protocol of memory_request.h
//   memory_socket   the same requests with their segments filled in, spilled scores and drained writes, to DRAM
//   command_socket  (Unit) KvCommand: score update, victim search, freeing of slots
//
// Timing, core cycles
//   request: out at max(arrival + lookup_latency_cycles, out of the one before) + number of segments; answers pass at
//   once.
//            A write that the combining buffer takes whole, and a read that it delivers whole, are answered when they
//            would go out.
//   command: VictimUnit::cycles, after the score vector has been fetched where it is spilled; with score_prefetch the
//            next command's is fetched meanwhile.
//
// Counts kv_slot_table_*, kv_score_*, kv_victim_compare, kv_position_compare, kv_address, kv_write_combine. The meter
// follows the commands: busy, `dram` while a spilled score vector moves. What the table holds changes when a K write's
// first request arrives (its tokens are placed) and when a command completes (its `freed` slots are free).

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include "hardware/command_observer.h"
#include "hardware/kv_mmu/address_generator.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/kv_mmu/protected_set.h"
#include "hardware/kv_mmu/score_prefetcher.h"
#include "hardware/kv_mmu/score_store.h"
#include "hardware/kv_mmu/slot_table.h"
#include "hardware/kv_mmu/victim_unit.h"
#include "hardware/kv_mmu/write_combiner.h"
#include "hardware/memory_request.h"
#include "hardware/unit.h"
#include "palimpsest/kv_mmu_parts.h"

namespace palimpsest {

class KvMmu : public Unit {
  public:
    tlm_utils::multi_passthrough_target_socket<KvMmu> request_socket;
    tlm_utils::simple_initiator_socket<KvMmu> memory_socket;

    KvMmu(const sc_core::sc_module_name& name, const ClockDomain& clock, const HardwareConfig& hardware,
          const CacheConfig& cache, const KvGeometry& geometry);
    ~KvMmu() override;

    // What the host driver does in no time.

    /// The token is in DRAM already (studies that start with a filled cache).
    void preset(RequestId request, LayerId layer, KvHeadId head, KvPlacement placement);
    /// And has been evicted again, before the run starts.
    void preset_free(RequestId request, LayerId layer, KvHeadId head, SlotId slot);
    /// Gives a request, which has no tokens yet, the DRAM its cache lies in.
    void set_region(RequestId request, KvRegion region);
    /// The request has left: its slot sets are emptied and what the combining buffer holds of it is dropped. Only
    /// between steps. Returns the cycle in which the unit is through with this and all releases before; until then it
    /// is busy.
    Cycles release(RequestId request);
    /// That cycle has come.
    void end_release();
    /// The step is over: flushes the write-combining buffer where it is flushed each step.
    void end_step();
    /// Sends what the write-combining buffer holds to DRAM; call at the end of a run. Nothing to do is nothing sent.
    void flush_writes();
    /// Whether every request, command and drained write has been answered and the combining buffer is empty, or holds
    /// only what it may hold beyond a step.
    bool quiet() const;
    /// Throws SimulationError unless all (request, layer, KV head) hold equally many tokens; call at the end of a step.
    void check_uniform() const;
    /// Recounts every slot set, in debug and test builds, and throws SimulationError where one disagrees with itself.
    void check_tables() const;

    const SlotTable& slot_table() const { return table_; }
    const WriteCombiner& write_combiner() const { return combiner_; }
    const ScoreStore& score_store() const { return scores_; }
    const AddressGenerator& address_generator() const { return addresses_; }
    /// Most bytes held for KV at any time. Where tokens stay where they were written nothing is ever given back.
    Bytes peak_bytes() const;
    /// Most residents of any one (request, layer, KV head).
    std::uint32_t resident_tokens_peak() const { return table_.peak_residents(); }
    /// Bytes of memory that each part would fill: all sets' tables and scores, and the most that a command or the
    /// combining buffer has held so far.
    ByKvMmuPart<Bytes> needed_bytes() const;
    /// Cycles in which the address generator made an address.
    Cycles address_cycles() const { return address_cycles_; }

    /// `observer` sees all spilled scores that move from here on, and outlives the simulation.
    void add_observer(CommandObserver& observer) { observers_.push_back(&observer); }
    void trace(SignalSink& sink, const std::string& hierarchy) override;
    std::string diagnose() const override;

  private:
    enum class Phase : std::uint8_t { idle, writing_back, fetching, working };

    /// A master's request between its arrival and its answer.
    struct PendingRequest {
        tlm::tlm_generic_payload* payload = nullptr;
        MemoryRequest* request = nullptr;
        int master = 0;  ///< index of the socket it came by
        bool write = false;
        Cycles out_cycle = 0;
        Bytes data_length = 0;  ///< the master's, while the payload carries what goes to DRAM
    };
    /// A request of the unit's own: a score vector or drained writes.
    struct OwnRequest;
    enum class OwnKind : std::uint8_t { score_read, score_write, drain };

    void accept(tlm::tlm_generic_payload& payload, const Command& command) override;

    // Requests
    tlm::tlm_sync_enum receive(int master, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                               sc_core::sc_time& delay);
    tlm::tlm_sync_enum answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);
    void send_due_requests();
    void send(const PendingRequest& pending);
    void send_read(const PendingRequest& pending);
    void send_write(const PendingRequest& pending);
    void to_memory(const PendingRequest& pending);
    void respond(const PendingRequest& pending);
    void place_tokens(const KvAccess& access);
    void send_own(OwnKind kind, std::vector<DramSegment>& segments, const ScoreTransfer& scores = {});
    void own_answered(tlm::tlm_generic_payload& payload);
    void count_combining();

    // Commands
    const Command& command_at(std::size_t place) const;
    const KvCommand& work_at(std::size_t place) const { return std::get<KvCommand>(command_at(place).work); }
    ScoreNeed need_of(const KvCommand& command) const;
    void run_commands();
    void begin_oldest();
    void wait_for_scores(const ScoreNeed& need);
    void start_work(const ScoreNeed& need);
    void finish();
    /// For the sake of the command at `place`.
    void transfer(const std::optional<ScoreTransfer>& what, std::size_t place);
    void count_search(const KvCommand& command, std::uint64_t set);
    ProtectedSet protected_by(const KvCommand& command) const;
    void free_slots(const KvCommand& command, std::uint64_t set);

    void raise(SignalSink::SignalId signal, std::uint64_t& occurrences, std::uint64_t by);
    void show_level(SignalSink::SignalId signal, std::uint64_t value);
    void show_residents();

    KvGeometry geometry_;
    StorageMode storage_;
    EvictionScope scope_;
    std::uint32_t lookup_latency_;
    SlotTable table_;
    AddressGenerator addresses_;
    ScoreStore scores_;
    ScorePrefetcher rows_;
    VictimUnit victims_;
    Bytes score_word_bytes_;
    ProtectedSet protected_;
    WriteCombiner combiner_;
    bool combining_;
    bool flush_each_step_;

    // Requests
    std::deque<PendingRequest> waiting_;     ///< not gone out yet, in order
    std::vector<PendingRequest> at_memory_;  ///< gone out, not answered
    Cycles generator_free_ = 0;              ///< when the last accepted request is out
    Cycles address_cycles_ = 0;
    sc_core::sc_event request_event_;
    std::vector<DramSegment> scratch_;
    std::vector<std::unique_ptr<OwnRequest>> own_pool_;
    std::vector<OwnRequest*> own_free_;
    std::size_t own_in_flight_ = 0;

    // Commands
    std::deque<tlm::tlm_generic_payload*> commands_;
    Phase phase_ = Phase::idle;
    std::uint32_t most_scores_ = 0;  ///< in a row accumulator
    Cycles resume_cycle_ = 0;        ///< in `working`: when the command is complete
    std::vector<DramSegment> scratch_scores_;
    std::vector<CommandObserver*> observers_;
    Cycles release_cycle_ = 0;  ///< when releases are through
    bool releasing_ = false;
    Cycles fetch_since_ = 0;                            ///< in `fetching`: since when the oldest command waits
    std::array<Picoseconds, 2> fetch_refresh_ps_ = {};  ///< by row: how long DRAM refreshed while it was fetched
    std::uint64_t prefetching_ = 0;                     ///< fetches ahead that DRAM has not answered
    sc_core::sc_event command_event_;

    struct Signals {
        SignalSink::SignalId placed = 0, evicted = 0, spilled = 0, drained = 0;
        SignalSink::SignalId residents = 0, free_slots = 0, requests = 0, combining = 0, prefetching = 0;
        std::uint64_t placements = 0, evictions = 0, spills = 0, drains = 0;
    } signals_;
};

}  // namespace palimpsest
