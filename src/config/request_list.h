#pragma once
// Requests as they arrive at a server: CSV files of arrival times, prompt and output lengths.
//
//   palimpsest  arrival_seconds,prompt_tokens,output_tokens
//   azure       TIMESTAMP,ContextTokens,GeneratedTokens      (Azure LLM inference traces: date and time of day)
//   sharegpt    input_toks,output_toks,arrival_time_ns
//
// Columns may come in any order and others beside them. Rows are in order of arrival. Rules: docs/serving.md.

#include <cstdint>
#include <string>
#include <vector>

namespace palimpsest {

enum class RequestFormat : std::uint8_t { automatic, palimpsest, azure, sharegpt };
enum class TooLong : std::uint8_t {
    error,   ///< the run does not start
    reject,  ///< the request is turned away and reported
    clamp,   ///< cut to what is allowed
};

struct RequestSpec {
    std::uint64_t id = 0;          ///< row of the file, 0 the first below the header
    std::uint64_t arrival_ns = 0;  ///< since the first request that the run has
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
    std::uint64_t line = 0;
};

/// The list a run works on.
struct RequestList {
    std::vector<RequestSpec> requests;
    std::vector<RequestSpec> rejected;  ///< longer than allowed, lengths as in the file
    std::uint64_t clamped = 0;          ///< requests that were cut
};

struct RequestLimits {
    std::uint64_t skip = 0;   ///< first rows
    std::uint64_t limit = 0;  ///< rows after those; 0: all
    double time_scale = 1;
    std::uint32_t max_prompt_tokens = 0;
    std::uint32_t max_output_tokens = 0;
    std::uint32_t max_tokens = 0;  ///< prompt and output together
    TooLong too_long = TooLong::error;
};

/// Throws InputError that names file, line, column, value and what would be accepted.
RequestList parse_requests_csv(const std::string& text, const std::string& file, RequestFormat format,
                               const RequestLimits& limits);

}  // namespace palimpsest
