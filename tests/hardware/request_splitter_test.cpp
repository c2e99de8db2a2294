// How commands are cut into requests: against a walk byte by byte, and the rules one by one.

#include <random>

#include "golden/dma_golden.h"
#include "hardware/request_splitter.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

std::vector<Bytes> sizes_of(Bytes total, Bytes row, Bytes request) {
    std::vector<Bytes> sizes;
    for (RequestSplitter splitter(total, row, request); !splitter.done();) {
        sizes.push_back(splitter.next().bytes);
    }
    return sizes;
}

}  // namespace

TEST_CASE("pieces cover the stream once, in order, and are no longer than a request", "[dma]") {
    std::mt19937 random(31);
    for (int i = 0; i < 2000; ++i) {
        const Bytes row = 1 + random() % (i % 2 == 0 ? 40 : 700);
        const Bytes rows = 1 + random() % 12;
        const Bytes request = 1 + random() % (i % 3 == 0 ? 64 : 600);
        const std::uint32_t word_bytes = 1U << (random() % 7);
        const BufferRegion region{{BufferId::kv, 1},
                                  static_cast<std::uint32_t>(random() % 50),
                                  static_cast<std::uint32_t>(ceil_div<Bytes>(row * rows, word_bytes))};
        const auto golden = GoldenDma::cut(row * rows, row, request, word_bytes);
        RequestSplitter splitter(row * rows, row, request);
        CAPTURE(row, rows, request, word_bytes);
        Bytes offset = 0;
        std::uint32_t words = 0;
        for (const GoldenDma::Piece& expected : golden) {
            REQUIRE_FALSE(splitter.done());
            const RequestPiece piece = splitter.next();
            REQUIRE(piece.offset == offset);
            REQUIRE(piece.offset == expected.offset);
            REQUIRE(piece.bytes == expected.bytes);
            REQUIRE((piece.bytes > 0 && piece.bytes <= request));
            offset += piece.bytes;
            // Words too are covered once and in order.
            const BufferRegion moved = words_of(region, piece, word_bytes);
            REQUIRE(moved.where == region.where);
            REQUIRE(moved.words == expected.words);
            if (moved.words > 0) {
                REQUIRE(moved.first_word == region.first_word + words);
            }
            words += moved.words;
            // Rows: a request of several is of whole ones.
            const bool several = piece.offset / row != (piece.offset + piece.bytes - 1) / row;
            REQUIRE((!several || (piece.offset % row == 0 && piece.bytes % row == 0)));
        }
        REQUIRE(splitter.done());
        REQUIRE(offset == row * rows);
        REQUIRE(words == region.words);
    }
}

TEST_CASE("row rules: whole rows together, long rows alone", "[dma]") {
    using Sizes = std::vector<Bytes>;
    CHECK(sizes_of(5000, 5000, 2048) == Sizes{2048, 2048, 904});           // contiguous
    CHECK(sizes_of(7 * 600, 600, 2048) == Sizes{1800, 1800, 600});         // three rows fit
    CHECK(sizes_of(3 * 2048, 2048, 2048) == Sizes{2048, 2048, 2048});      // a row fills a request
    CHECK(sizes_of(2 * 3000, 3000, 2048) == Sizes{2048, 952, 2048, 952});  // a request ends with a long row
    CHECK(sizes_of(2 * 1500, 1500, 2048) == Sizes{1500, 1500});            // the next row does not fit
}

TEST_CASE("a piece's segments are its bytes of the rectangle, neighbours as one", "[dma]") {
    std::mt19937 random(32);
    for (int i = 0; i < 500; ++i) {
        DramRegion region;
        region.address = random() % 5000;
        region.row_bytes = 1 + random() % 90;
        region.rows = 1 + random() % 9;
        region.stride_bytes = region.row_bytes + (random() % 3 == 0 ? 0 : random() % 50);
        const Bytes offset = random() % region.bytes();
        const RequestPiece piece{offset, 1 + random() % (region.bytes() - offset)};
        std::vector<DramSegment> segments;
        append_segments(region, piece, segments);
        Bytes at = offset;
        for (std::size_t s = 0; s < segments.size(); ++s) {
            for (Bytes b = 0; b < segments[s].bytes; ++b, ++at) {
                const Bytes expected =
                    region.address + at / region.row_bytes * region.stride_bytes + at % region.row_bytes;
                REQUIRE(segments[s].address + b == expected);
            }
            REQUIRE((s == 0 || segments[s - 1].address + segments[s - 1].bytes != segments[s].address));
        }
        REQUIRE(at == offset + piece.bytes);
    }
}

TEST_CASE("a command moves its rectangle, or a vector a token", "[dma]") {
    DmaCommand command;
    command.memory = DramRegion{64, 100, 3, 256};
    CHECK(total_bytes(command, 48) == 300);
    KvAccess access;
    access.count = 5;
    command.memory = access;
    CHECK(total_bytes(command, 48) == 240);
}

}  // namespace palimpsest
