// Values that break JEDEC relations are found, each with the place, what would be right and where that is written:
// those that have been seen in tables of DRAM simulators, and those that come from copying one device's numbers to
// another.
#include "config/dram_relations.h"

#include <functional>
#include <set>

#include "config/references.h"
#include "config/validate.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

std::string text_of(const std::vector<DramProblem>& problems) {
    std::string text;
    for (const DramProblem& problem : problems) {
        text += problem.path + ": " + problem.what_is_there + "; accepted: " + problem.accepted + "\n";
    }
    return text;
}

/// The device that several independent simulators were compared on: DDR4-2400 16-16-16 of 4 Gb devices.
DramConfig compared_device() {
    DramConfig c = load_dram("ddr4-2400");
    DramTiming& t = c.timing;
    t.nCL = t.nRCD = t.nRP = 16;
    t.nRC = 55;
    t.nRFC = 312;
    c.organisation.rows = 32768;
    return c;
}

struct Wrong {
    const char* what;    ///< and where such values have come from
    const char* preset;  ///< the device whose file they are put into
    std::function<void(DramConfig&)> spoil;
    const char* path;  ///< of the complaint
    const char* hint;  ///< in the complaint: what would be right
};

const std::vector<Wrong>& wrong_values() {
    using C = DramConfig;
    static const std::vector<Wrong> list{
        // Seen in tables of simulators.
        {"LPDDR4-2400 with 8660 clocks of 0.83 ns: 7.2 us, the interval of another family", "lpddr4-3200",
         [](C& c) {
             c.name = "LPDDR4-2400";
             c.timing.tCK_ps = 830;
             c.timing.nREFI = 8660;
         },
         "timing.nREFI", "4703: tREFI 3904 ns"},
        {"the refresh interval is misspelt in the file, so that the simulator's default of another device counts",
         "hbm2", [](C& c) { c.timing.nREFI = 7800; }, "timing.nREFI", "3900: tREFI 3900 ns"},
        {"the same in a DDR3 file: the default is DDR4-2400's", "ddr3-1600", [](C& c) { c.timing.nREFI = 9360; },
         "timing.nREFI", "6240: tREFI 7800 ns at 1.25 ns"},
        {"a placeholder of 1 for the length of a refresh", "ddr4-2400", [](C& c) { c.timing.nRFC = 1; }, "timing.nRFC",
         "420 or more: tRFC1 350 ns, 8 Gbit a device"},
        {"a placeholder of 1 for the window of four activates", "lpddr5-6400", [](C& c) { c.timing.nFAW = 4; },
         "timing.nFAW", "16 or more: tFAW, 20 ns"},
        {"LPDDR4-2400 with tRP and tRCD of 15 clocks, 12.5 ns: DDR4's", "lpddr4-3200", [](C& c) { c.timing.nRCD = 20; },
         "timing.nRCD", "29 or more: tRCD, 18 ns"},
        {"8 Gb DDR3 with the activate spacing of a 1 kB page, though its page is 2 kB", "ddr3-1600",
         [](C& c) { c.timing.nRRD_S = c.timing.nRRD_L = 5; }, "timing.nRRD_S", "6 or more: tRRD, 2 kB page, 7.5 ns"},
        {"the refresh of a density four times smaller", "lpddr4-3200", [](C& c) { c.timing.nRFC = 208; }, "timing.nRFC",
         "448 or more: tRFCab 280 ns, 8 Gbit a channel"},
        {"more rows, and the refresh still that of the smaller device", "ddr4-3200",
         [](C& c) { c.organisation.rows *= 2; }, "timing.nRFC", "880 or more: tRFC1 550 ns, 16 Gbit a device"},
        {"DDR4-2400's write latency at 3200 MT/s", "ddr4-3200", [](C& c) { c.timing.nCWL = 12; }, "timing.nCWL",
         "16 or more: CWL, 16 clocks"},
        // Another standard's rules.
        {"DDR4's burst length in LPDDR4", "lpddr4-3200", [](C& c) { c.timing.burst_length = 8; }, "timing.burst_length",
         "16 or 32"},
        {"LPDDR4's burst length in DDR4", "ddr4-2400",
         [](C& c) {
             c.timing.burst_length = 16;
             c.timing.nCCD_S = c.timing.nCCD_L = 8;
         },
         "timing.burst_length", "8 (DDR4"},
        {"LPDDR5's eight beats a clock in LPDDR4", "lpddr4-3200", [](C& c) { c.timing.beats_per_clock = 8; },
         "timing.beats_per_clock", "2 (LPDDR4"},
        {"DDR4's bank groups in DDR3", "ddr3-1600", [](C& c) { c.organisation.bank_groups = 4; },
         "organisation.bank_groups", "1 x 8 (DDR3"},
        {"DDR4's two column spacings in DDR3", "ddr3-1600", [](C& c) { c.timing.nCCD_L = 6; }, "timing.nCCD_L",
         "nCCD_S, 4: DDR3 has no bank groups"},
        {"per-bank refresh in DDR4", "ddr4-2400",
         [](C& c) {
             c.refresh.mode = RefreshMode::per_bank;
             c.timing.nRFCpb = 108;
         },
         "refresh.mode", "all_bank"},
        {"a DDR4 file whose standard says DDR3", "ddr4-2400", [](C& c) { c.standard = "DDR3"; }, "standard", "DDR4"},
        {"an unknown standard", "ddr4-2400", [](C& c) { c.standard = "DDR9"; }, "standard", "DDR3, DDR4, LPDDR4"},
        // Relations within one device.
        {"tRC without tRP", "ddr4-2400", [](C& c) { c.timing.nRC = c.timing.nRAS; }, "timing.nRC",
         "nRAS + nRP = 56 or more"},
        {"the two column spacings changed round", "ddr4-2400",
         [](C& c) { std::swap(c.timing.nCCD_S, c.timing.nCCD_L); }, "timing.nCCD_L", "6 or more: nCCD_S"},
        {"a window of four activates shorter than four activates", "ddr4-2400", [](C& c) { c.timing.nRRD_S = 9; },
         "timing.nFAW", "33 or more: tFAW >= 4 tRRD"},
        {"bursts closer than the data bus carries", "ddr4-2400", [](C& c) { c.timing.nCCD_S = 2; }, "timing.nCCD_S",
         "4 or more: the clocks of a burst"},
        {"the clock of DDR4-3200 under the name DDR4-2400", "ddr4-2400", [](C& c) { c.timing.tCK_ps = 625; },
         "timing.tCK_ps", "833: the name is \"DDR4-2400\""},
        {"the data rate written as the clock", "ddr4-2400", [](C& c) { c.timing.tCK_ps = 417; }, "timing.tCK_ps",
         "1600, 1866, 2133, 2400, 2666, 2933, 3200"},
        {"a clock for WCK at twice CK beyond 3200 MT/s", "lpddr5-6400",
         [](C& c) {
             c.timing.beats_per_clock = 4;
             c.timing.tCK_ps = 625;
             c.timing.nCCD_S = 4;
             c.timing.nCCD_L = 8;
         },
         "timing.beats_per_clock", "8: WCK runs at four times CK"},
        {"sixteen LPDDR5 banks without groups at 6400 MT/s", "lpddr5-6400",
         [](C& c) {
             c.organisation.bank_groups = 1;
             c.organisation.banks_per_group = 16;
         },
         "organisation.bank_groups", "4 x 4 above 3200 MT/s"},
        {"LPDDR5 bank groups that take every burst", "lpddr5-6400", [](C& c) { c.timing.nCCD_L = 2; }, "timing.nCCD_L",
         "4 or more: a bank group takes every second burst"},
        {"a pseudo channel of HBM2 with the burst of a whole one", "hbm2", [](C& c) { c.timing.burst_length = 2; },
         "timing.burst_length", "4: that of a pseudo channel"},
        {"two bank groups in a x8 DDR4 device", "ddr4-2400", [](C& c) { c.organisation.bank_groups = 2; },
         "organisation.bank_groups", "4: devices of 8 bits"},
        {"a rank of devices of no such width", "ddr4-2400", [](C& c) { c.organisation.devices_per_rank = 2; },
         "organisation.devices_per_rank", "devices of 4 or 8 or 16 bits"},
        {"a device of 64 Gb", "ddr4-2400", [](C& c) { c.organisation.rows *= 8; }, "organisation.rows",
         "at most 16 Gbit"},
        {"a refresh of one bank that lasts as long as one of all", "lpddr4-3200",
         [](C& c) {
             c.refresh.mode = RefreshMode::per_bank;
             c.timing.nRFCpb = c.timing.nRFC;
         },
         "timing.nRFCpb", "less than nRFC, 448"},
        {"per-bank refresh of another density", "lpddr4-3200", [](C& c) { c.timing.nRFCpb = 144; }, "timing.nRFCpb",
         "224 or more: tRFCpb, 8 Gbit a channel, 140 ns"},
        {"self-refresh exit without the refresh under way", "ddr4-2400",
         [](C& c) {
             c.power_down.self_refresh_after = 1000;
             c.timing.nXS = 12;
         },
         "timing.nXS", "433 or more: tRFC + 10 ns"},
        // Nanoseconds where clocks belong.
        {"tRAS in nanoseconds", "ddr4-2400", [](C& c) { c.timing.nRAS = 32; }, "timing.nRAS",
         "39 or more: tRAS, 32 ns"},
        {"tRFC in nanoseconds", "ddr4-3200", [](C& c) { c.timing.nRFC = 350; }, "timing.nRFC", "560 or more"},
        {"tREFI in nanoseconds", "ddr4-2400", [](C& c) { c.timing.nREFI = 7800; }, "timing.nREFI",
         "9360: tREFI 7800 ns"},
        {"tREFI in microseconds", "lpddr4-3200", [](C& c) { c.timing.nREFI = 4; }, "timing.nREFI", "nRFC + nRC"},
        {"tWR in nanoseconds", "ddr4-3200", [](C& c) { c.timing.nWR = 15; }, "timing.nWR", "24 or more: tWR, 15 ns"},
        {"tRCD in nanoseconds", "ddr4-2400", [](C& c) { c.timing.nRCD = 14; }, "timing.nRCD", "15 or more"},
        {"tXP in nanoseconds", "ddr4-3200", [](C& c) { c.timing.nXP = 6; }, "timing.nXP",
         "10 or more: tXP, 6 ns at 0.625 ns a clock and at least 4 clocks"},
    };
    return list;
}

