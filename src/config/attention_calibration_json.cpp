#include "config/attention_calibration_json.h"

#include <filesystem>

#include <fmt/format.h>

#include "config/field_io.h"
#include "config/loader.h"
#include "config/references.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kKind = "attention";

/// What the schema cannot say: lists that go together.
void cross_check(const AttentionCalibration& c, const std::string& file, Diagnostics& diagnostics) {
    for (std::size_t i = 0; i < c.recency_distances.size(); ++i) {
        const std::uint32_t distance = c.recency_distances[i];
        if (i == 0 ? distance != 0 : distance <= c.recency_distances[i - 1]) {
            diagnostics.add(file, join_path("recency_distances", i), quote_value(distance),
                            i == 0 ? "0" : fmt::format("more than {}", c.recency_distances[i - 1]));
        }
    }
    for (std::size_t l = 0; l < c.layers.size(); ++l) {
        const LayerCalibration& layer = c.layers[l];
        const std::string layer_path = join_path("layers", l);
        if (layer.second_sink && c.second_sink_within == 0) {
            diagnostics.add(file, join_path(layer_path, "second_sink"), "is true, and second_sink_within is 0",
                            "second_sink_within above 0");
        }
        for (std::size_t h = 0; h < layer.heads.size(); ++h) {
            const HeadCalibration& head = layer.heads[h];
            const std::string path = join_path(join_path(layer_path, "heads"), h);
            if (head.recency.size() != c.recency_distances.size()) {
                diagnostics.add(file, join_path(path, "recency"), fmt::format("has {} numbers", head.recency.size()),
                                fmt::format("{}, one for each of recency_distances", c.recency_distances.size()));
            }
            if (!(head.key_bias_variance + head.residual_variance > 0)) {
                diagnostics.add(file, join_path(path, "key_bias_variance"),
                                "key_bias_variance and residual_variance are both 0", "one of them above 0");
            }
        }
    }
}

AttentionCalibration from_json(const Json& document) {
    AttentionCalibration c;
    c.name = document["name"].get<std::string>();
    c.source = document["source"].get<std::string>();
    c.length = document["length"].get<std::uint32_t>();
    c.slow_correlation = document["slow_correlation"].get<double>();
    c.sink_tokens = document.value("sink_tokens", 1U);
    c.second_sink_within = document.value("second_sink_within", 0U);
    c.recency_distances = document["recency_distances"].get<std::vector<std::uint32_t>>();
    for (const Json& from : document["layers"]) {
        LayerCalibration& layer = c.layers.emplace_back();
        layer.key_bias_correlation = from["key_bias_correlation"].get<double>();
        layer.second_sink = from.value("second_sink", false);
        for (const Json& head : from["heads"]) {
            read_fields(head, layer.heads.emplace_back());
            layer.heads.back().recency = head["recency"].get<std::vector<double>>();
        }
    }
    return c;
}

/// A number of at most four significant digits: what a measurement supports.
std::string short_number(double value) {
    const std::string text = fmt::format("{:.4g}", value);
    return text == "-0" ? "0" : text;
}

template <class T>
std::string list_of(const std::vector<T>& values) {
    std::string text;
    for (const T& value : values) {
        text += (text.empty() ? "" : ", ") + short_number(static_cast<double>(value));
    }
    return "[" + text + "]";
}

/// A head's numbers, as `fields` names them.
struct HeadWriter {
    std::string text;
    void operator()(const char* key, const double& value) {
        text += fmt::format("\"{}\": {}, ", key, short_number(value));
    }
};

}  // namespace

AttentionCalibration read_attention_calibration(const Schemas& schemas, const std::string& file,
                                                Diagnostics& diagnostics) {
    const Json document = read_json_file(file);
    Diagnostics own;
    schemas.validate(kKind, document, locate_in(file), own);
    AttentionCalibration calibration;
    if (own.empty()) {
        calibration = from_json(document);
    }
    schemas.validate(kKind, document, locate_in(file), diagnostics);
    cross_check(calibration, file, diagnostics);
    return calibration;
}

AttentionCalibration load_attention_calibration(const std::string& reference) {
    const std::string file = find_attention_calibration(reference, "");
    if (file.empty()) {
        throw InputError("", "calibration", fmt::format("\"{}\" is neither a file nor a preset", reference),
                         "a file, or one of " + join_names(preset_names(kKind)));
    }
    Diagnostics diagnostics;
    AttentionCalibration calibration =
        read_attention_calibration(Schemas(configs_directory() + "/schema"), file, diagnostics);
    diagnostics.throw_if_any();
    return calibration;
}

std::string find_attention_calibration(const std::string& reference, const std::string& file) {
    if (const auto found = find_data_file(reference, file)) {
        return *found;
    }
    const std::filesystem::path preset = std::filesystem::path(preset_directory(kKind)) / (reference + ".json");
    std::error_code error;
    const bool plain = reference.find('/') == std::string::npos;
    return plain && std::filesystem::is_regular_file(preset, error) ? preset.string() : std::string{};
}

std::string to_json(const AttentionCalibration& c) {
    std::string text = "{\n  \"$schema\": \"../schema/attention.schema.json\",\n";
    text += fmt::format("  \"name\": {},\n  \"source\": {},\n  \"length\": {},\n", Json(c.name).dump(),
                        Json(c.source).dump(), c.length);
    text += fmt::format("  \"slow_correlation\": {},\n", short_number(c.slow_correlation));
    if (c.sink_tokens != 1) {
        text += fmt::format("  \"sink_tokens\": {},\n", c.sink_tokens);
    }
    if (c.second_sink_within > 0) {
        text += fmt::format("  \"second_sink_within\": {},\n", c.second_sink_within);
    }
    text += fmt::format("  \"recency_distances\": {},\n  \"layers\": [\n", list_of(c.recency_distances));
    for (const LayerCalibration& layer : c.layers) {
        text += &layer == &c.layers.front() ? "" : ",\n";
        text +=
            fmt::format("    {{\"key_bias_correlation\": {}, {}\"heads\": [\n",
                        short_number(layer.key_bias_correlation), layer.second_sink ? "\"second_sink\": true, " : "");
        for (const HeadCalibration& head : layer.heads) {
            HeadWriter writer;
            fields(writer, head);
            text += &head == &layer.heads.front() ? "" : ",\n";
            text += fmt::format("      {{{}\"recency\": {}}}", writer.text, list_of(head.recency));
        }
        text += "\n    ]}";
    }
    return text + "\n  ]\n}\n";
}

}  // namespace palimpsest
