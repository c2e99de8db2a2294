#pragma once
// Reads address traces: text, a request a line, plain or compressed. The format: docs/dram-traces.md.
//
//     AddressTraceReader reader("trace.gz", {.capacity = capacity, .request_bytes = 64});
//     while (const auto requests = reader.next(); !requests.empty()) { ... }
//
// Memory does not depend on the trace's length: text and requests are handled block by block.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/compressed_input.h"
#include "hardware/dram/transaction.h"
#include "palimpsest/types.h"

namespace palimpsest {

using AddressRequest = DramRequest;

struct AddressTraceOptions {
    Bytes capacity = Bytes{1} << 63;                 ///< of the DRAM
    Bytes request_bytes = 1;                         ///< that each request wants; no more than the capacity
    const std::atomic<bool>* interrupted = nullptr;  ///< ends the wait for a pipe with a SimulationError
};

class AddressTraceReader {
  public:
    static constexpr std::size_t kBlockRequests = 4096;
    static constexpr std::size_t kLongestLine = 1 << 16;  ///< bytes
    static constexpr std::uint64_t kLastCycle = (std::uint64_t{1} << 60) - 1;

    /// `path` may be "-": standard input. Throws as CompressedInput does.
    AddressTraceReader(const std::string& path, const AddressTraceOptions& options);

    /// The next requests, at most kBlockRequests; none at the end of the trace. Valid until the next call. Throws
    /// InputError with file, line number and text for a line that is no request, whose address does not fit or whose
    /// cycle is before that of an earlier line.
    std::span<const DramRequest> next();

    const CompressedInput& input() const { return input_; }
    std::uint64_t requests() const { return requests_; }  ///< read so far

  private:
    bool fill();
    const char* parse_request(const char* line, const char* at, DramRequest& request);
    [[noreturn]] void reject(const char* line, const std::string& why, const std::string& accepted) const;

    CompressedInput input_;
    Bytes capacity_;
    Bytes last_address_;
    std::vector<char> text_;
    std::size_t begin_ = 0;      ///< of what is not parsed
    std::size_t lines_end_ = 0;  ///< behind the last whole line
    std::size_t end_ = 0;        ///< of what is read
    bool at_end_ = false;
    std::vector<DramRequest> block_;
    std::uint64_t line_ = 0;  ///< lines parsed
    std::uint64_t latest_cycle_ = 0;
    std::uint64_t requests_ = 0;
};

/// Text of a user's file for a message: quoted, unprintable bytes as \xNN, not longer than a line.
std::string quote_text(std::string_view text);

}  // namespace palimpsest