/// As a file is judged.
std::vector<DramProblem> all_problems(const DramConfig& config) {
    std::vector<DramProblem> problems = dram_structure_problems(config);
    const std::vector<DramProblem> more = jedec_problems(config);
    problems.insert(problems.end(), more.begin(), more.end());
    return problems;
}

}  // namespace

TEST_CASE("every shipped DRAM preset keeps the relations of its standard", "[jedec][presets]") {
    for (const std::string& name : preset_names("dram")) {
        INFO(name);
        const DramConfig config = load_dram(name);
        CHECK(text_of(all_problems(config)) == "");
        CHECK_FALSE(config.allow_nonstandard);
        DramConfig sleeping = config;
        sleeping.power_down = {100, 10000};
        CHECK(text_of(all_problems(sleeping)) == "");
        DramConfig by_bank = config;
        by_bank.refresh.mode = RefreshMode::per_bank;
        CHECK(all_problems(by_bank).empty() == find_dram_standard(config.standard)->bank_refresh);
    }
}

TEST_CASE("wrong values copied from elsewhere are caught, with the right one and its source", "[jedec]") {
    for (const Wrong& wrong : wrong_values()) {
        DramConfig config = load_dram(wrong.preset);
        REQUIRE(all_problems(config).empty());
        wrong.spoil(config);
        const std::vector<DramProblem> problems = all_problems(config);
        INFO(wrong.what << "\n" << text_of(problems));
        bool found = false;
        for (const DramProblem& problem : problems) {
            found = found || (problem.path == wrong.path && problem.accepted.find(wrong.hint) != std::string::npos);
        }
        CHECK(found);
    }
}

