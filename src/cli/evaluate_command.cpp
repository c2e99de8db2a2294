// palimpsest evaluate: what eviction policies do to a real model's predictions.

#include <algorithm>
#include <charconv>
#include <memory>

#include <unistd.h>

#include <fmt/format.h>

#include "attention/text_sequences.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/progress_line.h"
#include "cli/run_session.h"
#include "common/atomic_file.h"
#include "common/host_memory.h"
#include "config/cache_settings.h"
#include "config/references.h"
#include "engine/model_files.h"
#include "evaluation/evaluator.h"
#include "palimpsest/error.h"
#include "policy/registry.h"
#include "report/evaluation_report.h"
#include "report/report_json.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kLongestDefault = 1024;  ///< tokens of a text, where the model allows

struct EvaluateOptions {
    std::string model;
    std::string text;
    std::vector<std::string> policies{"rce"};
    bool all_policies = false;
    std::vector<std::string> budgets{"1/8"};
    std::vector<std::string> settings;
    SequencePlan plan{.sequences = 4, .length = 0};
    double score_from = 0.5;  ///< share of the text
    std::uint64_t seed = 1;
    unsigned threads = 0;
    std::string report;
    bool quiet = false;
};

template <class Number>
bool parse_number(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

/// "64" slots, or "1/8" of the text's length.
std::uint32_t budget_of(const std::string& text, std::uint32_t length) {
    const std::size_t slash = text.find('/');
    std::uint32_t numerator = 0, denominator = 1;
    const bool read =
        parse_number(std::string_view(text).substr(0, slash), numerator) &&
        (slash == std::string::npos || parse_number(std::string_view(text).substr(slash + 1), denominator));
    const bool fraction = slash != std::string::npos;
    if (!read || numerator == 0 || denominator == 0 || (fraction && numerator > denominator) ||
        (fraction && std::uint64_t{length} * numerator < denominator)) {
        throw InputError("--budget", "", fmt::format("\"{}\"", text),
                         fmt::format("slots, as in 64, or a share of the text's {} tokens, as in 1/8", length));
    }
    return fraction ? static_cast<std::uint32_t>(std::uint64_t{length} * numerator / denominator) : numerator;
}

std::vector<std::string> policy_names(const EvaluateOptions& options) {
    if (!options.all_policies) {
        return options.policies;
    }
    std::vector<std::string> names;
    for (const PolicyInfo& info : policies()) {
        if (info.evicts) {
            names.emplace_back(info.name);
        }
    }
    return names;
}

std::vector<CacheConfig> variants_of(const EvaluateOptions& options, std::uint32_t length) {
    for (const std::string& setting : options.settings) {
        for (const char* option : {"policy", "budget"}) {
            if (setting.starts_with(fmt::format("cache.{}=", option))) {
                throw InputError("--set", "", fmt::format("\"{}\"", setting),
                                 fmt::format("the option --{} for it", option));
            }
        }
    }
    std::vector<CacheConfig> variants;
    for (const std::string& budget : options.budgets) {
        for (const std::string& policy : policy_names(options)) {
            std::vector<std::string> settings{fmt::format("cache.policy={}", policy),
                                              fmt::format("cache.budget={}", budget_of(budget, length))};
            settings.insert(settings.end(), options.settings.begin(), options.settings.end());
            variants.push_back(load_cache(settings));
        }
    }
    return variants;
}

SequencePlan plan_for(const EvaluateOptions& options, const ModelShape& shape) {
    SequencePlan plan = options.plan;
    plan.length = plan.length == 0 ? std::min(shape.max_positions, kLongestDefault) : plan.length;
    if (plan.length > shape.max_positions) {
        throw InputError("--length", "", fmt::format("{}", plan.length),
                         fmt::format("2 to {}, the context that {} was trained on", shape.max_positions, shape.name));
    }
    return plan;
}

EvaluationResult evaluate_with_progress(const DecoderWeights& weights, const EvaluationRequest& request, bool quiet) {
    const InterruptGuard interrupt;
    ProgressLine line;
    const auto what = fmt::format("{} policies on {} texts", request.variants.size(), request.texts.size());
    return evaluate(
        weights, request,
        [&](double fraction) {
            if (!quiet) {
                line.update(fraction, what);
            }
        },
        &interrupt.flag());
}

void run(const EvaluateOptions& options) {
    if (!options.report.empty()) {
        const AtomicFile probe(options.report);  // what cannot be written is said before the work is done
    }
    const LoadedModel model = open_model(options.model);
    const SequencePlan plan = plan_for(options, model.weights.shape);
    EvaluationRequest request;
    request.variants = variants_of(options, plan.length);
    request.texts = read_sequences(find_data_file(options.text, "").value_or(options.text), *model.tokenizer, plan);
    request.unscored = model.tokenizer->begin();
    request.score_from = std::clamp(static_cast<std::uint32_t>(options.score_from * plan.length), 1U, plan.length - 1);
    request.seed = options.seed;
    request.threads = options.threads;

    EvaluationReport report{.model = model.weights.shape,
                            .model_path = options.model,
                            .model_format = model.format,
                            .text = options.text,
                            .texts = plan.sequences,
                            .length = plan.length,
                            .skip_tokens = plan.skip_tokens,
                            .score_from = request.score_from,
                            .seed = request.seed,
                            .result = evaluate_with_progress(model.weights, request, options.quiet),
                            .peak_rss_bytes = peak_rss_bytes()};
    if (!options.report.empty()) {
        write_file_atomically(options.report, json_text(evaluation_report_json(report)));
    }
    if (!options.quiet) {
        print_output(evaluation_report_text(report, terminal_style(STDOUT_FILENO)));
    }
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
    auto* command =
        app.add_subcommand("evaluate", "Measure what eviction policies do to a real model: perplexity, KL, agreement");
    const auto options = std::make_shared<EvaluateOptions>();
    add_model_options(*command, options->model, options->text);
    auto* policy = command->add_option("--policy", options->policies, "policy, or several with commas (default rce)")
                       ->delimiter(',')
                       ->type_name("NAME");
    command->add_flag("--all-policies", options->all_policies, "every policy that evicts")->excludes(policy);
    command->add_option("--budget", options->budgets, "slots or share of the text, several with commas (default 1/8)")
        ->delimiter(',')
        ->type_name("N|A/B");
    command
        ->add_option("--set", options->settings, "change a setting of the cache, as in cache.scope=layer; repeatable")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
    command->add_option("--texts", options->plan.sequences, "token sequences cut from the text (default 4)")
        ->check(CLI::Range(1U, 65536U))
        ->type_name("N");
    command->add_option("--length", options->plan.length, "tokens of each (default: the model's context, at most 1024)")
        ->check(CLI::Range(2U, 1U << 20))
        ->type_name("T");
    command->add_option("--skip-tokens", options->plan.skip_tokens, "tokens left out at the start (default 0)")
        ->type_name("K");
    command
        ->add_option("--score-from", options->score_from,
                     "share of each text after which predictions count (default 0.5)")
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("SHARE");
    command->add_option("--seed", options->seed, "for policies that draw (default 1)")->type_name("N");
    command->add_option("--threads", options->threads, "default: as many as there are cores")
        ->check(CLI::Range(1U, 1024U))
        ->type_name("N");
    command->add_option("--report", options->report, "write the results as JSON")->type_name("FILE");
    command->add_flag("--quiet", options->quiet, "no table and no progress line");
    command->callback([options] { run(*options); });
}

}  // namespace palimpsest
