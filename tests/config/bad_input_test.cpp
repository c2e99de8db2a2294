// Everything a user can get wrong in a configuration is answered with file, JSON path, value and what would be
// accepted.
#include "config/schema.h"
#include "config/validate.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

/// A change to a right run (merge patch: null removes a key), and words that the message must hold.
struct BadRun {
    const char* patch;
    std::vector<const char*> words;
};

const std::vector<BadRun>& bad_runs() {
    static const std::vector<BadRun> runs{
        // keys
        {R"({"cahce": {}})", {"run.json: cahce: unknown key, did you mean \"cache\"?", "accepted: attention, cache"}},
        {R"({"cache": {"bugdet": 3}})", {"run.json: cache.bugdet: unknown key, did you mean \"budget\"?"}},
        {R"({"hardware": {"base": "default", "pe_array": {"row": 3}}})",
         {"run.json: hardware.pe_array.row: unknown key, did you mean \"rows\"?"}},
        {R"({"pipeline": {"prefetch": true}})", {"pipeline.prefetch: unknown key", "weight_prefetch"}},
        // types
        {R"({"cache": {"budget": "64"}})", {"cache.budget: value \"64\"", "an integer, 1 to 1048576 slots"}},
        {R"({"cache": {"budget": 64.5}})", {"cache.budget: value 64.5"}},
        {R"({"cache": {"normalise_by_age": 1}})", {"cache.normalise_by_age: value 1; accepted: true or false"}},
        {R"({"cache": 3})", {"run.json: cache: value 3; accepted: an object with keys allocation"}},
        {R"({"workload": {"operators": {}}})", {"workload.operators: value {}"}},
        {R"({"model": 3})", {"run.json: model: value 3; accepted: a preset name, a file name or an object"}},
        {R"({"name": ""})", {"name: value \"\""}},
        // ranges and names
        {R"({"workload": {"batch": 0}})", {"workload.batch: value 0; accepted: an integer, 1 to 64 requests"}},
        {R"({"workload": {"batch": 65}})", {"workload.batch: value 65"}},
        {R"({"workload": {"prompt_tokens": 0}})", {"workload.prompt_tokens: value 0"}},
        {R"({"cache": {"kv_bits": 12}})", {"cache.kv_bits: value 12; accepted: one of 4, 8, 16"}},
        {R"({"cache": {"score_bits": 65}})", {"cache.score_bits: value 65; accepted: an integer, 2 to 64 bits"}},
        {R"({"cache": {"score_bits": 33}})", {"cache.score_bits: value 33; accepted: at most 32 bits with rce"}},
        {R"({"cache": {"policy": "accumulated", "score_bits": 40}})", {"accepted: at most 32 bits with accumulated"}},
        {R"({"cache": {"rce_half_life": -0.5}})", {"cache.rce_half_life: value -0.5; accepted: a number, 0 to 1000"}},
        {R"({"cache": {"rce_most_recent": 1.25}})", {"cache.rce_most_recent: value 1.25; accepted: a number, 0 to 1"}},
        {R"({"cache": {"snapkv_kernel": 4}})", {"cache.snapkv_kernel: value 4; accepted: an odd number"}},
        {R"({"cache": {"roco_share": 1.5}})", {"cache.roco_share: value 1.5"}},
        {R"({"cache": {"prefill_chunk": 0}})", {"cache.prefill_chunk: value 0"}},
        {R"({"cache": {"policy": "windw"}})", {"cache.policy: value \"windw\", did you mean \"window\"?", "full, rce"}},
        {R"({"cache": {"storage": "inplace"}})", {"did you mean \"in_place\"?"}},
        {R"({"simulation": {"watchdog_cycles": -1}})", {"simulation.watchdog_cycles: value -1"}},
        {R"({"hardware": {"base": "default", "pe_array": {"rows": {"value": 0}}}})",
         {"hardware.pe_array.rows: value 0"}},
        {R"({"hardware": {"base": "default", "pe_array": {"rows": {"valu": 1}}}})", {"hardware.pe_array.rows"}},
        {R"({"hardware": {"base": "default", "core_clock_ps": {"value": 1, "unit": "ns"}}})",
         {"hardware.core_clock_ps.unit: value \"ns\"; accepted: ps"}},
        {R"({"model": {"base": "gpt2", "weight_bits": 12}})", {"model.weight_bits: value 12", "a multiple of 8"}},
        // references
        {R"({"model": "gpt3"})",
         {"run.json: model: value \"gpt3\" is neither a file nor a preset, did you mean \"gpt2\"?", "tinyllama-1.1b"}},
        {R"({"dram": "hbm3"})", {"run.json: dram: value \"hbm3\"", "did you mean \"hbm2\"?", "lpddr4-3200"}},
        {R"({"hardware": {"base": "defualt"}})",
         {"run.json: hardware.base: value \"defualt\"", "did you mean \"default\"?"}},
        {R"({"cost": "66nm"})", {"run.json: cost: value \"66nm\"", "65nm"}},
        {R"({"model": "missing.json"})", {"model: value \"missing.json\" is neither a file"}},
        {R"({"model": null})", {"run.json: model: is missing", "workload.operators"}},
        {R"({"attention": {"source": "trace"}})", {"attention.trace: is missing"}},
        {R"({"attention": {"source": "engine", "text": "x.txt"}})", {"attention.model: is missing"}},
        {R"({"attention": {"source": "engine", "model": "stories15M", "text": "none.txt"}})",
         {"attention.text: value \"none.txt\" is not a file"}},
        {R"({"attention": {"source": "trace", "trace": "none.ptrace"}})",
         {"attention.trace: value \"none.ptrace\" is not a file"}},
        {R"({"attention": {"source": "trace", "trace": "traces/stories15M.ptrace", "checksum": "00000000000000000000000000000000"}})",
         {"attention.checksum: value \"000", "stories15M.ptrace"}},
        {R"({"attention": {"checksum": "xyz"}})", {"attention.checksum: value \"xyz\""}},
        // incomplete objects
        {R"({"model": {"layers": 2, "hidden": 64}})",
         {"run.json: model.heads: is missing; accepted: an integer, 1 to 4096 heads", "model.vocabulary"}},
        {R"({"dram": {"timing": {"nCL": 3}}})", {"dram.timing.nRCD: is missing", "dram.organisation: is missing"}},
        {R"({"cost": {"node": "65 nm", "actions": {"pe_mac": 1}}})", {"cost.actions.pe_weight_load: is missing"}},
        {R"({"cost": {"base": "65nm", "actions": {"pe_mac": -1}}})", {"cost.actions.pe_mac: value -1"}},
        {R"({"cost": {"base": "65nm", "actions": {"pe_mca": 1}}})",
         {"cost.actions.pe_mca: unknown key, did you mean \"pe_mac\"?"}},
        // single operators
        {R"({"model": null, "workload": {"operators": []}})",
         {"workload.operators: a list of 0 entries; accepted: at least 1"}},
        {R"({"model": null, "workload": {"operators": [{"name": "x"}]}})",
         {"workload.operators[0]: has none of the keys; accepted: exactly one of gemm, attention, softmax, "
          "kv_replace"}},
        {R"({"model": null, "workload": {"operators": [{"gemm": {"m": 1, "k": 1, "n": 1}, "softmax": {"rows": 1, "columns": 1}}]}})",
         {"has 2 of the keys"}},
        {R"({"model": null, "workload": {"operators": [{"gemm": {"m": 1, "k": 0, "n": 1}}, {"gemm": {"m": 1}}]}})",
         {"workload.operators[0].gemm.k: value 0", "workload.operators[1].gemm.k: is missing",
          "workload.operators[1].gemm.n: is missing"}},
        {R"({"workload": {"operators": [{"kv_replace": {}}]}})",
         {"run.json: workload.operators: is given beside a model"}},
        {R"({"model": null, "workload": {"operators": [{"kv_replace": {}}], "layers_csv": "x.csv"}})",
         {"workload.layers_csv: is given beside workload.operators"}},
        {R"({"model": null, "workload": {"layers_csv": "x.csv"}})",
         {"workload.layers_csv: value \"x.csv\" is not a file"}},
        // between fields
        {R"({"cache": {"budget": 6}})",
         {"run.json: cache.budget: value 6; accepted: 7 or more: sinks (2) + recent (4) + 1"}},
        {R"({"cache": {"policy": "streaming_llm", "budget": 2}})", {"cache.budget: value 2; accepted: 3 or more"}},
        {R"({"cache": {"policy": "kelle", "budget": 6}})",
         {"cache.budget: value 6; accepted: 7 or more: sinks (2) + recent (4) + 1"}},
        {R"({"model": {"base": "gpt2", "kv_heads": 5}})",
         {"run.json: model.kv_heads: value 5; accepted: a divisor of heads, 12"}},
        {R"({"model": {"layers": 1, "hidden": 64, "heads": 5, "vocabulary": 10, "max_positions": 99}})",
         {"run.json: model.heads: value 5; accepted: a divisor of hidden, 64"}},
        {R"({"model": "gpt2", "workload": {"prompt_tokens": 1000, "generated_tokens": 25}})",
         {"workload.generated_tokens: 1000 prompt + 25 generated = 1025 tokens; accepted: at most 1024"}},
        {R"({"model": {"base": "stories15M", "head_dim": 47}})",
         {"model.head_dim: value 47; accepted: an even number"}},
        {R"({"model": "gpt2", "cache": {"kv_bits": 4, "kv_group": 48}})",
         {"run.json: cache.kv_group: value 48; accepted: a divisor of the head dimension of gpt2, 64"}},
        {R"({"model": {"base": "gpt2", "head_dim": 21}, "cache": {"kv_bits": 4, "kv_group": 7}})",
         {"run.json: cache.kv_bits: value 4; accepted: 8 or 16: 21 elements of 4 bits"}},
        {R"({"model": null, "workload": {"operators": [{"name": "odd", "attention": {"tokens": 5, "head_dim": 40}}]}, "cache": {"kv_bits": 4}})",
         {"cache.kv_group: value 32; accepted: a divisor of the head dimension of odd, 40"}},
        {R"({"cache": {"placement": "bank_interleaved"}, "dram": {"base": "lpddr4-3200", "mapping": "rank|bank|row|column|channel"}})",
         {"run.json: cache.placement: value \"bank_interleaved\"; accepted: \"packed\", or a DRAM mapping with bank "
          "bits"}},
        {R"({"attention": {"key_bias_variance": 0, "residual_variance": 0}})", {"attention.key_bias_variance"}},
        {R"({"hardware": {"base": "default", "buffers": {"kv": {"banks": 7}}}})",
         {"hardware.buffers.kv.banks: value 7; accepted: an even number"}},
        {R"({"hardware": {"base": "default", "buffers": {"kv": {"word_bytes": 24}}}})",
         {"hardware.buffers.kv.word_bytes: value 24; accepted: a power of two"}},
        {R"({"hardware": {"base": "default", "buffers": {"kv": {"word_bytes": 64}}}})",
         {"hardware.buffers.kv.word_bytes: value 64; accepted: that of the activation buffer, 32"}},
        {R"({"hardware": {"base": "default", "buffers": {"score": {"bank_bytes": 1000}}}})",
         {"hardware.buffers.score.bank_bytes: value 1000; accepted: a multiple of word_bytes, 32"}},
        {R"({"hardware": {"base": "default", "dma": {"request_bytes": 100}}})",
         {"hardware.dma.request_bytes: value 100"}},
        {R"({"dram": {"base": "lpddr4-3200", "organisation": {"rows": 1000}}})",
         {"run.json: dram.organisation.rows: value 1000; accepted: a power of two"}},
        {R"({"dram": {"base": "lpddr4-3200", "organisation": {"channels": 3}}})",
         {"dram.organisation.channels: value 3"}},
        {R"({"dram": {"base": "lpddr4-3200", "controller": {"write_low": 24, "write_high": 24}}})",
         {"dram.controller.write_low: value 24; accepted: less than write_high, 24"}},
        {R"({"dram": {"base": "lpddr4-3200", "controller": {"write_high": 33, "write_queue": 32}}})",
         {"dram.controller.write_high: value 33; accepted: at most write_queue, 32"}},
        {R"({"dram": {"base": "lpddr4-3200", "mapping": "row|bnak|column"}})",
         {"dram.mapping", "\"bnak\", did you mean \"bank\"?"}},
        {R"({"dram": {"base": "lpddr4-3200", "mapping": "row|column"}})", {"names 0 of the 3 bits of bank"}},
        {R"({"dram": {"base": "lpddr4-3200", "mapping": "row|bank|column|row"}})",
         {"names row 2 times without a width"}},
        {R"({"dram": {"base": "lpddr4-3200", "mapping": "row|bank|column:x"}})", {"a number of bits after the colon"}},
        {R"({"dram": {"base": "lpddr4-3200", "timing": {"nRC": 5}}})",
         {"dram.timing.nRC: value 5; accepted: nRAS + nRP = 102 or more"}},
        {R"({"dram": {"base": "lpddr4-3200", "timing": {"nREFI": 100}}})",
         {"dram.timing.nREFI: value 100; accepted: 585 or more: nRFC + nRC + nRP + ranks"}},
        {R"({"cost": {"base": "65nm", "actions": {"pe_mac": {"value": 1, "low": 2, "high": 3}}}})",
         {"cost.actions.pe_mac: low 2, value 1, high 3"}},
        {R"({"cost": {"base": "65nm", "area": {"sequencer": {"value": 1, "low": 2, "high": 3}}}})",
         {"cost.area.sequencer: low 2, value 1, high 3"}},
        {R"({"cost": {"base": "65nm", "area": {"sequencer": {"value": 270000, "unit": "mm2"}}}})",
         {"cost.area.sequencer.unit", "um2"}},
        {R"({"cost": {"base": "65nm", "static_power": {"kv_mmu": 2.8}}})",
         {"cost.static_power.kv_mmu: there beside kv_mmu_slot_table", "the whole unit or its parts, not both"}},
    };
    return runs;
}