TEST_CASE("the device that simulators are compared on is a legal one", "[jedec]") {
    CHECK(text_of(all_problems(compared_device())) == "");
    DramConfig without_refresh = compared_device();
    without_refresh.refresh.mode = RefreshMode::none;
    without_refresh.organisation.rows = 65536;  // nRFC of 4 Gb: of no account while nothing is refreshed
    CHECK(text_of(all_problems(without_refresh)) == "");
}

TEST_CASE("every relation of the tables can fail", "[jedec]") {
    // Relation by relation: at least one of the wrong values above, or of these, breaks it.
    std::vector<DramConfig> configs;
    for (const Wrong& wrong : wrong_values()) {
        configs.push_back(load_dram(wrong.preset));
        wrong.spoil(configs.back());
    }
    const auto with = [&](const std::function<void(DramConfig&)>& spoil) {
        configs.push_back(load_dram("ddr4-2400"));
        spoil(configs.back());
    };
    with([](DramConfig& c) { c.timing.nCL = 0; });
    with([](DramConfig& c) { c.timing.burst_length = 3; });
    with([](DramConfig& c) { c.timing.nRCD = c.timing.nRAS + 1; });
    with([](DramConfig& c) { c.timing.nFAW = 3; });
    with([](DramConfig& c) { c.timing.nCWL = 40; });
    with([](DramConfig& c) { c.refresh.postpone = 8; });
    with([](DramConfig& c) {
        c.refresh.mode = RefreshMode::none;
        c.power_down.self_refresh_after = 1;
    });
    with([](DramConfig& c) { c.organisation.ranks = 8; });
    with([](DramConfig& c) { c.controller.read_queue = 65; });
    const auto fails = [&](const DramRelation& relation, bool jedec) {
        for (const DramConfig& config : configs) {
            const DramStandard* standard = find_dram_standard(config.standard);
            std::vector<DramProblem> problems;
            const bool concerned =
                !jedec || (standard != nullptr && (relation.applies == "all" ||
                                                   relation.applies.find(standard->name) != std::string_view::npos));
            if (concerned) {
                relation.check(config, standard, problems);
            }
            if (!problems.empty()) {
                return true;
            }
        }
        return false;
    };
    std::set<std::string_view> names;
    for (const DramRelation& relation : dram_structure_relations()) {
        INFO(relation.name);
        CHECK(fails(relation, false));
        CHECK(names.insert(relation.name).second);
    }
    names.clear();
    for (const DramRelation& relation : jedec_relations()) {
        INFO(relation.name);
        CHECK(fails(relation, true));
        CHECK(names.insert(relation.name).second);
    }
}

