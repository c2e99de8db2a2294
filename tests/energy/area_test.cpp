// The chip's area: the cost table's figures times what the machine has, memories by CACTI.

#include "energy/area.h"

#include <fstream>
#include <numeric>

#include "config/cost_table_json.h"
#include "energy/machine_parts.h"
#include "energy/sram_scaling.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

CostEntry um2(double value) {
    return {value, value / 2, value * 3, "", ""};
}

double area_of(const AreaEntry& entry, const HardwareConfig& hardware = {}) {
    CostTable table;
    table.area = {entry};
    return chip_area(hardware, DramConfig{}, table)->mm2;
}

CostTable shipped_table() {
    std::ifstream file(PALIMPSEST_SOURCE_DIR "/configs/cost/65nm.json");
    return read_cost_table(Json::parse(file));
}

}  // namespace

TEST_CASE("without areas in the table there is no area", "[area]") {
    CHECK_FALSE(chip_area(HardwareConfig{}, DramConfig{}, CostTable{}));
}

TEST_CASE("an area is its entry times what the machine has of it", "[area]") {
    CHECK(area_of({"sequencer", um2(1e6), StaticUnit::machine}) == Approx(1));
    CHECK(area_of({"pe_array", um2(1000), StaticUnit::pe}) == Approx(1.024));
    CHECK(area_of({"vector_unit", um2(1000), StaticUnit::lane}) == Approx(0.032));
    CHECK(area_of({"pe_array_accumulators", um2(1000), StaticUnit::kib}) == Approx(0.128));
    CHECK(area_of({"dma_line_buffers", um2(1000), StaticUnit::kib}) == Approx(0.064));
    CHECK(area_of({"kv_mmu_score_store", um2(1000), StaticUnit::kib}) == Approx(0.064));
    CHECK(area_of({"kv_mmu_write_combiner", um2(1000), StaticUnit::kib}) ==
          Approx(16 * static_cast<double>(DramConfig{}.burst_bytes()) / 1024 * 1e-3));

    HardwareConfig hardware;
    const AreaEntry bank{"weight_buffer", um2(216'000), StaticUnit::bank};
    CHECK(area_of(bank, hardware) == Approx(8 * 0.216));
    hardware.buffers.weight.bank_bytes = 16 * 1024;
    CHECK(area_of(bank, hardware) == Approx(8 * 0.112));
    const AreaEntry slot_table{"kv_mmu_slot_table", um2(10'000), StaticUnit::kib};
    CHECK(area_of(slot_table, hardware) == Approx(0.040));
    hardware.kv_mmu.slot_table_bytes = 320 * 1024;  // ten banks
    CHECK(area_of(slot_table, hardware) == Approx(10 * 0.216));
}

TEST_CASE("blocks and parts add up to the chip, and its ends are all entries' ends", "[area]") {
    CostTable table;
    table.area = {{"sequencer", um2(3e6), StaticUnit::machine},
                  {"kv_mmu_slot_table", um2(1000), StaticUnit::kib},
                  {"kv_mmu_victim_unit", um2(2000), StaticUnit::machine},
                  {"kv_mmu_row_accumulators", um2(5000), StaticUnit::kib},
                  {"kv_mmu_control", um2(7000), StaticUnit::machine}};
    const ChipArea area = *chip_area(HardwareConfig{}, DramConfig{}, table);
    CHECK(area.kv_mmu[KvMmuPart::slot_table] == Approx(0.004));
    CHECK(area.kv_mmu[KvMmuPart::victim_unit] == Approx(0.007));
    CHECK(area.kv_mmu[KvMmuPart::other] == Approx(0.007));
    CHECK(area[EnergyBlock::kv_mmu] == Approx(0.018));
    CHECK(area.mm2 == Approx(3.018));
    CHECK(area.low_mm2 == Approx(3.018 / 2));
    CHECK(area.high_mm2 == Approx(3.018 * 3));
    CHECK(area.kv_mmu_share() == Approx(0.018 / 3.018));
}

TEST_CASE("an area of an unknown block, of DRAM or of a unit that the block has none of is the user's error",
          "[area]") {
    CHECK_THROWS_AS(area_of({"kvmmu", um2(1), StaticUnit::machine}), InputError);
    CHECK_THROWS_AS(area_of({"dram", um2(1), StaticUnit::machine}), InputError);
    CHECK_THROWS_AS(area_of({"sequencer", um2(1), StaticUnit::pe}), InputError);
}

TEST_CASE("the shipped areas name every block of the chip, and every part of the KV-MMU that is on it", "[area]") {
    const ChipArea area = *chip_area(HardwareConfig{}, DramConfig{}, shipped_table());
    for (std::size_t i = 0; i < kEnergyBlocks; ++i) {
        const auto block = static_cast<EnergyBlock>(i);
        INFO(name_of(block));
        CHECK((area[block] > 0) == (block != EnergyBlock::dram));
    }
    for (std::size_t i = 0; i < kKvMmuParts; ++i) {
        const auto part = static_cast<KvMmuPart>(i);
        INFO(name_of(part));
        CHECK((area.kv_mmu[part] > 0) == (part != KvMmuPart::spilled_scores && part != KvMmuPart::other));
    }
    CHECK(std::accumulate(area.by_block.begin(), area.by_block.end(), 0.0) == Approx(area.mm2));
    CHECK(std::accumulate(area.kv_mmu.of.begin(), area.kv_mmu.of.end(), 0.0) == Approx(area[EnergyBlock::kv_mmu]));
}

TEST_CASE("the shipped areas keep to what they are derived from", "[area]") {
    const CostTable table = shipped_table();
    const auto value = [&](const std::string& name) {
        for (const AreaEntry& entry : table.area) {
            if (entry.block == name) {
                return entry.area_um2;
            }
        }
        FAIL("no area of " << name);
        return CostEntry{};
    };
    const double to_65nm = 65.0 * 65 / (45 * 45);
    const double flip_flop = 6 * 1.44;
    CHECK(value("weight_buffer").value == Approx(sram_area_mm2(32 * 1024) * 1e6));
    CHECK(value("pe_array").low == Approx((282 + 137) * to_65nm + 56 * flip_flop).epsilon(0.01));
    CHECK(value("pe_array").value == Approx(value("pe_array").low / 0.8).epsilon(0.01));
    CHECK(value("vector_unit").value == Approx(((1640 + 1360) * to_65nm + 6 * 16 * flip_flop) / 0.8).epsilon(0.01));
    // Evictor of Kelle, 32 rows; voting engine of VEDA.
    CHECK(value("kv_mmu_victim_unit").value == Approx(0.06e6 * to_65nm / 2).epsilon(0.01));
    CHECK(value("kv_mmu_victim_unit").high == Approx(0.069e6 * 65 * 65 / (28 * 28) / 2).epsilon(0.01));
    CHECK(value("kv_mmu_victim_unit").low == Approx(16 * ((8 * 67 + 137) * to_65nm + 32 * flip_flop)).epsilon(0.01));
    CHECK(value("kv_mmu_write_combiner").value == Approx(14'000 + 8 * (160 * flip_flop + 137 * to_65nm)).epsilon(0.02));
    CHECK(value("sequencer").value == Approx(150'000 * 1.44 / 0.8));
}