nlohmann::json patched(const char* patch) {
    nlohmann::json run = small_run();
    run.merge_patch(nlohmann::json::parse(patch));
    return run;
}

}  // namespace

TEST_CASE("a bad run is answered with file, path, value and what would be accepted", "[bad_input]") {
    const ConfigFiles files;
    CHECK(input_error_of([&] { load_run_config(files.write("right.json", small_run())); }) == "");
    for (const BadRun& bad : bad_runs()) {
        const std::string path = files.write("run.json", patched(bad.patch));
        const std::string error = input_error_of([&] { load_run_config(path); });
        INFO(bad.patch);
        INFO(error);
        CHECK(error.find("run.json") != std::string::npos);
        CHECK(error.find("; accepted: ") != std::string::npos);
        for (const char* word : bad.words) {
            INFO("expected: " << word);
            CHECK(error.find(word) != std::string::npos);
        }
    }
}

TEST_CASE("all errors of a run come at once, each once", "[bad_input]") {
    const ConfigFiles files;
    files.write("chip.json", R"({"base": "default", "pe_array": {"rows": 0, "columns": "x"}})");
    nlohmann::json run = patched(
        R"({"cache": {"bugdet": 1, "policy": "rec"}, "workload": {"batch": 100}, "dram": "ddr9", "hardware": "chip.json"})");
    const std::string path = files.write("run.json", run);
    const std::string error = input_error_of([&] { load_run_config(path, {"cache.sinks=-1"}); });
    INFO(error);
    CHECK(lines_of(error) == 7);
    CHECK(error.find("chip.json: pe_array.rows: value 0") != std::string::npos);
    CHECK(error.find("chip.json: pe_array.columns: value \"x\"") != std::string::npos);
    CHECK(error.find("run.json: hardware") == std::string::npos);
    CHECK(error.find("--set: cache.sinks: value -1") != std::string::npos);
}

