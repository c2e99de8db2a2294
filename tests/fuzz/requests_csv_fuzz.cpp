// Any bytes as a CSV of requests, with each way to take what is too long.

#include <stdexcept>

#include "config/request_list.h"
#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

void read_one(std::string_view input, TooLong too_long) {
    RequestLimits limits;
    limits.skip = 1;
    limits.max_prompt_tokens = limits.max_output_tokens = 5000;
    limits.max_tokens = 4000;
    limits.too_long = too_long;
    const RequestList list = parse_requests_csv(std::string(input), "requests.csv", RequestFormat::automatic, limits);
    std::uint64_t latest = 0;
    for (const RequestSpec& request : list.requests) {
        if (request.arrival_ns < latest || request.prompt_tokens == 0 || request.output_tokens == 0 ||
            request.prompt_tokens + request.output_tokens > limits.max_tokens) {
            throw std::logic_error("a request that no run can serve");
        }
        latest = request.arrival_ns;
    }
}

}  // namespace

const unsigned kFuzzMutations = 20000;

void fuzz_one(std::string_view input) {
    for (const TooLong too_long : {TooLong::reject, TooLong::clamp}) {
        try {
            read_one(input, too_long);
        } catch (const InputError&) {  // the next is told the same
        }
    }
    read_one(input, TooLong::error);
}

std::vector<std::string> fuzz_seeds() {
    return {"arrival_seconds,prompt_tokens,output_tokens\n0,10,20\n1.25,30,40\n2.000000001,3999,1\n",
            "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n"
            "2023-11-16 18:15:50.9951690,396,109\r\n",
            "\xEF\xBB\xBFinput_toks,output_toks,arrival_time_ns\n2358,531,46926808\n1034,769,347938951\n"};
}

}  // namespace palimpsest
