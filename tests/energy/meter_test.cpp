// The energy meter: sums that close bit for bit, DRAM energy by who caused it, static power by what the machine has.

#include "energy/meter.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/sample_run.h"

using namespace palimpsest;

namespace {

template <class Array>
double plain_sum(const Array& parts) {
    return std::accumulate(parts.begin(), parts.end(), 0.0);
}

EnergyMeter meter_of(const RunConfig& config) {
    return EnergyMeter(config.hardware, config.dram, config.cost);
}

double item_joules(const EnergyBreakdown& energy, const std::string& name, EnergyClass energy_class) {
    for (const EnergyItem& item : energy.items) {
        if (item.name == name && item.energy_class == energy_class) {
            return item.joules;
        }
    }
    FAIL("no item " << name);
    return 0;
}

}  // namespace

TEST_CASE("blocks, phases, classes and items each add up to the total bit for bit", "[meter]") {
    std::mt19937_64 random(20240611);
    RunConfig config = sample_config();
    for (int trial = 0; trial < 300; ++trial) {
        // Costs without a short binary or decimal form, magnitudes from a few counts to a day of simulated time.
        for (auto& entry : config.cost.actions) {
            entry.value = std::uniform_real_distribution<double>(0, 100)(random);
            entry.low = entry.value / 3;
            entry.high = entry.value * 3;
        }
        config.dram.energy.read_burst_pj = std::uniform_real_distribution<double>(0, 9000)(random);
        const std::uint64_t most = std::uint64_t{1} << (trial % 48);
        RunResult result;
        result.prefill = random_interval(random, most);
        result.generation = random_interval(random, most);
        result.total = sum_of(result.prefill, result.generation);
        const bool with_rest = trial % 3 == 0;
        if (with_rest) {
            result.total = sum_of(result.total, random_interval(random, most));
        }
        const EnergyBreakdown energy = meter_of(config).measure(result);
        REQUIRE(plain_sum(energy.by_block) == energy.joules);
        REQUIRE(plain_sum(energy.by_phase) == energy.joules);
        REQUIRE(plain_sum(energy.by_class) == energy.joules);
        // In another order too: that the sums close is no accident of the order.
        double backwards = 0;
        for (auto item = energy.items.rbegin(); item != energy.items.rend(); ++item) {
            backwards += item->joules;
        }
        REQUIRE(backwards == energy.joules);
        if (!with_rest) {
            REQUIRE(energy[EnergyPhase::other] == 0);
        }
        double parts = 0;
        for (const KvMmuPartEnergy& part : energy.kv_mmu) {
            parts += part.joules();
        }
        REQUIRE(parts == energy[EnergyBlock::kv_mmu] + energy[EnergyClass::dram_scores]);
    }
}

TEST_CASE("every cost of the KV-MMU is in one part, and no other block's is", "[meter][kv_mmu_parts]") {
    RunConfig config = sample_config();
    config.cost.static_power.push_back({"kv_mmu_slot_table", {1, 1, 1, "", ""}, StaticUnit::kib});
    config.cost.static_power.push_back({"kv_mmu", {1, 1, 1, "", ""}, StaticUnit::machine});
    const EnergyMeter meter = meter_of(config);
    for (const MachineCost& cost : meter.costs()) {
        INFO(cost.name);
        CHECK(cost.kv_mmu_part.has_value() ==
              (cost.block == EnergyBlock::kv_mmu || cost.energy_class == EnergyClass::dram_scores));
    }
}

