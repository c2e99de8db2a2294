// ArrayTiming against the golden model of the individual PEs, and against the counts that independent programs agree
// on.

#include <algorithm>
#include <random>

#include "golden/pe_array_golden.h"
#include "hardware/array_timing.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

std::vector<std::int8_t> random_bytes(std::size_t n, std::mt19937& random) {
    std::vector<std::int8_t> bytes(n);
    for (auto& b : bytes) {
        b = static_cast<std::int8_t>(random());
    }
    return bytes;
}

std::vector<std::int32_t> reference_product(const GoldenProduct& p) {
    const auto& c = p.command;
    std::vector<std::int32_t> result(c.stream_rows * c.outputs, 0);
    for (std::uint64_t m = 0; m < c.stream_rows; ++m) {
        for (std::uint64_t k = 0; k < c.reduction; ++k) {
            for (std::uint64_t n = 0; n < c.outputs; ++n) {
                result[m * c.outputs + n] += p.streaming[m * c.reduction + k] * p.stationary[k * c.outputs + n];
            }
        }
    }
    return result;
}

std::vector<GoldenAccess> expand(const std::vector<PortUse>& uses) {
    std::vector<GoldenAccess> accesses;
    for (const PortUse& use : uses) {
        const AccessPattern& p = use.pattern;
        for (std::uint64_t s = 0; s < p.sweeps; ++s) {
            for (std::uint64_t f = 0; f < p.folds; ++f) {
                for (std::uint64_t w = 0; w < p.words; ++w) {
                    accesses.push_back({use.where.buffer, use.where.half, use.bank,
                                        p.start + s * p.sweep_period + f * p.fold_period + w});
                }
            }
        }
    }
    std::sort(accesses.begin(), accesses.end());
    return accesses;
}

/// Runs the products through both models and compares product, last cycle, every port access and every count.
void compare(const PeArrayConfig& array, const BuffersConfig& buffers, const std::vector<GoldenProduct>& products) {
    const std::vector<GoldenOutcome> golden = GoldenPeArray(array, buffers).run(products);
    ArrayTiming timing(array, buffers);
    std::vector<GoldenAccess> all;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const GemmCommand& c = products[i].command;
        CAPTURE(i, c.stream_rows, c.reduction, c.outputs, static_cast<int>(c.dataflow), products[i].arrival, array.rows,
                array.columns, array.double_buffered_weights);
        const ArraySchedule schedule = timing.issue(c, products[i].arrival);
        REQUIRE(golden[i].result == reference_product(products[i]));
        REQUIRE(schedule.done == golden[i].done);
        std::vector<GoldenAccess> reads = golden[i].reads;
        std::sort(reads.begin(), reads.end());
        REQUIRE(expand(schedule.reads) == reads);
        all.insert(all.end(), reads.begin(), reads.end());
        REQUIRE(schedule.actions[Action::pe_mac] == golden[i].macs);
        REQUIRE(schedule.actions[Action::pe_weight_load] == golden[i].weight_shifts);
        REQUIRE(schedule.actions[Action::pe_register_hop] == golden[i].hops);
        REQUIRE(schedule.actions[Action::accumulator_access] == golden[i].accumulator_accesses);
        REQUIRE(schedule.done - schedule.first_load >= ceil_div<Cycles>(schedule.macs, array.rows * array.columns));
    }
    std::sort(all.begin(), all.end());
    REQUIRE(std::adjacent_find(all.begin(), all.end()) == all.end());  // no bank is asked twice in one cycle
}

class RandomProducts {
  public:
    explicit RandomProducts(std::uint32_t seed) : random_(seed) {}

    std::uint64_t pick(std::uint64_t low, std::uint64_t high) { return low + random_() % (high - low + 1); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return *(choices.begin() + static_cast<std::ptrdiff_t>(random_() % choices.size()));
    }

