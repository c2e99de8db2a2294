// --report: what happens around the page maker, with makers that are shell scripts. The page itself: tests/scripts,
// tests/html.

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/tool.h"

using namespace palimpsest;

namespace {

namespace fs = std::filesystem;

const std::string kTiny = PALIMPSEST_SOURCE_DIR "/configs/examples/tiny.json";

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A folder of scripts whose report-page is `body`; its first argument is --check or a report.
std::string scripts_with(const ScratchDirectory& scratch, const std::string& body) {
    const std::string folder = scratch / "scripts";
    fs::create_directory(folder);
    const std::string maker = folder + "/report-page";
    std::ofstream(maker) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(maker, fs::perms::owner_all);
    return "export PALIMPSEST_SCRIPTS='" + folder + "'";
}

constexpr const char* kCopies = R"([ "$1" = --check ] || { grep -q '"latency"' "$1" && echo page >"$3"; })";
constexpr const char* kFails = R"([ "$1" = --check ] || { echo "out of ink" >&2; exit 1; })";

}  // namespace

TEST_CASE("the page is made of the report, which stays beside it or where --out says", "[cli][run][html]") {
    const ScratchDirectory scratch;
    const std::string scripts = scripts_with(scratch, kCopies);
    const ToolResult alone = run_tool("run --quiet " + kTiny + " --report " + (scratch / "page.html"), scripts);
    INFO(alone.err);
    REQUIRE(alone.exit_code == 0);
    CHECK(content_of(scratch / "page.html") == "page\n");
    CHECK(says(content_of(scratch / "page.json"), "\"latency\""));

    const std::string out = scratch / "out";
    const ToolResult both =
        run_tool("run --quiet " + kTiny + " --out " + out + " --report " + out + "/p.html", scripts);
    INFO(both.err);
    REQUIRE(both.exit_code == 0);
    CHECK(fs::exists(out + "/p.html"));
    CHECK(fs::exists(out + "/report.json"));
    CHECK_FALSE(fs::exists(out + "/p.json"));
}

TEST_CASE("a page maker that fails costs the page and not the results", "[cli][run][html]") {
    const ScratchDirectory scratch;
    const ToolResult result =
        run_tool("run --json " + kTiny + " --report " + (scratch / "page.html"), scripts_with(scratch, kFails));
    CHECK(result.exit_code == 1);
    CHECK(says(result.err, "out of ink"));
    CHECK(says(result.err, "the results are in " + (scratch / "page.json")));
    CHECK(says(content_of(scratch / "page.json"), "\"latency\""));
    CHECK(says(result.out, "\"latency\""));
    CHECK_FALSE(fs::exists(scratch / "page.html"));
}

TEST_CASE("what stands in the way of a page is said before the simulation", "[cli][run][html]") {
    const ScratchDirectory scratch;
    const std::string command = "run " + kTiny + " --report " + (scratch / "page.html");
    const auto refused = [&](const ToolResult& result, int code, const std::string& message) {
        INFO(result.err);
        CHECK(result.exit_code == code);
        CHECK(says(result.err, message));
        CHECK(result.out.empty());
        CHECK_FALSE(fs::exists(scratch / "page.html"));
        CHECK_FALSE(fs::exists(scratch / "page.json"));
    };
    refused(run_tool("run " + kTiny + " --report " + (scratch / "page.pdf")), 2, "a file that ends in .html");
    refused(run_tool(command, "export PALIMPSEST_SCRIPTS='" + (scratch / "none") + "'"), 1,
            "where there is no report-page");
    refused(run_tool(command, scripts_with(scratch, "echo matplotlib is missing >&2; exit 1")), 1,
            "pages cannot be made here");
    fs::remove_all(scratch / "scripts");
    refused(run_tool("run " + kTiny + " --report " + (scratch / "no/page.html"), scripts_with(scratch, kCopies)), 1,
            "no/page.html");
    fs::permissions(scratch / "scripts/report-page", fs::perms::owner_read);
    refused(run_tool(command, "export PALIMPSEST_SCRIPTS='" + (scratch / "scripts") + "'"), 1, "cannot be started");
}
