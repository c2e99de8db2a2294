// Closed loop: what the eviction sets observe is the attention of a model that sees what they hold, held against the
// plain reference model.

#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "attention/text_sequences.h"
#include "engine/model_files.h"
#include "golden/llama_reference.h"
#include "host/cache_replay.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/letter_model.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kPrompt = 14, kGenerated = 8;

/// What one set saw of one query: the samples of the tokens it held, by position.
using Seen = std::map<std::uint32_t, std::pair<RelevanceSample, float>>;
/// By set and query.
using Log = std::map<std::array<std::uint64_t, 2>, Seen>;

/// Evicts the token with the least attention in the latest row, so that rows matter; writes down what it sees.
class Diarist : public EvictionPolicy {
  public:
    Diarist(std::uint32_t slots, std::uint64_t set, Log& log) : held_(slots), latest_(slots), set_(set), log_(log) {}

    void insert(SlotId slot, TokenPosition position) override { held_[slot.value] = position.value; }
    void remove(SlotId slot) override { held_[slot.value].reset(); }
    void move(SlotId from, SlotId to) override {
        std::swap(held_[from.value], held_[to.value]);
        std::swap(latest_[from.value], latest_[to.value]);
    }
    void observe(const RelevanceRow& row) override {
        Seen& seen = log_[{set_, row.query.value}];
        REQUIRE(row.logits.size() == row.probabilities.size());
        for (std::size_t slot = 0; slot < held_.size(); ++slot) {
            const RelevanceSample sample = slot < row.probabilities.size() ? row.probabilities[slot] : 0;
            latest_[slot] = sample;
            if (held_[slot]) {
                REQUIRE(slot < row.probabilities.size());
                seen[*held_[slot]] = {sample, row.logits[slot]};
            } else {
                REQUIRE(sample == 0);
            }
        }
    }
    std::optional<SlotId> victim(TokenPosition) const override {
        std::optional<SlotId> least;
        for (std::uint32_t slot = 0; slot < held_.size(); ++slot) {
            if (held_[slot] && (!least || latest_[slot] < latest_[least->value])) {
                least = SlotId(slot);
            }
        }
        return least;
    }
    bool uses_scores() const override { return true; }
    bool uses_logits() const override { return true; }

  private:
    std::vector<std::optional<std::uint32_t>> held_;
    std::vector<RelevanceSample> latest_;
    std::uint64_t set_;
    Log& log_;
};

struct ClosedLoop {
    ClosedLoop() {
        write_letter_model(scratch / "tiny", reference);
        std::ofstream(scratch / "text.txt") << "a cat sat on a mat and ran\n<|endoftext|>\n"
                                            << "the dog sat on the log and the log sank\n";
        config.cache.policy = "rce";
        config.cache.budget = 6;
        config.cache.sinks = 0;
        config.cache.recent = 0;
        config.cache.prefill_chunk = 5;
        config.workload.batch = 2;
        config.workload.prompt_tokens = kPrompt;
        config.workload.generated_tokens = kGenerated;
        config.model = open_model(scratch / "tiny").weights.shape;
        config.attention = AttentionEngineSource{.model = scratch / "tiny", .text = scratch / "text.txt"};
    }

    void run(const PolicyFactory& factory) {
        CacheReplay replay(config, nullptr, factory);
        for (std::uint32_t first = 0; first < kPrompt; first += config.cache.prefill_chunk) {
            replay.prefill_chunk(first, std::min(config.cache.prefill_chunk, kPrompt - first));
        }
        for (std::uint32_t position = kPrompt; position < kPrompt + kGenerated; ++position) {
            replay.generation_step(position);
        }
        CHECK(replay.peak_residents() <= config.cache.budget);
        note = replay.mapping_note();
    }

    ScratchDirectory scratch;
    LlamaReference reference{ReferenceShape{}, 8};
    RunConfig config;
    std::string note;
};

}  // namespace

