// Row stripes of mapping strings, by hand.

#include "config/row_stripe.h"

#include "support/catch.h"

using namespace palimpsest;

namespace {

DramConfig with_mapping(const char* mapping) {
    DramConfig dram;
    dram.organisation.channels = 2;
    dram.organisation.ranks = 2;
    dram.organisation.bank_groups = 4;
    dram.organisation.banks_per_group = 4;
    dram.organisation.rows = 16;
    dram.organisation.columns = 128;
    dram.organisation.bus_bits = 64;
    dram.timing.burst_length = 8;
    dram.mapping = mapping;
    return dram;
}

}  // namespace

TEST_CASE("the stripe and the banks in turn of the common mappings", "[config][row_stripe]") {
    // 64 B bursts; 4 column bits.
    struct Expected {
        const char* mapping;
        Bytes bytes;
        std::uint32_t banks;
    };
    for (const Expected& e : {Expected{"row|rank|bankgroup|bank|column|channel", 64 * 2 * 16, 2 * 4 * 4},
                              {"row|rank|bank|column|bankgroup|channel", 64 * 2 * 4 * 16, 2 * 4},
                              {"row|rank|bank|column|channel|column:1|bankgroup", 64 * 2 * 4 * 16, 2 * 4},
                              {"rank|bankgroup|bank|row|column|channel", 64 * 2 * 16, 1},
                              {"channel|row|column|rank|bank|bankgroup", 64 * 16 * 2 * 4 * 4, 1},
                              {"row|bank|bankgroup:1|column|bankgroup|rank|channel", 64 * 16 * 2 * 2 * 2, 2 * 4},
                              {"rank|row|bank:1|row:2|bankgroup|bank|column|channel", 64 * 2 * 16, 4 * 2},
                              {"column|row|bank|column:2|bankgroup|rank|channel", 64 * 4 * 4 * 2 * 2, 4}}) {
        CAPTURE(e.mapping);
        const RowStripe stripe = row_stripe(with_mapping(e.mapping));
        CHECK(stripe.bytes == e.bytes);
        CHECK(stripe.banks == e.banks);
    }
    CHECK(row_stripe(DramConfig{}).bytes == 8192);
    CHECK(row_stripe(DramConfig{}).banks == 8);
}
