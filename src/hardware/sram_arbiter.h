#pragma once
// Who gets an SRAM bank's port in which cycle: exact, event-driven, without SystemC. Per-cycle specification, which the
// golden model in tests/golden steps: docs/blocks/sram.md.

#include <array>
#include <cstdint>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "palimpsest/counters.h"

namespace palimpsest {

/// Who may use a port first when several want the same bank in the same cycle, highest first. The PE array's timetable
/// is fixed when a product starts, so it never waits; the others take the cycles it leaves.
enum class SramClientId : std::uint8_t { pe_array, vector_read, vector_write, dma_store, dma_load };
inline constexpr std::size_t kSramClients = 5;
std::string_view name_of(SramClientId client);

/// A fixed timetable of the PE array on one bank, in nested loops: for `sweeps`, every `sweep_period`: for `folds`,
/// every `fold_period`: `words` accesses in consecutive cycles. `start` is the first access. Loops do not overlap:
/// words <= fold_period, and the folds of a sweep end before the next sweep.
struct AccessPattern {
    Cycles start = 0;
    std::uint64_t sweeps = 1;
    Cycles sweep_period = 0;
    std::uint64_t folds = 1;
    Cycles fold_period = 0;
    Cycles words = 0;

    /// First cycle after the last access.
    Cycles end() const;
    std::uint64_t accesses() const { return sweeps * folds * words; }
    /// Accesses in cycles before `cycle`.
    std::uint64_t busy_before(Cycles cycle) const;
    bool operator==(const AccessPattern&) const = default;
};

/// Whether two timetables ever ask for the port in the same cycle.
bool collide(const AccessPattern& a, const AccessPattern& b);

/// All banks of the machine. Times never go back from call to call.
class SramArbiter {
  public:
    /// A set of clients, one bit each.
    using ClientMask = std::uint8_t;
    static constexpr ClientMask bit(SramClientId id) {
        return static_cast<ClientMask>(1U << static_cast<unsigned>(id));
    }

    explicit SramArbiter(const BuffersConfig& config);
    SramArbiter(const SramArbiter&) = delete;  // points into itself
    SramArbiter& operator=(const SramArbiter&) = delete;

    /// From `now` on the client moves the region's words. Returns the clients whose finish changed, the new one
    /// included. Throws SimulationError when the client already streams or the region leaves its half.
    ClientMask start(SramClientId id, const BufferRegion& region, bool write, Cycles now);
    /// The PE array uses the bank after `pattern`, from `now` on. Returns the clients whose finish changed. Throws
    /// SimulationError when two patterns ask for one bank in the same cycle.
    ClientMask reserve(BufferHalf where, std::uint32_t bank_index, const AccessPattern& pattern, bool write,
                       Cycles now);
    /// The stream is over (now == finish): forgets it. Returns the cycles in which it waited.
    Cycles retire(SramClientId id, Cycles now);

    bool streaming(SramClientId id) const { return streams_[index(id)].active; }
    /// First cycle after the stream's last word, as things stand.
    Cycles finish(SramClientId id) const { return streams_[index(id)].finish; }
    /// Words accessed, by Action: a pattern's when it is reserved, a stream's when it is over.
    const ActionCounts& actions() const { return actions_; }
    const BufferConfig& config_of(BufferId buffer) const { return *configs_[static_cast<std::size_t>(buffer)]; }

    /// For waveforms: who has the bank at `now` (a stream or a pattern in progress, whether or not it moves a word in
    /// this very cycle), kSramClients where nobody has; and the next cycle in which that may change, as things stand
    /// (max where nothing is under way).
    unsigned holder(BufferHalf where, std::uint32_t bank, Cycles now) const;
    Cycles next_change(Cycles now) const;

  private:
    /// A stream's stay in one bank: it wants the port in every cycle of [enter, leave).
    struct Visit {
        std::uint32_t bank = 0;  ///< within the half
        Cycles enter = 0;
        Cycles leave = 0;
        std::uint32_t words = 0;  ///< still to move from `enter` on
    };
    struct Stream {
        bool active = false;
        bool write = false;
        BufferRegion region;
        Cycles began = 0;
        Cycles finish = 0;
        std::vector<Visit> visits;
        std::size_t current = 0;  ///< visits before it are over
    };
    struct Reservation {
        AccessPattern pattern;
        Cycles end = 0;
    };
    using Bank = std::vector<Reservation>;  ///< the array's timetables that are not over
    struct Half {
        const BufferConfig* config = nullptr;
        ClientMask streaming = 0;
        std::vector<Bank> banks;
    };
    struct Span {
        Cycles from, to;
    };

    static constexpr std::size_t index(SramClientId id) { return static_cast<std::size_t>(id); }
    static std::size_t index(BufferHalf half) { return static_cast<std::size_t>(half.buffer) * 2 + half.half; }
    Half& half_of(BufferHalf half);
    void count(BufferId buffer, bool write, std::uint64_t words);
    void catch_up(Half& half, Cycles now);
    ClientMask replan(Half& half, std::size_t highest, Cycles now);
    void plan(Half& half, std::size_t client, Cycles now);
    void block_by_higher(const Half& half, std::size_t client, std::uint32_t bank, Cycles from);
    std::uint64_t free_cycles(const Bank& bank, Cycles from, Cycles to) const;
    Cycles leave_after(const Bank& bank, Cycles from, std::uint64_t words) const;

    BuffersConfig config_;
    std::array<const BufferConfig*, kBufferCount> configs_;
    std::array<Half, kBufferCount * 2> halves_;
    std::array<Stream, kSramClients> streams_;
    std::vector<Span> blocked_;  ///< scratch: when streams of higher priority hold the bank at hand, merged, in order
    ActionCounts actions_;
};

}  // namespace palimpsest
