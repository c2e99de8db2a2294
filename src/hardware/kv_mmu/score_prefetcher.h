#pragma once
// The row accumulators and what moves spilled score vectors between them and DRAM.
//
// A command with scores works in a row accumulator. With one row a spilled vector is fetched before its command and
// written back after it. With two (prefetch) the vector of the command behind is fetched while one works, and what is
// written back leaves its row busy without holding up the other. Rules, cycle by cycle: docs/blocks/kv_mmu.md.
//
// Pure logic: the owner calls it at clock edges in this order, and sends what it asks for in the same cycle.
//   answered(row)              DRAM has answered the transfer of that row
//   finish(...)                the command at work is complete
//   provide(oldest), start()   where none is at work
//   provide_ahead(next)        for the command behind it
// The order of answers, arrivals and completions within an edge changes nothing.

#include <cstdint>
#include <optional>
#include <vector>

#include "palimpsest/types.h"

namespace palimpsest {

/// What a command wants of the rows.
struct ScoreNeed {
    bool scores = false;  ///< it has attention rows to add up; without, it needs no row
    bool spilled = false;
    std::uint64_t vector = 0;
    std::uint32_t slots = 0;
};

struct ScoreTransfer {
    std::uint32_t row = 0;
    bool write = false;
    bool ahead = false;  ///< a fetch before its command is the oldest
    std::uint64_t vector = 0;
    std::uint32_t slots = 0;
    bool operator==(const ScoreTransfer&) const = default;
};

class ScorePrefetcher {
  public:
    explicit ScorePrefetcher(bool prefetch) : rows_(prefetch ? 2 : 1) {}

    bool prefetches() const { return rows_.size() > 1; }
    /// The oldest command could start: what stands in its way is to be moved.
    std::optional<ScoreTransfer> provide(const ScoreNeed& oldest);
    /// The same for the command behind it. Nothing while the oldest neither works nor has a row.
    std::optional<ScoreTransfer> provide_ahead(const ScoreNeed& oldest, const ScoreNeed& next);
    bool ready(const ScoreNeed& command) const;
    /// The command's vector is on its way from DRAM.
    bool fetching(const ScoreNeed& command) const;
    /// Begins the work of a command that is ready; returns its row where that has come from DRAM.
    std::optional<std::uint32_t> start(const ScoreNeed& command);
    /// The command at work is complete. `returns`: a spilled vector goes back to DRAM now, else it stays for others.
    std::optional<ScoreTransfer> finish(bool returns);
    void answered(std::uint32_t index);
    /// Of the command at work, where it has scores.
    std::optional<std::uint32_t> working_row() const { return working_ ? working_row_ : std::nullopt; }

  private:
    enum class State : std::uint8_t {
        free,      ///< with `vector`: a copy of what DRAM has
        fetching,  ///< DRAM has been asked for `vector`
        loaded,    ///< it has come
        working,
        held,    ///< newer than DRAM's
        writing  ///< DRAM has been sent `vector`
    };
    struct Row {
        State state = State::free;
        std::optional<std::uint64_t> vector;  ///< a spilled one
        std::uint32_t slots = 0;              ///< scores of it that DRAM does not have yet
        std::uint64_t used = 0;               ///< when it was last held or sent to DRAM
    };

    const Row* row_with(const ScoreNeed& command) const;
    const Row* free_row() const;
    std::optional<ScoreTransfer> fetch_or_make_room(const ScoreNeed& command, bool ahead);
    ScoreTransfer write_back(Row& row);
    std::uint32_t index(const Row& row) const { return static_cast<std::uint32_t>(&row - rows_.data()); }

    std::vector<Row> rows_;
    bool working_ = false;
    std::optional<std::uint32_t> working_row_;
    ScoreNeed work_;
    std::uint64_t order_ = 0;
};

}  // namespace palimpsest
