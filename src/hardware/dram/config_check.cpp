#include "hardware/dram/config_check.h"

#include "config/dram_relations.h"
#include "hardware/dram/burst_queue.h"
#include "hardware/dram/device_timing.h"

namespace palimpsest {

static_assert(kDramBankLimit <= kMaxBanks && kDramQueueLimit <= kMaxQueue,
              "configs promise more than the controller has");

void check_dram_config(const DramConfig& config, const std::string& file) {
    check_dram_structure(config, file);
}

}  // namespace palimpsest
