// Proves that weights of every type come out as the floats they stand for: all binary16 values against arithmetic,
// bfloat16 and Q8_0 by hand, and views that are transposed or cut out of wider rows.

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "engine/weight_matrix.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

/// binary16 by its definition: (-1)^s 2^(e-15) 1.f, or 2^-14 0.f where e is 0.
double half_value(unsigned bits) {
    const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> 10U & 31U);
    const double fraction = (bits & 1023U) / 1024.0;
    if (exponent == 31) {
        return fraction == 0 ? sign * INFINITY : NAN;
    }
    return exponent == 0 ? sign * std::ldexp(fraction, -14) : sign * std::ldexp(1 + fraction, exponent - 15);
}

bool same(float got, double expected) {
    return std::isnan(expected) ? std::isnan(got) : got == expected && std::signbit(got) == std::signbit(expected);
}

template <typename T>
WeightMatrix matrix_of(WeightType type, const std::vector<T>& values, std::uint32_t outputs, std::uint32_t inputs) {
    return {.type = type,
            .data = reinterpret_cast<const std::byte*>(values.data()),
            .outputs = outputs,
            .inputs = inputs,
            .stride = inputs};
}

TEST_CASE("every binary16 value converts exactly, in blocks and in their remainders", "[weights]") {
    std::vector<std::uint16_t> halves(65536);
    std::iota(halves.begin(), halves.end(), std::uint16_t{0});
    for (const std::uint32_t columns : {65536U, 1U}) {  // whole blocks; remainders only
        std::vector<float> result(65536);
        convert_rows(matrix_of(WeightType::f16, halves, 65536 / columns, columns), 0, 65536 / columns, result);
        if (columns == 1) {
            for (std::uint32_t row = 0; row < 65536; ++row) {
                convert_rows(matrix_of(WeightType::f16, halves, 65536, 1), row, 1, std::span(result).subspan(row, 1));
            }
        }
        unsigned wrong = 0;
        for (unsigned bits = 0; bits < 65536; ++bits) {
            wrong += same(result[bits], half_value(bits)) ? 0 : 1;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("every bfloat16 value is the upper half of a float", "[weights]") {
    std::vector<std::uint16_t> values(65536);
    std::iota(values.begin(), values.end(), std::uint16_t{0});
    std::vector<float> result(65536);
    convert_rows(matrix_of(WeightType::bf16, values, 1, 65536), 0, 1, result);
    unsigned wrong = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        wrong += std::bit_cast<std::uint32_t>(result[bits]) == bits << 16U ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("a Q8_0 block is a binary16 scale and 32 signed bytes", "[weights]") {
    // Two rows of two blocks; scales 0.5 (0x3800), -2 (0xc000), 2^-24 (0x0001), 1 (0x3c00).
    const unsigned scales[] = {0x3800, 0xc000, 0x0001, 0x3c00};
    const float values[] = {0.5F, -2.0F, 0x1p-24F, 1.0F};
    std::vector<std::uint8_t> bytes;
    for (const unsigned scale : scales) {
        bytes.push_back(static_cast<std::uint8_t>(scale & 255U));
        bytes.push_back(static_cast<std::uint8_t>(scale >> 8U));
        for (int i = 0; i < 32; ++i) {
            bytes.push_back(static_cast<std::uint8_t>(i == 0 ? -128 : i == 1 ? 127 : i - 16));
        }
    }
    REQUIRE(bytes.size() == weight_bytes(WeightType::q8_0, 128));
    std::vector<float> result(64);
    convert_rows(matrix_of(WeightType::q8_0, bytes, 2, 64), 1, 1, result);
    CHECK(result[0] == -128 * values[2]);
    CHECK(result[31] == 15 * values[2]);
    CHECK(result[32] == -128);
    CHECK(result[33] == 127);
    CHECK(result[40] == -8);
    result.resize(128);
    convert_rows(matrix_of(WeightType::q8_0, bytes, 2, 64), 0, 2, result);
    CHECK(result[1] == 127 * values[0]);
    CHECK(result[32] == -128 * values[1]);
    CHECK(result[127] == 15);
}

TEST_CASE("rows are cut out of wider ones, and a transposed matrix is stored by inputs", "[weights]") {
    std::vector<float> wide(3 * 40);
    std::iota(wide.begin(), wide.end(), 0.0F);
    // Columns 8..39 of rows 0..2, as an operator with 32 outputs and 3 inputs stored by inputs.
    WeightMatrix matrix = float_matrix(wide, 40, 3);
    matrix.transposed = true;
    matrix.stride = 40;
    matrix.outputs = 32;
    matrix.data += 8 * sizeof(float);
    CHECK(matrix.stored_rows() == 3);
    CHECK(matrix.stored_columns() == 32);
    std::vector<float> result(64);
    convert_rows(matrix, 1, 2, result);
    CHECK(result[0] == 48);
    CHECK(result[31] == 79);
    CHECK(result[32] == 88);
    CHECK(result[63] == 119);
}

TEST_CASE("data need not be aligned", "[weights]") {
    const std::uint16_t one = 0x3c00;
    for (const WeightType type : {WeightType::f16, WeightType::bf16, WeightType::f32}) {
        std::vector<std::byte> bytes(1 + weight_bytes(type, 70));
        const float value = 1.0F;
        const std::uint16_t brain = 0x3f80;
        for (std::size_t i = 0; i < 70; ++i) {
            const void* from = type == WeightType::f32   ? static_cast<const void*>(&value)
                               : type == WeightType::f16 ? static_cast<const void*>(&one)
                                                         : static_cast<const void*>(&brain);
            std::memcpy(bytes.data() + 1 + weight_bytes(type, i), from, weight_bytes(type, 1));
        }
        WeightMatrix matrix{.type = type, .data = bytes.data() + 1, .outputs = 1, .inputs = 70, .stride = 70};
        std::vector<float> result(70);
        convert_rows(matrix, 0, 1, result);
        CHECK(std::accumulate(result.begin(), result.end(), 0.0F) == 70);
    }
}

TEST_CASE("rows that are not there are refused", "[weights]") {
    const std::vector<float> values(6);
    std::vector<float> result(3);
    CHECK_THROWS(convert_rows(float_matrix(values, 2, 3), 2, 1, result));
    CHECK_THROWS(convert_rows(float_matrix(values, 2, 3), 0, 2, result));
    CHECK_THROWS(float_matrix(values, 2, 2));
}

}  // namespace
}  // namespace palimpsest