TEST_CASE("each least time is enforced at the clock, and not one above", "[jedec]") {
    for (const std::string& name : preset_names("dram")) {
        DramConfig config = load_dram(name);
        const DramStandard& standard = *find_dram_standard(config.standard);
        const double clock_ns = clock_ns_of(standard, config.timing);
        std::set<std::string_view> done;
        for (const DramMinimum& minimum : standard.minima) {
            if (!applies(minimum, config) || !done.insert(minimum.field).second) {
                continue;
            }
            INFO(name << " " << minimum.symbol);
            const auto least =
                static_cast<std::uint32_t>(std::max<std::uint64_t>(minimum.clocks, clocks_of(minimum.ns, clock_ns)));
            DramConfig edge = config;
            const std::string path = "timing." + std::string(minimum.field);
            const auto complaints = [&] {
                std::size_t n = 0;
                for (const DramProblem& problem : jedec_problems(edge)) {
                    n += problem.path == path && problem.accepted.find(minimum.symbol) != std::string::npos ? 1 : 0;
                }
                return n;
            };
            edge.timing.*minimum.value = least;
            CHECK(complaints() == 0);
            edge.timing.*minimum.value = least - 1;
            CHECK(complaints() == 1);
            CHECK(config.timing.*minimum.value >= least);
        }
    }
}

