// The schemas, the structs and the shipped files agree on keys, defaults and names.
#include "config/schema.h"
#include "config/cost_table_json.h"
#include "config/field_io.h"
#include "config/loader.h"
#include "config/resolved.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

const Schemas& schemas() {
    static const Schemas all(configs_directory() + "/schema");
    return all;
}

/// The defaults that an object's schema lists, in the form of the object.
Json defaults_of(const Json& schema) {
    Json defaults = Json::object();
    for (const auto& [key, node] : schema["properties"].items()) {
        if (node.contains("default")) {
            defaults[key] = node["default"];
        } else if (node.contains("properties") && node.value("type", Json()) == "object") {
            const Json nested = defaults_of(node);
            if (!nested.empty()) {
                defaults[key] = nested;
            }
        }
    }
    return defaults;
}

/// Every key of the document is known to the schema, and every setting of the schema is in the document.
void check_same_keys(const Json& schema, const Json& document, const std::string& path) {
    INFO("at " << path);
    for (const auto& [key, value] : document.items()) {
        INFO("key " << key);
        REQUIRE(schema["properties"].contains(key));
        if (value.is_object()) {
            check_same_keys(schema["properties"][key], value, path + "." + key);
        }
    }
    for (const std::string& key : known_keys(schema)) {
        INFO("schema key " << key);
        CHECK((key == "base" || key == "source" || document.contains(key)));
    }
}

Json without_names(Json document) {
    document.erase("name");
    return document;
}

template <class T>
void check_defaults(const Json& schema) {
    CHECK(defaults_of(schema) == without_names(write_fields(T{})));
}

}  // namespace

TEST_CASE("an empty run has the defaults that the schema lists", "[schema]") {
    const Json& run = schemas().get("run")["properties"];
    check_defaults<CacheConfig>(run["cache"]);
    check_defaults<PipelineConfig>(run["pipeline"]);
    check_defaults<SimulationConfig>(run["simulation"]);
    check_defaults<HardwareConfig>(schemas().get("hardware"));
    check_defaults<DramConfig>(schemas().get("dram"));

    Json workload = defaults_of(run["workload"]);
    CHECK(workload["operands_ready"] == OperatorSpec{}.operands_ready);
    workload.erase("operands_ready");
    CHECK(workload["requests"] == write_fields(RequestsConfig{}));
    workload.erase("requests");  // of runs that have them
    CHECK(workload == write_fields(WorkloadConfig{}));

    Json attention = defaults_of(run["attention"]);
    CHECK(attention["source"] ==
          (std::holds_alternative<SyntheticAttention>(RunConfig{}.attention) ? "synthetic" : "trace"));
    attention.erase("source");
    CHECK(attention["skip_tokens"] == AttentionEngineSource{}.skip_tokens);
    attention.erase("skip_tokens");
    CHECK(attention == write_fields(SyntheticAttention{}));
}

TEST_CASE("reading an empty object changes no default", "[schema]") {
    HardwareConfig hardware;
    read_fields(Json::object(), hardware);
    CHECK(write_fields(hardware) == write_fields(HardwareConfig{}));
    DramConfig dram;
    read_fields(Json::object(), dram);
    CHECK(write_fields(dram) == write_fields(DramConfig{}));
}

TEST_CASE("a struct that is written and read again is the same", "[schema]") {
    HardwareConfig hardware;
    hardware.pe_array.dataflow = Dataflow::output_stationary;
    hardware.buffers.kv.banks = 12;
    HardwareConfig again;
    read_fields(write_fields(hardware), again);
    CHECK(write_fields(again) == write_fields(hardware));
    CHECK(again.pe_array.dataflow == Dataflow::output_stationary);
}

