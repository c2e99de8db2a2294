#include "hardware/kv_mmu/score_prefetcher.h"

#include <algorithm>

#include "palimpsest/error.h"

namespace palimpsest {

const ScorePrefetcher::Row* ScorePrefetcher::row_with(const ScoreNeed& command) const {
    if (!command.scores || !command.spilled) {
        return nullptr;
    }
    const auto found = std::ranges::find(rows_, std::optional(command.vector), &Row::vector);
    return found == rows_.end() ? nullptr : &*found;
}

/// One without a copy first, else the one whose copy is older.
const ScorePrefetcher::Row* ScorePrefetcher::free_row() const {
    const Row* best = nullptr;
    for (const Row& row : rows_) {
        if (row.state != State::free) {
            continue;
        }
        const bool better = best == nullptr || (best->vector && (!row.vector || row.used < best->used));
        best = better ? &row : best;
    }
    return best;
}

ScoreTransfer ScorePrefetcher::write_back(Row& row) {
    row.state = State::writing;
    row.used = ++order_;
    return {index(row), true, false, *row.vector, row.slots};
}

std::optional<ScoreTransfer> ScorePrefetcher::fetch_or_make_room(const ScoreNeed& command, bool ahead) {
    if (!command.scores || row_with(command) != nullptr) {
        return std::nullopt;
    }
    if (const Row* room = free_row()) {
        if (!command.spilled) {
            return std::nullopt;
        }
        Row& row = rows_[index(*room)];
        row = {State::fetching, command.vector, 0, 0};
        return ScoreTransfer{index(row), false, ahead, command.vector, command.slots};
    }
    // Where a row is on its way to be free, no other is emptied.
    Row* oldest = nullptr;
    for (Row& row : rows_) {
        if (row.state == State::writing) {
            return std::nullopt;
        }
        if (row.state == State::held && (oldest == nullptr || row.used < oldest->used)) {
            oldest = &row;
        }
    }
    return oldest == nullptr ? std::nullopt : std::optional(write_back(*oldest));
}

std::optional<ScoreTransfer> ScorePrefetcher::provide(const ScoreNeed& oldest) {
    return fetch_or_make_room(oldest, false);
}

std::optional<ScoreTransfer> ScorePrefetcher::provide_ahead(const ScoreNeed& oldest, const ScoreNeed& next) {
    const bool settled = working_ || row_with(oldest) != nullptr;
    return prefetches() && settled && next.spilled ? fetch_or_make_room(next, true) : std::nullopt;
}

bool ScorePrefetcher::ready(const ScoreNeed& command) const {
    if (!command.scores) {
        return true;
    }
    if (!command.spilled) {
        return free_row() != nullptr;
    }
    const Row* row = row_with(command);
    return row != nullptr && row->state != State::fetching && row->state != State::writing;
}

bool ScorePrefetcher::fetching(const ScoreNeed& command) const {
    const Row* row = row_with(command);
    return row != nullptr && row->state == State::fetching;
}

std::optional<std::uint32_t> ScorePrefetcher::start(const ScoreNeed& command) {
    if (working_ || !ready(command)) {
        throw SimulationError("a command starts whose row of scores is not there");
    }
    working_ = true;
    work_ = command;
    working_row_.reset();
    if (!command.scores) {
        return std::nullopt;
    }
    const Row* found = command.spilled ? row_with(command) : free_row();
    Row& row = rows_[index(*found)];
    working_row_ = index(row);
    const bool fetched = row.state == State::loaded;
    row.state = State::working;
    if (!command.spilled) {
        row.vector.reset();
    }
    return fetched ? working_row_ : std::nullopt;
}

std::optional<ScoreTransfer> ScorePrefetcher::finish(bool returns) {
    working_ = false;
    if (!working_row_) {
        return std::nullopt;
    }
    Row& row = rows_[*working_row_];
    if (!work_.spilled) {
        row.state = State::free;
        return std::nullopt;
    }
    row.slots = std::max(row.slots, work_.slots);
    if (returns) {
        return write_back(row);
    }
    row.state = State::held;
    row.used = ++order_;
    return std::nullopt;
}

void ScorePrefetcher::answered(std::uint32_t index) {
    Row& row = rows_[index];
    if (row.state == State::fetching) {
        row.state = State::loaded;
        return;
    }
    row.state = State::free;
    row.slots = 0;
    if (!prefetches()) {
        row.vector.reset();  // a single row is simple: it is filled anew for each command
    }
}

}  // namespace palimpsest
