#pragma once
// A LLaMA-like model in the plainest form there is: double precision, one loop a sum, every position from scratch.
// Holds random weights, writes them as a llama2.c checkpoint byte by byte, and computes logits and attention of a text.
// Shares nothing with src/engine.

#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace palimpsest {

struct ReferenceShape {
    int hidden = 24, ffn_hidden = 40, layers = 3, heads = 4, kv_heads = 2, vocabulary = 300, max_positions = 32;
    bool tied = true;
    int head_dim() const { return hidden / heads; }
    int kv_width() const { return kv_heads * head_dim(); }
};

class LlamaReference {
  public:
    using Vector = std::vector<double>;
    struct Result {
        std::vector<Vector> logits;  ///< by position
        /// By layer, head, query position: probabilities of keys 0 .. position; 0 where not seen.
        std::vector<std::vector<std::vector<Vector>>> attention;
    };

    LlamaReference(const ReferenceShape& shape, unsigned seed) : s_(shape), random_(seed) {
        const int d = s_.hidden;
        embedding_ = tensor(1, s_.vocabulary * d, 1.0);
        attention_norm_ = tensor(s_.layers, d, 0.2, 1.0);
        query_ = tensor(s_.layers, d * d, 0.6);
        key_ = tensor(s_.layers, s_.kv_width() * d, 0.6);
        value_ = tensor(s_.layers, s_.kv_width() * d, 0.3);
        output_ = tensor(s_.layers, d * d, 0.3);
        ffn_norm_ = tensor(s_.layers, d, 0.2, 1.0);
        gate_ = tensor(s_.layers, s_.ffn_hidden * d, 0.3);
        down_ = tensor(s_.layers, d * s_.ffn_hidden, 0.3);
        up_ = tensor(s_.layers, s_.ffn_hidden * d, 0.3);
        final_norm_ = tensor(1, d, 0.2, 1.0);
        classifier_ = s_.tied ? embedding_ : tensor(1, s_.vocabulary * d, 0.3);
    }

    /// llama2.c, version 0.
    void write(const std::string& path) const {
        std::ofstream file(path, std::ios::binary);
        const std::int32_t vocabulary = s_.tied ? s_.vocabulary : -s_.vocabulary;
        for (const std::int32_t field :
             {s_.hidden, s_.ffn_hidden, s_.layers, s_.heads, s_.kv_heads, vocabulary, s_.max_positions}) {
            file.write(reinterpret_cast<const char*>(&field), 4);
        }
        const std::vector<float> unused_angles(static_cast<std::size_t>(s_.max_positions * s_.head_dim() / 2), 77.0F);
        for (const auto* tensor : {&embedding_, &attention_norm_, &query_, &key_, &value_, &output_, &ffn_norm_, &gate_,
                                   &down_, &up_, &final_norm_, &unused_angles, &unused_angles}) {
            put(file, *tensor);
        }
        if (!s_.tied) {
            put(file, classifier_);
        }
    }

    /// Whether in `layer` the query at t of KV head `head` sees the key at j <= t.
    using Visible = std::function<bool(int layer, int head, int t, int j)>;

