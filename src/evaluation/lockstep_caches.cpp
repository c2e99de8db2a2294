#include "evaluation/lockstep_caches.h"

#include <algorithm>

namespace palimpsest {

LockstepCaches::LockstepCaches(const ModelShape& shape, const Plan& plan)
    : shape_(shape),
      plan_(plan),
      full_(plan.length, plan.length),
      full_rows_(plan.texts, std::vector<float>(std::size_t{plan.chunk} * shape.heads * plan.length)) {}

void LockstepCaches::add_variant(std::vector<ManagedCache> caches) {
    caches_.push_back(std::move(caches));
    kept_.emplace_back(plan_.texts);
}

void LockstepCaches::place(std::uint32_t stream, std::uint32_t layer, std::uint32_t position,
                           std::span<std::uint32_t> cells) {
    const std::uint32_t variant = stream % variants();
    if (variant == 0) {
        full_.place(stream, layer, position, cells);
    } else {
        caches_[variant - 1][stream / variants()].place(layer, position, cells);
    }
}

std::span<const std::uint32_t> LockstepCaches::attended(std::uint32_t stream, std::uint32_t layer,
                                                        std::uint32_t position, std::uint32_t kv_head) {
    const std::uint32_t variant = stream % variants();
    const auto all = full_.attended(stream, layer, position, kv_head);
    return variant == 0 ? all : all.first(caches_[variant - 1][stream / variants()].residents(layer, kv_head).size());
}

void LockstepCaches::observe(const AttentionRows& rows) {
    const std::uint32_t variant = rows.text % variants();
    const std::uint32_t text = rows.text / variants();
    if (variant == 0) {
        remember(text, rows);
        return;
    }
    ManagedCache& cache = caches_[variant - 1][text];
    if (rows.position >= plan_.first_kept) {
        add_kept(text, cache, rows, kept_[variant - 1][text]);
    }
    cache.observe(rows);
}

void LockstepCaches::remember(std::uint32_t text, const AttentionRows& rows) {
    float* into = full_rows_[text].data() + std::size_t{rows.position % plan_.chunk} * shape_.heads * plan_.length;
    std::ranges::copy(rows.probabilities, into);
}

void LockstepCaches::add_kept(std::uint32_t text, const ManagedCache& cache, const AttentionRows& rows,
                              KeptMass& kept) const {
    const std::size_t keys = std::size_t{rows.position} + 1;
    const float* row = full_rows_[text].data() + std::size_t{rows.position % plan_.chunk} * shape_.heads * plan_.length;
    for (std::uint32_t head = 0; head < shape_.heads; ++head, row += keys) {
        float sum = 0;
        for (const std::uint32_t position : cache.residents(rows.layer, head / shape_.group())) {
            sum += row[position];
        }
        kept.sum += sum;
    }
    kept.rows += shape_.heads;
}

}  // namespace palimpsest
