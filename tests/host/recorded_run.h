#pragma once
// Lowers a whole run into a list of commands, without a machine, and checks what must hold of every command.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hardware/array_timing.h"
#include "host/transformer.h"
#include "support/catch.h"
#include "support/fake_attention.h"

namespace palimpsest {

inline const BufferConfig& config_of(const HardwareConfig& hardware, BufferId buffer) {
    const std::array<const BufferConfig*, kBufferCount> configs{&hardware.buffers.weight, &hardware.buffers.activation,
                                                                &hardware.buffers.kv, &hardware.buffers.score};
    return *configs[static_cast<std::size_t>(buffer)];
}

inline std::uint64_t half_words(const HardwareConfig& hardware, BufferId buffer) {
    const BufferConfig& config = config_of(hardware, buffer);
    return std::uint64_t{config.banks_per_half()} * config.words_per_bank();
}

/// What a K or V vector of one token takes in DRAM: elements, and a scale for each group of 4-bit ones.
inline Bytes stored_vector_bytes(const RunConfig& config) {
    const std::uint32_t elements = config.model.head_dim;
    const std::uint32_t scales = config.cache.kv_bits == 4 ? elements / config.cache.kv_group : 0;
    return (Bytes{elements} * config.cache.kv_bits + scales * config.cache.kv_scale_bits) / 8;
}

/// Checks commands one by one as they come: tokens refer to earlier commands, data stay inside their buffer halves,
/// sums inside an accumulator half.
class CommandChecker {
  public:
    explicit CommandChecker(const RunConfig& config) : config_(config) {}

    void check(const Command& command) {
        INFO(fmt::format("{} command {} '{}'", name_of(command.unit), command.number, command.label));
        auto& mine = emitted_[static_cast<std::size_t>(command.unit)];
        REQUIRE(command.number == mine + 1);
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            REQUIRE(command.wait_for[u] <= emitted_[u]);
        }
        ++mine;
        if (const auto* dma = std::get_if<DmaCommand>(&command.work)) {
            const auto* region = std::get_if<DramRegion>(&dma->memory);
            const Bytes bytes = region != nullptr
                                    ? region->bytes()
                                    : std::get<KvAccess>(dma->memory).count * stored_vector_bytes(config_);
            REQUIRE(bytes > 0);
            stays_inside(dma->buffer, ceil_div<Bytes>(bytes, config_.hardware.buffers.kv.word_bytes));
            stays_inside(dma->buffer, dma->buffer.words);
            REQUIRE(dma->to_dram == (command.unit == UnitId::dma_store));
        } else if (const auto* gemm = std::get_if<GemmCommand>(&command.work)) {
            const PeArrayConfig& array = config_.hardware.pe_array;
            const BufferConfig& words = config_.hardware.buffers.kv;
            stays_inside(gemm->stationary, stationary_words(*gemm, array, words));
            stays_inside(gemm->streaming, streaming_words(*gemm, array, words));
            REQUIRE(gemm->stream_rows * ceil_div<std::uint64_t>(gemm->outputs, array.columns) <=
                    array.accumulator_rows);
        } else if (const auto* vector = std::get_if<VectorCommand>(&command.work)) {
            REQUIRE(vector->rows * vector->columns > 0);
            stays_inside(vector->source, vector->source.words);
            stays_inside(vector->destination, vector->destination.words);
        }
    }

  private:
    void stays_inside(const BufferRegion& region, std::uint64_t words) const {
        REQUIRE(region.first_word + words <= half_words(config_.hardware, region.where.buffer));
    }

    const RunConfig& config_;
    std::array<std::uint64_t, kUnitCount> emitted_{};
};

/// What a step's commands move and compute.
struct StepTotals {
    std::uint64_t macs = 0;
    std::uint64_t quantised = 0;  ///< K and V elements that the vector unit wrote to a staging place to be stored
    std::array<Bytes, kTrafficClasses> loaded{}, stored{};
    Bytes kv_moved = 0;                         ///< of `loaded` and `stored`: by compaction, once each way
    std::uint64_t projection_weight_bytes = 0;  ///< of `loaded`: without embeddings

    void add(const Command& command, const RunConfig& config) {
        if (const auto* gemm = std::get_if<GemmCommand>(&command.work)) {
            macs += gemm->stream_rows * gemm->reduction * gemm->outputs;
        } else if (const auto* vector = std::get_if<VectorCommand>(&command.work)) {
            quantised += std::string(command.label) == "kv_write" ? vector->rows * vector->columns : 0;
        } else if (const auto* dma = std::get_if<DmaCommand>(&command.work)) {
            const auto* region = std::get_if<DramRegion>(&dma->memory);
            const auto* kv = std::get_if<KvAccess>(&dma->memory);
            const Bytes bytes = region != nullptr ? region->bytes() : kv->count * stored_vector_bytes(config);
            (dma->to_dram ? stored : loaded)[static_cast<std::size_t>(dma->traffic)] += bytes;
            kv_moved += kv != nullptr && kv->move ? bytes : 0;
            if (dma->traffic == Traffic::weights && std::string(command.label) != "embedding") {
                projection_weight_bytes += bytes;
            }
        }
    }
};

/// Lowers every step of `config`; `after(replay, totals, step)` sees each with its decisions, prefill chunks first.
template <class AfterStep>
void record_run(const RunConfig& config, AfterStep&& after) {
    const WorkloadConfig& work = config.workload;
    FakeAttentionShape rows;
    rows.layers = config.model.layers;
    rows.heads = config.model.heads;
    rows.length = work.prompt_tokens + work.generated_tokens;
    CacheReplay replay(config, std::make_unique<FakeAttention>(rows));
    DramAllocator dram(config.dram.organisation.bytes(), config.dram.organisation.row_bytes());
    BufferPlan buffers(config.hardware);
    const WeightMap weights = map_weights(config.model, dram);
    CommandChecker checker(config);
    StepTotals totals;
    Program program(config.pipeline, [&](Command&& command) {
        checker.check(command);
        totals.add(command, config);
    });
    Lowering lowering{config, program, buffers};
    TransformerLowering transformer(lowering, weights, dram);
    const std::uint32_t chunk = prefill_chunk_tokens(config);
    for (std::uint32_t first = 0; first < work.prompt_tokens; first += chunk) {
        const std::uint32_t count = std::min(chunk, work.prompt_tokens - first);
        replay.prefill_chunk(first, count);
        transformer.prefill_chunk(replay, first, count, first + count == work.prompt_tokens, [](std::uint32_t) {});
        after(replay, std::exchange(totals, {}), count);
    }
    for (std::uint32_t g = 0; g < work.generated_tokens; ++g) {
        replay.generation_step(work.prompt_tokens + g);
        transformer.generation_step(replay, work.prompt_tokens + g, [](std::uint32_t) {});
        after(replay, std::exchange(totals, {}), 1U);
    }
}

}  // namespace palimpsest
