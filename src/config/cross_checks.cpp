#include "config/cross_checks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include <fmt/format.h>

#include "config/dram_relations.h"
#include "config/fields.h"
#include "config/kv_checks.h"
#include "config/policy_defaults.h"

namespace palimpsest {
namespace {

/// Adds problems at paths of the run, wherever in the user's files these come from.
class Reporter {
  public:
    Reporter(const Locate& locate, Diagnostics& diagnostics) : locate_(locate), diagnostics_(diagnostics) {}

    void require(bool holds, const std::string& path, const std::string& what_is_there, const std::string& accepted) {
        if (!holds) {
            const FilePlace place = locate_(path);
            diagnostics_.add(place.file, place.path, what_is_there, accepted);
        }
    }

  private:
    const Locate& locate_;
    Diagnostics& diagnostics_;
};

std::string value_text(std::uint64_t value) {
    return fmt::format("value {}", value);
}

void check_cache(const RunConfig& config, Reporter& report) {
    const CacheConfig& cache = config.cache;
    const std::uint64_t budget = cache.budget;
    const PolicyDefaults* const policy = find_policy_defaults(cache.policy);
    if (policy != nullptr && policy->protects_recent) {
        const std::uint64_t least = std::uint64_t{cache.sinks} + cache.recent + 1;
        report.require(budget >= least, "cache.budget", value_text(budget),
                       fmt::format("{} or more: sinks ({}) + recent ({}) + 1, or the new token finds no slot to take",
                                   least, cache.sinks, cache.recent));
    } else if (policy != nullptr && policy->protects_sinks) {
        const std::uint64_t least = std::uint64_t{cache.sinks} + 1;
        report.require(budget >= least, "cache.budget", value_text(budget),
                       fmt::format("{} or more: sinks ({}) + 1", least, cache.sinks));
    }
    constexpr std::uint32_t kMostComputedBits = 32;
    const bool computes_in_score_bits = cache.policy == "rce" || cache.policy == "accumulated";
    report.require(!computes_in_score_bits || cache.score_bits <= kMostComputedBits, "cache.score_bits",
                   value_text(cache.score_bits),
                   fmt::format("at most {} bits with {}", kMostComputedBits, cache.policy));
    report.require(cache.snapkv_kernel % 2 == 1, "cache.snapkv_kernel", value_text(cache.snapkv_kernel),
                   "an odd number: a token and as many neighbours on each side");
}

/// Different numbers of tokens need a store without fixed slots, and rows of the prompt before the run.
void check_allocation(const RunConfig& config, Reporter& report) {
    const CacheConfig& cache = config.cache;
    if (cache.allocation == BudgetAllocation::equal) {
        return;
    }
    const auto require = [&](bool holds, const std::string& accepted) {
        report.require(holds, "cache.allocation", fmt::format("value \"{}\"", config_name(cache.allocation)), accepted);
    };
    require(
        cache.storage == StorageMode::append_gather,
        fmt::format("\"equal\" with cache.storage \"{}\", whose slots are equally many in every (request, layer, KV "
                    "head) by design, or cache.storage \"append_gather\"",
                    config_name(cache.storage)));
    require(cache.policy != "full", "\"equal\" with cache.policy \"full\", or a policy that evicts");
    require(cache.scope == EvictionScope::head,
            fmt::format("\"equal\" with cache.scope \"{}\", where KV heads share a victim, or cache.scope \"head\"",
                        config_name(cache.scope)));
    require(
        !std::holds_alternative<AttentionEngineSource>(config.attention),
        "\"equal\" with attention.source \"engine\", whose rows come as the run goes, or attention.source \"trace\" or "
        "\"synthetic\"");
    require(!config.workload.requests,
            "\"equal\" with workload.requests: requests that come one by one take places of one size");
    require(config.workload.operators.empty(), "\"equal\" with workload.operators: single operators share no budget");
}

void check_sequence(const RunConfig& config, Reporter& report) {
    const ModelShape& model = config.model;
    const std::uint64_t prompt = config.workload.prompt_tokens;
    const std::uint64_t tokens = prompt + config.workload.generated_tokens;
    if (model.positions == PositionEncoding::learned && !config.workload.requests) {
        report.require(
            tokens <= model.max_positions,
            prompt >= model.max_positions ? "workload.prompt_tokens" : "workload.generated_tokens",
            fmt::format("{} prompt + {} generated = {} tokens", prompt, config.workload.generated_tokens, tokens),
            fmt::format("at most {} tokens: {} has that many learned positions", model.max_positions, model.name));
    }
}

void check_requests(const RunConfig& config, Reporter& report) {
    if (!config.workload.requests) {
        return;
    }
    const RequestsConfig& requests = *config.workload.requests;
    const std::uint32_t batch = config.workload.batch;
    report.require(requests.step_tokens == 0 || requests.step_tokens >= batch, "workload.requests.step_tokens",
                   value_text(requests.step_tokens),
                   fmt::format("0, or {} or more: a token for each of the batch", batch));
    report.require(config.cache.prefill == PrefillMode::chunked, "cache.prefill",
                   fmt::format("value \"{}\"", config_name(config.cache.prefill)),
                   "\"chunked\" with workload.requests: prompts share steps with generation");
    report.require(
        !std::holds_alternative<AttentionEngineSource>(config.attention), "attention.source", "value \"engine\"",
        "\"trace\" or \"synthetic\" with workload.requests: the engine runs a batch whose requests begin and "
        "end together");
    const bool own_regions = config.cache.policy == "full" && requests.reserve == KvReserve::request;
    report.require(
        !own_regions || config.cache.placement == CachePlacement::packed, "cache.placement",
        fmt::format("value \"{}\"", config_name(config.cache.placement)),
        "\"packed\" where requests reserve regions of their own length (workload.requests.reserve \"request\" "
        "with full)");
}

void check_residency(const RunConfig& config, Reporter& report) {
    const ResidencyConfig& followed = config.simulation.residency;
    const auto below = [&](std::uint32_t index, std::uint32_t count, const char* key, const char* what) {
        report.require(index < count, fmt::format("simulation.residency.{}", key), value_text(index),
                       fmt::format("less than {}, the number of {}", count, what));
    };
    below(followed.request, config.workload.batch, "request", "requests");
    below(followed.layer, config.model.layers, "layer", "layers");
    below(followed.kv_head, config.model.kv_heads, "kv_head", "KV heads");
}

void check_attention(const RunConfig& config, Reporter& report) {
    if (const auto* synthetic = std::get_if<SyntheticAttention>(&config.attention)) {
        report.require(synthetic->key_bias_variance + synthetic->residual_variance > 0, "attention.key_bias_variance",
                       "key_bias_variance and residual_variance are both 0", "one of them above 0");
    }
}

void check_buffer(const BufferConfig& buffer, const std::string& path, Reporter& report) {
    report.require(buffer.banks % 2 == 0, path + ".banks", value_text(buffer.banks), "an even number: two halves");
    report.require(std::has_single_bit(buffer.word_bytes), path + ".word_bytes", value_text(buffer.word_bytes),
                   "a power of two");
    report.require(buffer.bank_bytes % buffer.word_bytes == 0, path + ".bank_bytes", value_text(buffer.bank_bytes),
                   fmt::format("a multiple of word_bytes, {}", buffer.word_bytes));
}

/// Operands are laid out in words of one width, wherever they lie.
void check_word_widths(const BuffersConfig& buffers, Reporter& report) {
    const auto require = [&](const BufferConfig& buffer, const char* name) {
        report.require(buffer.word_bytes == buffers.activation.word_bytes,
                       fmt::format("hardware.buffers.{}.word_bytes", name), value_text(buffer.word_bytes),
                       fmt::format("that of the activation buffer, {}", buffers.activation.word_bytes));
    };
    require(buffers.weight, "weight");
    require(buffers.kv, "kv");
    require(buffers.score, "score");
}

struct Count {
    const char* name;
    std::uint32_t value;
};

void check_powers_of_two(const char* section, std::initializer_list<Count> counts, Reporter& report) {
    for (const Count& count : counts) {
        report.require(std::has_single_bit(count.value), fmt::format("dram.{}.{}", section, count.name),
                       value_text(count.value), "a power of two");
    }
}

std::uint32_t bits_of(std::uint32_t count) {
    return static_cast<std::uint32_t>(std::bit_width(count)) - 1;
}

/// Each field's bits exactly once. `column` counts bursts: the bits inside a burst are the lowest and have no name.
void check_mapping(const DramConfig& dram, Reporter& report) {
    const DramOrganisation& o = dram.organisation;
    const std::map<std::string, std::uint32_t> widths{
        {"channel", bits_of(o.channels)},
        {"rank", bits_of(o.ranks)},
        {"row", bits_of(o.rows)},
        {"bankgroup", bits_of(o.bank_groups)},
        {"bank", bits_of(o.banks_per_group)},
        {"column", bits_of(std::max(1U, o.columns / dram.timing.burst_length))}};
    struct Seen {
        unsigned open = 0;  ///< mentions without a width: these take what the others leave
        std::uint64_t bits = 0;
    };
    std::map<std::string, Seen> seen;
    const std::string& mapping = dram.mapping;
    const auto reject = [&](const std::string& what, const std::string& accepted) {
        report.require(false, "dram.mapping", fmt::format("value \"{}\" {}", mapping, what), accepted);
    };
    for (std::size_t start = 0; start <= mapping.size();) {
        const std::size_t end = std::min(mapping.find('|', start), mapping.size());
        const std::string part = mapping.substr(start, end - start);
        const std::size_t colon = part.find(':');
        const std::string name = part.substr(0, colon);
        start = end + 1;
        if (!widths.contains(name)) {
            std::vector<std::string> names;
            names.reserve(widths.size());
            for (const auto& [known, ignored] : widths) {
                names.push_back(known);
            }
            const std::string near = nearest_name(name, names);
            reject(fmt::format("has a field \"{}\"{}", name,
                               near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)),
                   "fields " + join_names(names) + ", joined by |");
            return;
        }
        if (colon == std::string::npos) {
            ++seen[name].open;
            continue;
        }
        const std::string width = part.substr(colon + 1);
        if (width.empty() || width.size() > 2 || width.find_first_not_of("0123456789") != std::string::npos) {
            reject(fmt::format("has a width \"{}\"", width), "a number of bits after the colon, as in column:2");
            return;
        }
        seen[name].bits += std::stoul(width);
    }
    for (const auto& [name, width] : widths) {
        const Seen& field = seen[name];
        if (field.open > 1 || field.bits > width || (field.open == 0 && field.bits < width)) {
            reject(field.open > 1 ? fmt::format("names {} {} times without a width", name, field.open)
                                  : fmt::format("names {} of the {} bits of {}", field.bits, width, name),
                   fmt::format("each of the {} bits of {} once; one part without a width takes what the others leave",
                               width, name));
        }
    }
}

/// The KV-MMU's power is given as a whole, as older tables have it, or by part; a base with one and a file with the
/// other would count it twice.
void check_kv_mmu_power(const CostTable& cost, Reporter& report) {
    static constexpr std::array kParts{"kv_mmu_slot_table", "kv_mmu_victim_unit", "kv_mmu_row_accumulators",
                                       "kv_mmu_address_generator", "kv_mmu_write_combiner"};
    const auto given = [&](std::string_view name) {
        return std::ranges::any_of(cost.static_power, [&](const StaticEntry& e) { return e.block == name; });
    };
    if (!given("kv_mmu")) {
        return;
    }
    for (const char* part : kParts) {
        report.require(!given(part), "cost.static_power.kv_mmu", fmt::format("there beside {}", part),
                       "the whole unit or its parts, not both");
    }
}

}  // namespace

