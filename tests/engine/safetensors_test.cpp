// Proves that safetensors files, whole or in shards, give each tensor its type, shape and bytes, and that a file that
// is not what it says is refused with the tensor and what is wrong with it.

#include <cstring>

#include "engine/safetensors.h"
#include "support/catch.h"
#include "support/input_errors.h"
#include "support/safetensors_builder.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

std::string error_of(const std::string& bytes) {
    const ScratchDirectory scratch;
    write_file(scratch / "a.safetensors", bytes);
    return input_error([&] { read_safetensors(scratch / "a.safetensors"); });
}

/// A file with one tensor "w", whose entry is as given.
std::string error_of_entry(const std::string& entry, std::size_t data_bytes) {
    return error_of(safetensors_file("{\"w\":" + entry + "}", std::string(data_bytes, 'x')));
}

}  // namespace

TEST_CASE("a file gives every tensor its dtype, shape and bytes", "[safetensors]") {
    const ScratchDirectory scratch;
    SafetensorsBuilder builder;
    builder.add("b", {2, 3}, {1, 2, 3, 4, 5, 6});
    builder.add("a", "F16", {2}, "ABCD");
    builder.add("odd", "I64", {1}, "12345678");
    builder.add("none", "BF16", {0, 5}, "");
    builder.add("later", "F4_XX", {7}, "1234");  // not known; no error until it is used
    write_file(scratch / "a.safetensors", builder.file());
    const Safetensors file = read_safetensors(scratch / "a.safetensors");
    REQUIRE(file.tensors.size() == 5);
    const StoredTensor& b = file.tensors.at("b");
    CHECK(b.weights == WeightType::f32);
    CHECK(b.shape == std::vector<std::uint64_t>{2, 3});
    float last = 0;
    std::memcpy(&last, b.data + 20, 4);
    CHECK(last == 6);
    CHECK(file.tensors.at("a").weights == WeightType::f16);
    CHECK(std::memcmp(file.tensors.at("a").data, "ABCD", 4) == 0);
    CHECK_FALSE(file.tensors.at("odd").weights);
    CHECK_FALSE(file.tensors.at("later").weights);
    CHECK(file.tensors.at("later").type == "F4_XX");
}

TEST_CASE("a header that is none is refused", "[safetensors]") {
    check_contains(error_of(""), {"a.safetensors", "0 bytes", "length in 8 bytes"});
    check_contains(error_of("1234567"), {"7 bytes"});
    check_contains(error_of(bytes_of(std::vector<std::uint64_t>{100}) + "{}"), {"byte 0", "100 bytes", "at most 2"});
    check_contains(error_of(bytes_of(std::vector<std::uint64_t>{~0ULL}) + "{}"), {"18446744073709551615"});
    check_contains(error_of(safetensors_file("{\"w\":", "")), {"(header)", "line 1, column 6", "JSON"});
    check_contains(error_of(safetensors_file("[1]", "")), {"the header is", "an object"});
    check_contains(error_of(safetensors_file(std::string(100000, '['), "")), {"levels of brackets"});
    check_contains(error_of(safetensors_file(R"({"w":1,"w":2})", "")), {"\"w\" appears twice"});
    check_contains(input_error([] { read_safetensors("/nowhere/x.safetensors"); }), {"cannot be opened"});
}

TEST_CASE("an entry that does not fit its bytes is refused by name", "[safetensors]") {
    check_contains(error_of_entry("3", 0), {"tensor w", "an object with dtype"});
    check_contains(error_of_entry(R"({"shape":[1],"data_offsets":[0,4]})", 4), {"tensor w", "dtype is"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", 4), {"shape is"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})", 4), {"shape is"});
    check_contains(error_of_entry(R"({"dtype":"F32","data_offsets":[0,4]})", 4), {"shape is"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4), {"data_offsets is"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4),
                   {"tensor w", "data_offsets is", "within the 4 bytes"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 4), {"within the 4 bytes"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4),
                   {"tensor w", "span 4 bytes", "accepted: 8", "shape [2]"});
    check_contains(error_of_entry(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]})", 4),
                   {"tensor w", "over 2^64"});
}

TEST_CASE("tensors lie side by side from the header to the end", "[safetensors]") {
    const auto error = [](const std::string& first, const std::string& second, std::size_t bytes) {
        return error_of(safetensors_file(
            fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[{}]}},"b":{{"dtype":"U8","shape":[4],)"
                        R"("data_offsets":[{}]}}}})",
                        first, second),
            std::string(bytes, 'x')));
    };
    CHECK(error("0,4", "4,8", 8).empty());
    CHECK(error("4,8", "0,4", 8).empty());
    check_contains(error("0,4", "2,6", 6), {"tensor b", "begin at 2", "inside the tensor before"});
    check_contains(error("0,4", "6,10", 10), {"tensor b", "after a gap", "accepted: 4"});
    check_contains(error("0,4", "4,8", 9), {"1 bytes follow the last tensor"});
}

TEST_CASE("shards are put together as their index says", "[safetensors]") {
    const ScratchDirectory scratch;
    const std::string folder = scratch.path().string();
    check_contains(input_error([&] { read_safetensors_folder(folder); }), {"neither model.safetensors nor"});
    SafetensorsBuilder first, second;
    first.add("a", {1}, {1});
    second.add("b", {1}, {2});
    second.add("unlisted", {1}, {3});
    write_file(scratch / "one.safetensors", first.file());
    write_file(scratch / "two.safetensors", second.file());
    const auto read = [&](const std::string& index) {
        write_file(scratch / "model.safetensors.index.json", index);
        return read_safetensors_folder(folder);
    };
    const auto error = [&](const std::string& index) { return input_error([&] { read(index); }); };

    const Safetensors model = read(R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
    CHECK(model.tensors.size() == 2);
    CHECK(model.tensors.at("b").file == scratch / "two.safetensors");
    CHECK(model.first_file == scratch / "one.safetensors");

    check_contains(error("{}"), {"index.json", "weight_map", "is missing"});
    check_contains(error(R"({"weight_map":[]})"), {"weight_map"});
    check_contains(error(R"({"weight_map":{"a":3}})"), {"tensor a", "the name of a file"});
    check_contains(error(R"({"weight_map":{"a":"../one.safetensors"}})"), {"tensor a", "beside the index"});
    check_contains(error(R"({"weight_map":{"a":"three.safetensors"}})"), {"three.safetensors", "cannot be opened"});
    check_contains(error(R"({"weight_map":{"c":"one.safetensors"}})"), {"one.safetensors", "tensor c", "is missing"});
    // A single file goes before an index.
    write_file(scratch / "model.safetensors", first.file());
    CHECK(read("{}").tensors.size() == 1);
}

}  // namespace palimpsest
