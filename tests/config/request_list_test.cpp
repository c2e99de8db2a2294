// CSV files of requests: the three formats, and what is said of files that cannot be meant.

#include "config/request_list.h"

#include "support/catch.h"
#include "support/input_errors.h"

using namespace palimpsest;

namespace {

RequestLimits generous() {
    RequestLimits limits;
    limits.max_prompt_tokens = limits.max_output_tokens = 1U << 20;
    limits.max_tokens = 1U << 20;
    return limits;
}

RequestList parse(const std::string& text, const RequestLimits& limits = generous(),
                  RequestFormat format = RequestFormat::automatic) {
    return parse_requests_csv(text, "r.csv", format, limits);
}

std::string refusal(const std::string& text, const RequestLimits& limits = generous(),
                    RequestFormat format = RequestFormat::automatic) {
    return input_error([&] { parse(text, limits, format); });
}

constexpr const char* kOwn = "arrival_seconds,prompt_tokens,output_tokens\n";

}  // namespace

TEST_CASE("each format is known by its header; time begins with the first request", "[requests]") {
    const auto check = [](const RequestList& list) {
        REQUIRE(list.requests.size() == 2);
        CHECK(list.requests[0].arrival_ns == 0);
        CHECK(list.requests[1].arrival_ns == 4'314'579'000);
        CHECK(list.requests[0].prompt_tokens == 374);
        CHECK(list.requests[1].output_tokens == 109);
        CHECK(list.requests[1].id == 1);
        CHECK(list.requests[1].line == 3);
    };
    check(
        parse("TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n"
              "2023-11-16 18:15:50.9951690,396,109\r\n"));
    check(parse("input_toks,output_toks,arrival_time_ns\n374,44,1000\n396,109,4314580000"));
    check(parse(
        "id,output_tokens,\"prompt_tokens\", arrival_seconds\na,44,374,10.000000001\nb,109,396,14.314579001\n\n"));
}

TEST_CASE("timestamps cross midnight, months and leap days, with or without a zone", "[requests]") {
    const RequestList list = parse(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-02-28 23:59:59.5+00:00,1,1\n"
        "2024-02-29T00:00:00Z,1,1\n2024-03-01 00:00:00,1,1\n");
    CHECK(list.requests[1].arrival_ns == 500'000'000);
    CHECK(list.requests[2].arrival_ns == 86'400'500'000'000);
    check_contains(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-29 00:00:00,1,1\n"),
                   {"r.csv", "line 2", "TIMESTAMP", "2023-02-29 00:00:00", "a date and time"});
}

TEST_CASE("skip, limit and time scale", "[requests]") {
    RequestLimits limits = generous();
    limits.skip = 1;
    limits.limit = 2;
    limits.time_scale = 0.5;
    const RequestList list = parse(std::string(kOwn) + "0,1,1\n1,2,2\n3,3,3\n9,4,4\n", limits);
    REQUIRE(list.requests.size() == 2);
    CHECK(list.requests[0].id == 1);
    CHECK(list.requests[0].arrival_ns == 0);
    CHECK(list.requests[1].arrival_ns == 1'000'000'000);
    limits.skip = 4;
    check_contains(refusal(std::string(kOwn) + "0,1,1\n1,2,2\n3,3,3\n9,4,4\n", limits), {"4 are skipped"});
}

TEST_CASE("bad files name line, column and value, and what would be accepted", "[requests]") {
    check_contains(refusal(""), {"r.csv", "holds no header"});
    check_contains(refusal(kOwn), {"line 1", "holds no requests"});
    check_contains(refusal("arrival_seconds,prompt_tokens\n1,2\n"),
                   {"line 1", "arrival_seconds,prompt_tokens", "output_tokens", "GeneratedTokens", "input_toks"});
    check_contains(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n", generous(), RequestFormat::sharegpt),
                   {"TIMESTAMP", "sharegpt (arrival_time_ns, input_toks, output_toks)"});
    const std::string own = kOwn;
    check_contains(refusal(own + "0,5,5\n1,-3,5\n"), {"line 3, column prompt_tokens", "\"-3\"", "1 to 1048576"});
    check_contains(refusal(own + "0,5,0\n"), {"line 2, column output_tokens", "\"0\"", "1 to 1048576"});
    check_contains(refusal(own + "0,99999999999999999999,5\n"), {"column prompt_tokens", "99999999999999999999"});
    check_contains(refusal(own + "0,2000000,5\n"), {"\"2000000\"", "1 to 1048576"});
    check_contains(refusal(own + "0,5.5,5\n"), {"\"5.5\"", "an integer"});
    check_contains(refusal(own + "0,,5\n"), {"column prompt_tokens", "\"\""});
    check_contains(refusal(own + "0,5\n"), {"line 2", "2 cells", "3 cells"});
    check_contains(refusal(own + "0,5,5,5\n"), {"4 cells", "3 cells"});
    check_contains(refusal(own + "2,5,5\n1,5,5\n"), {"line 3, column arrival_seconds", "\"1\"", "order of arrival"});
    for (const char* bad : {"-1", "nan", "1e3", "1.", "x", "99999999999999"}) {
        check_contains(refusal(own + bad + ",5,5\n"), {"line 2, column arrival_seconds", bad, "seconds"});
    }
    check_contains(refusal(own + "0,5,5\n99999999,5,5\n"), {"line 3", "days of the first"});
}

TEST_CASE("what is too long is an error, turned away or cut", "[requests]") {
    const std::string text = std::string(kOwn) + "0,50,10\n1,200,10\n2,50,80\n3,90,30\n";
    RequestLimits limits = generous();
    limits.max_prompt_tokens = 150;
    limits.max_output_tokens = 70;
    limits.max_tokens = 100;
    check_contains(refusal(text, limits), {"line 3, column prompt_tokens", "\"200\"", "at most 99", "clamp"});
    limits.too_long = TooLong::reject;
    const RequestList rejected = parse(text, limits);
    REQUIRE(rejected.requests.size() == 1);
    REQUIRE(rejected.rejected.size() == 3);
    CHECK(rejected.rejected[0].prompt_tokens == 200);
    limits.too_long = TooLong::clamp;
    const RequestList cut = parse(text, limits);
    REQUIRE(cut.requests.size() == 4);
    CHECK(cut.clamped == 3);
    CHECK((cut.requests[1].prompt_tokens == 99 && cut.requests[1].output_tokens == 1));
    CHECK((cut.requests[2].prompt_tokens == 50 && cut.requests[2].output_tokens == 50));
    CHECK((cut.requests[3].prompt_tokens == 90 && cut.requests[3].output_tokens == 10));
}