TEST_CASE("schemas and structs have the same keys", "[schema]") {
    check_same_keys(schemas().get("hardware"), write_fields(HardwareConfig{}), "hardware");
    check_same_keys(schemas().get("dram"), write_fields(DramConfig{}), "dram");
    check_same_keys(schemas().get("model"), write_fields(ModelShape{}), "model");
    const Json& run = schemas().get("run")["properties"];
    check_same_keys(run["cache"], write_fields(CacheConfig{}), "cache");
    check_same_keys(run["pipeline"], write_fields(PipelineConfig{}), "pipeline");
    check_same_keys(run["simulation"], write_fields(SimulationConfig{}), "simulation");
    const Json& operators = schemas().get("operators")["items"]["properties"];
    check_same_keys(operators["gemm"], write_fields(GemmOperator{}), "gemm");
    check_same_keys(operators["attention"], write_fields(AttentionOperator{}), "attention");
    check_same_keys(operators["softmax"], write_fields(SoftmaxOperator{}), "softmax");
    check_same_keys(operators["kv_replace"], write_fields(KvReplaceOperator{}), "kv_replace");
}

TEST_CASE("enumerations have the names that the schema lists", "[schema]") {
    const auto check = [](const Json& node, const auto& names) {
        std::vector<std::string> ours;
        for (const auto& entry : names) {
            ours.emplace_back(entry.name);
        }
        CHECK(node["enum"] == Json(ours));
    };
    const Json& cache = schemas().get("run")["properties"]["cache"]["properties"];
    check(cache["scope"], names_of(EvictionScope{}));
    check(cache["storage"], names_of(StorageMode{}));
    check(cache["layout"], names_of(CacheLayout{}));
    check(cache["prefill"], names_of(PrefillMode{}));
    const Json& model = schemas().get("model")["properties"];
    check(model["normalisation"], names_of(Normalisation{}));
    check(model["activation"], names_of(Activation{}));
    check(model["positions"], names_of(PositionEncoding{}));
    check(schemas().get("hardware")["properties"]["pe_array"]["properties"]["dataflow"], names_of(Dataflow{}));
    const Json& controller = schemas().get("dram")["properties"]["controller"]["properties"];
    check(controller["page_policy"], names_of(PagePolicy{}));
    check(controller["scheduling"], names_of(DramScheduling{}));
}

TEST_CASE("the cost schema asks for every action that is not the DRAM's", "[schema]") {
    const Json& actions = schemas().get("cost")["properties"]["actions"]["properties"];
    for (std::size_t i = 0; i < kActions; ++i) {
        const Action action = static_cast<Action>(i);
        INFO(name_of(action));
        CHECK(actions.contains(std::string(name_of(action))) == is_cost_table_action(action));
    }
    for (const char* definition : {"static_cost", "area"}) {
        const Json& per = schemas().get("common")["definitions"][definition]["properties"]["per"]["enum"];
        CHECK(per == Json(std::vector<std::string>(kStaticUnitNames.begin(), kStaticUnitNames.end())));
    }
}

TEST_CASE("every field of every schema has a title and a description", "[schema]") {
    for (const char* name : {"run", "model", "huggingface", "hardware", "dram", "cost", "operators"}) {
        const std::function<void(const Json&, const std::string&)> check = [&](const Json& node,
                                                                               const std::string& path) {
            if (!node.contains("properties")) {
                return;
            }
            for (const auto& [key, property] : node["properties"].items()) {
                INFO(name << ": " << path << "." << key);
                CHECK(property.contains("title"));
                CHECK(property.contains("description"));
                const bool numeric = property.value("type", Json()).dump().find("integer") != std::string::npos;
                CHECK((!numeric || property.contains("enum") ||
                       (property.contains("minimum") && property.contains("maximum"))));
                check(property, path + "." + key);
            }
        };
        const Json& schema = schemas().get(name);
        check(schema.contains("items") ? schema["items"] : schema, "");
    }
}

TEST_CASE("the shipped hardware is the structs' default and every number says where it comes from", "[schema]") {
    CHECK(write_fields(load_hardware(shipped("hardware/default.json"))) == write_fields(HardwareConfig{}));
    const Json file = read_json_file(shipped("hardware/default.json"));
    for (const std::string& path : known_paths(schemas().get("hardware"))) {
        const Json* value = find_path(file, path);
        INFO(path);
        REQUIRE(value != nullptr);
        CHECK((value->is_string() || (is_annotated(*value) && value->contains("source"))));
    }
}
