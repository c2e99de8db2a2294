// How rows of one shape serve a model of another, and what follows where the record ends.
#include <memory>
#include <numeric>
#include <vector>

#include "attention/mapped_rows.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/fake_attention.h"

namespace palimpsest {
namespace {

MappedRows mapped(const FakeAttentionShape& shape, const RowDemand& demand) {
    return MappedRows(std::make_unique<FakeAttention>(shape), demand);
}

std::vector<Probability> read(MappedRows& rows, std::uint32_t position) {
    std::vector<Probability> row(position + 1, 12345);
    rows.read(1, 1, 2, position, row);
    return row;
}

}  // namespace

TEST_CASE("layers map by depth, heads and requests by turns", "[attention][mapped_rows]") {
    const MappedRows rows = mapped({.layers = 6, .heads = 4, .sequences = 3, .length = 32}, {12, 10, 8, 32});
    for (std::uint32_t l = 0; l < 12; ++l) {
        CHECK(rows.source_layer(LayerId(l)) == l / 2);
    }
    for (std::uint32_t h = 0; h < 10; ++h) {
        CHECK(rows.source_head(HeadId(h)) == h % 4);
    }
    for (std::uint32_t r = 0; r < 8; ++r) {
        CHECK(rows.source_sequence(RequestId(r)) == r % 3);
    }
    const MappedRows fewer = mapped({.layers = 22, .heads = 32, .sequences = 1, .length = 32}, {6, 6, 1, 32});
    std::vector<std::uint32_t> layers;
    for (std::uint32_t l = 0; l < 6; ++l) {
        layers.push_back(fewer.source_layer(LayerId(l)));
    }
    CHECK(layers == std::vector<std::uint32_t>{0, 3, 7, 11, 14, 18});
}

TEST_CASE("rows inside the record are the recorded ones", "[attention][mapped_rows]") {
    const FakeAttentionShape shape{.layers = 2, .heads = 3, .sequences = 2, .length = 40};
    MappedRows rows = mapped(shape, {2, 3, 2, 40});
    FakeAttention source(shape);
    std::vector<Probability> expected(40);
    source.row(1, 1, 2, 39, expected);
    CHECK(read(rows, 39) == expected);
    CHECK_FALSE(rows.extended());
}

TEST_CASE("rows past the record keep the first keys, the distances and the mass", "[attention][mapped_rows]") {
    const FakeAttentionShape shape{.layers = 2, .heads = 3, .sequences = 2, .length = 40};
    MappedRows rows = mapped(shape, {2, 3, 2, 120});
    FakeAttention source(shape);
    CHECK(rows.extended());
    for (const std::uint32_t t : {40U, 41U, 59U, 60U, 99U, 119U}) {
        INFO(t);
        const std::uint32_t star = 20 + (t - 40) % 20;
        CHECK(recorded_position(t, 40) == star);
        std::vector<Probability> recorded(star + 1);
        source.row(1, 1, 2, star, recorded);
        const std::vector<Probability> row = read(rows, t);
        for (std::uint32_t d = 0; d <= star - 4; ++d) {
            REQUIRE(row[t - d] == recorded[star - d]);
        }
        for (std::uint32_t j = 0; j < 4; ++j) {
            CHECK(row[j] == recorded[j]);
        }
        CHECK(std::accumulate(row.begin(), row.end(), 0) == std::accumulate(recorded.begin(), recorded.end(), 0));
    }
}

TEST_CASE("a record of one or two positions still stretches", "[attention][mapped_rows]") {
    for (const std::uint32_t length : {1U, 2U, 3U}) {
        MappedRows rows = mapped({.layers = 2, .heads = 3, .sequences = 2, .length = length}, {2, 3, 2, 10});
        for (std::uint32_t t = length; t < 10; ++t) {
            const std::vector<Probability> row = read(rows, t);
            CHECK(row.back() > 0);
            CHECK(recorded_position(t, length) < length);
        }
    }
}

TEST_CASE("the note says what was repeated and what was extended", "[attention][mapped_rows]") {
    const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != text.npos; };
    const std::string plain = mapped({.layers = 2, .heads = 3, .sequences = 2, .length = 40}, {2, 3, 2, 40}).note();
    CHECK_FALSE(has(plain, "Extended"));
    CHECK_FALSE(has(plain, "repeat"));
    const std::string other = mapped({.layers = 2, .heads = 3, .sequences = 2, .length = 40}, {12, 12, 4, 64}).note();
    CHECK(has(other, "layer floor(l * 2 / 12)"));
    CHECK(has(other, "head h mod 3"));
    CHECK(has(other, "requests from 2 on repeat"));
    CHECK(has(other, "Extended: the source has 40 positions, the run 64"));
}

TEST_CASE("a source without rows is refused", "[attention][mapped_rows]") {
    CHECK_THROWS_AS(mapped({.layers = 2, .heads = 3, .sequences = 0, .length = 40}, {2, 3, 2, 40}), InputError);
}

}  // namespace palimpsest
