// Cost tables between JSON and structs: what is written is what was read, and a table of before areas stays what it
// was.

#include <fstream>

#include "config/cost_table_json.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

Json shipped_table() {
    std::ifstream file(PALIMPSEST_SOURCE_DIR "/configs/cost/65nm.json");
    return Json::parse(file);
}

}  // namespace

TEST_CASE("a cost table that is written reads back the same", "[cost_table]") {
    const Json written = write_cost_table(read_cost_table(shipped_table()));
    CHECK(write_cost_table(read_cost_table(written)) == written);
    CHECK(written["area"]["pe_array"]["per"] == "pe");
    CHECK(written["area"]["pe_array"]["value"] == shipped_table()["area"]["pe_array"]["value"]);
    CHECK(written["area"].size() == shipped_table()["area"].size());
}

TEST_CASE("a cost table without areas has none, and none is written", "[cost_table]") {
    Json document = shipped_table();
    document.erase("area");
    const CostTable table = read_cost_table(document);
    CHECK(table.area.empty());
    CHECK_FALSE(write_cost_table(table).contains("area"));
}
