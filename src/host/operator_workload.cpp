// Single operators: one block studied alone, with or without its loads and stores.

#include <algorithm>

#include <fmt/format.h>

#include "common/overloaded.h"
#include "host/attention_lowering.h"
#include "host/lowering.h"
#include "host/memory_map.h"
#include "host/projection.h"
#include "host/workload.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

class OperatorWorkload : public Workload {
  public:
    OperatorWorkload(const RunConfig& config, const OperatorSpec& spec)
        : config_(config),
          spec_(spec),
          buffers_(config.hardware),
          dram_(config.dram.organisation.bytes(), config.dram.organisation.row_bytes()) {
        geometry_.slots = 1;
        geometry_.positions = 1;
        if (const auto* attention = std::get_if<AttentionOperator>(&spec.shape)) {
            geometry_.head_dim = attention->head_dim;
            geometry_.slots = attention->tokens;
            geometry_.positions = attention->tokens;
        } else if (const auto* replace = std::get_if<KvReplaceOperator>(&spec.shape)) {
            geometry_.head_dim = replace->head_dim;
            geometry_.slots = replace->slots;
            geometry_.positions = replace->slots + replace->replacements;
        }
        place_kv(config, geometry_, dram_);
    }

    const KvGeometry& geometry() const override { return geometry_; }
    std::string profile_name() const override { return spec_.name; }

    void run(HostDriver& driver, const ProgressHook& progress) override {
        Lowering lowering{config_, driver.program(), buffers_};
        lowering.program.label("operator", kNoLayer, 0);
        std::visit(Overloaded{
                       [&](const GemmOperator& gemm) { run_gemm(lowering, gemm); },
                       [&](const AttentionOperator& attention) { run_attention(lowering, driver, attention); },
                       [&](const SoftmaxOperator& softmax) { run_softmax(lowering, softmax); },
                       [&](const KvReplaceOperator& replace) { run_replace(lowering, driver, replace); },
                   },
                   spec_.shape);
        driver.end_step();
        driver.drain();
        interval_ = driver.interval();
        progress(1.0, spec_.name);
    }

    void report(Machine& machine, RunResult& result) const override {
        OperatorResult own;
        own.name = spec_.name;
        own.kind = std::visit(
            Overloaded{[](const GemmOperator&) { return "gemm"; }, [](const AttentionOperator&) { return "attention"; },
                       [](const SoftmaxOperator&) { return "softmax"; },
                       [](const KvReplaceOperator&) { return "kv_replace"; }},
            spec_.shape);
        own.interval = interval_;
        own.array_cycles = machine.array_cycles();
        result.operators.push_back(own);
    }

  private:
    Tensor dram_tensor(std::uint64_t rows, std::uint64_t columns, std::uint32_t element_bytes,
                       const BlockLayout& layout, const char* what) {
        Tensor tensor;
        tensor.layout = layout;
        tensor.rows = rows;
        tensor.columns = columns;
        tensor.element_bytes = element_bytes;
        tensor.address = dram_.take(tensor.bytes(), what);
        return tensor;
    }

    void run_gemm(Lowering& lowering, const GemmOperator& gemm) {
        if (spec_.operands_ready) {
            GemmCommand product = on_array(gemm);
            lowering.program.emit(UnitId::pe_array, product, Mechanism::projection, {}, {});
            return;
        }
        Tensor input = dram_tensor(gemm.m, gemm.k, 1, lowering.streamed_layout(), "the input matrix");
        Tensor output = dram_tensor(gemm.m, gemm.n, 1, lowering.streamed_layout(), "the output matrix");
        const Bytes weights = dram_.take(gemm.k * gemm.n, "the weight matrix");
        Projection projection;
        projection.label = "gemm";
        projection.input = &input;
        projection.output = &output;
        projection.outputs = gemm.n;
        projection.weights = weights;
        lower_projection(lowering, projection);
    }

    /// The whole product as one command in the array's own dataflow, no buffer limiting it.
    GemmCommand on_array(const GemmOperator& gemm) const {
        GemmCommand product = gemm_command(config_.hardware.pe_array.dataflow, gemm.m, gemm.k, gemm.n);
        product.operands_on_chip_only = true;
        return product;
    }

