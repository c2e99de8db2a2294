// What the program says and returns before anything is simulated: usage, bad input, outputs that cannot be written.

#include <fstream>

#include "support/catch.h"
#include "support/tool.h"

using namespace palimpsest;

namespace {

const std::string kTiny = PALIMPSEST_SOURCE_DIR "/configs/examples/tiny.json";

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Bad input: exit 2, nothing on standard output, one message on standard error that has `part` in it.
void check_bad_input(const std::string& arguments, const std::string& part) {
    const ToolResult result = run_tool(arguments);
    INFO(arguments << "\n" << result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.rfind("palimpsest: error: ", 0) == 0);
    CHECK(says(result.err, part));
}

}  // namespace

TEST_CASE("help and version are answers, not errors", "[cli]") {
    const ToolResult help = run_tool("--help");
    CHECK(help.exit_code == 0);
    for (const char* command : {"run", "compare", "validate", "presets", "record", "inspect"}) {
        CHECK(says(help.out, command));
    }
    CHECK(run_tool("run --help").exit_code == 0);
    CHECK(says(run_tool("run --help").out, "--vcd-window"));
    const ToolResult version = run_tool("--version");
    CHECK(version.exit_code == 0);
    CHECK(version.out.rfind("palimpsest ", 0) == 0);
}

TEST_CASE("a command line that cannot be read exits 2 and says why", "[cli]") {
    check_bad_input("", "subcommand");
    check_bad_input("run", "config");
    check_bad_input("compare " + kTiny, "other");
    check_bad_input("fly " + kTiny, "fly");
    check_bad_input("run " + kTiny + " --budget 3", "--budget");
    check_bad_input("run " + kTiny + " --vcd-window 0us:5us", "--vcd");
    check_bad_input("run " + kTiny + " --vcd /dev/null --vcd-window 5us:1us", "5us:1us");
}

TEST_CASE("a configuration that cannot be used exits 2 and names the file and the place", "[cli]") {
    const ScratchDirectory scratch;
    check_bad_input("run " + (scratch / "missing.json"), "missing.json");
    std::ofstream(scratch / "broken.json") << "{\"name\": ";
    check_bad_input("run " + (scratch / "broken.json"), "broken.json");
    check_bad_input("run " + kTiny + " --set cache.budgte=8", "budgte");
    check_bad_input("run " + kTiny + " --set cache.budget=many", "cache.budget");
    check_bad_input("compare " + kTiny + " " + kTiny + " --set-other cache.budget=-1", "cache.budget");
    check_bad_input("compare " + kTiny + " " + (scratch / "missing.json"), "missing.json");
    check_bad_input("run " + kTiny + " --set model=llama-2-7b", kTiny + ": dram.organisation: ");
    check_bad_input("compare " + kTiny + " " + kTiny + " --set-other model=llama-2-7b",
                    kTiny + ": dram.organisation: ");
}

TEST_CASE("an output that cannot be written exits 1 before anything is simulated", "[cli]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "file") << "not a directory";
    for (const std::string& arguments :
         {"run " + kTiny + " --out " + (scratch / "file/out"), "run " + kTiny + " --vcd " + (scratch / "file/a.vcd"),
          "compare " + kTiny + " " + kTiny + " --out " + (scratch / "file")}) {
        const ToolResult result = run_tool(arguments);
        INFO(arguments << "\n" << result.err);
        CHECK(result.exit_code == 1);
        CHECK(says(result.err, scratch / "file"));
        CHECK(result.out.empty());
    }
    CHECK(scratch.entries() == 1);
}
