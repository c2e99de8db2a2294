// `palimpsest inspect --calibrate` and `--compare` as a user runs them.

#include <fstream>

#include "support/catch.h"
#include "support/tool.h"

namespace palimpsest {
namespace {

const std::string kConfigs = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/";
const std::string kTrace = kConfigs + "traces/stories15M.ptrace";

bool holds(const ToolResult& result, const std::string& text) {
    return (result.out + result.err).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("inspect --calibrate writes the calibration that ships", "[inspect][calibration]") {
    const ScratchDirectory scratch;
    const ToolResult result = run_tool("inspect " + kTrace + " --calibrate " + (scratch / "stories15M.json"));
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK(holds(result, "6 layers of 6 heads"));
    const std::string written = content_of(scratch / "stories15M.json");
    CHECK(written.find("\"name\": \"stories15M\"") != std::string::npos);
    CHECK(written.find("queries 64 to 255") != std::string::npos);
    CHECK(scratch.entries() == 1);
}

TEST_CASE("inspect --compare shows recorded beside synthetic", "[inspect][calibration]") {
    const ToolResult result = run_tool("inspect " + kTrace + " --compare stories15M --from 192");
    INFO(result.out + result.err);
    CHECK(result.exit_code == 0);
    for (const char* text :
         {"recorded", "synthetic", "calibrated as stories15M", "top 1/8 that is so still", "h2o", "tova"}) {
        CHECK(holds(result, text));
    }
}

TEST_CASE("what cannot be calibrated or compared is refused", "[inspect][calibration][exit codes]") {
    const ScratchDirectory scratch;
    const ToolResult late = run_tool("inspect " + kTrace + " --from 200 --calibrate " + (scratch / "late.json"));
    CHECK(late.exit_code == 2);
    CHECK(holds(late, "--from"));
    CHECK(scratch.entries() == 0);
    const ToolResult unknown = run_tool("inspect " + kTrace + " --compare nothing");
    CHECK(unknown.exit_code == 2);
    CHECK(holds(unknown, "stories15M"));  // what there is
    std::ofstream(scratch / "bad.json") << R"({"name": "bad", "recency_distances": [0, 4]})";
    const ToolResult bad = run_tool("inspect " + kTrace + " --compare " + (scratch / "bad.json"));
    CHECK(bad.exit_code == 2);
    CHECK(holds(bad, "layers"));
    CHECK(run_tool("inspect " + kTrace + " --compare stories15M --json").exit_code == 2);
}

}  // namespace palimpsest
