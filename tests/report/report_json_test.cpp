// report.json: the stable names are there, sums close for a reader who adds them up, and equal runs give equal bytes.

#include "report/report_json.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include "support/catch.h"
#include "support/sample_run.h"

using namespace palimpsest;
using Json = nlohmann::ordered_json;

namespace {

/// Equal in structure and text; numbers that are not whole may differ in their last digits between compilers.
void check_equal(const Json& found, const Json& expected, const std::string& path) {
    INFO(path);
    if (expected.is_number_float()) {
        CHECK(found.get<double>() == Approx(expected.get<double>()).epsilon(1e-12));
    } else if (expected.is_structured()) {
        REQUIRE(found.type() == expected.type());
        CHECK(found.size() == expected.size());
        for (const auto& [key, value] : expected.items()) {
            const std::string below = path + "/" + key;
            INFO(below);
            const Json* entry = nullptr;
            if (expected.is_object()) {
                REQUIRE(found.contains(key));
                entry = &found.at(key);
            } else {
                REQUIRE(std::stoul(key) < found.size());
                entry = &found.at(std::stoul(key));
            }
            check_equal(*entry, value, below);
        }
    } else {
        CHECK(found == expected);
    }
}

double sum_of_parts(const Json& parts) {
    double sum = 0;
    for (const auto& [name, value] : parts.items()) {
        sum += value.get<double>();
    }
    return sum;
}

}  // namespace

TEST_CASE("the report of a small run is the one on file", "[report]") {
    Json report = report_json(make_run_report(sample_config(), sample_result()));
    // Which build it is, is not part of the comparison.
    report["tool"]["version"] = "VERSION";
    report["tool"]["git"] = "GIT";
    const std::string path = PALIMPSEST_SOURCE_DIR "/tests/report/fixtures/small_report.json";
    if (std::getenv("PALIMPSEST_UPDATE_FIXTURES") != nullptr) {
        std::ofstream(path) << json_text(report);
    }
    std::ifstream file(path);
    check_equal(report, Json::parse(file), "");
}

TEST_CASE("the names that other programs rely on", "[report]") {
    const Json report = report_json(make_run_report(sample_config(), sample_result()));
    for (const char* pointer : {"/schema_version",
                                "/tool/name",
                                "/tool/version",
                                "/tool/git",
                                "/config",
                                "/config_hash",
                                "/latency/cycles",
                                "/latency/seconds",
                                "/latency/prefill/cycles",
                                "/latency/prefill/seconds",
                                "/latency/generation/cycles",
                                "/latency/generation/seconds",
                                "/latency/generation/tokens",
                                "/latency/generation/tokens_per_second",
                                "/latency/steps",
                                "/energy/joules",
                                "/energy/by_block",
                                "/energy/by_phase",
                                "/energy/by_class",
                                "/energy/kv_mmu_share",
                                "/energy/kv_mmu/slot_table/size_bytes",
                                "/energy/kv_mmu/score_store/needed_bytes",
                                "/energy/kv_mmu/victim_unit/accesses",
                                "/energy/kv_mmu/address_generator/dynamic_joules",
                                "/energy/kv_mmu/write_combiner/static_joules",
                                "/energy/kv_mmu/spilled_scores/joules",
                                "/dram/bytes_read",
                                "/dram/bytes_written",
                                "/dram/kv_bytes_read",
                                "/dram/kv_bytes_written",
                                "/dram/weight_bytes_read",
                                "/dram/row_hits",
                                "/dram/row_misses",
                                "/dram/row_conflicts",
                                "/dram/commands",
                                "/dram/bandwidth_utilisation",
                                "/kv_cache/policy",
                                "/kv_cache/budget",
                                "/kv_cache/peak_bytes",
                                "/kv_cache/full_bytes",
                                "/kv_cache/reduction",
                                "/kv_cache/evictions",
                                "/units/pe_array/busy_cycles",
                                "/units/pe_array/stall_cycles/operand",
                                "/units/pe_array/utilisation",
                                "/simulation/host_seconds",
                                "/simulation/events",
                                "/simulation/peak_rss_bytes",
                                "/simulation/estimated"}) {
        INFO(pointer);
        CHECK(report.contains(Json::json_pointer(pointer)));
    }
}