void cross_check_model(const ModelShape& model, const Locate& locate, Diagnostics& diagnostics) {
    Reporter report(locate, diagnostics);
    if (model.heads == 0 || model.kv_heads == 0) {
        return;
    }
    report.require(model.heads % model.kv_heads == 0, "model.kv_heads", value_text(model.kv_heads),
                   fmt::format("a divisor of heads, {}", model.heads));
    report.require(model.head_dim > 0, "model.heads", value_text(model.heads),
                   fmt::format("a divisor of hidden, {}, or a head_dim beside it", model.hidden));
    if (model.positions == PositionEncoding::rope) {
        report.require(model.head_dim % 2 == 0, "model.head_dim", value_text(model.head_dim),
                       "an even number: rope turns pairs of elements");
    }
}

void cross_check_hardware(const HardwareConfig& hardware, const Locate& locate, Diagnostics& diagnostics) {
    Reporter report(locate, diagnostics);
    check_buffer(hardware.buffers.weight, "hardware.buffers.weight", report);
    check_buffer(hardware.buffers.activation, "hardware.buffers.activation", report);
    check_buffer(hardware.buffers.kv, "hardware.buffers.kv", report);
    check_buffer(hardware.buffers.score, "hardware.buffers.score", report);
    check_word_widths(hardware.buffers, report);
    const std::uint32_t word = hardware.kv_mmu.score_word_bytes;
    report.require(std::has_single_bit(word), "hardware.kv_mmu.score_word_bytes", value_text(word), "a power of two");
    report.require(hardware.kv_mmu.score_store_bytes % word == 0, "hardware.kv_mmu.score_store_bytes",
                   value_text(hardware.kv_mmu.score_store_bytes),
                   fmt::format("a multiple of score_word_bytes, {}", word));
    report.require(hardware.dma.request_bytes % hardware.buffers.activation.word_bytes == 0,
                   "hardware.dma.request_bytes", value_text(hardware.dma.request_bytes),
                   fmt::format("a multiple of a buffer word, {}", hardware.buffers.activation.word_bytes));
}

