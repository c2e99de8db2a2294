// Paths, annotations and merging of JSON documents.
#include "config/json_document.h"
#include "config/diagnostics.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("paths name members with dots and elements with brackets or numbers", "[json]") {
    CHECK(split_path("a.b[2].c") == std::vector<std::string>{"a", "b", "2", "c"});
    CHECK(split_path("a.b.2.c") == split_path("a.b[2].c"));
    CHECK(split_path("").empty());
    CHECK(join_path(join_path(join_path("", "a"), 3), "b") == "a[3].b");
    const Json document = Json::parse(R"({"a": {"b": [1, {"c": 7}]}})");
    REQUIRE(find_path(document, "a.b[1].c") != nullptr);
    CHECK(*find_path(document, "a.b[1].c") == 7);
    CHECK(find_path(document, "a.b[2]") == nullptr);
    CHECK(find_path(document, "a.x") == nullptr);
    CHECK(find_path(document, "") == &document);
}

TEST_CASE("an annotated number stands for its value and leaves its source", "[json]") {
    Json sources;
    const Json plain = strip_annotations(
        Json::parse(R"({"a": {"value": 3, "unit": "x", "source": "book"}, "b": [{"c": {"value": true}}], "d": 4})"),
        "top", sources);
    CHECK(plain == Json::parse(R"({"a": 3, "b": [{"c": true}], "d": 4})"));
    CHECK(sources == Json::parse(R"({"top.a": "book"})"));
}

TEST_CASE("merging goes key by key and replaces numbers whole", "[json]") {
    Json under = Json::parse(R"({"a": {"x": {"value": 1, "source": "s"}, "y": 2}, "list": [1, 2], "keep": 0})");
    merge_onto(under, Json::parse(R"({"a": {"x": 5, "z": 6}, "list": [3]})"));
    CHECK(under == Json::parse(R"({"a": {"x": 5, "y": 2, "z": 6}, "list": [3], "keep": 0})"));
    merge_onto(under, Json::parse(R"({"a": {"y": {"value": 9}}})"));
    CHECK(under["a"]["y"] == Json::parse(R"({"value": 9})"));
}

TEST_CASE("the nearest name is a likely misspelling or none", "[json]") {
    CHECK(nearest_name("bugdet", {"budget", "sinks"}) == "budget");
    CHECK(nearest_name("row", {"rows", "columns"}) == "rows");
    CHECK(nearest_name("zebra", {"budget", "sinks"}).empty());
}
