// Calibrations of synthetic attention: what ships is valid, what is wrong is named with its place, runs can name them.

#include "config/attention_calibration_json.h"

#include <algorithm>

#include "config/config_files.h"
#include "config/loader.h"
#include "config/references.h"
#include "config/validate.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

Json small() {
    return Json::parse(R"({
        "name": "small", "source": "made up", "length": 256, "slow_correlation": 0.98,
        "recency_distances": [0, 1, 128],
        "layers": [{"key_bias_correlation": 0.5, "heads": [
            {"key_bias_variance": 1, "residual_variance": 2, "ac1": 0.6, "ac4": 0.4, "ac16": 0.2, "sink_z": 5,
             "sink_deviation": 0.5, "recency": [6, 5, 0]}]}]})");
}

std::string errors_in(const std::string& path) {
    return input_error_of([&] { validate_file(path); });
}

void has(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("every shipped calibration loads, and writing it again changes nothing", "[calibration]") {
    const std::vector<std::string> names = preset_names("attention");
    REQUIRE(std::find(names.begin(), names.end(), "stories15M") != names.end());
    const ConfigFiles files;
    for (const std::string& name : names) {
        const AttentionCalibration c = load_attention_calibration(name);
        CHECK(c.name == name);
        CHECK(validate_file(preset_directory("attention") + "/" + name + ".json").find(name) == 0);
        CHECK(to_json(load_attention_calibration(files.write("again.json", to_json(c)))) == to_json(c));
    }
}

TEST_CASE("a wrong calibration is refused with the path of every error", "[calibration][bad input]") {
    const ConfigFiles files;
    CHECK(errors_in(files.write("good.json", small())).empty());
    Json bad = small();
    bad["layers"][0]["heads"][0]["sink_z"] = "high";
    bad["layers"][0]["heads"][0]["ac1"] = 1.5;
    bad["layers"][0]["key_bias_correlation"] = -0.1;
    bad["slow_corelation"] = 0.9;
    const std::string all = errors_in(files.write("bad.json", bad));
    for (const char* part : {"layers[0].heads[0].sink_z", "layers[0].heads[0].ac1", "layers[0].key_bias_correlation",
                             "slow_corelation", "slow_correlation", "bad.json"}) {
        has(all, part);
    }
    bad = small();
    bad["layers"][0]["heads"][0]["recency"] = {6, 5};
    has(errors_in(files.write("short.json", bad)), "layers[0].heads[0].recency: has 2 numbers");
    bad = small();
    bad["recency_distances"] = {0, 5, 5};
    has(errors_in(files.write("flat.json", bad)), "recency_distances[2]");
    bad = small();
    bad["recency_distances"] = {1, 5, 7};
    has(errors_in(files.write("late.json", bad)), "recency_distances[0]");
    bad = small();
    bad["layers"][0]["heads"][0]["key_bias_variance"] = 0;
    bad["layers"][0]["heads"][0]["residual_variance"] = 0;
    has(errors_in(files.write("flat2.json", bad)), "layers[0].heads[0].key_bias_variance");
    bad = small();
    bad["layers"][0]["second_sink"] = true;
    has(errors_in(files.write("sink.json", bad)), "layers[0].second_sink");
    bad = small();
    bad["layers"] = Json::array();
    has(errors_in(files.write("none.json", bad)), "layers");
}

TEST_CASE("a run names a calibration by preset, or by a file beside it", "[calibration]") {
    const ConfigFiles files;
    files.write("small.json", small());
    const auto run_with = [&](const Json& attention) {
        return load_run_config(files.write("run.json", {{"model", "gpt2"}, {"attention", attention}}));
    };
    for (const char* reference : {"stories15M", "attention/stories15M.json", "small.json"}) {
        const RunConfig run = run_with({{"source", "synthetic"}, {"calibration", reference}});
        const auto& calibrated = std::get<CalibratedAttention>(run.attention);
        CHECK(calibrated.calibration.layers.size() == (std::string(reference) == "small.json" ? 1 : 6));
        CHECK(run.resolved["attention"]["calibration"] == reference);
        CHECK(run.resolved["attention"]["checksum"].get<std::string>().size() == 32);
        Json again = run.resolved;
        again.erase("sources");
        CHECK(load_run_config(files.write("again.json", again)).hash == run.hash);
    }
    // Named without a source: synthetic is the default.
    CHECK(std::holds_alternative<CalibratedAttention>(run_with({{"calibration", "stories15M"}}).attention));
    const auto errors_with = [&](const Json& attention) { return input_error_of([&] { run_with(attention); }); };
    has(errors_with({{"calibration", "stories15N"}}), "did you mean \"stories15M\"");
    has(errors_with({{"calibration", "small.json"}, {"sink_z", 3}}),
        "attention.sink_z: is given beside attention.calibration");
    has(errors_with({{"calibration", "small.json"}, {"checksum", std::string(32, '0')}}), "attention.checksum");
    Json bad = small();
    bad["layers"][0]["heads"][0].erase("ac4");
    files.write("bad.json", bad);
    has(errors_with({{"calibration", "bad.json"}}), "layers[0].heads[0]");
}

}  // namespace palimpsest