TEST_CASE("an error names the file that holds the wrong value", "[bad_input]") {
    const ConfigFiles files;
    files.write("parts/memory.json", R"({"base": "ddr4-2400", "controller": {"write_low": 30}})");
    files.write("parts/shape.json", R"({"base": "gpt2", "kv_heads": 7})");
    const std::string path = files.write(
        "run.json", patched(R"({"dram": "parts/memory.json", "model": {"base": "parts/shape.json", "layers": 2}})"));
    const std::string error = input_error_of([&] { load_run_config(path); });
    INFO(error);
    CHECK(lines_of(error) == 2);
    CHECK(error.find("parts/memory.json: controller.write_low: value 30") != std::string::npos);
    CHECK(error.find("parts/shape.json: kv_heads: value 7") != std::string::npos);
}

TEST_CASE("what is not JSON is answered with line and column", "[bad_input]") {
    const ConfigFiles files;
    const auto error_of = [&](const std::string& text) {
        const std::string path = files.write("run.json", text);
        return input_error_of([&] { load_run_config(path); });
    };
    CHECK(error_of("{\n  \"model\": \"gpt2\",,\n}").find("run.json: line 2, column 19: ") != std::string::npos);
    CHECK(error_of("{\"model\": \"gpt2\"").find("run.json: line 1, column 17: ") != std::string::npos);
    CHECK(error_of("").find("run.json: line 1, column 1") != std::string::npos);
    CHECK(error_of("{\"model\": \"\xff\"}").find("run.json: line 1") != std::string::npos);
    CHECK(error_of("[1]").find("run.json: value [1]; accepted: an object") != std::string::npos);
    CHECK(error_of("{\"name\": \"a\", \"name\": \"b\"}").find("key \"name\" appears twice") != std::string::npos);
    CHECK(input_error_of([&] {
              load_run_config(files.path("none.json"));
          }).find("none.json: cannot be read: No such file") != std::string::npos);
    CHECK(input_error_of([&] { load_run_config(files.path("")); }).find("is a directory") != std::string::npos);
}

