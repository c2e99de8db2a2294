// Compressed input and output: what is written is read again, whatever the sizes of the pieces; damage is an error that
// names the file.

#include <random>

#include "common/compressed_input.h"
#include "common/compressed_output.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

using namespace palimpsest;
using Catch::Matchers::Contains;

namespace {

constexpr const char* kNames[] = {"plain", "packed.gz", "packed.zst"};

std::string read_all(const std::string& path, std::size_t piece) {
    CompressedInput input(path);
    std::string text, buffer(piece, '\0');
    while (const std::size_t n = input.read(buffer.data(), buffer.size())) {
        text.append(buffer, 0, n);
    }
    CHECK(input.read(buffer.data(), buffer.size()) == 0);
    return text;
}

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

void write_compressed(const std::string& path, const std::string& text) {
    CompressedOutput output(path);
    output.write(text);
    output.commit();
}

std::string some_text(std::size_t bytes) {
    std::mt19937 random(7);
    std::string text;
    while (text.size() < bytes) {
        text += "R 0x" + std::to_string(random()) + "\n";
    }
    text.resize(bytes);
    return text;
}

}  // namespace

TEST_CASE("what is written is read again, plain, gzip and zstd", "[common][compressed]") {
    const ScratchDirectory scratch;
    for (const char* name : kNames) {
        for (const std::size_t bytes : {0UL, 1UL, 5UL, 65536UL, 300001UL}) {
            CAPTURE(name, bytes);
            const std::string text = some_text(bytes);
            write_compressed(scratch / name, text);
            CHECK(read_all(scratch / name, 1 << 16) == text);
            if (bytes < 1000) {
                CHECK(read_all(scratch / name, 1) == text);
            }
        }
    }
}

TEST_CASE("an output stream gathers small pieces", "[common][compressed]") {
    const ScratchDirectory scratch;
    for (const char* name : kNames) {
        const std::string text = some_text(200000);
        {
            CompressedOutput output(scratch / name);
            OutputBuffer buffer(output);
            std::ostream stream(&buffer);
            for (const char c : text) {
                stream << c;
            }
            stream.flush();
            output.commit();
        }
        CHECK(read_all(scratch / name, 999) == text);
    }
    { const CompressedOutput dropped(scratch / "never.gz"); }
    CHECK_FALSE(std::filesystem::exists(scratch / "never.gz"));
}

TEST_CASE("the name does not matter, and pieces one after another are one text", "[common][compressed]") {
    const ScratchDirectory scratch;
    for (const char* name : {"packed.gz", "packed.zst"}) {
        write_compressed(scratch / name, "first\n");
        const std::string first = content_of(scratch / name);
        write_compressed(scratch / name, "second\n");
        write_file(scratch / "two.txt", first + content_of(scratch / name));
        CHECK(read_all(scratch / "two.txt", 4) == "first\nsecond\n");
    }
}

TEST_CASE("compressed data that is cut off or damaged names the file", "[common][compressed]") {
    const ScratchDirectory scratch;
    for (const char* name : {"packed.gz", "packed.zst"}) {
        CAPTURE(name);
        write_compressed(scratch / name, some_text(100000));
        const std::string whole = content_of(scratch / name);
        for (const std::size_t kept : {std::size_t{4}, std::size_t{30}, whole.size() / 2, whole.size() - 1}) {
            write_file(scratch / name, whole.substr(0, kept));
            CHECK_THROWS_WITH(read_all(scratch / name, 4096), Contains(name) && Contains("ends too early"));
        }
        std::string damaged = whole;
        for (std::size_t i = whole.size() / 2; i < whole.size() / 2 + 16; ++i) {
            damaged[i] = static_cast<char>(~damaged[i]);
        }
        write_file(scratch / name, damaged);
        CHECK_THROWS_AS(read_all(scratch / name, 4096), InputError);
        write_file(scratch / name, whole + "and then something else");
        CHECK_THROWS_AS(read_all(scratch / name, 4096), InputError);
    }
    CHECK_THROWS_WITH(read_all(scratch / "missing", 16), Contains("missing: cannot be opened"));
    CHECK_THROWS_WITH(read_all(scratch.path().string(), 16), Contains("cannot be read"));
}

TEST_CASE("how far a file has been read", "[common][compressed]") {
    const ScratchDirectory scratch;
    write_compressed(scratch / "plain", some_text(200000));
    CompressedInput input(scratch / "plain");
    const double first = input.fraction();
    CHECK((first > 0 && first < 0.5));
    std::string buffer(300000, '\0');
    while (input.read(buffer.data(), buffer.size()) > 0) {
    }
    CHECK(input.fraction() == 1);
}
