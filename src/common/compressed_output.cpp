#include "common/compressed_output.h"

#include <array>
#include <new>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "palimpsest/error.h"

namespace palimpsest {

class CompressedOutput::Encoder {
  public:
    virtual ~Encoder() = default;
    /// Encodes all of `bytes`; `last`: and ends the format.
    virtual void encode(std::string_view bytes, bool last, AtomicFile& file) = 0;
};

namespace {

constexpr std::size_t kPieceBytes = 1 << 16;

class GzipEncoder final : public CompressedOutput::Encoder {
  public:
    GzipEncoder() {
        constexpr int kGzipHeader = 16, kMemoryLevel = 8;
        if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipHeader, kMemoryLevel,
                         Z_DEFAULT_STRATEGY) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~GzipEncoder() override { deflateEnd(&stream_); }
    GzipEncoder(const GzipEncoder&) = delete;
    GzipEncoder& operator=(const GzipEncoder&) = delete;

    void encode(std::string_view bytes, bool last, AtomicFile& file) override {
        do {
            const std::string_view piece = bytes.substr(0, kPieceBytes);
            bytes.remove_prefix(piece.size());
            stream_.next_in = reinterpret_cast<const Bytef*>(piece.data());
            stream_.avail_in = static_cast<uInt>(piece.size());
            do {
                stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
                stream_.avail_out = static_cast<uInt>(out_.size());
                deflate(&stream_, last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
                file.write({out_.data(), out_.size() - stream_.avail_out});
            } while (stream_.avail_out == 0);
        } while (!bytes.empty());
    }

  private:
    z_stream stream_{};
    std::array<char, kPieceBytes> out_{};
};

class ZstdEncoder final : public CompressedOutput::Encoder {
  public:
    ZstdEncoder() : stream_(ZSTD_createCStream()) {
        if (stream_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~ZstdEncoder() override { ZSTD_freeCStream(stream_); }
    ZstdEncoder(const ZstdEncoder&) = delete;
    ZstdEncoder& operator=(const ZstdEncoder&) = delete;

    void encode(std::string_view bytes, bool last, AtomicFile& file) override {
        ZSTD_inBuffer source{bytes.data(), bytes.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer sink{out_.data(), out_.size(), 0};
            left = ZSTD_compressStream2(stream_, &sink, &source, last ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left) != 0) {
                throw SimulationError(fmt::format("zstd cannot compress: {}", ZSTD_getErrorName(left)));
            }
            file.write({out_.data(), sink.pos});
        } while (source.pos < source.size || (last && left > 0));
    }

  private:
    ZSTD_CStream* stream_;
    std::array<char, kPieceBytes> out_{};
};

std::unique_ptr<CompressedOutput::Encoder> encoder_for(const std::string& path) {
    if (path.ends_with(".gz")) {
        return std::make_unique<GzipEncoder>();
    }
    if (path.ends_with(".zst")) {
        return std::make_unique<ZstdEncoder>();
    }
    return nullptr;
}

}  // namespace

CompressedOutput::CompressedOutput(const std::string& path) : file_(path), encoder_(encoder_for(path)) {}

CompressedOutput::~CompressedOutput() = default;

void CompressedOutput::write(std::string_view bytes) {
    if (encoder_ == nullptr) {
        file_.write(bytes);
    } else if (!bytes.empty()) {
        encoder_->encode(bytes, false, file_);
    }
}

void CompressedOutput::commit() {
    if (encoder_ != nullptr) {
        encoder_->encode({}, true, file_);
    }
    file_.commit();
}

OutputBuffer::OutputBuffer(CompressedOutput& output) : output_(output), buffer_(kPieceBytes, '\0') {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
}

OutputBuffer::int_type OutputBuffer::overflow(int_type c) {
    sync();
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
        *pptr() = traits_type::to_char_type(c);
        pbump(1);
    }
    return traits_type::not_eof(c);
}

int OutputBuffer::sync() {
    output_.write({pbase(), static_cast<std::size_t>(pptr() - pbase())});
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return 0;
}

}  // namespace palimpsest
