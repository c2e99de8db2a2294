// Every policy but random against a reference that works each decision out from the tokens' whole history.
#include <random>
#include <vector>

#include "golden/policy_reference.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

class KnownFuture final : public FutureAttention {
  public:
    explicit KnownFuture(const golden::ReferenceFuture& rows) : rows_(rows) {}
    std::uint32_t length() const override { return static_cast<std::uint32_t>(rows_.size()); }
    void row(TokenPosition query, std::span<float> row) override { std::ranges::copy(rows_[query.value], row.begin()); }

  private:
    const golden::ReferenceFuture& rows_;
};

/// Draws a run of a policy over slots that fill up, tokens that move, and rows with many equal entries.
class Round {
  public:
    Round(const std::string& policy, std::mt19937& random) : random_(random) {
        config_.policy = policy;
        config_.sinks = below(4);
        config_.recent = below(6);
        config_.score_bits = std::vector<std::uint32_t>{4, 8, 12, 16, 20, 24, 32}[below(7)];
        config_.rce_half_life = below(4) == 0 ? 0 : 0.05 * (1 + below(40));
        config_.rce_most_recent = 0.25 * below(5);
        config_.decay_shift = below(3) == 0 ? 1 + below(7) : 0;
        config_.normalise_by_age = below(3) == 0;
        config_.voting_sigma = 0.1 + 0.3 * below(8);
        config_.snapkv_window = 1 + below(20);
        config_.snapkv_kernel = 1 + 2 * below(5);
        config_.snapkv_pooling = below(2) == 0 ? SnapKvPooling::average : SnapKvPooling::max;
        config_.keyformer_tau_tokens = 1 + below(100);
        config_.roco_share = 0.05 * below(21);
        slots_ = 10 + below(30);
        config_.budget = slots_ - below(8);                 // the rest is a prompt chunk's
        for (std::uint32_t t = 0; t < kTokens - 20; ++t) {  // the text ends before the run does
            std::vector<float>& row = future_.emplace_back(t + 1);
            std::ranges::generate(row, [&] { return below(3) == 0 ? 0.0F : static_cast<float>(below(9)) / 16; });
        }
    }

    void run() {
        const std::uint64_t seed = below(100);
        KnownFuture future(future_);
        policy_ = make_policy(config_, slots_, {.seed = seed, .set = 1, .future = &future});
        golden::ReferencePolicy reference(config_, seed, future_);
        std::vector<bool> taken(slots_, false);
        for (std::uint32_t t = 0; t < kTokens; ++t) {
            std::uint32_t slot = below(slots_);
            while (taken[slot]) {
                slot = (slot + 1) % slots_;
            }
            policy_->insert(SlotId(slot), TokenPosition(t));
            reference.insert(slot, t);
            taken[slot] = true;

            draw_row(taken, t);
            policy_->observe({row_, logits_, TokenPosition(t)});
            reference.observe(row_, t, logits_);

            if (std::ranges::count(taken, false) > 0 && below(10) == 0) {  // a token changes its slot
                const auto from = static_cast<std::uint32_t>(std::ranges::find(taken, true) - taken.begin());
                const auto to = static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
                policy_->move(SlotId(from), SlotId(to));
                reference.move(from, to);
                taken[from] = false;
                taken[to] = true;
            }
            // Asked before the set is full, too: protection then leaves little choice.
            const auto victim = policy_->victim(TokenPosition(t + 1));
            const auto expected = reference.victim(t + 1);
            REQUIRE(victim.has_value() == expected.has_value());
            if (victim) {
                REQUIRE(victim->value == *expected);
                if (std::ranges::count(taken, false) == 0 || below(6) == 0) {
                    policy_->remove(*victim);
                    reference.remove(victim->value);
                    taken[victim->value] = false;
                }
            }
        }
    }

  private:
    static constexpr std::uint32_t kTokens = 150;

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

    void draw_row(const std::vector<bool>& taken, std::uint32_t t) {
        row_.assign(slots_, 0);
        logits_.assign(slots_, 3.0F);
        const bool wide = below(2) == 0;
        for (std::uint32_t i = 0; i < slots_; ++i) {
            if (taken[i]) {
                // Few distinct values, so that ties are common; sometimes a whole row of nothing.
                const std::uint32_t few = below(6) * (below(8) == 0 ? 10000 : 500);
                row_[i] = t % 11 == 0 ? 0 : wide ? below(8000) : few;
                logits_[i] = static_cast<float>(below(64)) / 8 - 4;
            }
        }
    }

    std::mt19937& random_;
    CacheConfig config_;
    std::uint32_t slots_ = 0;
    golden::ReferenceFuture future_;
    std::unique_ptr<EvictionPolicy> policy_;
    std::vector<RelevanceSample> row_;
    std::vector<float> logits_;
};

}  // namespace

TEST_CASE("policies decide as the reference does on random rows", "[policy][golden]") {
    std::mt19937 random(2024);
    for (const PolicyInfo& info : policies()) {
        if (info.name == "random" || info.name == "full") {
            continue;
        }
        for (int round = 0; round < 40; ++round) {
            INFO(info.name << " round " << round);
            Round(std::string(info.name), random).run();
        }
    }
}

}  // namespace palimpsest