TEST_CASE("rounding to clocks is JEDEC's", "[jedec]") {
    // 0.8333 ns: 15 ns are 18 clocks, not 19 for the last digit of tCK; but 14.16 ns are 17.
    CHECK(clocks_of(15, 2000 / 2400.0) == 18);
    CHECK(clocks_of(14.16, 2000 / 2400.0) == 17);
    CHECK(clocks_of(7.5, 0.625) == 12);
    CHECK(clocks_of(7.51, 0.625) == 12);
    CHECK(clocks_of(7.53, 0.625) == 13);
}

TEST_CASE("density is counted of a device, HBM2's of a channel", "[jedec]") {
    CHECK(device_gigabits_of(load_dram("ddr3-1600")) == 8);
    CHECK(device_gigabits_of(load_dram("ddr4-2400")) == 8);
    CHECK(device_gigabits_of(load_dram("ddr4-3200")) == 8);
    CHECK(device_gigabits_of(load_dram("lpddr4-3200")) == 8);
    CHECK(device_gigabits_of(load_dram("lpddr5-6400")) == 8);
    CHECK(device_gigabits_of(load_dram("hbm2")) == 4);
    CHECK(device_gigabits_of(compared_device()) == 4);
}

TEST_CASE("DDR4 that refreshes two or four times as often refreshes for a shorter time", "[jedec]") {
    DramConfig config = load_dram("ddr4-2400");
    config.timing.nREFI = 4680;
    config.timing.nRFC = 312;
    CHECK(text_of(jedec_problems(config)) == "");
    config.timing.nRFC = 311;
    CHECK(text_of(jedec_problems(config)).find("312 or more: tRFC2 260 ns") != std::string::npos);
    config.timing.nREFI = 2340;
    config.timing.nRFC = 192;
    CHECK(text_of(jedec_problems(config)) == "");
    config.timing.nRFC = 191;
    CHECK(text_of(jedec_problems(config)).find("192 or more: tRFC4 160 ns") != std::string::npos);
}

TEST_CASE("files and settings that break the standard are refused, all at once, unless they say so",
          "[jedec][config]") {
    const ConfigFiles files;
    nlohmann::json dram = {{"$schema", "../schema/dram.schema.json"},
                           {"base", "ddr4-2400"},
                           {"name", "DDR4-2400 of my own"},
                           {"timing", {{"nRAS", 20}, {"nRC", 60}, {"nREFI", 7800}, {"burst_length", 8}}},
                           {"organisation", {{"devices_per_rank", 4}}}};
    const std::string file = files.write("dram.json", dram);
    const std::string error = input_error_of([&] { validate_file(file); });
    INFO(error);
    for (const char* part : {"dram.json: timing.nRAS: value 20 = 16.7 ns; accepted: 39 or more: tRAS, 32 ns at 0.8333 "
                             "ns a clock (JESD79-4B)",
                             "dram.json: timing.nREFI: value 7800",
                             "ddr4-2400.json: organisation.bank_groups: value 4; accepted: 2: devices of 16 bits",
                             "\"allow_nonstandard\": true, in the file or by --set, for a device of your own"}) {
        CHECK(error.find(part) != std::string::npos);
    }
    CHECK(lines_of(error) >= 4);
    dram["allow_nonstandard"] = true;
    const std::string own = files.write("own.json", dram);
    CHECK(input_error_of([&] { validate_file(own); }) == "");
    CHECK(load_dram(own).allow_nonstandard);

    const std::string run = files.write("run.json", small_run());
    const std::string setting = input_error_of([&] {
        load_run_config(run, {"dram=ddr4-2400", "dram.timing.nRCD=3", "dram.timing.nRP=3"});
    });
    INFO(setting);
    CHECK(setting.find("--set: dram.timing.nRCD: value 3") != std::string::npos);
    CHECK(setting.find("--set: dram.timing.nRP: value 3") != std::string::npos);
    const std::vector<std::string> allowed{"dram=ddr4-2400", "dram.timing.nRCD=3", "dram.allow_nonstandard=true"};
    CHECK(load_run_config(run, allowed).resolved["dram"]["allow_nonstandard"] == true);
    // What the controller cannot run stays refused.
    const std::vector<std::string> broken{"dram.timing.nRC=3", "dram.allow_nonstandard=true"};
    CHECK(input_error_of([&] { load_run_config(run, broken); }).find("nRAS + nRP") != std::string::npos);

    DramConfig config = compared_device();
    CHECK_NOTHROW(check_jedec(config));
    config.timing.nRAS = 20;
    config.timing.nRP = 3;
    CHECK(lines_of(input_error_of([&] { check_jedec(config, "memory.json"); })) == 2);
    CHECK_NOTHROW(check_dram_structure(config));
}