    void run_softmax(Lowering& lowering, const SoftmaxOperator& softmax) {
        constexpr std::uint32_t logit_bytes = 2;
        Tensor input = dram_tensor(softmax.rows, softmax.columns, logit_bytes, lowering.vector_layout(), "the logits");
        Tensor output = dram_tensor(softmax.rows, softmax.columns, 1, lowering.vector_layout(), "the probabilities");
        if (spec_.operands_ready) {
            const std::uint32_t words = input.words();
            PlaceRing& ring = lowering.buffers.divide_scores(words);
            const BufferRegion source = front_of(ring.next(), words);
            const BufferRegion result = front_of(ring.next(), output.words());
            lowering.program.emit(
                UnitId::vector_unit,
                VectorCommand{VectorKind::softmax, softmax.rows, softmax.columns, false, source, result},
                Mechanism::attention, {}, {});
            return;
        }
        lower_rowwise(lowering, VectorKind::softmax, input, output);
    }

    void fill_cache(HostDriver& driver, std::uint32_t tokens) const {
        for (std::uint32_t t = 0; t < tokens; ++t) {
            driver.machine().kv_mmu().preset(RequestId{0}, LayerId{0}, KvHeadId{0}, {SlotId{t}, TokenPosition{t}});
        }
    }

    void run_attention(Lowering& lowering, HostDriver& driver, const AttentionOperator& attention) {
        fill_cache(driver, attention.tokens);
        const AttentionGeometry geometry{1, 1, 1, attention.head_dim, kv_array_bytes(config_.cache)};
        // Queries in columns [0, dh); the key and value columns behind them are not read: all keys are in the cache.
        const std::uint64_t columns = attention.head_dim * (1ULL + 2 * geometry.kv_bytes);
        Tensor qkv = dram_tensor(attention.queries, columns, 1, lowering.streamed_layout(), "the queries");
        Tensor output =
            dram_tensor(attention.queries, attention.head_dim, 1, lowering.streamed_layout(), "the attention output");
        if (spec_.operands_ready) {
            for (Tensor* tensor : {&qkv, &output}) {
                tensor->on_chip = lowering.buffers.take_resident(tensor->words());
                if (!tensor->on_chip) {
                    throw InputError(
                        "", "hardware.buffers.activation.banks",
                        fmt::format("the {} words of {}'s queries or results do not fit half of the buffer",
                                    tensor->words(), spec_.name),
                        "more activation banks, fewer queries, or operands_ready false");
                }
            }
        }
        AttentionLowering lower(lowering, geometry);
        HeadWork work;
        work.cached = attention.tokens;
        lower.lower_head({LayerId{0}, &qkv, &output, 0, attention.queries, false}, work);
    }

    void run_replace(Lowering& lowering, HostDriver& driver, const KvReplaceOperator& replace) {
        fill_cache(driver, replace.slots);
        const auto vector_words = static_cast<std::uint32_t>(
            ceil_div<Bytes>(kv_vector_bytes(config_.cache, geometry_), lowering.word_bytes()));
        PlaceRing& ring = lowering.buffers.divide_kv(2 * vector_words);
        Hazard cache;
        for (std::uint32_t i = 0; i < replace.replacements; ++i) {
            // Victims in an order without pattern: an odd stride walks over all slots of a power of two, and most of
            // others.
            const SlotId victim{static_cast<std::uint32_t>((std::uint64_t{i} * 2654435761ULL) % replace.slots)};
            KvCommand search;
            search.slots = replace.slots;
            search.rows = 1;
            search.searches = 1;
            search.freed = std::make_shared<const std::vector<SlotId>>(std::vector<SlotId>{victim});
            lowering.program.emit(UnitId::kv_mmu, search, Mechanism::eviction, {}, {&cache});
            const auto placements = std::make_shared<const std::vector<KvPlacement>>(
                std::vector<KvPlacement>{{victim, TokenPosition{replace.slots + i}}});
            Place& place = ring.next();
            for (const bool value : {false, true}) {
                KvAccess access;
                access.value = value;
                access.count = 1;
                access.placements = placements;
                const BufferRegion words{place.region.where, place.region.first_word + (value ? vector_words : 0),
                                         vector_words};
                lowering.program.emit(UnitId::dma_store, DmaCommand{access, words, Traffic::kv, true},
                                      Mechanism::attention, {&place.hazard}, {&cache});
            }
        }
    }

    const RunConfig& config_;
    const OperatorSpec& spec_;
    BufferPlan buffers_;
    DramAllocator dram_;
    KvGeometry geometry_;
    Interval interval_;
};

}  // namespace

std::unique_ptr<Workload> make_operator_workload(const RunConfig& config, const OperatorSpec& spec) {
    return std::make_unique<OperatorWorkload>(config, spec);
}

}  // namespace palimpsest
