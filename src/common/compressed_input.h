#pragma once
// A file or standard input as the text it holds: plain, gzip or zstd, told apart by its first bytes and not by its
// name. Reads as it is asked, so that memory does not depend on the file's length.
//
//     CompressedInput input("trace.gz");
//     while (const std::size_t n = input.read(buffer, sizeof buffer)) { ... }

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace palimpsest {

/// Throws InputError, naming the file, where it cannot be opened or read, and where compressed data is damaged or ends
/// too early. Several gzip members or zstd frames one after another are one text.
class CompressedInput {
  public:
    /// `path` may be "-": standard input. `interrupted`, where given, ends the wait for a pipe or a terminal with a
    /// SimulationError.
    explicit CompressedInput(const std::string& path, const std::atomic<bool>* interrupted = nullptr);
    ~CompressedInput();
    CompressedInput(const CompressedInput&) = delete;
    CompressedInput& operator=(const CompressedInput&) = delete;

    /// Up to `bytes` (at least 1) more of the text; 0 at its end.
    std::size_t read(char* to, std::size_t bytes);
    /// What messages call it.
    const std::string& name() const { return name_; }
    /// How much of the file has been read, 0 to 1; negative where its length is not known (a pipe).
    double fraction() const;

    /// One compressed format.
    class Decoder;

  private:
    bool refill();
    void wait_for_input() const;

    std::string name_;
    const std::atomic<bool>* interrupted_;
    int descriptor_ = -1;
    bool at_end_ = false;
    std::uint64_t file_bytes_ = 0, bytes_read_ = 0;
    std::array<char, 1 << 16> buffer_;
    std::size_t begin_ = 0, end_ = 0;  ///< what of the buffer is not decoded
    std::unique_ptr<Decoder> decoder_;
};

}  // namespace palimpsest
