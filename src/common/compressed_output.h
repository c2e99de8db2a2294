#pragma once
// An output file that is whole or absent (common/atomic_file.h), compressed as its name says: .gz gzip, .zst zstd, else
// as it is.

#include <memory>
#include <streambuf>
#include <string>
#include <string_view>

#include "common/atomic_file.h"

namespace palimpsest {

/// Throws as AtomicFile does.
class CompressedOutput {
  public:
    explicit CompressedOutput(const std::string& path);
    ~CompressedOutput();
    CompressedOutput(const CompressedOutput&) = delete;
    CompressedOutput& operator=(const CompressedOutput&) = delete;

    void write(std::string_view bytes);
    /// Makes the file appear under its name.
    void commit();

    /// One compressed format.
    class Encoder;

  private:
    AtomicFile file_;
    std::unique_ptr<Encoder> encoder_;
};

/// For those who write to a std::ostream. Gathers small pieces. Flush the stream before the output is committed.
class OutputBuffer : public std::streambuf {
  public:
    explicit OutputBuffer(CompressedOutput& output);

  protected:
    int_type overflow(int_type c) override;
    int sync() override;

  private:
    CompressedOutput& output_;
    std::string buffer_;
};

}  // namespace palimpsest
