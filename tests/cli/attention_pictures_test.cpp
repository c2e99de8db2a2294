// Pictures of attention show where the mass is.

#include "cli/attention_pictures.h"

#include <vector>

#include "support/catch.h"
#include "support/fake_attention.h"

namespace palimpsest {
namespace {

/// All attention on the query's own position.
class Diagonal final : public AttentionSource {
  public:
    std::uint32_t layers() const override { return 1; }
    std::uint32_t heads() const override { return 1; }
    std::uint32_t sequences() const override { return 1; }
    std::uint32_t length() const override { return 4; }
    std::string describe() const override { return "Diagonal"; }
    bool synthetic() const override { return true; }
    void row(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t position, std::span<Probability> row) override {
        std::fill(row.begin(), row.end(), Probability{0});
        row[position] = kProbabilityOne;
    }
};

}  // namespace

TEST_CASE("bars grow with the root of the mass, and keys share columns", "[pictures]") {
    CHECK(picture_of_row(std::vector<Probability>{0, 16384, 65535}, 10) == " ▄█");
    CHECK(picture_of_row(std::vector<Probability>{100, 100, 0, 0}, 2) == "█ ");
    CHECK(picture_of_row(std::vector<Probability>{0, 0}, 8) == "  ");
}

TEST_CASE("a head that looks at itself is a diagonal", "[pictures]") {
    Diagonal source;
    CHECK(picture_of_head(source, 0, 0, 0, 32, 96) == "█\n █\n  █\n   █\n");
    CHECK(picture_of_head(source, 0, 0, 0, 2, 2) == "█\n █\n");
}

TEST_CASE("text becomes one printable line", "[pictures]") {
    CHECK(printable("a\nb\tc") == "a\\nb?c");
}

}  // namespace palimpsest
