#include "engine/layer_functions.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/exponential.h"

namespace palimpsest {
namespace {

constexpr float kLargestExponent = 87.0F;  // e^87 is nearly the largest float: silu is 0 there

}  // namespace

void rms_norm(std::span<const float> rows, std::span<const float> weight, float epsilon, std::span<float> result) {
    const std::size_t width = weight.size();
    for (std::size_t start = 0; start < rows.size(); start += width) {
        float squares = 0;
        for (std::size_t i = 0; i < width; ++i) {
            squares += rows[start + i] * rows[start + i];
        }
        const float scale = 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon);
        for (std::size_t i = 0; i < width; ++i) {
            result[start + i] = weight[i] * (scale * rows[start + i]);
        }
    }
}

void layer_norm(std::span<const float> rows, std::span<const float> weight, std::span<const float> bias, float epsilon,
                std::span<float> result) {
    const std::size_t width = weight.size();
    const auto count = static_cast<float>(width);
    for (std::size_t start = 0; start < rows.size(); start += width) {
        const auto row = rows.subspan(start, width);
        float sum = 0;
        for (const float value : row) {
            sum += value;
        }
        const float mean = sum / count;
        float squares = 0;
        for (const float value : row) {
            squares += (value - mean) * (value - mean);
        }
        const float scale = 1.0F / std::sqrt(squares / count + epsilon);
        for (std::size_t i = 0; i < width; ++i) {
            result[start + i] = weight[i] * (scale * (row[i] - mean)) + bias[i];
        }
    }
}

void softmax(std::span<float> row) {
    const float highest = *std::ranges::max_element(row);
    float sum = 0;
    for (float& value : row) {
        value = exponential(value - highest);
    }
    for (const float value : row) {
        sum += value;
    }
    const float scale = 1.0F / sum;
    for (float& value : row) {
        value *= scale;
    }
}

void rotate_neighbours(std::span<float> vector, std::span<const float> cosines, std::span<const float> sines) {
    for (std::size_t pair = 0; pair < cosines.size(); ++pair) {
        const float a = vector[2 * pair];
        const float b = vector[2 * pair + 1];
        vector[2 * pair] = a * cosines[pair] - b * sines[pair];
        vector[2 * pair + 1] = a * sines[pair] + b * cosines[pair];
    }
}

void rotate_halves(std::span<float> vector, std::span<const float> cosines, std::span<const float> sines) {
    const std::size_t half = cosines.size();
    for (std::size_t pair = 0; pair < half; ++pair) {
        const float a = vector[pair];
        const float b = vector[pair + half];
        vector[pair] = a * cosines[pair] - b * sines[pair];
        vector[pair + half] = a * sines[pair] + b * cosines[pair];
    }
}

void silu_gate(std::span<float> gate, std::span<const float> up) {
    for (std::size_t i = 0; i < gate.size(); ++i) {
        gate[i] = gate[i] / (1.0F + exponential(std::min(-gate[i], kLargestExponent))) * up[i];
    }
}

void gelu(std::span<float> values, bool exact) {
    constexpr float kSqrtHalf = 0.70710678F;
    constexpr float kSqrtTwoOverPi = 0.79788456F;
    for (float& x : values) {
        x *=
            0.5F * (1.0F + (exact ? std::erf(x * kSqrtHalf) : std::tanh(kSqrtTwoOverPi * (x + 0.044715F * x * x * x))));
    }
}

void add(std::span<float> values, std::span<const float> more) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += more[i];
    }
}

}  // namespace palimpsest
