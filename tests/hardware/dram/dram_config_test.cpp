// Shipped values are the parts that their names say, and configs that the controller cannot run are refused with the
// reason. What JEDEC asks for: tests/config/dram_relations_test.cpp.

#include <functional>

#include "config/loader.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/dram_system.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

struct Grade {
    const char* preset;
    double mega_transfers;  ///< a pin and second
    double peak_gigabytes, gibibytes;
    std::uint32_t burst_bytes;
    double rcd_ns, ras_ns, rfc_ns, refi_ns;
};

/// What the names promise, from the standards' speed-bin and refresh tables, in time and not in clocks.
constexpr Grade kGrades[] = {
    {"ddr3-1600", 1600, 12.8, 8, 64, 13.75, 35, 350, 7800},   {"ddr4-2400", 2400, 19.2, 8, 64, 14.16, 32, 350, 7800},
    {"ddr4-3200", 3200, 25.6, 4, 64, 13.75, 32, 350, 7800},   {"lpddr4-3200", 3200, 25.6, 4, 128, 18, 42, 280, 3904},
    {"lpddr5-6400", 6400, 51.2, 4, 32, 18, 42, 210, 3906.25}, {"hbm2", 2000, 256, 4, 32, 14, 34, 260, 3900},
    {"lpddr4-4266", 4266, 34.12, 4, 128, 18, 42, 280, 3904},
};

}  // namespace

TEST_CASE("Presets are the parts that their names say", "[dram][config]") {
    for (const Grade& grade : kGrades) {
        CAPTURE(grade.preset);
        const DramConfig c = load_dram(grade.preset);
        const DramTiming& t = c.timing;
        const double ck_ns = static_cast<double>(t.tCK_ps) / 1000;
        CHECK(t.beats_per_clock / ck_ns * 1000 == Approx(grade.mega_transfers).epsilon(0.001));
        CHECK(c.peak_bandwidth() / 1e9 == Approx(grade.peak_gigabytes).epsilon(0.001));
        CHECK(static_cast<double>(c.organisation.bytes()) / (1 << 30) == grade.gibibytes);
        CHECK(c.burst_bytes() == grade.burst_bytes);
        // A minimum in ns is met and not exceeded by more than a clock; an interval is not longer.
        const auto is_minimum = [&](std::uint32_t clocks, double ns) {
            CHECK(clocks * ck_ns >= ns * 0.999);
            CHECK(clocks * ck_ns < ns + ck_ns * 1.01);
        };
        is_minimum(t.nRCD, grade.rcd_ns);
        is_minimum(t.nRAS, grade.ras_ns);
        is_minimum(t.nRFC, grade.rfc_ns);
        CHECK(t.nREFI * ck_ns <= grade.refi_ns * 1.001);
        CHECK(t.nREFI * ck_ns > grade.refi_ns * 0.999);
        CHECK(t.nRC >= t.nRAS + t.nRP);
        CHECK(t.nFAW >= t.nRRD_S);
        CHECK(t.nCCD_S == t.burst_clocks());
        CHECK_NOTHROW(check_dram_config(c));
        CHECK_NOTHROW(AddressMap(c));
        CHECK(c.energy.read_burst_pj > 0);
        CHECK(c.energy.active_standby_mw > c.energy.precharge_standby_mw);
    }
}

TEST_CASE("A DRAM config that the controller cannot run is refused with path, value and reason", "[dram][config]") {
    struct Bad {
        const char* path;
        std::function<void(DramConfig&)> spoil;
    };
    const std::vector<Bad> list{
        {"timing.nRC", [](DramConfig& c) { c.timing.nRC = c.timing.nRAS + c.timing.nRP - 1; }},
        {"timing.nRAS", [](DramConfig& c) { c.timing.nRAS = c.timing.nRCD - 1; }},
        {"timing.nREFI", [](DramConfig& c) { c.timing.nREFI = c.timing.nRFC; }},
        {"timing.nCCD_S", [](DramConfig& c) { c.timing.nCCD_S = 7; }},
        {"timing.nCCD_L", [](DramConfig& c) { c.timing.nCCD_L = c.timing.nCCD_S - 1; }},
        {"timing.nRRD_L", [](DramConfig& c) { c.timing.nRRD_L = c.timing.nRRD_S - 1; }},
        {"timing.nWTR_L", [](DramConfig& c) { c.timing.nWTR_L = c.timing.nWTR_S - 1; }},
        {"timing.nFAW", [](DramConfig& c) { c.timing.nFAW = c.timing.nRRD_S - 1; }},
        {"timing.nRCD", [](DramConfig& c) { c.timing.nRCD = 0; }},
        {"timing.burst_length", [](DramConfig& c) { c.timing.burst_length = 15; }},
        {"timing.beats_per_clock", [](DramConfig& c) { c.timing.beats_per_clock = 0; }},
        {"timing.nRFCpb",
         [](DramConfig& c) {
             c.refresh.mode = RefreshMode::per_bank;
             c.timing.nRFCpb = 0;
         }},
        {"refresh.postpone", [](DramConfig& c) { c.refresh.postpone = 8; }},
        {"power_down.self_refresh_after",
         [](DramConfig& c) {
             c.refresh.mode = RefreshMode::per_bank;
             c.power_down.self_refresh_after = 100;
         }},
        {"controller.page_timeout", [](DramConfig& c) { c.controller.page_timeout = 0; }},
        {"organisation", [](DramConfig& c) { c.organisation.ranks = 16; }},
        {"organisation.rows", [](DramConfig& c) { c.organisation.rows = 1000; }},
        {"controller.read_queue", [](DramConfig& c) { c.controller.read_queue = 65; }},
        {"controller.write_high", [](DramConfig& c) { c.controller.write_high = 33; }},
        {"controller.write_low", [](DramConfig& c) { c.controller.write_low = c.controller.write_high; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|rank|bank|channel"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|bank|column|column"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row:3|bank|column"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|bank|column:99"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|bank|column:6|column:1"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|bank|column|colour"; }},
        {"mapping", [](DramConfig& c) { c.mapping = "row|bank|column|"; }},
        {"mapping", [](DramConfig& c) { c.mapping = ""; }},
    };
    const DramConfig good = load_dram("lpddr4-3200");
    for (const Bad& bad : list) {
        DramConfig config = good;
        bad.spoil(config);
        CAPTURE(bad.path, config.mapping);
        std::string message;
        try {
            const DramSystem dram(config);
        } catch (const InputError& error) {
            message = error.what();
        }
        CHECK(message.find(bad.path) != std::string::npos);
        CHECK(message.find("accepted: ") != std::string::npos);
    }
}