    Result run(const std::vector<unsigned>& tokens, int window) const {
        return run(tokens, [window](int, int, int t, int j) { return j > t - window; });
    }
    Result run(const std::vector<unsigned>& tokens, const Visible& visible) const {
        const int d = s_.hidden;
        const int n = static_cast<int>(tokens.size());
        Result result;
        std::vector<Vector> x;
        for (const unsigned token : tokens) {
            Vector row;
            for (int i = 0; i < d; ++i) {
                row.push_back(embedding_[token * static_cast<unsigned>(d) + static_cast<unsigned>(i)]);
            }
            x.push_back(row);
        }
        for (int layer = 0; layer < s_.layers; ++layer) {
            std::vector<Vector> q, k, v;
            for (int t = 0; t < n; ++t) {
                const Vector h = norm(x[at(t)], attention_norm_, layer * d);
                q.push_back(rotated(times(query_, layer * d * d, d, h), t));
                k.push_back(rotated(times(key_, layer * s_.kv_width() * d, s_.kv_width(), h), t));
                v.push_back(times(value_, layer * s_.kv_width() * d, s_.kv_width(), h));
            }
            result.attention.emplace_back();
            std::vector<Vector> mixed(at(n), Vector(at(d), 0.0));
            for (int head = 0; head < s_.heads; ++head) {
                result.attention.back().emplace_back();
                const int kv = head * s_.kv_heads / s_.heads;
                for (int t = 0; t < n; ++t) {
                    Vector p(at(t + 1), 0.0);
                    double sum = 0;
                    for (int j = 0; j <= t; ++j) {
                        if (!visible(layer, kv, t, j)) {
                            continue;
                        }
                        double dot = 0;
                        for (int i = 0; i < s_.head_dim(); ++i) {
                            dot += q[at(t)][at(head * s_.head_dim() + i)] * k[at(j)][at(kv * s_.head_dim() + i)];
                        }
                        p[at(j)] = std::exp(dot / std::sqrt(static_cast<double>(s_.head_dim())));
                        sum += p[at(j)];
                    }
                    for (int j = 0; j <= t; ++j) {
                        p[at(j)] /= sum;
                        for (int i = 0; i < s_.head_dim(); ++i) {
                            mixed[at(t)][at(head * s_.head_dim() + i)] +=
                                p[at(j)] * v[at(j)][at(kv * s_.head_dim() + i)];
                        }
                    }
                    result.attention.back().back().push_back(p);
                }
            }
            for (int t = 0; t < n; ++t) {
                accumulate(x[at(t)], times(output_, layer * d * d, d, mixed[at(t)]));
                const Vector h = norm(x[at(t)], ffn_norm_, layer * d);
                Vector g = times(gate_, layer * s_.ffn_hidden * d, s_.ffn_hidden, h);
                const Vector u = times(up_, layer * s_.ffn_hidden * d, s_.ffn_hidden, h);
                for (std::size_t i = 0; i < g.size(); ++i) {
                    g[i] = g[i] * u[i] / (1 + std::exp(-g[i]));
                }
                accumulate(x[at(t)], times(down_, layer * d * s_.ffn_hidden, d, g));
            }
        }
        for (int t = 0; t < n; ++t) {
            result.logits.push_back(times(classifier_, 0, s_.vocabulary, norm(x[at(t)], final_norm_, 0)));
        }
        return result;
    }

  private:
    static std::size_t at(int i) { return static_cast<std::size_t>(i); }
    std::vector<float> tensor(int layers, int count, double spread, double centre = 0) {
        std::normal_distribution<double> normal(centre, spread);
        std::vector<float> values;
        for (int i = 0; i < layers * count; ++i) {
            values.push_back(static_cast<float>(normal(random_)));
        }
        return values;
    }
    static void put(std::ofstream& file, const std::vector<float>& values) {
        for (const float value : values) {
            file.write(reinterpret_cast<const char*>(&value), 4);
        }
    }
    static Vector times(const std::vector<float>& matrix, int offset, int rows, const Vector& x) {
        Vector y;
        for (int row = 0; row < rows; ++row) {
            double sum = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                sum += static_cast<double>(matrix[at(offset) + at(row) * x.size() + i]) * x[i];
            }
            y.push_back(sum);
        }
        return y;
    }
    static Vector norm(const Vector& x, const std::vector<float>& weight, int offset) {
        double squares = 0;
        for (const double value : x) {
            squares += value * value;
        }
        Vector y;
        for (std::size_t i = 0; i < x.size(); ++i) {
            y.push_back(static_cast<double>(weight[at(offset) + i]) * x[i] /
                        std::sqrt(squares / static_cast<double>(x.size()) + 1e-5));
        }
        return y;
    }
    Vector rotated(Vector v, int position) const {
        for (int i = 0; i < static_cast<int>(v.size()); i += 2) {
            const double angle = position * std::pow(10000.0, -static_cast<double>(i % s_.head_dim()) / s_.head_dim());
            const double a = v[at(i)];
            const double b = v[at(i + 1)];
            v[at(i)] = a * std::cos(angle) - b * std::sin(angle);
            v[at(i + 1)] = a * std::sin(angle) + b * std::cos(angle);
        }
        return v;
    }
    static void accumulate(Vector& x, const Vector& more) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] += more[i];
        }
    }

    ReferenceShape s_;
    std::mt19937 random_;
    std::vector<float> embedding_, attention_norm_, query_, key_, value_, output_, ffn_norm_, gate_, down_, up_,
        final_norm_, classifier_;
};

}  // namespace palimpsest
