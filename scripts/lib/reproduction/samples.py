"""The random points that the first pass is held against, as sweeps: docs/reproduction/steps.csv and prompts.csv name their settings.

steps: two generation steps of a batch, `tokens` residents of each head. prompts: a prompt on one layer of a model; budget 0 is a full cache.
"""

import json

import first_pass

ALIKE = {"attention": {"source": "synthetic"}, "dram.allow_nonstandard": True, "dram.organisation.rows": 1048576,
         "model.max_positions": 16384}
STEP = {**ALIKE, "cache.prefill": "preset", "workload.generated_tokens": 2}
PROMPT = {**ALIKE, "model.layers": 1, "workload.generated_tokens": 1}
LARGEST_BANK = 32768  # bytes; a larger one misses 1 GHz, so there are more of these
STEPS, PROMPTS = "steps", "prompts"
CLOSED_FORM_KNOWS = ("qkv", "attention", "attention_output", "ffn_up", "ffn_down", "attention_norm", "ffn_norm")


def machine(row):
    """Settings that steps and prompts share."""
    array, bank = int(row["array"]), int(row["bank_bytes"])
    word = max(32, array)
    settings = {"model": row["model"], "model.weight_bits": int(row["weight_bits"]), "workload.batch": int(row["batch"]),
                "cache.kv_bits": int(row["kv_bits"]), "dram": row["dram"], "hardware.core_clock_ps": int(row["core_ps"]),
                "hardware.pe_array.rows": array, "hardware.pe_array.columns": array, "hardware.vector_unit.lanes": array}
    for buffer, banks in first_pass.BANKS.items():
        settings |= {f"hardware.buffers.{buffer}.bank_bytes": min(bank, LARGEST_BANK), f"hardware.buffers.{buffer}.word_bytes": word,
                     f"hardware.buffers.{buffer}.banks": banks * max(1, bank // LARGEST_BANK)}
    for overlap in ("weight_prefetch", "attention_overlap", "eviction_overlap"):
        settings[f"pipeline.{overlap}"] = row["overlap"] == "1"
    return settings


def step(row):
    tokens, evicts = int(row["tokens"]), row["evicts"] == "1"
    return {**machine(row), "pipeline.batched_projections": row["batched"] == "1", "cache.policy": "rce" if evicts else "full",
            "cache.storage": "append_gather" if row["gathers"] == "1" else "in_place", "cache.budget": tokens,
            "workload.prompt_tokens": tokens + 2 if evicts else tokens - 1}


def prompt(row):
    budget = int(row["budget"])
    return {**machine(row), "cache.policy": "rce" if budget else "full", "cache.budget": budget or 64,
            "workload.prompt_tokens": int(row["prompt"])}


def step_results(report):
    """Of one of the two steps."""
    return {"cycles": report["latency"]["cycles"] // 2, "joules": f"{report['energy']['joules'] / 2:.6g}",
            "kv_mmu_share": f"{report['energy']['kv_mmu_share']:.5f}"}


def prompt_results(report):
    operators = report["profile"]["operators"]
    return {"cycles": sum(entry["prefill_cycles"] for entry in operators if entry["name"] in CLOSED_FORM_KNOWS)}


def sweep_document(rows, settings_of, fixed, base):
    """A sweep with a point a row."""
    points = [{"name": str(number), **settings_of(row)} for number, row in enumerate(rows)]
    axes = {path: [point[path] for point in points] for path in points[0]}
    return json.dumps({"base": str(base), "set": fixed, "axes": axes, "zip": [list(axes)], "collect": ["latency.cycles"]}, indent=1) + "\n"
