#include "common/compressed_input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "palimpsest/error.h"

namespace palimpsest {

class CompressedInput::Decoder {
  public:
    virtual ~Decoder() = default;
    struct Step {
        std::size_t consumed, produced;
    };
    /// Decodes until input or room is used up. Throws InputError with `name` for damaged data.
    virtual Step decode(std::string_view in, char* to, std::size_t room, const std::string& name) = 0;
    /// The data may end here.
    virtual bool complete() const = 0;
};

namespace {

[[noreturn]] void damaged(const std::string& name, const char* format, const char* reason) {
    throw InputError(name, "", fmt::format("{} data is damaged: {}", format, reason), "the file as it was written");
}

class GzipDecoder final : public CompressedInput::Decoder {
  public:
    GzipDecoder() {
        constexpr int kGzipHeader = 16;
        if (inflateInit2(&stream_, MAX_WBITS + kGzipHeader) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~GzipDecoder() override { inflateEnd(&stream_); }
    GzipDecoder(const GzipDecoder&) = delete;
    GzipDecoder& operator=(const GzipDecoder&) = delete;

    Step decode(std::string_view in, char* to, std::size_t room, const std::string& name) override {
        if (complete_ && in.empty()) {
            return {0, 0};
        }
        if (complete_) {  // another member
            inflateReset(&stream_);
            complete_ = false;
        }
        stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(to);
        stream_.avail_out = static_cast<uInt>(room);
        const int result = inflate(&stream_, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR) {
            throw std::bad_alloc();
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            damaged(name, "gzip", stream_.msg != nullptr ? stream_.msg : "unknown reason");
        }
        complete_ = result == Z_STREAM_END;
        return {in.size() - stream_.avail_in, room - stream_.avail_out};
    }
    bool complete() const override { return complete_; }

  private:
    z_stream stream_{};
    bool complete_ = false;
};

class ZstdDecoder final : public CompressedInput::Decoder {
  public:
    ZstdDecoder() : stream_(ZSTD_createDStream()) {
        if (stream_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }
    ZstdDecoder(const ZstdDecoder&) = delete;
    ZstdDecoder& operator=(const ZstdDecoder&) = delete;

    Step decode(std::string_view in, char* to, std::size_t room, const std::string& name) override {
        if (complete_ && in.empty()) {
            return {0, 0};
        }
        ZSTD_inBuffer source{in.data(), in.size(), 0};
        ZSTD_outBuffer sink{to, room, 0};
        const std::size_t result = ZSTD_decompressStream(stream_, &sink, &source);
        if (ZSTD_isError(result) != 0) {
            damaged(name, "zstd", ZSTD_getErrorName(result));
        }
        complete_ = result == 0;
        return {source.pos, sink.pos};
    }
    bool complete() const override { return complete_; }

  private:
    ZSTD_DStream* stream_;
    bool complete_ = false;
};

/// By the first bytes of a file; null for plain text.
std::unique_ptr<CompressedInput::Decoder> decoder_for(std::string_view head) {
    using namespace std::string_view_literals;
    if (head.starts_with("\x1f\x8b"sv)) {
        return std::make_unique<GzipDecoder>();
    }
    const bool skippable = head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv;
    if (head.starts_with("\x28\xb5\x2f\xfd"sv) || skippable) {
        return std::make_unique<ZstdDecoder>();
    }
    return nullptr;
}

}  // namespace

CompressedInput::CompressedInput(const std::string& path, const std::atomic<bool>* interrupted)
    : name_(path == "-" ? "standard input" : path),
      interrupted_(interrupted),
      descriptor_(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) {
        throw InputError(name_, "", fmt::format("cannot be opened: {}", std::strerror(errno)),
                         "a file that can be read");
    }
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
        file_bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
    try {
        while (end_ < 4 && refill()) {  // a pipe may give them one by one
        }
        decoder_ = decoder_for({buffer_.data(), end_});
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

CompressedInput::~CompressedInput() {
    ::close(descriptor_);
}

/// A signal does not end a read that waits for its first byte.
void CompressedInput::wait_for_input() const {
    constexpr int kMilliseconds = 200;
    pollfd poll{descriptor_, POLLIN, 0};
    while (!interrupted_->load()) {
        if (::poll(&poll, 1, kMilliseconds) > 0) {
            return;
        }
    }
    throw SimulationError(fmt::format("interrupted while waiting for {}", name_));
}

/// More of the file behind what is in the buffer; false at its end.
bool CompressedInput::refill() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
    }
    while (!at_end_) {
        if (interrupted_ != nullptr && file_bytes_ == 0) {
            wait_for_input();
        }
        const ssize_t n = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
        if (n > 0) {
            end_ += static_cast<std::size_t>(n);
            bytes_read_ += static_cast<std::uint64_t>(n);
            return true;
        }
        if (n < 0 && errno != EINTR) {
            throw InputError(name_, "", fmt::format("cannot be read: {}", std::strerror(errno)), "a file or a pipe");
        }
        at_end_ = n == 0;
    }
    return false;
}

std::size_t CompressedInput::read(char* to, std::size_t bytes) {
    bytes = std::min(bytes, std::size_t{1} << 30);  // what zlib counts in
    while (true) {
        if (decoder_ == nullptr) {
            const std::size_t n = std::min(bytes, end_ - begin_);
            std::copy_n(buffer_.data() + begin_, n, to);
            begin_ += n;
            if (n > 0) {
                return n;
            }
        } else {
            const auto [consumed, produced] =
                decoder_->decode({buffer_.data() + begin_, end_ - begin_}, to, bytes, name_);
            begin_ += consumed;
            if (produced > 0) {
                return produced;
            }
            if (consumed > 0) {
                continue;
            }
        }
        if (!refill()) {
            break;
        }
    }
    if (decoder_ != nullptr && (!decoder_->complete() || begin_ < end_)) {
        throw InputError(name_, "", "the compressed data ends too early", "a complete gzip or zstd file");
    }
    return 0;
}

double CompressedInput::fraction() const {
    return file_bytes_ == 0 ? -1 : static_cast<double>(bytes_read_) / static_cast<double>(file_bytes_);
}

}  // namespace palimpsest