TEST_CASE("energy and operations of the KV-MMU by part", "[meter][kv_mmu_parts]") {
    RunConfig config = sample_config();
    config.cost.static_power.push_back({"kv_mmu_slot_table", {2, 2, 2, "", ""}, StaticUnit::kib});
    config.cost.static_power.push_back({"kv_mmu_row_accumulators", {3, 3, 3, "", ""}, StaticUnit::kib});
    config.cost.static_power.push_back({"kv_mmu_victim_unit", {5, 5, 5, "", ""}, StaticUnit::machine});
    config.cost.static_power.push_back({"kv_mmu_write_combiner", {7, 7, 7, "", ""}, StaticUnit::kib});
    RunResult result;
    result.total.cycles = 1'000'000;  // 1 ms at 1 GHz: a mW is a uJ
    ActionCounts& n = result.total.actions;
    n[Action::kv_slot_table_read] = 10'000;
    n[Action::kv_slot_table_write] = 20'000;
    n[Action::kv_victim_compare] = 1'000;
    n[Action::kv_position_compare] = 2'000;
    n[Action::kv_score_add] = 4'000;
    n[Action::kv_address] = 3;
    DramCounts& dram = result.total.dram;
    dram.read_bursts_by_class = {5, 0, 0, 3};
    dram.write_bursts_by_class = {0, 0, 0, 2};
    dram.activates_by_class = {1, 0, 0, 4};
    dram.reads = 8;
    dram.writes = 2;
    dram.activates = 5;
    const EnergyBreakdown energy = meter_of(config).measure(result);

    const auto pj = [&](Action action) { return config.cost.actions[static_cast<std::size_t>(action)].value * 1e-12; };
    const KvMmuPartEnergy& table = energy[KvMmuPart::slot_table];
    CHECK(table.accesses == 30'000);
    CHECK(table.dynamic_joules ==
          Approx(10'000 * pj(Action::kv_slot_table_read) + 20'000 * pj(Action::kv_slot_table_write)));
    CHECK(table.static_joules == Approx(4 * 2e-6));  // 4 KiB
    const KvMmuPartEnergy& victims = energy[KvMmuPart::victim_unit];
    CHECK(victims.accesses == 7'000);
    CHECK(victims.static_joules == Approx((1 * 3 + 5) * 1e-6));  // two accumulators are 1 KiB
    CHECK(energy[KvMmuPart::score_store].static_joules == Approx(64 * 0.5e-6));
    CHECK(energy[KvMmuPart::write_combiner].static_joules == Approx(2 * 7e-6));  // 16 bursts of 128 B
    CHECK(energy[KvMmuPart::address_generator].accesses == 3);
    const KvMmuPartEnergy& spilled = energy[KvMmuPart::spilled_scores];
    CHECK(spilled.accesses == 5);  // bursts, not activations
    CHECK(spilled.joules() == energy[EnergyClass::dram_scores]);
    CHECK(energy[KvMmuPart::other].joules() == 0);
}

TEST_CASE("a table that gives the KV-MMU's power as one figure costs what it did", "[meter][kv_mmu_parts]") {
    RunConfig config = sample_config();
    RunResult result;
    result.total.cycles = 1'000'000;
    const EnergyBreakdown before = meter_of(config).measure(result);
    config.cost.static_power.push_back({"kv_mmu", {2.8, 0.8, 6, "", ""}, StaticUnit::machine});
    const EnergyBreakdown energy = meter_of(config).measure(result);
    CHECK(energy[KvMmuPart::other].static_joules == Approx(2.8e-6));
    CHECK(energy[EnergyBlock::kv_mmu] == Approx(before[EnergyBlock::kv_mmu] + 2.8e-6));
    // Its KiB are those of the score store.
    config.cost.static_power.back() = {"kv_mmu", {1, 1, 1, "", ""}, StaticUnit::kib};
    CHECK(meter_of(config).measure(result)[KvMmuPart::other].static_joules == Approx(64e-6));
}

TEST_CASE("the total is counts times costs plus powers times time", "[meter]") {
    RunConfig config = sample_config();
    RunResult result;
    result.total.cycles = 1'000'000;                                 // 1 ms at 1 GHz
    result.total.actions[Action::pe_mac] = 1'000'000;                // 1 pJ each: 1 uJ
    result.total.actions[Action::activation_buffer_write] = 10'000;  // the eighth action, 8 pJ: 80 nJ
    result.generation = result.total;
    const EnergyBreakdown energy = meter_of(config).measure(result);
    // 8 banks x 10 mW + 1024 PEs x 0.01 mW + 64 KiB x 0.5 mW + 30 mW = 152.24 mW for 1 ms.
    CHECK(energy[EnergyClass::static_power] == Approx(152.24e-6).epsilon(1e-12));
    CHECK(energy[EnergyClass::compute] == Approx(1e-6).epsilon(1e-12));
    CHECK(energy[EnergyClass::on_chip_memory] == Approx(80e-9).epsilon(1e-12));
    CHECK(energy[EnergyBlock::weight_buffer] == Approx(80e-6).epsilon(1e-12));
    CHECK(energy[EnergyBlock::kv_mmu] == Approx(32e-6).epsilon(1e-12));
    CHECK(energy.joules == Approx(153.32e-6).epsilon(1e-12));
    CHECK(energy[EnergyPhase::generation] == energy.joules);
    CHECK(energy.kv_mmu_share == Approx(32 / 153.32).epsilon(1e-12));
}

TEST_CASE("DRAM energy goes to the traffic that caused it, refresh and standby to static", "[meter][dram]") {
    const RunConfig config = sample_config();
    RunResult result;
    DramCounts& dram = result.total.dram;
    dram.read_bursts_by_class = {10, 0, 4, 0};
    dram.write_bursts_by_class = {0, 3, 0, 1};
    dram.activates_by_class = {1, 0, 4, 1};
    dram.reads = 14;
    dram.writes = 4;
    dram.activates = 6;
    dram.refreshes = 2;
    dram.active_clocks = 1000;
    dram.precharged_clocks = 500;
    result.prefill = result.total;
    const EnergyBreakdown energy = meter_of(config).measure(result);
    const double io_pj = 128 * 8 * 4.5;
    CHECK(energy[EnergyClass::dram_weights] == Approx((6956 + 10 * (5000 + io_pj)) * 1e-12));
    CHECK(energy[EnergyClass::dram_activations] == Approx(3 * (5200 + io_pj) * 1e-12));
    CHECK(energy[EnergyClass::dram_kv] == Approx((4 * 6956 + 4 * (5000 + io_pj)) * 1e-12));
    CHECK(energy[EnergyClass::dram_scores] == Approx((6956 + 5200 + io_pj) * 1e-12));
    // 625 ps a clock: 226 mW x 625 ns + 163 mW x 312.5 ns, and two refreshes.
    CHECK(energy[EnergyClass::static_power] == Approx(226e-3 * 625e-9 + 163e-3 * 312.5e-9 + 2 * 364e-9));
    CHECK(energy[EnergyBlock::dram] == energy.joules);
    CHECK(item_joules(energy, "dram_read", EnergyClass::dram_kv) == Approx(4 * 5000e-12));
}

TEST_CASE("a larger bank costs more a word and leaks more, a wider burst combines at more", "[meter]") {
    RunConfig config = sample_config();
    RunResult result;
    result.total.cycles = 1000;
    result.total.actions[Action::weight_buffer_read] = 1000;
    result.total.actions[Action::kv_write_combine] = 1000;
    const EnergyBreakdown small = meter_of(config).measure(result);
    config.hardware.buffers.weight.bank_bytes = 64 * 1024;
    config.dram.organisation.bus_bits = 128;
    const EnergyBreakdown large = meter_of(config).measure(result);
    CHECK(item_joules(large, "weight_buffer_read", EnergyClass::on_chip_memory) ==
          Approx(item_joules(small, "weight_buffer_read", EnergyClass::on_chip_memory) * 72.3 / 37.5));
    CHECK(item_joules(large, "static/weight_buffer", EnergyClass::static_power) ==
          Approx(item_joules(small, "static/weight_buffer", EnergyClass::static_power) * 77 / 43));
    CHECK(item_joules(large, "kv_write_combine", EnergyClass::kv_mmu) ==
          Approx(2 * item_joules(small, "kv_write_combine", EnergyClass::kv_mmu)));
    config = sample_config();
    result.total.actions[Action::kv_slot_table_read] = 1000;
    const auto slot_table_read = [&](Bytes bytes) {
        config.hardware.kv_mmu.slot_table_bytes = bytes;
        return item_joules(meter_of(config).measure(result), "kv_slot_table_read", EnergyClass::kv_mmu);
    };
    CHECK(slot_table_read(32 * 1024) == Approx(slot_table_read(4 * 1024) * 24.9 / 4.87));
    CHECK(slot_table_read(1024 * 1024) == slot_table_read(32 * 1024));  // banks of 32 kB
    config.cost.static_power = {{"kv_mmu_slot_table", {1.5, 1.5, 1.5, "", ""}, StaticUnit::kib}};
    const auto slot_table_leakage = [&](Bytes bytes) {
        config.hardware.kv_mmu.slot_table_bytes = bytes;
        return meter_of(config).measure(result)[KvMmuPart::slot_table].static_joules;
    };
    CHECK(slot_table_leakage(4 * 1024) == Approx(6e-9));  // 6 mW for 1 us
    CHECK(slot_table_leakage(320 * 1024) == Approx(430e-9));
}

TEST_CASE("sensitivity moves one cost at a time and puts the largest swing first", "[meter][sensitivity]") {
    const RunConfig config = sample_config();
    const EnergyBreakdown energy = meter_of(config).measure(sample_result());
    REQUIRE(energy.sensitivity.size() == 26 + 4 + 1);
    for (std::size_t i = 1; i < energy.sensitivity.size(); ++i) {
        CHECK(energy.sensitivity[i - 1].swing_joules() >= energy.sensitivity[i].swing_joules());
    }
    const auto mac = std::find_if(energy.sensitivity.begin(), energy.sensitivity.end(),
                                  [](const SensitivityRow& row) { return row.cost == "pe_mac"; });
    CHECK(mac->low_joules == Approx(energy.joules - 450'000 * 0.5e-12));
    CHECK(mac->high_joules == Approx(energy.joules + 450'000 * 1e-12));
    const auto dram = std::find_if(energy.sensitivity.begin(), energy.sensitivity.end(),
                                   [](const SensitivityRow& row) { return row.cost == "dram_scale"; });
    CHECK(dram->low_joules == Approx(energy.joules - 0.6 * energy[EnergyBlock::dram]));
    CHECK(dram->high_joules == Approx(energy.joules + energy[EnergyBlock::dram]));
}

TEST_CASE("a workload of operators is its own phase, each operator with its joules", "[meter]") {
    RunResult result = sample_result();
    result.operators = {{"a", "gemm", result.prefill, 900}, {"b", "softmax", result.generation, 0}};
    result.prefill = {};
    result.generation = {};
    const EnergyBreakdown energy = meter_of(sample_config()).measure(result);
    CHECK(energy[EnergyPhase::operators] == energy.joules);
    REQUIRE(energy.operator_joules.size() == 2);
    CHECK(energy.operator_joules[0] + energy.operator_joules[1] == Approx(energy.joules));
}

TEST_CASE("counts that contradict each other are an error, not a number", "[meter]") {
    const EnergyMeter meter = meter_of(sample_config());
    RunResult phases = sample_result();
    phases.generation.actions[Action::pe_mac] += 1;
    CHECK_THROWS_AS(meter.measure(phases), SimulationError);
    RunResult classes = sample_result();
    classes.total.dram.activates += 1;
    CHECK_THROWS_AS(meter.measure(classes), SimulationError);
}

TEST_CASE("a static entry of an unknown block or unit is the user's error", "[meter]") {
    RunConfig config = sample_config();
    config.cost.static_power = {{"kvmmu", {1, 1, 1, "", ""}, StaticUnit::machine}};
    CHECK_THROWS_AS(meter_of(config), InputError);
    config.cost.static_power = {{"sequencer", {1, 1, 1, "", ""}, StaticUnit::bank}};
    CHECK_THROWS_AS(meter_of(config), InputError);
}
