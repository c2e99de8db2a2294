#include "report/evaluation_report.h"

#include <fmt/format.h>

#include "config/field_io.h"
#include "config/fields.h"
#include "report/numbers.h"
#include "report/run_report.h"
#include "report/version.h"

namespace palimpsest {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson metrics_json(const PredictionMetrics& metrics) {
    return {{"perplexity", metrics.perplexity()},
            {"loss_nats", metrics.mean_loss()},
            {"kl_nats", metrics.mean_divergence()},
            {"top1_agreement", metrics.agreement()},
            {"scored_tokens", metrics.tokens}};
}

OrderedJson variant_json(const VariantResult& variant) {
    OrderedJson json = {{"policy", variant.cache.policy}, {"slots", variant.slots}};
    json["cache"] = OrderedJson(write_fields(variant.cache));
    json.update(metrics_json(variant.metrics));
    json["relative_perplexity"] = variant.relative_perplexity;
    json["relative_perplexity_error"] = variant.relative_error;
    json["attention_mass_kept"] = variant.mass_kept;
    json["evictions"] = variant.evictions;
    OrderedJson by_text = OrderedJson::array();
    for (const PredictionMetrics& text : variant.by_text) {
        by_text.push_back(metrics_json(text));
    }
    json["by_text"] = std::move(by_text);
    return json;
}

double tokens_per_second(const EvaluationResult& result) {
    return ratio(static_cast<double>(result.tokens_processed), result.host_seconds);
}

std::string perplexity_text(double perplexity) {
    return perplexity < 1e5 ? fmt::format("{:.2f}", perplexity) : fmt::format("{:.1e}", perplexity);
}

std::vector<std::string> table_row(const VariantResult& variant) {
    // Some policies have no scope that matters; the column then says what the configuration says.
    return {variant.cache.policy,
            std::string(config_name(variant.cache.scope)),
            fmt::format("{}", variant.slots),
            perplexity_text(variant.metrics.perplexity()),
            fmt::format("{:.3f}", variant.relative_perplexity),
            variant.by_text.size() > 1 ? fmt::format("{:.3f}", variant.relative_error) : "-",
            fmt::format("{:.4f}", variant.metrics.mean_divergence()),
            format_percent(variant.metrics.agreement()),
            format_percent(variant.mass_kept)};
}

}  // namespace

OrderedJson evaluation_report_json(const EvaluationReport& report) {
    const EvaluationResult& result = report.result;
    OrderedJson policies = OrderedJson::array();
    for (const VariantResult& variant : result.variants) {
        policies.push_back(variant_json(variant));
    }
    OrderedJson by_text = OrderedJson::array();
    for (const PredictionMetrics& text : result.full.by_text) {
        by_text.push_back({{"perplexity", text.perplexity()}, {"scored_tokens", text.tokens}});
    }
    return {{"schema_version", kEvaluationReportSchemaVersion},
            {"tool", {{"name", "palimpsest"}, {"version", tool_version()}, {"git", tool_git()}}},
            {"model",
             {{"name", report.model.name},
              {"path", report.model_path},
              {"format", report.model_format},
              {"family", report.model.family},
              {"parameters", report.model.parameters()},
              {"layers", report.model.layers},
              {"heads", report.model.heads},
              {"kv_heads", report.model.kv_heads},
              {"max_positions", report.model.max_positions}}},
            {"text",
             {{"file", report.text},
              {"texts", report.texts},
              {"length", report.length},
              {"skip_tokens", report.skip_tokens},
              {"scored_from_position", report.score_from}}},
            {"seed", report.seed},
            {"full",
             {{"perplexity", result.full.metrics.perplexity()},
              {"loss_nats", result.full.metrics.mean_loss()},
              {"scored_tokens", result.full.metrics.tokens},
              {"by_text", std::move(by_text)}}},
            {"policies", std::move(policies)},
            {"simulation",
             {{"host_seconds", result.host_seconds},
              {"threads", result.threads},
              {"tokens_processed", result.tokens_processed},
              {"tokens_per_second", tokens_per_second(result)},
              {"peak_rss_bytes", report.peak_rss_bytes}}}};
}

std::string evaluation_report_text(const EvaluationReport& report, const TerminalStyle& style) {
    const EvaluationResult& result = report.result;
    std::string text =
        bold(fmt::format("{} ({}), {} parameters, on {} {} of {} tokens of {}", report.model.name, report.model_format,
                         format_si(static_cast<double>(report.model.parameters()), ""), report.texts,
                         report.texts == 1 ? "text" : "texts", report.length, report.text),
             style) +
        "\n";
    text += fmt::format("scored: {} predictions, of the tokens from position {} on; full cache: perplexity {}\n\n",
                        format_count(result.full.metrics.tokens), report.score_from,
                        perplexity_text(result.full.metrics.perplexity()));
    const Align right = Align::right;
    TextTable table({"policy", "scope", "slots", "perplexity", "relative", "+-", "KL, nats", "top-1", "mass kept"},
                    {Align::left, Align::left, right, right, right, right, right, right, right});
    for (const VariantResult& variant : result.variants) {
        table.add_row(table_row(variant));
    }
    text += joined(table.lines(style), 2);
    return text + fmt::format("\n\n{} tokens in {}: {}; {} of memory\n", format_count(result.tokens_processed),
                              format_si(result.host_seconds, "s"), format_si(tokens_per_second(result), "tokens/s"),
                              format_si(static_cast<double>(report.peak_rss_bytes), "B"));
}

}  // namespace palimpsest
