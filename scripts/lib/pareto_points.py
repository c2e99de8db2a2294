"""What scripts/pareto works out without running anything: budgets, keys of kept results, the table, the front."""

import csv
import hashlib
import io
import json

COLUMNS = ["model", "policy", "scope", "budget", "slots", "perplexity", "relative_perplexity", "error", "kl", "top1",
           "mass_kept", "delay_reduction", "energy_saving", "kv_reduction", "kv_mmu_share", "config_hash",
           "tool_version"]


def slots_of(budget, length):
    """The slots of budget "1/8" (of the text's tokens) or "64". Raises ValueError where that is none."""
    numerator, slash, denominator = budget.partition("/")
    digits = numerator.isdecimal() and (denominator.isdecimal() if slash else True)
    if digits and int(numerator) > 0 and (not slash or 0 < int(numerator) <= int(denominator)):
        slots = length * int(numerator) // int(denominator) if slash else int(numerator)
        if 0 < slots <= length:
            return slots
    raise ValueError(f'"{budget}" is no budget: a share of the text\'s {length} tokens, as in 1/8, or slots, as in 64')


def key_of(description):
    """A name for all that a result depends on: equal for equal descriptions, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:32]


def accuracy_of(variant):
    """What a point takes from an entry of `policies` in the report of palimpsest evaluate."""
    return {"scope": variant["cache"]["scope"],
            "slots": variant["slots"],
            "perplexity": variant["perplexity"],
            "relative_perplexity": variant["relative_perplexity"],
            "error": variant["relative_perplexity_error"],
            "kl": variant["kl_nats"],
            "top1": variant["top1_agreement"],
            "mass_kept": variant["attention_mass_kept"]}


def timing_of(report):
    """What a point takes from report.json of palimpsest run."""
    return {"seconds": report["latency"]["seconds"],
            "joules": report["energy"]["joules"],
            "kv_peak_bytes": report["kv_cache"]["peak_bytes"],
            "kv_mmu_share": report["energy"]["kv_mmu_share"],
            "config_hash": report["config_hash"]}


def gains(base, timing):
    """What a run gains over the full cache, as palimpsest compare defines it."""
    return {"delay_reduction": base["seconds"] / timing["seconds"],
            "energy_saving": base["joules"] / timing["joules"],
            "kv_reduction": base["kv_peak_bytes"] / timing["kv_peak_bytes"],
            "kv_mmu_share": timing["kv_mmu_share"],
            "config_hash": timing["config_hash"]}


def full_accuracy(perplexity, length):
    """The full cache against itself."""
    return {"scope": "", "slots": length, "perplexity": perplexity, "relative_perplexity": 1.0, "error": 0.0, "kl": 0.0,
            "top1": 1.0, "mass_kept": 1.0}


def table(model, tool, accuracy, timing, base):
    """A row a point, as COLUMNS. `accuracy` and `timing` are by (policy, budget), over the same points; `base` is the
    full cache's timing."""
    if accuracy.keys() != timing.keys():
        raise ValueError(f"points of one side only: {sorted(accuracy.keys() ^ timing.keys())}")
    return [{"model": model, "policy": policy, "budget": budget, "tool_version": tool, **accuracy[policy, budget],
             **gains(base, timing[policy, budget])} for policy, budget in accuracy]


def csv_text(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    return text.getvalue()


def front(points, resolution=0.005):
    """Of (gain, loss) pairs, those that no other beats, by rising gain, equals once.

    A point is beaten by one of less loss whose gain is at least as large, or less by no more than the share
    `resolution`: whose victims happen to lie better in DRAM says nothing about a policy.
    """
    def beaten(gain, loss):
        return any(other < loss and least >= gain * (1 - resolution) or other == loss and least > gain
                   for least, other in points)

    return sorted({point for point in points if not beaten(*point)})
