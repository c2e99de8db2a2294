// Workloads of single operators, from JSON and CSV.
#include "config/operators.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

std::vector<OperatorSpec> parse(const std::string& text) {
    return parse_layers_csv(text, "layers.csv", false);
}

std::string error_of(const std::string& text) {
    return input_error_of([&] { parse(text); });
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

constexpr const char* kConvolutionHeader =
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";

}  // namespace

TEST_CASE("the four operators come from JSON with their defaults", "[operators]") {
    const RunConfig run = load_run_config(shipped("examples/operators.json"));
    REQUIRE(run.workload.operators.size() == 5);
    const auto& product = std::get<GemmOperator>(run.workload.operators[0].shape);
    CHECK(product.m == 64);
    CHECK(product.k == 768);
    CHECK(product.n == 768);
    CHECK_FALSE(run.workload.operators[0].operands_ready);
    CHECK(run.workload.operators[1].operands_ready);
    CHECK(std::get<AttentionOperator>(run.workload.operators[2].shape).tokens == 256);
    CHECK(std::get<SoftmaxOperator>(run.workload.operators[3].shape).columns == 256);
    CHECK(std::get<KvReplaceOperator>(run.workload.operators[4].shape).slots == 64);
    CHECK(run.resolved["workload"]["operators"][0]["gemm"]["k"] == 768);
    CHECK_FALSE(run.resolved.contains("model"));
}

TEST_CASE("an operator without a name is named by kind and place", "[operators]") {
    const ConfigFiles files;
    const std::string path = files.write("run.json", R"({"workload": {"operands_ready": true, "operators": [
        {"softmax": {"rows": 1, "columns": 8}}, {"kv_replace": {}, "operands_ready": false}]}})");
    const RunConfig run = load_run_config(path);
    CHECK(run.workload.operators[0].name == "softmax0");
    CHECK(run.workload.operators[0].operands_ready);
    CHECK(run.workload.operators[1].name == "kv_replace1");
    CHECK_FALSE(run.workload.operators[1].operands_ready);
    CHECK(load_run_config(path, {"workload.operators[0].softmax.columns=16"})
              .resolved["workload"]["operators"][0]["softmax"]["columns"] == 16);
}

TEST_CASE("a GEMM topology is M x K by K x N whatever the order of its columns", "[operators]") {
    const auto layers = parse("Layer, M, N, K,\nfirst, 10, 20, 30,\r\n\n second ,1,2,3\n");
    REQUIRE(layers.size() == 2);
    CHECK(layers[0].name == "first");
    CHECK(std::get<GemmOperator>(layers[0].shape).m == 10);
    CHECK(std::get<GemmOperator>(layers[0].shape).n == 20);
    CHECK(std::get<GemmOperator>(layers[0].shape).k == 30);
    CHECK(layers[1].name == "second");
    const auto reordered = parse("layer,k,m,n\na,3,1,2\n");
    CHECK(std::get<GemmOperator>(reordered[0].shape).k == 3);
    CHECK(std::get<GemmOperator>(reordered[0].shape).m == 1);
}

TEST_CASE("a convolution is lowered by im2col", "[operators]") {
    // ResNet-50's first layer with its padding: 230 x 230 x 3, 64 filters of 7 x 7, stride 2: 112 x 112 outputs.
    const auto layers = parse(std::string(kConvolutionHeader) + "conv1, 230, 230, 7, 7, 3, 64, 2,\n");
    const auto& product = std::get<GemmOperator>(layers[0].shape);
    CHECK(product.m == 112 * 112);
    CHECK(product.k == 7 * 7 * 3);
    CHECK(product.n == 64);
}

TEST_CASE("a malformed CSV row is named by file, line and text", "[operators]") {
    CHECK(contains(error_of("Layer, M, N, K,\nfirst, 1, 2, 3,\nsecond, 1, x, 3,\n"),
                   "layers.csv: line 3: \"second, 1, x, 3,\""));
    CHECK(contains(error_of("Layer, M, N, K,\nfirst, 1, 2,\n"), "line 2"));
    CHECK(contains(error_of("Layer, M, N, K,\nfirst, 1, 2, 0,\n"), "an integer, 1 to"));
    CHECK(contains(error_of("Layer, M, N, K,\nfirst, 1, -2, 3,\n"), "line 2"));
    CHECK(contains(error_of("Layer, M, N, K,\nfirst, 1, 2, 99999999999999999999,\n"), "line 2"));
    CHECK(contains(error_of("Layer, M, N, K,\n, 1, 2, 3,\n"), "a layer name"));
    CHECK(contains(error_of("Layer, M, N,\na, 1, 2\n"), "line 1"));
    CHECK(contains(error_of("first, 1, 2, 3,\n"), "a header"));
    CHECK(contains(error_of(""), "holds no layers"));
    CHECK(contains(error_of("Layer, M, N, K,\n"), "at least one row"));
    CHECK(contains(error_of(std::string(kConvolutionHeader) + "a, 4, 4, 5, 5, 1, 1, 1,\n"),
                   "a filter that is no larger"));
}

TEST_CASE("a run takes its layers from a CSV beside it", "[operators]") {
    const ConfigFiles files;
    files.write("data/layers.csv", std::string("Layer, M, N, K,\na, 1, 2, 3,\n"));
    const std::string path = files.write("run.json", R"({"workload": {"layers_csv": "data/layers.csv"}})");
    CHECK(load_run_config(path).workload.operators.size() == 1);
    files.write("data/layers.csv", std::string("Layer, M, N, K,\na, 1, 2,\n"));
    CHECK(contains(input_error_of([&] { load_run_config(path); }), "data/layers.csv: line 2"));
}
