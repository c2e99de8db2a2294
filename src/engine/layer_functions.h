#pragma once
// The element-wise parts of a decoder layer, as pure functions on rows.

#include <span>

namespace palimpsest {

/// Each row of weight.size() values, divided by its root mean square and scaled. `result` may be longer than `rows`.
void rms_norm(std::span<const float> rows, std::span<const float> weight, float epsilon, std::span<float> result);
/// Each row, brought to mean 0 and variance 1 (population), scaled and shifted.
void layer_norm(std::span<const float> rows, std::span<const float> weight, std::span<const float> bias, float epsilon,
                std::span<float> result);
/// In place; stable for any finite values. Not empty.
void softmax(std::span<float> row);
/// Turns each pair (2i, 2i + 1) by the angle whose cosine and sine are given.
void rotate_neighbours(std::span<float> vector, std::span<const float> cosines, std::span<const float> sines);
/// Turns each pair (i, i + size / 2).
void rotate_halves(std::span<float> vector, std::span<const float> cosines, std::span<const float> sines);
/// gate = silu(gate) * up.
void silu_gate(std::span<float> gate, std::span<const float> up);
/// In place, x Phi(x): by erf, or by GPT-2's approximation with tanh.
void gelu(std::span<float> values, bool exact);
/// values += more.
void add(std::span<float> values, std::span<const float> more);

}  // namespace palimpsest
