// palimpsest inspect: what is in an attention trace, in numbers and pictures.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "attention/attention_statistics.h"
#include "attention/calibration.h"
#include "attention/trace_source.h"
#include "cli/attention_pictures.h"
#include "cli/calibration_comparison.h"
#include "cli/commands.h"
#include "cli/progress_line.h"
#include "common/atomic_file.h"
#include "config/attention_calibration_json.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kColumns = 96;
constexpr std::uint32_t kLines = 32;
constexpr std::size_t kHeaviestKeys = 8;

struct InspectOptions {
    std::string trace;
    std::optional<std::uint32_t> layer, head, position, from;
    std::uint32_t sequence = 0;
    bool json = false;
    std::string calibrate;  ///< file to write
    std::string name;       ///< of the calibration
    std::string compare;    ///< calibration
};

void check_index(const InspectOptions& options, const std::string& option, std::optional<std::uint32_t> value,
                 std::uint32_t count) {
    if (value && *value >= count) {
        throw InputError(options.trace, option, fmt::format("{}", *value), fmt::format("0 to {}", count - 1));
    }
}

nlohmann::ordered_json json_of(const RowStatistics& s) {
    return {{"entropy", s.entropy},
            {"effective_tokens", s.effective_tokens},
            {"mass_first", s.mass_first},
            {"mass_first4", s.mass_first4},
            {"mass_self", s.mass_self},
            {"mass_last4", s.mass_last4},
            {"mass_last16", s.mass_last16},
            {"mass_last64", s.mass_last64},
            {"mass_top_eighth", s.mass_top_eighth}};
}

nlohmann::ordered_json json_of(const TraceSource& trace) {
    const TraceHeader& h = trace.header();
    return {{"version", kTraceVersion},
            {"model", h.model},
            {"checkpoint_xxh64", h.checkpoint_hash},
            {"layers", h.layers},
            {"heads", h.heads},
            {"kv_heads", h.kv_heads},
            {"head_dim", h.head_dim},
            {"vocabulary", h.vocabulary},
            {"sequences", h.sequences},
            {"length", h.length},
            {"window", h.window},
            {"rows_per_block", h.rows_per_block},
            {"blocks", h.blocks()},
            {"text", h.text},
            {"licence", h.licence},
            {"tool", h.tool},
            {"file_bytes", trace.file_bytes()},
            {"probabilities", h.codes()}};
}

void print_header(const TraceSource& trace, const std::string& path) {
    const TraceHeader& h = trace.header();
    const auto line = [](const char* name, const std::string& value) { fmt::print("  {:<12} {}\n", name, value); };
    fmt::print("{}\n", path);
    line("model", fmt::format("{}: {} layers, {} query heads, {} KV heads of {}, vocabulary {}", h.model, h.layers,
                              h.heads, h.kv_heads, h.head_dim, h.vocabulary));
    line("checkpoint", "XXH64 " + h.checkpoint_hash);
    line("text", fmt::format("{} (licence: {})", h.text, h.licence));
    line("rows", fmt::format("{} sequences of {} positions, each query seeing the last {} keys", h.sequences, h.length,
                             h.window));
    line("file", fmt::format("{:.2f} MB for {} probabilities in {} blocks: {:.2f} bits each",
                             static_cast<double>(trace.file_bytes()) / 1e6, h.codes(), h.blocks(),
                             8.0 * static_cast<double>(trace.file_bytes()) / static_cast<double>(h.codes())));
    line("written by", h.tool + fmt::format(", format version {}", kTraceVersion));
}

void print_statistics_head(const char* name, PositionRange positions) {
    fmt::print("\nmeans over all sequences, positions {} to {}\n", positions.first, positions.last - 1);
    fmt::print("{:>6} {:>8} {:>10} {:>10} {:>9} {:>7} {:>7} {:>8} {:>8} {:>11}\n", name, "entropy", "effective",
               "mass on", "first 4", "self", "last 4", "last 16", "last 64", "top 12.5 %");
    fmt::print("{:>6} {:>8} {:>10} {:>10}\n", "", "(nats)", "tokens", "position 0");
}

