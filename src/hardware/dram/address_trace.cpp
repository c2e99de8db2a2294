#include "hardware/dram/address_trace.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::size_t kReadBytes = 1 << 16;
constexpr std::size_t kTextBytes = AddressTraceReader::kLongestLine + kReadBytes + 1;  // and a line end
constexpr const char* kAccepted =
    "R or W, an address in hexadecimal and perhaps a cycle in decimal, as in \"R 0x1f40 120\"";

constexpr std::uint8_t kNoDigit = 0xff;
constexpr std::array<std::uint8_t, 256> kHexDigits = [] {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (std::uint8_t i = 0; i < 10; ++i) {
        digits['0' + i] = i;
    }
    for (std::uint8_t i = 0; i < 6; ++i) {
        digits['a' + i] = digits['A' + i] = static_cast<std::uint8_t>(10 + i);
    }
    return digits;
}();

std::uint8_t hex_digit(char c) {
    return kHexDigits[static_cast<unsigned char>(c)];
}

/// Of a letter.
char lower(char c) {
    return static_cast<char>(c | 0x20);
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

const char* skip_blanks(const char* at) {
    while (is_blank(*at)) {
        ++at;
    }
    return at;
}

const char* line_end(const char* at) {
    return static_cast<const char*>(std::memchr(at, '\n', kTextBytes));  // every line handed out has one
}

}  // namespace

AddressTraceReader::AddressTraceReader(const std::string& path, const AddressTraceOptions& options)
    : input_(path, options.interrupted),
      capacity_(options.capacity),
      last_address_(options.capacity - options.request_bytes),
      text_(kTextBytes),
      block_(kBlockRequests) {
    if (options.request_bytes > capacity_) {
        throw InputError("", "", fmt::format("requests of {} bytes", options.request_bytes),
                         fmt::format("at most the capacity, {} bytes", capacity_));
    }
}

/// Whole lines into the buffer; false when there are no more.
bool AddressTraceReader::fill() {
    std::copy(text_.begin() + static_cast<std::ptrdiff_t>(begin_), text_.begin() + static_cast<std::ptrdiff_t>(end_),
              text_.begin());
    end_ -= begin_;
    begin_ = lines_end_ = 0;
    while (lines_end_ == 0 && !at_end_) {
        if (end_ > kLongestLine) {
            ++line_;
            text_[end_] = '\n';
            reject(text_.data(), "", fmt::format("lines of at most {} bytes", kLongestLine));
        }
        char* const fresh = text_.data() + end_;
        const std::size_t n = input_.read(fresh, kReadBytes);
        end_ += n;
        if (const void* last = ::memrchr(fresh, '\n', n); last != nullptr) {
            lines_end_ = static_cast<std::size_t>(static_cast<const char*>(last) - text_.data()) + 1;
        } else if (n == 0) {
            at_end_ = true;
            if (end_ > 0) {
                text_[end_++] = '\n';  // the last line may come without
                lines_end_ = end_;
            }
        }
    }
    return lines_end_ > 0;
}

std::span<const DramRequest> AddressTraceReader::next() {
    std::size_t parsed = 0;
    while (parsed < kBlockRequests && (begin_ < lines_end_ || fill())) {
        if (line_ == 0 && std::string_view(text_.data(), lines_end_).starts_with("\xef\xbb\xbf")) {
            begin_ = 3;  // a byte order mark
        }
        const char* at = text_.data() + begin_;
        const char* const end = text_.data() + lines_end_;
        while (at != end && parsed < kBlockRequests) {
            ++line_;
            const char* const first = skip_blanks(at);
            if (*first == '\n' || *first == '#') {
                at = line_end(first) + 1;
            } else {
                at = parse_request(at, first, block_[parsed]);
                ++parsed;
            }
        }
        begin_ = static_cast<std::size_t>(at - text_.data());
    }
    requests_ += parsed;
    return {block_.data(), parsed};
}

/// The request of the line that begins at `line`, with its first letter at `at`; returns where the next line begins.
inline const char* AddressTraceReader::parse_request(const char* line, const char* at, DramRequest& request) {
    const char kind = lower(*at);
    if ((kind != 'r' && kind != 'w') || !is_blank(at[1])) {
        reject(line, "", kAccepted);
    }
    at = skip_blanks(at + 2);

    if (at[0] == '0' && lower(at[1]) == 'x') {
        at += 2;
    }
    std::uint64_t address = hex_digit(*at);
    if (address == kNoDigit) {
        reject(line, "", kAccepted);
    }
    std::uint64_t lost = 0;
    for (std::uint8_t digit = hex_digit(*++at); digit != kNoDigit; digit = hex_digit(*++at)) {
        lost |= address >> 60;
        address = address << 4 | digit;
    }
    if (!is_blank(*at) && *at != '\n') {
        reject(line, "", kAccepted);
    }
    if (lost != 0 || address > last_address_) {
        reject(line, lost != 0 ? "the address has more than 64 bits" : fmt::format("address 0x{:x}", address),
               fmt::format("0x0 to 0x{:x}: the capacity is {} bytes", last_address_, capacity_));
    }

    std::uint64_t cycle = DramRequest::kNoCycle;
    at = skip_blanks(at);
    if (*at != '\n' && *at != '#') {
        const char* const digits = at;
        for (cycle = 0; *at >= '0' && *at <= '9'; ++at) {
            cycle = std::min(cycle * 10 + static_cast<std::uint64_t>(*at - '0'), kLastCycle + 1);
        }
        const char* const rest = skip_blanks(at);
        if (at == digits || (*rest != '\n' && (*rest != '#' || rest == at))) {
            reject(line, "", kAccepted);
        }
        if (cycle > kLastCycle) {
            reject(line, "the cycle is too large", fmt::format("at most {}", kLastCycle));
        }
        if (cycle < latest_cycle_) {
            reject(line, fmt::format("cycle {} after cycle {}", cycle, latest_cycle_), "cycles that do not decrease");
        }
        latest_cycle_ = cycle;
        at = rest;
    }
    request.address = address & ((std::uint64_t{1} << 63) - 1);
    request.write = kind == 'w' ? 1 : 0;
    request.cycle = cycle;
    return *at == '\n' ? at + 1 : line_end(at) + 1;
}

void AddressTraceReader::reject(const char* line, const std::string& why, const std::string& accepted) const {
    const std::string_view text(line, static_cast<std::size_t>(line_end(line) - line));
    throw InputError(input_.name(), fmt::format("line {}", line_),
                     why.empty() ? quote_text(text) : fmt::format("{}: {}", quote_text(text), why), accepted);
}

std::string quote_text(std::string_view text) {
    constexpr std::size_t kLongest = 60;
    std::string quoted = "\"";
    for (const char c : text.substr(0, kLongest)) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
        }
        const bool printable = c >= 0x20 && c < 0x7f;
        quoted += printable ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return quoted + (text.size() > kLongest ? "...\"" : "\"");
}

}  // namespace palimpsest
