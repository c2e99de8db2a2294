// Lowering of whole steps, against what the model says: weights, products and KV bytes, for every storage mode, layout,
// width and shape; and that no command reaches beyond its buffers (checked on every command in recorded_run.h).

#include "host/recorded_run.h"
#include "host/small_run.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr auto kKv = static_cast<std::size_t>(Traffic::kv);

/// Sums over (request, layer, KV head) of what one step needs, from its decisions.
struct Expected {
    std::uint64_t macs = 0, quantised = 0;
    Bytes weights = 0, kv_read = 0, kv_written = 0;
};

Expected expected_of(const RunConfig& config, const CacheReplay& replay, std::uint32_t tokens, bool prefill,
                     bool logits) {
    const ModelShape& m = config.model;
    const std::uint64_t weight_bytes = m.weight_bits / 8;
    const std::uint64_t kv_bytes = config.cache.kv_bits == 16 ? 2 : 1;  // on the array
    const std::uint64_t rows = std::uint64_t{config.workload.batch} * tokens;
    Expected expected;
    // 16-bit operands are two 8-bit columns (or rows) each.
    expected.macs = rows * m.layer_macs_per_token() * weight_bytes;
    expected.weights = m.layer_macs_per_token() * weight_bytes;
    if (logits) {
        expected.macs += config.workload.batch * m.vocabulary_macs_per_token() * weight_bytes;
        expected.weights += m.vocabulary_macs_per_token() * weight_bytes;
    }
    for (std::uint32_t r = 0; r < config.workload.batch; ++r) {
        for (std::uint32_t l = 0; l < m.layers; ++l) {
            for (std::uint32_t h = 0; h < m.kv_heads; ++h) {
                const CacheDecision& d = replay.decision(RequestId{r}, LayerId{l}, KvHeadId{h});
                const std::uint64_t cached = d.residents_before + (prefill ? 0 : 1);
                const std::uint64_t keys = cached + (prefill ? tokens : 0);
                expected.macs += 2 * m.group() * tokens * keys * m.head_dim * kv_bytes;
                const std::uint64_t written = d.placed ? d.placed->size() : 0;
                expected.kv_read += 2 * cached * stored_vector_bytes(config);
                expected.kv_written += 2 * written * stored_vector_bytes(config);
                expected.quantised += config.cache.kv_bits == 4 ? 2 * written * m.head_dim : 0;
            }
        }
    }
    return expected;
}

void check_totals(const RunConfig& config) {
    std::uint32_t done = 0;
    record_run(config, [&](const CacheReplay& replay, const StepTotals& totals, std::uint32_t tokens) {
        const bool prefill = done < config.workload.prompt_tokens;
        done += tokens;
        INFO("up to position " << done);
        const Expected expected = expected_of(config, replay, tokens, prefill, done >= config.workload.prompt_tokens);
        REQUIRE(totals.macs == expected.macs);
        REQUIRE(totals.quantised == expected.quantised);
        REQUIRE(totals.projection_weight_bytes == expected.weights);
        REQUIRE(totals.kv_moved % 2 == 0);
        if (config.cache.storage != StorageMode::compact) {
            REQUIRE(totals.kv_moved == 0);
        }
        REQUIRE(totals.loaded[kKv] == expected.kv_read + totals.kv_moved / 2);
        REQUIRE(totals.stored[kKv] == expected.kv_written + totals.kv_moved / 2);
    });
}

TEST_CASE("A step's commands move and multiply what the model needs, no more and no less", "[lowering]") {
    for (const bool grouped : {false, true}) {
        for (const StorageMode storage : {StorageMode::in_place, StorageMode::append_gather, StorageMode::compact}) {
            for (const CacheLayout layout : {CacheLayout::head_major, CacheLayout::token_major}) {
                for (const std::uint32_t kv_bits : {4U, 8U, 16U}) {
                    for (const std::uint32_t weight_bits : {8U, 16U}) {
                        RunConfig config = small_run();
                        if (grouped) {
                            make_grouped(config.model);
                        }
                        config.cache.storage = storage;
                        config.cache.layout = layout;
                        config.cache.kv_bits = kv_bits;
                        config.cache.kv_group = layout == CacheLayout::head_major ? 8 : 2;
                        config.model.weight_bits = weight_bits;
                        config.cache.prefill = kv_bits == weight_bits ? PrefillMode::chunked : PrefillMode::one_shot;
                        CAPTURE(grouped, storage, layout, kv_bits, weight_bits);
                        check_totals(config);
                    }
                }
            }
        }
    }
}

