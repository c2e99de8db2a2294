#include "palimpsest/kv_mmu_parts.h"

namespace palimpsest {

std::string_view name_of(KvMmuPart part) {
    static constexpr std::array<std::string_view, kKvMmuParts> names{
        "slot_table", "score_store", "victim_unit", "address_generator", "write_combiner", "spilled_scores", "other"};
    return names[static_cast<std::size_t>(part)];
}

}  // namespace palimpsest