    PeArrayConfig array() {
        PeArrayConfig a;
        a.rows = one_of<std::uint32_t>({1, 2, 4, 4, 5, 8, 8});
        a.columns = one_of<std::uint32_t>({1, 2, 4, 4, 6, 8, 8});
        a.double_buffered_weights = random_() % 3 != 0;
        return a;
    }

    /// Small banks, so that tiles straddle them; words at times narrower than the array.
    BuffersConfig buffers(bool narrow) {
        BuffersConfig b;
        for (BufferConfig* buffer : {&b.weight, &b.activation, &b.kv, &b.score}) {
            buffer->word_bytes = narrow ? one_of<std::uint32_t>({2, 3, 4, 8}) : 8;
            buffer->bank_bytes = buffer->word_bytes * one_of<std::uint32_t>({7, 16, 64, 512});
            buffer->banks =
                2 * static_cast<std::uint32_t>(ceil_div<Bytes>(3200 * buffer->word_bytes, buffer->bank_bytes));
        }
        return b;
    }

    /// Operands mostly in buffers of their own; `same_half` puts both in one, sharing banks or not.
    GoldenProduct product(Dataflow dataflow, Cycles arrival, bool same_half) {
        GoldenProduct p;
        GemmCommand& c = p.command;
        c.dataflow = dataflow;
        c.stream_rows = one_of<std::uint64_t>({1, 1, pick(1, 9), pick(1, 40)});
        c.reduction = one_of<std::uint64_t>({1, 4, 8, pick(1, 12), pick(1, 30)});
        c.outputs = one_of<std::uint64_t>({1, 4, 8, pick(1, 12), pick(1, 24)});
        c.stationary = {
            {BufferId::weight, static_cast<std::uint8_t>(pick(0, 1))}, static_cast<std::uint32_t>(pick(0, 60)), 0};
        c.streaming = {{same_half ? BufferId::weight : BufferId::activation, c.stationary.where.half},
                       static_cast<std::uint32_t>(same_half ? one_of<std::uint64_t>({0, 500, 1500}) : pick(0, 60)),
                       0};
        c.operands_on_chip_only = pick(0, 7) == 0;
        p.arrival = arrival;
        p.streaming = random_bytes(c.stream_rows * c.reduction, random_);
        p.stationary = random_bytes(c.reduction * c.outputs, random_);
        return p;
    }

  private:
    std::mt19937 random_;
};

}  // namespace

TEST_CASE("array timing equals the stepped PEs on random products, back to back and apart", "[pe_array]") {
    for (std::uint32_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        RandomProducts random(seed);
        const PeArrayConfig array = random.array();
        const BuffersConfig buffers = random.buffers(seed % 3 == 0);
        std::vector<GoldenProduct> products;
        Cycles arrival = random.pick(0, 5);
        const std::uint64_t count = random.pick(1, 4);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto dataflow = random.one_of<Dataflow>({Dataflow::weight_stationary, Dataflow::input_stationary});
            products.push_back(random.product(dataflow, arrival, random.pick(0, 4) == 0));
            arrival += random.one_of<Cycles>({0, 0, 1, random.pick(0, 30), random.pick(0, 300)});
        }
        compare(array, buffers, products);
    }
}

TEST_CASE("array timing equals the stepped PEs when output-stationary products come in between", "[pe_array]") {
    for (std::uint32_t seed = 1000; seed < 1150; ++seed) {
        CAPTURE(seed);
        RandomProducts random(seed);
        const PeArrayConfig array = random.array();
        const BuffersConfig buffers = random.buffers(false);
        std::vector<GoldenProduct> products;
        Cycles arrival = 0;
        for (int i = 0; i < 3; ++i) {
            const auto dataflow = random.one_of<Dataflow>({Dataflow::weight_stationary, Dataflow::output_stationary});
            products.push_back(random.product(dataflow, arrival, false));
            arrival += random.one_of<Cycles>({0, 1, random.pick(0, 60)});
        }
        compare(array, buffers, products);
    }
}

