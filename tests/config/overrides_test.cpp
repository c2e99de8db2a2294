// Settings changed from the command line, and what the resolved configuration and its hash make of them.
#include "config/overrides.h"
#include "config/resolved.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

struct Fixture {
    ConfigFiles files;
    std::string path = files.write("run.json", small_run());

    RunConfig load(const std::vector<std::string>& overrides = {}) const { return load_run_config(path, overrides); }
    std::string error(const std::vector<std::string>& overrides) const {
        return input_error_of([&] { load(overrides); });
    }
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "an override reaches settings of the run and of what it refers to", "[overrides]") {
    const RunConfig run =
        load({"cache.budget=128", "hardware.pe_array.rows=16", "dram.timing.nCL=30", "cache.storage=compact",
              "pipeline.weight_prefetch=false", "attention.sink_z=3.5", "name=mine", "model.layers=3",
              "cost.actions.pe_mac=0.7", "hardware.pe_array.double_buffered_weights=false"});
    CHECK(run.cache.budget == 128);
    CHECK(run.hardware.pe_array.rows == 16);
    CHECK(run.hardware.pe_array.columns == 32);
    CHECK(run.dram.timing.nCL == 30);
    CHECK(run.cache.storage == StorageMode::compact);
    CHECK_FALSE(run.pipeline.weight_prefetch);
    CHECK(std::get<SyntheticAttention>(run.attention).sink_z == 3.5);
    CHECK(run.name == "mine");
    CHECK(run.model.layers == 3);
    const CostEntry& mac = run.cost.actions[static_cast<std::size_t>(Action::pe_mac)];
    CHECK(mac.value == 0.7);
    CHECK(mac.low == 0.7);
    CHECK(mac.source == "--set");
    CHECK_FALSE(run.hardware.pe_array.double_buffered_weights);
    CHECK(run.resolved["sources"]["hardware.pe_array.rows"] == "--set");
    CHECK(run.resolved["hardware"]["pe_array"]["rows"] == 16);
}

TEST_CASE_METHOD(Fixture, "an override may replace a whole reference, and others change the new one", "[overrides]") {
    const RunConfig run = load({"dram.organisation.channels=4", "dram=hbm2", "model=opt-125m"});
    CHECK(run.dram.standard == "HBM2");
    CHECK(run.dram.organisation.channels == 4);
    CHECK(run.model.family == "opt");
    const RunConfig based = load({R"(dram={"base": "ddr4-2400", "organisation": {"channels": 2}})"});
    CHECK(based.dram.organisation.channels == 2);
    CHECK(based.dram.standard == "DDR4");
}

TEST_CASE_METHOD(Fixture, "an unknown setting is answered with the nearest one", "[overrides]") {
    CHECK(contains(error({"cache.bugdet=3"}), "--set: cache.bugdet: unknown setting, did you mean \"cache.budget\"?"));
    CHECK(contains(error({"budget=3"}), "did you mean \"cache.budget\"?"));
    CHECK(contains(error({"dram.timing.ncl=3"}), "did you mean \"dram.timing.nCL\"?"));
    CHECK(contains(error({"hardware.pe_array.rows.vlaue=3"}), "unknown setting"));
    CHECK(contains(error({"zebra=3"}), "accepted: "));
    CHECK(contains(error({"hardware.base=x"}), "unknown setting"));
    CHECK(contains(error({"cache.budget"}), "PATH=VALUE"));
    CHECK(contains(error({"=3"}), "PATH=VALUE"));
    CHECK(contains(error({"workload.operators[3].gemm.m=3"}), "--set: workload.operators"));
}

TEST_CASE_METHOD(Fixture, "an override is judged like the file, and the error names --set", "[overrides]") {
    CHECK(
        contains(error({"cache.budget=0"}), "--set: cache.budget: value 0; accepted: an integer, 1 to 1048576 slots"));
    CHECK(contains(error({"cache.budget=6"}), "--set: cache.budget: value 6; accepted: 7 or more"));
    CHECK(contains(error({"cache.budget=lots"}), "value \"lots\""));
    CHECK(contains(error({"hardware.pe_array.rows=0"}), "--set: hardware.pe_array.rows: value 0"));
    CHECK(contains(error({"dram=hbm3"}), "did you mean \"hbm2\"?"));
    CHECK(lines_of(error({"cache.budget=0", "workload.batch=65", "nonsense=1"})) == 3);
}

TEST_CASE_METHOD(Fixture, "an override can make a wrong file right", "[overrides]") {
    nlohmann::json run = small_run();
    run["cache"]["budget"] = 5;
    const std::string small = files.write("small.json", run);
    CHECK(contains(input_error_of([&] { load_run_config(small); }), "small.json: cache.budget: value 5"));
    CHECK(load_run_config(small, {"cache.budget=9"}).cache.budget == 9);
}

TEST_CASE_METHOD(Fixture, "the hash tells configurations apart and nothing else", "[overrides]") {
    const std::string hash = load().hash;
    CHECK(hash.size() == 32);
    CHECK(load().hash == hash);
    CHECK(load({"cache.budget=17"}).hash != hash);
    CHECK(load({"hardware.dma.outstanding=8"}).hash != hash);
    CHECK(load({"dram=hbm2"}).hash != hash);
    CHECK(load({"simulation.watchdog_cycles=5000"}).hash == hash);  // how it is run
    CHECK(load({"cache.score_bits=16"}).hash == hash);              // the default, written out
    nlohmann::json commented = small_run();
    commented["description"] = "the same run";
    commented["name"] = "run";
    const ConfigFiles elsewhere;
    CHECK(load_run_config(elsewhere.write("other.json", commented)).hash == hash);  // other folder, file and comments
}

TEST_CASE_METHOD(Fixture, "a resolved configuration runs again as itself", "[overrides]") {
    const RunConfig first = load({"cache.budget=24", "hardware.pe_array.columns=64", "dram=ddr3-1600"});
    const RunConfig second = load_run_config(files.write("again.json", first.resolved));
    CHECK(second.hash == first.hash);
    const RunConfig traced = load_run_config(shipped("quickstart.json"));
    CHECK(load_run_config(files.write("quickstart.json", traced.resolved)).hash == traced.hash);
    CHECK(traced.resolved["attention"]["trace"] == "traces/stories15M.ptrace");
    CHECK(traced.resolved.dump().find(PALIMPSEST_SOURCE_DIR) == std::string::npos);
}

TEST_CASE("bases are merged, nearest first", "[overrides]") {
    const ConfigFiles files;
    files.write("parts/wide.json", R"({"base": "default", "name": "wide", "pe_array": {"rows": 64, "columns": 64}})");
    nlohmann::json run = small_run();
    run["hardware"] = {{"base", "parts/wide.json"}, {"pe_array", {{"columns", {{"value", 16}, {"source", "a test"}}}}}};
    const RunConfig config = load_run_config(files.write("run.json", run));
    CHECK(config.hardware.name == "wide");
    CHECK(config.hardware.pe_array.rows == 64);
    CHECK(config.hardware.pe_array.columns == 16);
    CHECK(config.hardware.vector_unit.lanes == 32);
    CHECK(config.resolved["sources"]["hardware.pe_array.columns"] == "a test");
    CHECK_FALSE(config.resolved["sources"].contains("hardware.pe_array.rows"));
}
