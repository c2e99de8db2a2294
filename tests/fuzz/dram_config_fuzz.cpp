// Any bytes as a DRAM file; what is accepted is built and given something to do.

#include "config/loader.h"
#include "fuzz/fuzz_entry.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/dram_system.h"
#include "palimpsest/error.h"
#include "support/scratch_directory.h"

namespace palimpsest {

const unsigned kFuzzMutations = 300;

void fuzz_one(std::string_view input) {
    const InputFile file(input);
    const DramConfig config = load_dram(file.path());
    check_dram_config(config);
    DramSystem dram(config);
    std::vector<DramTransaction> transactions(40);
    std::vector<DramTransaction*> finished;
    Bytes address = 0;
    for (DramTransaction& transaction : transactions) {
        const DramSegment segment{address, 1};
        address = (address * 5 + 12345) % config.organisation.bytes();
        transaction.segments = {&segment, 1};
        transaction.write = finished.size() % 3 == 1;
        dram.send(transaction, 0);
    }
    for (int steps = 0; steps < 10000 && dram.next_wakeup() != kNever; ++steps) {
        dram.advance_to(dram.next_wakeup(), finished);
    }
}

std::vector<std::string> fuzz_seeds() {
    std::vector<std::string> seeds{
        R"({"base": "ddr4-2400", "timing": {"nCL": 18}, "mapping": "row|bank|bankgroup|column"})"};
    for (const auto& entry : std::filesystem::directory_iterator(configs_directory() + "/dram")) {
        seeds.push_back(content_of(entry.path()));
    }
    std::sort(seeds.begin(), seeds.end());
    return seeds;
}

}  // namespace palimpsest