void print_statistics(const std::string& name, const RowStatistics& s) {
    fmt::print("{:>6} {:>8.2f} {:>10.1f} {:>10.4f} {:>9.4f} {:>7.3f} {:>7.3f} {:>8.3f} {:>8.3f} {:>11.3f}\n", name,
               s.entropy, s.effective_tokens, s.mass_first, s.mass_first4, s.mass_self, s.mass_last4, s.mass_last16,
               s.mass_last64, s.mass_top_eighth);
}

struct HeavyKey {
    std::uint32_t position = 0;
    double probability = 0;
    std::string piece;
};

std::string piece_at(const TraceSource& trace, std::uint32_t sequence, std::uint32_t position) {
    const auto& pieces = trace.header().pieces;
    return pieces.empty() ? "" : printable(pieces[sequence][position]);
}

std::vector<HeavyKey> heaviest_keys(const TraceSource& trace, std::uint32_t sequence,
                                    std::span<const Probability> row) {
    std::vector<std::uint32_t> keys(row.size());
    std::iota(keys.begin(), keys.end(), 0);
    std::ranges::stable_sort(keys, [&](std::uint32_t a, std::uint32_t b) { return row[a] > row[b]; });
    keys.resize(std::min(keys.size(), kHeaviestKeys));
    std::vector<HeavyKey> heavy;
    heavy.reserve(keys.size());
    for (const std::uint32_t key : keys) {
        heavy.push_back({key, static_cast<double>(row[key]) / kProbabilityOne, piece_at(trace, sequence, key)});
    }
    return heavy;
}

/// Layers of the whole model, or heads of the one chosen.
void inspect_statistics(TraceSource& trace, const InspectOptions& options, nlohmann::ordered_json& json) {
    // The first quarter is left out unless asked for: rows over few keys say little.
    const PositionRange positions{options.from.value_or(trace.length() / 4), trace.length()};
    std::vector<RowStatistics> parts;
    if (options.layer) {
        parts = head_statistics(trace, *options.layer, positions);
    } else {
        for (std::uint32_t layer = 0; layer < trace.layers(); ++layer) {
            parts.push_back(mean_of(head_statistics(trace, layer, positions)));
        }
    }
    const char* const kind = options.layer ? "head" : "layer";
    if (options.json) {
        auto& list = json[std::string("by_") + kind] = nlohmann::ordered_json::array();
        std::ranges::transform(parts, std::back_inserter(list), [](const RowStatistics& s) { return json_of(s); });
        json["mean"] = json_of(mean_of(parts));
        json["positions"] = {positions.first, positions.last - 1};
        return;
    }
    print_statistics_head(kind, positions);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!options.head || *options.head == i) {
            print_statistics(std::to_string(i), parts[i]);
        }
    }
    print_statistics("mean", mean_of(parts));
}

void inspect_row(TraceSource& trace, const InspectOptions& options, nlohmann::ordered_json& json) {
    const std::uint32_t layer = options.layer.value_or(0);
    const std::uint32_t head = options.head.value_or(0);
    const std::uint32_t position = *options.position;
    std::vector<Probability> row(std::size_t{position} + 1);
    std::vector<Probability> scratch;
    trace.row(options.sequence, layer, head, position, row);
    const auto heavy = heaviest_keys(trace, options.sequence, row);
    if (options.json) {
        auto& out = json["row"];
        out = json_of(statistics_of(row, scratch));
        out["sequence"] = options.sequence;
        out["layer"] = layer;
        out["head"] = head;
        out["position"] = position;
        auto& probabilities = out["probabilities"] = nlohmann::ordered_json::array();
        std::ranges::transform(row, std::back_inserter(probabilities),
                               [](Probability p) { return static_cast<double>(p) / kProbabilityOne; });
        return;
    }
    fmt::print("\nsequence {}, layer {}, head {}: the query at position {} {} over keys 0 to {}\n", options.sequence,
               layer, head, position, piece_at(trace, options.sequence, position), position);
    fmt::print("|{}|\n", picture_of_row(row, kColumns));
    for (const HeavyKey& key : heavy) {
        fmt::print("  key {:>5}  {:6.2f} %  {}\n", key.position, 100 * key.probability, key.piece);
    }
}

