// Settings of a DRAM file that is loaded without a run.

#include "config/loader.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;
using Catch::Matchers::Contains;

TEST_CASE("a DRAM file's settings are changed by their path in it", "[config][dram]") {
    const DramConfig plain = load_dram("ddr4-2400");
    const DramConfig changed = load_dram("ddr4-2400", {"timing.nCL=16", "refresh.mode=none", "organisation.ranks=2",
                                                       "mapping=row|rank|bank|bankgroup|column", "name=mine"});
    CHECK(plain.timing.nCL == 17);
    CHECK(changed.timing.nCL == 16);
    CHECK(changed.timing.nRCD == plain.timing.nRCD);
    CHECK(changed.refresh.mode == RefreshMode::none);
    CHECK(changed.organisation.ranks == 2);
    CHECK(changed.mapping == "row|rank|bank|bankgroup|column");
    CHECK(changed.name == "mine");
    CHECK(load_dram("ddr4-2400", {"timing.nCL=18", "timing.nCL=19"}).timing.nCL == 19);
}

TEST_CASE("what is wrong with a setting of a DRAM file is said under --set", "[config][dram]") {
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"timing.nCLL=16"}),
                      Contains("--set: timing.nCLL: unknown setting, did you mean \"timing.nCL\"?"));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"dram.timing.nCL=16"}),
                      Contains("--set: dram.timing.nCL: unknown setting") && Contains("\"timing.nCL\""));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"cache.budget=16"}), Contains("--set: cache.budget: unknown setting"));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"timing.nCL=fast"}), Contains("--set: timing.nCL: value \"fast\""));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"organisation.rows=1000"}),
                      Contains("--set: organisation.rows: value 1000; accepted: a power of two"));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"base=hbm2"}), Contains("unknown setting"));
    CHECK_THROWS_WITH(load_dram("ddr4-2400", {"timing"}), Contains("PATH=VALUE"));
    CHECK_THROWS_AS(load_dram("ddr4-2401", {"timing.nCL=16"}), InputError);
}
