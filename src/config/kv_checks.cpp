#include "config/kv_checks.h"

#include <string>
#include <variant>

#include <fmt/format.h>

#include "config/row_stripe.h"

namespace palimpsest {
namespace {

/// Head dimensions of the run, each with what it belongs to.
struct HeadDim {
    std::string owner;
    std::uint32_t elements;
};

std::vector<HeadDim> head_dims(const RunConfig& config) {
    if (config.workload.operators.empty()) {
        return {{config.model.name, config.model.head_dim}};
    }
    std::vector<HeadDim> dims;
    for (const OperatorSpec& spec : config.workload.operators) {
        if (const auto* attention = std::get_if<AttentionOperator>(&spec.shape)) {
            dims.push_back({spec.name, attention->head_dim});
        } else if (const auto* replace = std::get_if<KvReplaceOperator>(&spec.shape)) {
            dims.push_back({spec.name, replace->head_dim});
        }
    }
    return dims;
}

}  // namespace

void cross_check_kv(const RunConfig& config, const Locate& locate, Diagnostics& diagnostics) {
    const auto refuse = [&](const char* at, const std::string& what_is_there, const std::string& accepted) {
        const FilePlace place = locate(at);
        diagnostics.add(place.file, place.path, what_is_there, accepted);
    };
    const CacheConfig& cache = config.cache;
    if (cache.kv_bits == 4) {
        for (const HeadDim& dim : head_dims(config)) {
            if (dim.elements % cache.kv_group != 0) {
                refuse("cache.kv_group", fmt::format("value {}", cache.kv_group),
                       fmt::format("a divisor of the head dimension of {}, {}: every scale has a whole group",
                                   dim.owner, dim.elements));
            } else if (dim.elements % 2 != 0) {
                refuse("cache.kv_bits", "value 4",
                       fmt::format("8 or 16: {} elements of 4 bits, the head dimension of {}, are no whole bytes",
                                   dim.elements, dim.owner));
            }
        }
    }
    if (cache.placement == CachePlacement::bank_interleaved && row_stripe(config.dram).banks < 2) {
        refuse(
            "cache.placement", "value \"bank_interleaved\"",
            fmt::format("\"packed\", or a DRAM mapping with bank bits between its columns and its rows, which \"{}\" "
                        "does not have",
                        config.dram.mapping));
    }
}

}  // namespace palimpsest