void write_calibration(TraceSource& trace, const InspectOptions& options, PositionRange positions) {
    if (positions.last < kFewestCalibrationPositions || positions.first > positions.last / 2) {
        throw InputError(
            options.trace, options.from ? "--from" : "",
            fmt::format("queries {} to {} see all keys before them", positions.first, std::max(positions.last, 1U) - 1),
            fmt::format("queries up to {} or later, at most the first half left out", kFewestCalibrationPositions - 1));
    }
    AttentionCalibration calibration;
    {
        ProgressLine progress;
        calibration = calibrate(trace, positions, kCalibrationRounds,
                                [&](double fraction) { progress.update(fraction, "calibrating"); });
    }
    const TraceHeader& h = trace.header();
    calibration.name = options.name.empty() ? std::filesystem::path(options.calibrate).stem().string() : options.name;
    calibration.source = fmt::format(
        "palimpsest inspect --calibrate of a trace of {} ({} layers, {} heads) over {}: {} sequences, queries {} to {}",
        h.model, h.layers, h.heads, h.text, h.sequences, positions.first, positions.last - 1);
    write_file_atomically(options.calibrate, to_json(calibration));
    fmt::print("wrote {}: {} layers of {} heads\n", options.calibrate, h.layers, h.heads);
}

void inspect(const InspectOptions& options) {
    TraceSource trace(options.trace);
    check_index(options, "--layer", options.layer, trace.layers());
    check_index(options, "--head", options.head, trace.heads());
    check_index(options, "--sequence", options.sequence, trace.sequences());
    check_index(options, "--position", options.position, trace.length());
    check_index(options, "--from", options.from, trace.length());
    const std::uint32_t seen = std::min(trace.length(), trace.header().window);
    const PositionRange full_rows{options.from.value_or(seen / 4), seen};
    if (!options.calibrate.empty()) {
        write_calibration(trace, options, full_rows);
        return;
    }
    if (!options.compare.empty()) {
        check_index(options, "--from", options.from, seen);
        print_comparison(trace, options.trace, load_attention_calibration(options.compare), full_rows);
        return;
    }
    nlohmann::ordered_json json = options.json ? json_of(trace) : nlohmann::ordered_json{};
    if (!options.json) {
        print_header(trace, options.trace);
    }
    if (options.position) {
        inspect_row(trace, options, json);
    } else {
        inspect_statistics(trace, options, json);
        if (!options.json && options.head) {
            fmt::print(
                "\nsequence {}, layer {}, head {}: queries downwards, keys to the right\n{}", options.sequence,
                options.layer.value_or(0), *options.head,
                picture_of_head(trace, options.sequence, options.layer.value_or(0), *options.head, kLines, kColumns));
        }
    }
    if (options.json) {
        fmt::print("{}\n", json.dump(2));
    }
}

}  // namespace

void add_inspect_command(CLI::App& app) {
    auto* command = app.add_subcommand("inspect", "Show what is in an attention trace");
    const auto options = std::make_shared<InspectOptions>();
    command->add_option("trace", options->trace, "trace file")->required()->type_name("TRACE");
    command->add_option("--layer", options->layer, "statistics by head of this layer");
    command->add_option("--head", options->head, "picture of this query head (of --layer, else layer 0)");
    command->add_option("--sequence", options->sequence, "sequence shown in pictures (default 0)");
    command->add_option("--position", options->position, "picture of the row of the query at this position");
    command->add_option("--from", options->from, "first position the means cover (default: a quarter of the length)");
    auto* json = command->add_flag("--json", options->json, "everything as JSON on standard output");
    auto* calibrate = command
                          ->add_option("--calibrate", options->calibrate,
                                       "measure what synthetic rows need to look like this trace, and write it here")
                          ->type_name("FILE");
    command->add_option("--name", options->name, "of the calibration (default: the file's)")->needs(calibrate);
    command
        ->add_option("--compare", options->compare,
                     "statistics of this trace beside those of synthetic rows of this calibration")
        ->type_name("CALIBRATION")
        ->excludes(calibrate)
        ->excludes(json);
    command->callback([options] { inspect(*options); });
}

}  // namespace palimpsest
