// profile of report.json: names and forms that readers rely on.

#include "report/profile_json.h"

#include "support/catch.h"

namespace palimpsest {
namespace {

RunProfile sample_profile() {
    RunProfile profile;
    profile.phases = {"prefill", "generation"};
    ProfileEntry qkv;
    qkv.commands = 3;
    qkv.cycles = 2000;
    qkv.phase_cycles = {1500, 500};
    qkv.macs = 77;
    qkv.bytes_read = {640, 32, 0, 0};
    qkv.bytes_written = {0, 64, 8, 0};
    qkv.busy = {1, 2, 3, 4, 5};
    ProfileEntry idle;
    idle.cycles = 60;
    idle.phase_cycles = {0, 60};
    profile.operators = {{"qkv", qkv}, {"idle", idle}};
    profile.layers = {{0, qkv}, {std::nullopt, idle}};
    profile.kv_bytes_overwritten = 8;
    profile.series = {1024, {600, 72, 0}, {64, 0, 0}, {2048, 512, 6}};
    profile.residency = ResidencyTrack{
        RequestId{1}, LayerId{2}, KvHeadId{3}, 2, 4, {{0, SlotId{3}, TokenPosition{9}}, {1, SlotId{3}, std::nullopt}},
        true};
    return profile;
}

TEST_CASE("an operator's entry has all that is booked on it, by name", "[report]") {
    const auto json = profile_json(sample_profile(), 2060);
    const auto& qkv = json["operators"][0];
    CHECK(qkv.dump() == R"({"name":"qkv","commands":3,"cycles":2000,"prefill_cycles":1500,"generation_cycles":500,)"
                        R"("macs":77,"dram_bytes":{"weights":640,"activations":96,"kv":8,"scores":0},)"
                        R"("dram_bytes_read":672,"dram_bytes_written":72,)"
                        R"("busy_cycles":{"pe_array":3,"vector_unit":4,"dma_load":1,"dma_store":2,"kv_mmu":5}})");
    CHECK(json["layers"][0]["layer"] == 0);
    CHECK(json["layers"][1]["layer"].is_null());
    CHECK(json["layers"][1]["cycles"] == 60);
    CHECK(json["write_combining"]["kv_bytes_overwritten"] == 8);
}

TEST_CASE("queued commands are means, over what there is of the last bin", "[report]") {
    const auto json = profile_json(sample_profile(), 2060);
    CHECK(json["series"].dump() == R"({"bin_cycles":1024,"dram_bytes_read":[600,72,0],"dram_bytes_written":[64,0,0],)"
                                   R"("queue_commands":[2.0,0.5,0.5]})");
}

TEST_CASE("a freed slot has the token -1", "[report]") {
    RunProfile profile = sample_profile();
    CHECK(profile_json(profile, 2060)["residency"].dump() ==
          R"({"request":1,"layer":2,"kv_head":3,"steps":2,"slots":4,"complete":true,"changes":[[0,3,9],[1,3,-1]]})");
    profile.residency.reset();
    CHECK_FALSE(profile_json(profile, 2060).contains("residency"));
}

}  // namespace
}  // namespace palimpsest
