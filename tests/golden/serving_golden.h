#pragma once
// Continuous batching step by step, from the rules in docs/serving.md: lists that are looked through from the start,
// and a KV region that is a row of cells, each with the request that has it.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "palimpsest/types.h"

namespace palimpsest {

struct GoldenArrival {
    Cycles arrival = 0;
    std::uint32_t prompt = 1;
    std::uint32_t output = 1;
    std::uint32_t cells = 1;  // of the KV region
};

struct GoldenServing {
    enum class Where : std::uint8_t { to_come, queue, running, gone };
    struct Request {
        GoldenArrival a;
        Where where = Where::to_come;
        std::uint32_t place = 0;
        std::uint32_t first_cell = 0;
        std::uint32_t prompt_done = 0;
        std::uint32_t output_done = 0;
        std::uint32_t ticket = 0;  // when it was admitted, in order
        Cycles admitted = 0, first_token = 0, finished = 0;
    };
    struct Work {
        std::uint32_t request, place, position, tokens;
        bool prompt, logits;
        bool operator==(const Work&) const = default;
    };

    std::vector<Request> requests;
    std::vector<int> cells;  // -1: free
    std::uint32_t places, budget, chunk;

    std::uint32_t tickets = 0;
    std::vector<Work> step;

    GoldenServing(const std::vector<GoldenArrival>& arrivals, std::uint32_t region, std::uint32_t at_once,
                  std::uint32_t step_tokens, std::uint32_t chunk_tokens)
        : cells(region, -1), places(at_once), budget(step_tokens), chunk(chunk_tokens) {
        for (const GoldenArrival& a : arrivals) {
            requests.push_back({a});
        }
    }

    std::optional<std::uint32_t> lowest_place() const {
        for (std::uint32_t place = 0; place < places; ++place) {
            if (std::ranges::none_of(requests,
                                     [&](const Request& r) { return r.where == Where::running && r.place == place; })) {
                return place;
            }
        }
        return std::nullopt;
    }

    std::optional<std::uint32_t> first_fit(std::uint32_t wanted) const {
        for (std::uint32_t first = 0; first + wanted <= cells.size(); ++first) {
            bool all = true;
            for (std::uint32_t i = 0; i < wanted; ++i) {
                all = all && cells[first + i] < 0;
            }
            if (all) {
                return first;
            }
        }
        return std::nullopt;
    }

    /// Who is admitted at `now`.
    std::vector<std::uint32_t> boundary(Cycles now) {
        std::vector<std::uint32_t> admitted;
        for (Request& r : requests) {
            if (r.where == Where::to_come && r.a.arrival <= now) {
                r.where = Where::queue;
            }
        }
        for (std::uint32_t i = 0; i < requests.size(); ++i) {
            Request& r = requests[i];
            if (r.where != Where::queue) {
                continue;
            }
            const auto place = lowest_place();
            const auto first = first_fit(r.a.cells);
            if (!place || !first) {
                break;
            }
            for (std::uint32_t c = 0; c < r.a.cells; ++c) {
                cells[*first + c] = static_cast<int>(i);
            }
            r.where = Where::running;
            r.place = *place;
            r.first_cell = *first;
            r.ticket = tickets++;
            r.admitted = now;
            admitted.push_back(i);
        }
        return admitted;
    }

    std::vector<std::uint32_t> by_ticket() const {
        std::vector<std::uint32_t> order;
        for (std::uint32_t ticket = 0; ticket < tickets; ++ticket) {
            for (std::uint32_t i = 0; i < requests.size(); ++i) {
                if (requests[i].where == Where::running && requests[i].ticket == ticket) {
                    order.push_back(i);
                }
            }
        }
        return order;
    }

    const std::vector<Work>& next_step() {
        step.clear();
        std::uint32_t taken = 0;
        for (const std::uint32_t i : by_ticket()) {
            const Request& r = requests[i];
            if (r.prompt_done == r.a.prompt) {
                step.push_back({i, r.place, r.a.prompt + r.output_done, 1, false, true});
                ++taken;
            }
        }
        for (const std::uint32_t i : by_ticket()) {
            const Request& r = requests[i];
            std::uint32_t tokens = 0;  // one by one, while there is a reason to
            while (r.prompt_done + tokens < r.a.prompt && tokens < chunk && taken < budget) {
                ++tokens;
                ++taken;
            }
            if (tokens > 0) {
                step.push_back({i, r.place, r.prompt_done, tokens, true, r.prompt_done + tokens == r.a.prompt});
            }
        }
        return step;
    }

    /// Who leaves at `now`.
    std::vector<std::uint32_t> step_over(Cycles now) {
        for (const Work& work : step) {
            Request& r = requests[work.request];
            (work.prompt ? r.prompt_done : r.output_done) += work.tokens;
            if (work.prompt && r.prompt_done == r.a.prompt) {
                r.first_token = now;
            }
        }
        std::vector<std::uint32_t> left;
        for (const std::uint32_t i : by_ticket()) {
            Request& r = requests[i];
            if (r.output_done == r.a.output) {
                r.where = Where::gone;
                r.finished = now;
                std::ranges::replace(cells, static_cast<int>(i), -1);
                left.push_back(i);
            }
        }
        return left;
    }

    std::uint32_t free_cells() const { return static_cast<std::uint32_t>(std::ranges::count(cells, -1)); }
    std::uint32_t longest_run() const {
        std::uint32_t best = 0, run = 0;
        for (const int owner : cells) {
            run = owner < 0 ? run + 1 : 0;
            best = std::max(best, run);
        }
        return best;
    }
};

}  // namespace palimpsest