TEST_CASE("in closed loop sets observe the attention of a model that sees what they hold", "[closed_loop]") {
    ClosedLoop loop;
    loop.config.cache.scope = GENERATE(EvictionScope::head, EvictionScope::layer, EvictionScope::model);
    loop.config.cache.prefill_chunk = GENERATE(1U, 5U, 14U);
    Log log;
    loop.run([&](std::uint32_t slots, const PolicyContext& context) {
        return std::make_unique<Diarist>(slots, context.set, log);
    });

    const LoadedModel model = open_model(loop.scratch / "tiny");
    const auto texts =
        read_sequences(loop.scratch / "text.txt", *model.tokenizer, {.sequences = 2, .length = kPrompt + kGenerated});
    const auto scope = loop.config.cache.scope;
    const auto set_of = [scope](std::uint64_t text, int layer, int head) {
        const auto l = static_cast<std::uint64_t>(layer), h = static_cast<std::uint64_t>(head);
        return scope == EvictionScope::head    ? (text * 3 + l) * 2 + h
               : scope == EvictionScope::layer ? text * 3 + l
                                               : text;
    };
    std::size_t rows = 0;
    bool something_evicted = false;
    for (std::uint64_t text = 0; text < 2; ++text) {
        const auto expected = loop.reference.run(texts[text], [&](int layer, int head, int t, int j) {
            const Seen& seen = log.at({set_of(text, layer, head), static_cast<std::uint64_t>(t)});
            return seen.contains(static_cast<std::uint32_t>(j));
        });
        const std::uint64_t first = set_of(text, 0, 0), end = set_of(text, 2, 1) + 1;
        for (std::uint64_t set = first; set < end; ++set) {
            for (std::uint32_t t = 0; t < kPrompt + kGenerated; ++t) {
                const Seen& seen = log.at({set, t});
                ++rows;
                REQUIRE(seen.contains(t));  // the token itself, and no more than the cache and the chunk
                REQUIRE(seen.size() <= 6 + loop.config.cache.prefill_chunk);
                something_evicted |= seen.size() < t + 1;
                for (const auto& [position, sample] : seen) {
                    double sum = 0, ratio = 0, heads = 0;
                    for (std::size_t layer = 0; layer < 3; ++layer) {
                        for (std::size_t head = 0; head < 4; ++head) {
                            if (set_of(text, static_cast<int>(layer), static_cast<int>(head) / 2) == set) {
                                const auto& row = expected.attention[layer][head][t];
                                sum += row[position];
                                ratio += std::log(row[position] / row[t]);
                                ++heads;
                            }
                        }
                    }
                    REQUIRE(sample.first / 65535.0 == Approx(sum / heads).margin(1e-4));
                    // Differences of logits are logarithms of ratios of probabilities.
                    REQUIRE(sample.second - seen.at(t).second == Approx(ratio / heads).margin(1e-3));
                }
            }
        }
    }
    CHECK(rows == (kPrompt + kGenerated) * (set_of(1, 2, 1) + 1));
    CHECK(something_evicted);
    CHECK(loop.note.find("Closed loop: tiny") != std::string::npos);
}

TEST_CASE("a model of another shape follows the engine's by depth, and requests share texts", "[closed_loop]") {
    ClosedLoop loop;
    loop.config.model.layers = 6;
    loop.config.model.kv_heads = 4;
    loop.config.model.heads = 4;
    loop.config.workload.batch = 3;
    CacheReplay replay(loop.config, nullptr);
    CHECK(replay.distinct_sets() == 2 * 3 * 2);
    replay.prefill_chunk(0, 5);
    replay.prefill_chunk(5, 5);
    const auto freed = [&](std::uint32_t request, std::uint32_t layer, std::uint32_t head) {
        return replay.decision(RequestId(request), LayerId(layer), KvHeadId(head)).freed;
    };
    CHECK(freed(0, 0, 0) == freed(0, 1, 2));
    CHECK(freed(2, 5, 3) == freed(0, 4, 1));
    CHECK(replay.mapping_note().find("floor(l * 3 / 6)") != std::string::npos);
}

TEST_CASE("closed loop refuses what it cannot do", "[closed_loop]") {
    ClosedLoop loop;
    SECTION("more positions than the model knows") {
        loop.config.workload.generated_tokens = 19;
        CHECK_THROWS_AS(CacheReplay(loop.config, nullptr), InputError);
    }
    SECTION("an oracle") {
        loop.config.cache.policy = "oracle";
        CHECK_THROWS_AS(CacheReplay(loop.config, nullptr), InputError);
    }
    SECTION("a text shorter than one request") {
        std::ofstream(loop.scratch / "text.txt") << "a cat\n";
        CHECK_THROWS_AS(CacheReplay(loop.config, nullptr), InputError);
    }
    SECTION("a model that is not there") {
        std::get<AttentionEngineSource>(loop.config.attention).model = "/nonexistent";
        CHECK_THROWS_AS(CacheReplay(loop.config, nullptr), InputError);
    }
    SECTION("but a policy without scores needs no engine") {
        std::get<AttentionEngineSource>(loop.config.attention).model = "/nonexistent";
        loop.config.cache.policy = "window";
        CHECK_NOTHROW(CacheReplay(loop.config, nullptr));
    }
}

}  // namespace palimpsest
