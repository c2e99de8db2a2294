// Files that are whole or absent: what appears, what stays when writing fails, and what is left behind (nothing).

#include "common/atomic_file.h"

#include <filesystem>
#include <fstream>

#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

using namespace palimpsest;
namespace fs = std::filesystem;

TEST_CASE("a file appears whole when it is committed and replaces what was there", "[atomic_file]") {
    const ScratchDirectory scratch;
    const fs::path path = scratch.path() / "report.json";
    std::ofstream(path) << "old";
    const std::string large(300'000, 'x');
    {
        AtomicFile file(path.string());
        file.write(large);
        CHECK(content_of(path) == "old");
        file.commit();
    }
    CHECK(content_of(path) == large);
    CHECK(scratch.entries() == 1);
}

TEST_CASE("a file that is not committed leaves nothing behind", "[atomic_file]") {
    const ScratchDirectory scratch;
    {
        AtomicFile file((scratch.path() / "report.json").string());
        file.write("half");
    }
    CHECK(scratch.entries() == 0);
}

TEST_CASE("a link stays a link to the file that is replaced", "[atomic_file]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch.path() / "real") << "old";
    fs::create_symlink("real", scratch.path() / "link");
    write_file_atomically((scratch.path() / "link").string(), "new");
    CHECK(fs::is_symlink(scratch.path() / "link"));
    CHECK(content_of(scratch.path() / "real") == "new");
}

TEST_CASE("what cannot be written fails with the path and the reason", "[atomic_file]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch.path() / "file") << "not a directory";
    const std::string below = (scratch.path() / "file" / "report.json").string();
    CHECK_THROWS_AS(AtomicFile(below), SimulationError);
    CHECK_THROWS_AS(prepare_output_directory((scratch.path() / "file" / "out").string()), SimulationError);
    CHECK_THROWS_AS(AtomicFile(scratch.path().string()), SimulationError);
    try {
        AtomicFile file(below);
        FAIL("no exception");
    } catch (const SimulationError& error) {
        CHECK(std::string(error.what()).find(below) != std::string::npos);
        CHECK(std::string(error.what()).find("Not a directory") != std::string::npos);
    }
}

TEST_CASE("a full disk is an error, and the device that stands for one stays a device", "[atomic_file]") {
    if (!fs::is_character_file("/dev/full")) {
        return;
    }
    AtomicFile file("/dev/full");
    file.write("text");
    CHECK_THROWS_AS(file.commit(), SimulationError);
    CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("an output directory is made with its parents and left empty", "[atomic_file]") {
    const ScratchDirectory scratch;
    const fs::path directory = scratch.path() / "a" / "b";
    prepare_output_directory(directory.string());
    CHECK(fs::is_directory(directory));
    CHECK(fs::is_empty(directory));
}