void cross_check_dram(const DramConfig& dram, const Locate& locate, Diagnostics& diagnostics) {
    Reporter report(locate, diagnostics);
    const DramOrganisation& o = dram.organisation;
    check_powers_of_two("organisation",
                        {{"channels", o.channels},
                         {"ranks", o.ranks},
                         {"bank_groups", o.bank_groups},
                         {"banks_per_group", o.banks_per_group},
                         {"rows", o.rows},
                         {"columns", o.columns},
                         {"bus_bits", o.bus_bits}},
                        report);
    const DramTiming& t = dram.timing;
    check_powers_of_two("timing", {{"burst_length", t.burst_length}, {"beats_per_clock", t.beats_per_clock}}, report);
    for (const DramProblem& problem : dram_structure_problems(dram)) {
        report.require(false, "dram." + problem.path, problem.what_is_there, problem.accepted);
    }
    if (!dram.allow_nonstandard) {
        for (const DramProblem& problem : jedec_problems(dram)) {
            report.require(false, "dram." + problem.path, problem.what_is_there, problem.accepted);
        }
    }
    check_mapping(dram, report);
}

void cross_check_cost(const CostTable& cost, const Locate& locate, Diagnostics& diagnostics) {
    Reporter report(locate, diagnostics);
    const auto check = [&](const CostEntry& entry, const std::string& path) {
        report.require(entry.low <= entry.value && entry.value <= entry.high, path,
                       fmt::format("low {}, value {}, high {}", entry.low, entry.value, entry.high),
                       "low <= value <= high");
    };
    for (std::size_t i = 0; i < kActions; ++i) {
        check(cost.actions[i], fmt::format("cost.actions.{}", name_of(static_cast<Action>(i))));
    }
    for (const StaticEntry& entry : cost.static_power) {
        check(entry.power_mw, "cost.static_power." + entry.block);
    }
    for (const AreaEntry& entry : cost.area) {
        check(entry.area_um2, "cost.area." + entry.block);
    }
    check(cost.dram_scale, "cost.dram_scale");
    check_kv_mmu_power(cost, report);
}

void cross_check(const RunConfig& config, const Locate& locate, Diagnostics& diagnostics) {
    Reporter report(locate, diagnostics);
    check_cache(config, report);
    check_allocation(config, report);
    check_attention(config, report);
    if (config.workload.operators.empty()) {
        cross_check_model(config.model, locate, diagnostics);
        check_sequence(config, report);
        check_requests(config, report);
        check_residency(config, report);
    }
    cross_check_hardware(config.hardware, locate, diagnostics);
    cross_check_dram(config.dram, locate, diagnostics);
    cross_check_cost(config.cost, locate, diagnostics);
    if (diagnostics.empty()) {
        cross_check_kv(config, locate, diagnostics);
    }
}

}  // namespace palimpsest