TEST_CASE("array timing equals the stepped PEs at the default size", "[pe_array]") {
    const PeArrayConfig array;
    const BuffersConfig buffers;
    std::mt19937 random(7);
    const std::uint64_t shapes[][3] = {{1, 64, 64}, {4, 70, 33}, {33, 32, 40}, {2, 1, 1}};
    std::vector<GoldenProduct> products;
    for (const auto& [m, k, n] : shapes) {
        GoldenProduct p;
        p.command = gemm_command(Dataflow::weight_stationary, m, k, n);
        p.command.stationary.where.buffer = BufferId::kv;
        p.command.streaming.where.buffer = BufferId::activation;
        p.streaming = random_bytes(m * k, random);
        p.stationary = random_bytes(k * n, random);
        products.push_back(p);
    }
    compare(array, buffers, products);
}

TEST_CASE("cycle counts that independent programs agree on", "[pe_array]") {
    const std::uint64_t shapes[][3] = {{1, 1, 1},      {128, 64, 32},   {1, 768, 768}, {100, 33, 65},
                                       {4, 768, 3072}, {512, 512, 512}, {7, 1000, 1}};
    for (const std::uint32_t rows : {16U, 32U}) {
        for (const std::uint32_t columns : {8U, 32U}) {
            for (const auto& [m, k, n] : shapes) {
                PeArrayConfig array;
                array.rows = rows;
                array.columns = columns;
                array.double_buffered_weights = false;
                CAPTURE(rows, columns, m, k, n);
                const auto cycles = [&, m = m, k = k, n = n](Dataflow dataflow) {
                    GemmCommand command = gemm_command(dataflow, m, k, n);
                    command.operands_on_chip_only = true;
                    return ArrayTiming(array, {}).issue(command, 0).done;
                };
                const auto folds = [](std::uint64_t size, std::uint64_t pes) { return (size + pes - 1) / pes; };
                CHECK(cycles(Dataflow::output_stationary) ==
                      (k + rows + columns - 2) * folds(m, rows) * folds(n, columns));
                const Cycles weight_stationary = (m + 2 * rows + columns - 2) * folds(k, rows) * folds(n, columns);
                CHECK(cycles(Dataflow::weight_stationary) == weight_stationary);
                CHECK(cycles(Dataflow::input_stationary) ==
                      (n + 2 * rows + columns - 2) * folds(k, rows) * folds(m, columns));
                array.double_buffered_weights = true;
                const Cycles overlapped = cycles(Dataflow::weight_stationary);
                CHECK(overlapped <= weight_stationary);
                CHECK(overlapped >= folds(m * k * n, std::uint64_t{rows} * columns));
            }
        }
    }
}

TEST_CASE("with double-buffered weights folds follow each other every max(M, R) cycles", "[pe_array]") {
    GemmCommand command = gemm_command(Dataflow::weight_stationary, 100, 96, 64);
    command.operands_on_chip_only = true;
    ArrayTiming timing({}, {});
    const ArraySchedule first = timing.issue(command, 10);
    CHECK(first.first_load == 10);
    CHECK(first.first_stream == 42);
    CHECK(first.fold_period == 100);
    CHECK(first.done == 42 + 6 * 100 + 32 + 32 - 2);
    const ArraySchedule second = timing.issue(command, 20);
    CHECK(second.first_load == first.first_stream + 5 * 100);
    CHECK(second.first_stream == first.first_stream + 6 * 100);
}

TEST_CASE("a tile larger than its half, and an empty product, are errors", "[pe_array]") {
    ArrayTiming timing({}, {});
    GemmCommand command = gemm_command(Dataflow::weight_stationary, 1, 32, 32 * 200);
    command.streaming.where.buffer = BufferId::activation;
    CHECK_THROWS_AS(timing.issue(command, 0), SimulationError);
    CHECK_THROWS_AS(timing.issue(gemm_command(Dataflow::weight_stationary, 0, 1, 1), 0), SimulationError);
}

}  // namespace palimpsest
