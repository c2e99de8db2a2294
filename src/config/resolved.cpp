#include "config/resolved.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "config/cost_table_json.h"
#include "config/field_io.h"
#include "config/operators.h"

namespace palimpsest {

Json write_run(const RunConfig& config) {
    Json run{{"name", config.name},
             {"workload", write_fields(config.workload)},
             {"cache", write_fields(config.cache)},
             {"hardware", write_fields(config.hardware)},
             {"dram", write_fields(config.dram)},
             {"cost", write_cost_table(config.cost)},
             {"pipeline", write_fields(config.pipeline)},
             {"simulation", write_fields(config.simulation)}};
    if (config.workload.requests) {
        run["workload"]["requests"] = write_fields(*config.workload.requests);
        run["workload"].erase("prompt_tokens");  // of the longest request: not a setting
        run["workload"].erase("generated_tokens");
    }
    if (config.workload.operators.empty()) {
        run["model"] = write_fields(config.model);
    } else {
        run["workload"]["operators"] = write_operators(config.workload.operators);
    }
    if (const auto* synthetic = std::get_if<SyntheticAttention>(&config.attention)) {
        run["attention"] = write_fields(*synthetic);
        run["attention"]["source"] = "synthetic";
    } else if (const auto* calibrated = std::get_if<CalibratedAttention>(&config.attention)) {
        run["attention"] = {{"source", "synthetic"}, {"calibration", calibrated->calibration.name}};
    } else if (const auto* engine = std::get_if<AttentionEngineSource>(&config.attention)) {
        run["attention"] = {{"source", "engine"}, {"model", engine->model}, {"text", engine->text}};
    } else {
        run["attention"] = {{"source", "trace"}, {"trace", std::get<AttentionTraceSource>(config.attention).file}};
    }
    return run;
}

std::string hash_of(const Json& resolved) {
    Json hashed = resolved;
    hashed.erase("simulation");
    hashed.erase("sources");
    return xxh3_128(hashed.dump());
}

std::string xxh3_128(const std::string& bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace palimpsest