TEST_CASE("a reader who adds the parts up gets the whole, from the text of the file", "[report]") {
    const Json report = Json::parse(json_text(report_json(make_run_report(sample_config(), sample_result()))));
    const double joules = report["energy"]["joules"];
    CHECK(sum_of_parts(report["energy"]["by_block"]) == joules);
    CHECK(sum_of_parts(report["energy"]["by_phase"]) == joules);
    CHECK(sum_of_parts(report["energy"]["by_class"]) == joules);
    double items = 0;
    for (const Json& item : report["energy"]["actions"]) {
        items += item["joules"].get<double>();
    }
    CHECK(items == joules);
    double parts = 0;
    for (const auto& [name, part] : report["energy"]["kv_mmu"].items()) {
        INFO(name);
        CHECK(part["joules"].get<double>() ==
              part["dynamic_joules"].get<double>() + part["static_joules"].get<double>());
        parts += part["joules"].get<double>();
    }
    CHECK(parts == report["energy"]["by_block"]["kv_mmu"].get<double>() +
                       report["energy"]["by_class"]["dram_scores"].get<double>());
    std::uint64_t steps = 0;
    for (const Json& cycles : report["latency"]["steps"]) {
        steps += cycles.get<std::uint64_t>();
    }
    CHECK(steps == report["latency"]["cycles"]);
    for (const auto& [name, unit] : report["units"].items()) {
        INFO(name);
        CHECK(unit["busy_cycles"].get<double>() + sum_of_parts(unit["stall_cycles"]) == report["latency"]["cycles"]);
    }
}

TEST_CASE("the chip's area is in the report where the cost table has areas", "[report]") {
    RunConfig config = sample_config();
    CHECK_FALSE(report_json(make_run_report(config, sample_result())).contains("area"));
    config.cost.area = {{"sequencer", {3e6, 2e6, 5e6, "", ""}, StaticUnit::machine},
                        {"kv_mmu_victim_unit", {1e6, 1e6, 2e6, "", ""}, StaticUnit::machine}};
    const Json area = report_json(make_run_report(config, sample_result()))["area"];
    CHECK(area["mm2"].get<double>() == Approx(4));
    CHECK(area["low_mm2"].get<double>() == Approx(3));
    CHECK(area["high_mm2"].get<double>() == Approx(7));
    CHECK(area["by_block"]["sequencer"].get<double>() == Approx(3));
    CHECK_FALSE(area["by_block"].contains("dram"));
    CHECK(area["kv_mmu"]["victim_unit"].get<double>() == Approx(1));
    CHECK(area["kv_mmu"].size() == 5);  // the parts on the chip
    CHECK(area["kv_mmu_share"].get<double>() == Approx(0.25));
}

TEST_CASE("only `simulation` differs between equal runs", "[report]") {
    RunResult later = sample_result();
    later.host_seconds = 7;
    later.peak_rss_bytes = 1;
    Json a = report_json(make_run_report(sample_config(), sample_result()));
    Json b = report_json(make_run_report(sample_config(), later));
    CHECK(json_text(a) != json_text(b));
    a.erase("simulation");
    b.erase("simulation");
    CHECK(json_text(a) == json_text(b));
}

TEST_CASE("an empty run gives zeros and no not-a-number", "[report]") {
    const std::string text = json_text(report_json(make_run_report(sample_config(), RunResult{})));
    CHECK(text.find("null") == std::string::npos);
    CHECK(Json::parse(text)["kv_cache"]["reduction"] == 1.0);
}

TEST_CASE("a name that is not UTF-8 does not lose the report", "[report]") {
    RunResult result = sample_result();
    result.notes["attention"] = "trace \xff.ptrace";
    CHECK_NOTHROW(Json::parse(json_text(report_json(make_run_report(sample_config(), result)))));
}
