"""The first pass against the simulated steps and prompts of docs/reproduction/{steps,prompts}.csv: its errors."""

import numpy as np

import first_pass
import prefill_pass
import studies

FITTED = 141  # steps that the coefficients were fitted to: the first; the others were not part of it
TEXT, REAL = ("model", "dram"), ("joules", "kv_mmu_share")


def table(name):
    return [{key: value if key in TEXT else float(value) if key in REAL else int(value) for key, value in row.items()}
            for row in studies.read(studies.DATA / f"{name}.csv")]


def rms(errors):
    return float(np.sqrt(np.mean(np.square(errors))))


def steps():
    """Relative errors, an array each: cycles, joules, kv_mmu_share."""
    rows = table("steps")
    at = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    flags = [at[name].astype(bool) for name in ("overlap", "batched", "evicts")]
    point = first_pass.Point(at["model"], at["batch"], at["tokens"], at["weight_bits"], at["kv_bits"], at["dram"], at["array"],
                             at["bank_bytes"], at["core_ps"], *flags)
    cycles = first_pass.step_cycles(point)
    joules = first_pass.step_energy(point, cycles)
    total = sum(joules.values())
    return {"cycles": cycles / at["cycles"] - 1, "joules": total / at["joules"] - 1,
            "kv_mmu_share": (joules["kv_mmu"] + joules["spilled"]) / total / at["kv_mmu_share"] - 1}


def prompts():
    """Relative errors of cycles, an array."""
    errors = []
    for row in table("prompts"):
        chunk = prefill_pass.Chunk(row)
        begun = range(0, max(1, row["prompt"] // prefill_pass.CHUNK) * prefill_pass.CHUNK, prefill_pass.CHUNK)
        residents = [min(tokens, row["budget"]) if row["budget"] else tokens for tokens in begun]
        errors.append(sum(chunk.cycles(tokens, bool(row["overlap"])) for tokens in residents) / row["cycles"] - 1)
    return np.array(errors)


def summary():
    """For the page."""
    step, prompt = steps(), prompts()
    cycles = step["cycles"]
    return {"fitted": FITTED, "others": len(cycles) - FITTED, "fitted_rms": rms(cycles[:FITTED]), "others_rms": rms(cycles[FITTED:]),
            "worst": float(np.abs(cycles).max()), "energy_rms": rms(step["joules"]), "prompts": len(prompt),
            "prompts_rms": rms(prompt), "prompts_worst": float(np.abs(prompt).max())}