TEST_CASE("The same holds on arrays and buffers of other sizes", "[lowering]") {
    struct Variant {
        std::uint32_t rows, columns, accumulator, banks;
        Bytes bank_bytes;
    };
    // Arrays narrower and wider than an SRAM word, and buffers in which tiles are cut.
    for (const Variant& v :
         {Variant{16, 16, 512, 8, 32768}, Variant{64, 64, 512, 8, 32768}, Variant{8, 48, 64, 4, 8192},
          Variant{48, 24, 96, 4, 8192}, Variant{32, 32, 32, 2, 8192}, Variant{4, 4, 64, 8, 2048}}) {
        for (const std::uint32_t kv_bits : {4U, 8U, 16U}) {
            RunConfig config = small_run();
            config.cache.kv_group = 16;
            make_grouped(config.model);
            config.hardware.pe_array.rows = v.rows;
            config.hardware.pe_array.columns = v.columns;
            config.hardware.pe_array.accumulator_rows = v.accumulator;
            for (BufferConfig* buffer : {&config.hardware.buffers.weight, &config.hardware.buffers.activation,
                                         &config.hardware.buffers.kv, &config.hardware.buffers.score}) {
                buffer->banks = v.banks;
                buffer->bank_bytes = v.bank_bytes;
            }
            config.cache.kv_bits = kv_bits;
            config.workload.prompt_tokens = 40;
            config.cache.budget = 30;
            CAPTURE(v.rows, v.columns, v.accumulator, v.banks, kv_bits);
            record_run(config, [](const CacheReplay&, const StepTotals&, std::uint32_t) {});
        }
    }
}

TEST_CASE("A head of 4096 keys, eight query heads a KV head, 128 elements, is cut to fit", "[lowering]") {
    RunConfig config = small_run();
    make_grouped(config.model);
    config.model.layers = 1;
    config.model.heads = 8;
    config.model.kv_heads = 1;
    config.model.head_dim = 128;
    config.cache.policy = "full";
    config.workload.batch = 1;
    config.workload.prompt_tokens = 4095;
    config.workload.generated_tokens = 1;
    config.cache.prefill_chunk = 512;
    std::uint32_t done = 0;
    record_run(config, [&](const CacheReplay& replay, const StepTotals& totals, std::uint32_t tokens) {
        const bool prefill = done < config.workload.prompt_tokens;
        done += tokens;
        const Expected expected = expected_of(config, replay, tokens, prefill, done >= config.workload.prompt_tokens);
        REQUIRE(totals.macs == expected.macs);
        REQUIRE(totals.quantised == expected.quantised);
        // A chunk's queries are cut into tiles by their scores, and each tile loads the keys anew where they do not all
        // stay on chip.
        REQUIRE(totals.loaded[kKv] >= expected.kv_read);
        REQUIRE((prefill || totals.loaded[kKv] == expected.kv_read));
        REQUIRE(totals.stored[kKv] == expected.kv_written);
    });
}

TEST_CASE("The batch's projections load the weights once, separate ones once a request", "[lowering]") {
    RunConfig config = small_run();
    config.workload.batch = 3;
    std::array<Bytes, 2> bytes{};
    for (const bool batched : {false, true}) {
        config.pipeline.batched_projections = batched;
        record_run(config, [&](const CacheReplay&, const StepTotals& totals, std::uint32_t) {
            bytes[batched ? 1 : 0] = totals.projection_weight_bytes;
        });
    }
    REQUIRE(bytes[0] == 3 * bytes[1]);
}

TEST_CASE("What cannot fit is an input error that names the buffer", "[lowering]") {
    const auto message_of = [](const RunConfig& config) -> std::string {
        try {
            record_run(config, [](const CacheReplay&, const StepTotals&, std::uint32_t) {});
        } catch (const InputError& error) {
            return error.what();
        }
        return "no error";
    };
    using Catch::Matchers::Contains;
    RunConfig config = small_run();
    config.hardware.buffers.weight.bank_bytes = 256;
    config.hardware.buffers.weight.banks = 2;
    REQUIRE_THAT(message_of(config), Contains("hardware.buffers"));
    config = small_run();
    config.hardware.buffers.score.bank_bytes = 32;
    config.hardware.buffers.score.banks = 2;
    REQUIRE_THAT(message_of(config), Contains("hardware.buffers.score.banks"));
    config = small_run();
    config.hardware.buffers.kv.bank_bytes = 256;
    config.hardware.buffers.kv.banks = 2;
    REQUIRE_THAT(message_of(config), Contains("hardware.buffers.kv.banks"));
    config = small_run();
    config.hardware.buffers.activation.bank_bytes = 256;
    config.hardware.buffers.activation.banks = 2;
    REQUIRE_THAT(message_of(config), Contains("hardware.buffers"));
    config = small_run();
    make_grouped(config.model);
    config.model.heads = 4;
    config.model.kv_heads = 1;
    config.hardware.pe_array.accumulator_rows = 2;
    REQUIRE_THAT(message_of(config), Contains("hardware.pe_array.accumulator_rows"));
}

}  // namespace
}  // namespace palimpsest
