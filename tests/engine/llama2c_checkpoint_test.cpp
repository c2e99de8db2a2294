// Checkpoints that are not what they say are refused with the place and what is missing there.

#include <cstring>

#include "engine/llama2c_checkpoint.h"
#include "golden/llama_reference.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

std::string error_of(const std::string& path) {
    try {
        read_llama2c_model(path);
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

void contains(const std::string& text, const std::vector<std::string>& parts) {
    for (const auto& part : parts) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("a checkpoint gives its shape and every tensor", "[checkpoint]") {
    const ScratchDirectory scratch;
    ReferenceShape shape;
    shape.tied = false;
    LlamaReference(shape, 1).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    CHECK(weights.shape.name == "tiny");
    CHECK(weights.shape.hidden == 24);
    CHECK(weights.shape.head_dim == 6);
    CHECK(weights.shape.kv_width() == 12);
    CHECK(weights.shape.vocabulary == 300);
    CHECK_FALSE(weights.shape.tied_embeddings);
    CHECK(weights.layers.size() == 3);
    CHECK(weights.layers[2].down.weight.outputs == 24);
    CHECK(weights.layers[2].down.weight.inputs == 40);
    CHECK(weights.classifier.data != weights.token_embedding.data);
}

TEST_CASE("a checkpoint is a model of the LLaMA family with neighbouring rotary pairs", "[checkpoint]") {
    const ScratchDirectory scratch;
    ReferenceShape shape;
    LlamaReference(shape, 1).write(scratch / "tiny.bin");
    const DecoderWeights weights = read_llama2c_model(scratch / "tiny.bin");
    CHECK(weights.rotary_pairs == RotaryPairs::neighbours);
    REQUIRE(weights.layers.size() == 3);
    const DecoderLayerWeights& layer = weights.layers[1];
    CHECK(layer.attention_norm.weight.size() == 24);
    CHECK(layer.attention_norm.bias.empty());
    CHECK(layer.key.weight.outputs == 12);
    CHECK(layer.down.weight.outputs == 24);
    CHECK(layer.down.weight.inputs == 40);
    CHECK(weights.classifier.data == weights.token_embedding.data);
}

TEST_CASE("a checkpoint that ends early names the tensor and the byte", "[checkpoint]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 1).write(scratch / "tiny.bin");
    const std::string whole = content_of(scratch / "tiny.bin");

    write(scratch / "empty.bin", "");
    contains(error_of(scratch / "empty.bin"), {"empty.bin", "0 bytes", "header of 28 bytes"});
    write(scratch / "cut.bin", whole.substr(0, 28 + 300 * 24 * 4 - 1));
    contains(error_of(scratch / "cut.bin"), {"cut.bin", "byte 28", "token_embedding", "28800 bytes"});
    write(scratch / "cut.bin", whole.substr(0, 28 + 300 * 24 * 4 + 3 * 24 * 4 + 24 * 24 * 4));
    contains(error_of(scratch / "cut.bin"), {"query of layer 1", "2304 bytes"});
    write(scratch / "cut.bin", whole.substr(0, whole.size() - 1));
    contains(error_of(scratch / "cut.bin"), {"rotary_sines"});
    write(scratch / "long.bin", whole + "abcd");
    contains(error_of(scratch / "long.bin"), {"4 bytes follow the last tensor"});
    contains(error_of(scratch / "none.bin"), {"none.bin", "cannot be opened"});
    contains(error_of(scratch.path().string()), {"not a regular file"});
}

TEST_CASE("header fields out of range name the field", "[checkpoint]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 1).write(scratch / "tiny.bin");
    const std::string whole = content_of(scratch / "tiny.bin");
    const auto with_field = [&](std::size_t field, std::int32_t value) {
        std::string bytes = whole;
        std::memcpy(bytes.data() + 4 * field, &value, 4);
        write(scratch / "bad.bin", bytes);
        return error_of(scratch / "bad.bin");
    };
    contains(with_field(0, 0x616b3432), {"later format version", "version 0"});
    contains(with_field(2, 0), {"byte 8 (layers)", ": 0", "1 to 1024"});
    contains(with_field(2, 1 << 30), {"byte 8 (layers)"});
    contains(with_field(3, 5), {"heads", "5 heads of 24 hidden"});
    contains(with_field(4, 3), {"kv_heads", "divide"});
    contains(with_field(5, std::numeric_limits<std::int32_t>::min()), {"vocabulary"});
}

}  // namespace palimpsest