TEST_CASE("geometry that cannot be addressed is refused with the reason", "[jedec][config]") {
    struct Bad {
        const char* setting;
        const char* reason;
    };
    const ConfigFiles files;
    const std::string run = files.write("run.json", small_run());
    for (const Bad& bad :
         {Bad{"dram.organisation.rows=0", "rows: value 0; accepted: an integer, 1 to"},
          {"dram.organisation.channels=0", "channels: value 0"},
          {"dram.organisation.banks_per_group=0", "banks_per_group: value 0"},
          {"dram.organisation.columns=0", "columns: value 0"},
          {"dram.organisation.bus_bits=0", "bus_bits: value 0"},
          {"dram.organisation.devices_per_rank=0", "devices_per_rank: value 0"},
          {"dram.organisation.devices_per_rank=3", "devices_per_rank: value 3; accepted: a divisor of bus_bits"},
          {"dram.organisation.rows=1000", "rows: value 1000; accepted: a power of two"},
          {"dram.organisation.columns=768", "columns: value 768; accepted: a power of two"},
          {"dram.organisation.ranks=3", "ranks: value 3; accepted: a power of two"},
          {"dram.organisation.ranks=16", "16 ranks x 1 bank groups x 8 banks; accepted: 1 to 64 banks a channel"},
          {"dram.organisation.columns=8", "columns: value 8; accepted: 16 or more"},
          {"dram.timing.burst_length=12", "burst_length: value 12; accepted: a power of two"},
          {"dram.controller.read_queue=65", "read_queue: value 65; accepted: an integer, 1 to 64"},
          {"dram.refresh.postpone=8", "postpone: value 8; accepted: an integer, 0 to 7"},
          {"dram.power_down.self_refresh_after=5 dram.refresh.mode=none", "refresh.mode all_bank"},
          {"dram.mapping=row|bank|channel", "names 0 of the 6 bits of column"},
          {"dram.mapping=row|bank|column|column", "names column 2 times without a width"},
          {"dram.mapping=row:3|bank|column", "names 3 of the 16 bits of row"},
          {"dram.mapping=row|bank|column:7", "names 7 of the 6 bits of column"},
          {"dram.mapping=row|bank|column:6|column:1", "names 7 of the 6 bits of column"},
          {"dram.mapping=row|bank|column|", "has a field \"\""}}) {
        std::vector<std::string> settings;
        std::istringstream words(bad.setting);
        for (std::string word; words >> word;) {
            settings.push_back(word);
        }
        const std::string error = input_error_of([&] { load_run_config(run, settings); });
        INFO(bad.setting << "\n" << error);
        CHECK(error.find(bad.reason) != std::string::npos);
    }
}
