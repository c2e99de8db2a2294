#include "config/operators.h"

#include <fmt/format.h>

#include "config/field_io.h"

namespace palimpsest {
namespace {

template <class Shape>
bool read_shape(const Json& entry, const char* key, OperatorSpec& spec) {
    if (!entry.contains(key)) {
        return false;
    }
    Shape shape;
    read_fields(entry[key], shape);
    spec.shape = shape;
    return true;
}

const char* kind_of(const GemmOperator&) {
    return "gemm";
}
const char* kind_of(const AttentionOperator&) {
    return "attention";
}
const char* kind_of(const SoftmaxOperator&) {
    return "softmax";
}
const char* kind_of(const KvReplaceOperator&) {
    return "kv_replace";
}

}  // namespace

std::vector<OperatorSpec> read_operators(const Json& list, bool operands_ready) {
    std::vector<OperatorSpec> operators;
    for (const Json& entry : list) {
        OperatorSpec spec;
        static_cast<void>(read_shape<GemmOperator>(entry, "gemm", spec) ||
                          read_shape<AttentionOperator>(entry, "attention", spec) ||
                          read_shape<SoftmaxOperator>(entry, "softmax", spec) ||
                          read_shape<KvReplaceOperator>(entry, "kv_replace", spec));
        const std::string kind = std::visit([](const auto& shape) { return kind_of(shape); }, spec.shape);
        spec.name = entry.value("name", fmt::format("{}{}", kind, operators.size()));
        spec.operands_ready = entry.value("operands_ready", operands_ready);
        operators.push_back(std::move(spec));
    }
    return operators;
}

Json write_operators(const std::vector<OperatorSpec>& operators) {
    Json list = Json::array();
    for (const OperatorSpec& spec : operators) {
        Json entry{{"name", spec.name}, {"operands_ready", spec.operands_ready}};
        std::visit([&](const auto& shape) { entry[kind_of(shape)] = write_fields(shape); }, spec.shape);
        list.push_back(std::move(entry));
    }
    return list;
}

}  // namespace palimpsest
