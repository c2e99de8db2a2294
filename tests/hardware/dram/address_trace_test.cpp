// The reader of address traces: what it accepts, where it says what is wrong, and blocks that fall anywhere.

#include <random>

#include <fmt/format.h>

#include "common/compressed_output.h"
#include "hardware/dram/address_trace.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

using namespace palimpsest;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kNone = AddressRequest::kNoCycle;

struct Parsed {
    std::uint64_t address;
    bool write;
    std::uint64_t cycle;
    bool operator==(const Parsed&) const = default;
};

std::vector<Parsed> read_trace(const std::string& path, const AddressTraceOptions& options = {}) {
    AddressTraceReader reader(path, options);
    std::vector<Parsed> list;
    while (true) {
        const std::span<const AddressRequest> requests = reader.next();
        if (requests.empty()) {
            CHECK(reader.requests() == list.size());
            return list;
        }
        CHECK(requests.size() <= AddressTraceReader::kBlockRequests);
        for (const AddressRequest& request : requests) {
            list.push_back({request.address, request.write != 0, request.cycle});
        }
    }
}

std::vector<Parsed> parse(const std::string& text, const AddressTraceOptions& options = {}) {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "trace", std::ios::binary) << text;
    return read_trace(scratch / "trace", options);
}

std::string complaint(const std::string& text, const AddressTraceOptions& options = {}) {
    try {
        parse(text, options);
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a line is R or W, an address and perhaps a cycle", "[dram][trace]") {
    CHECK(parse("R 0x1f40\n") == std::vector<Parsed>{{0x1f40, false, kNone}});
    CHECK(parse("w 1F40 12") == std::vector<Parsed>{{0x1f40, true, 12}});
    CHECK(parse("\t r\t0X00000000000000000000ff  007 \r\n") == std::vector<Parsed>{{0xff, false, 7}});
    CHECK(parse("\xef\xbb\xbfR 1\n\n  \n# R 2\n   # R 3\nW 4 # as in a note\nR 5 6 # and here\n") ==
          std::vector<Parsed>{{1, false, kNone}, {4, true, kNone}, {5, false, 6}});
    CHECK(parse("R 1 5\nR 2\nR 3 5\n") == std::vector<Parsed>{{1, false, 5}, {2, false, kNone}, {3, false, 5}});
    CHECK(parse("").empty());
    CHECK(parse("# nothing").empty());
    CHECK(parse("R 0 1152921504606846975\n").front().cycle == AddressTraceReader::kLastCycle);
}

TEST_CASE("what is no request is refused with line and text", "[dram][trace]") {
    const char* const wrong[] = {"X 10",    "R",       "R ",      "RW 10",    "R10",      "R 0x",      "R 0xg",
                                 "R 10 x",  "R 10 1x", "R 10 -1", "R 10 1 2", "R -10",    "READ 10",   "10 R",
                                 "R 10,20", "R 1.5",   "R 10#x",  "R 10 1#x", "R 10 0x5", "{\"R\": 1}"};
    for (const std::string text : wrong) {
        const std::string said = complaint("R 0\n# note\n" + text + "\nR 1\n");
        CAPTURE(text);
        CHECK_THAT(said, Contains("trace: line 3: ") && Contains("accepted: R or W, an address in hexadecimal"));
    }
    CHECK_THAT(complaint("R 1\nR \"\x01\xff\\"), Contains("line 2: \"R \\\"\\x01\\xff\\\\\""));
    CHECK_THAT(complaint(std::string("R 1\nR 1\0", 8)), Contains("line 2: \"R 1\\x00\""));
    CHECK_THAT(complaint(std::string(1000, 'a')), Contains(std::string(60, 'a') + "...\""));
    CHECK_THAT(complaint(std::string(200000, 'a')), Contains("line 1") && Contains("lines of at most 65536 bytes"));
    CHECK_THAT(complaint("R 10 1152921504606846976"), Contains("the cycle is too large"));
    CHECK_THAT(complaint("R 10 99999999999999999999999"), Contains("the cycle is too large"));
    CHECK_THAT(complaint("R 10 9\nR 20\nR 30 8"),
               Contains("line 3: \"R 30 8\": cycle 8 after cycle 9; accepted: cycles"));
}

TEST_CASE("an address must fit, all of the request", "[dram][trace]") {
    const AddressTraceOptions options{.capacity = 4096, .request_bytes = 64};
    CHECK(parse("R fc0\n", options).size() == 1);
    CHECK_THAT(complaint("R 0\nW 0xfc1 7\n", options),
               Contains("line 2: \"W 0xfc1 7\": address 0xfc1") && Contains("capacity is 4096 bytes"));
    CHECK_THAT(complaint("R 0x10000000000000000\n", options), Contains("more than 64 bits"));
    CHECK_THAT(complaint("R ffffffffffffffff\n", options), Contains("address 0xffffffffffffffff"));
    CHECK_THROWS_AS(parse("R 0", {.capacity = 64, .request_bytes = 128}), InputError);
}

TEST_CASE("blocks and compression do not change what is read", "[dram][trace]") {
    const ScratchDirectory scratch;
    std::mt19937_64 random(11);
    std::vector<Parsed> list;
    std::string text;
    std::uint64_t cycle = 0;
    for (int i = 0; i < 50000; ++i) {
        const Parsed request{random() >> (1 + random() % 60), random() % 2 == 0,
                             random() % 3 == 0 ? cycle += random() % 100 : kNone};
        list.push_back(request);
        text += fmt::format("{}{:x}{}\n", request.write ? "W " : "R 0x", request.address,
                            request.cycle == kNone ? "" : fmt::format(" {}", request.cycle));
        if (random() % 1000 == 0) {
            text += "#" + std::string(random() % 60000, 'x') + "\n\n";
        }
    }
    for (const char* name : {"trace", "trace.gz", "trace.zst"}) {
        CompressedOutput output(scratch / name);
        output.write(text);
        output.commit();
        CHECK(read_trace(scratch / name) == list);
    }
}