TEST_CASE("a broken file that a run refers to is named, and circles of bases end", "[bad_input]") {
    const ConfigFiles files;
    files.write("chip.json", std::string("{\"pe_array\": }"));
    const std::string path = files.write("run.json", patched(R"({"hardware": "chip.json"})"));
    CHECK(input_error_of([&] { load_run_config(path); }).find("chip.json: line 1, column 14") != std::string::npos);
    files.write("chip.json", R"({"base": "other.json"})");
    files.write("other.json", R"({"base": "chip.json"})");
    CHECK(input_error_of([&] {
              load_run_config(path);
          }).find("other.json: base: value \"chip.json\", which is based on itself") != std::string::npos);
}

TEST_CASE("our words and the schema validator agree on what is wrong", "[bad_input]") {
    const Schemas schemas(configs_directory() + "/schema");
    std::size_t wrong = 0;
    for (const BadRun& bad : bad_runs()) {
        const nlohmann::json run = patched(bad.patch);
        for (const char* name : {"run", "hardware", "dram", "cost", "model"}) {
            const bool whole = std::string(name) == "run";
            if (!whole && (!run.contains(name) || !run[name].is_object())) {
                continue;
            }
            const nlohmann::json& document = whole ? run : run[name];
            Diagnostics diagnostics;
            schemas.validate(name, document, locate_in("file"), diagnostics);
            const bool valid = diagnostics.empty();
            INFO(name << ": " << document.dump());
            CHECK(valid == explain_schema_errors(schemas.get(name), document).empty());
            wrong += valid ? 0 : 1;
        }
    }
    CHECK(wrong > 30);
}
