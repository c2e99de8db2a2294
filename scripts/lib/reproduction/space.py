"""The space in which the published pair of gains is looked for, and what the first pass says of all of it.

A workload is a batch of 16 with P prompt tokens and G generated ones; the machine's budget is an eighth of P + G, as
published. What a baseline gains is judged over generation alone and over the whole run. Energy is linear in the cost of a DRAM
bit, of the chip's actions and of leakage, so those three cost nothing to vary.
"""

import collections
import dataclasses
import itertools

import numpy as np

import first_pass
import prefill_pass

BATCH = 16
REDUCTION = 8
# Axis: values, and where the range comes from.
AXES = {
    "model": (list(first_pass.MODELS), "GPT-2 and OPT first, LLaMA next: what the paper's group and its peers publish on"),
    "prompt": ([128, 256, 512, 1024, 2048], "tokens; Kelle (MICRO'25): 128 to 1,024"),
    "generated": ([128, 256, 512, 1024, 2048, 4096], "tokens; Kelle: 512 to 8,192"),
    "weight_bits": ([8, 16], "INT8: HyFlexPIM (ISCA'25); 16: VEDA (DAC'25)"),
    "kv_bits": ([8, 16], "8: HyFlexPIM; 16: Kelle"),
    "dram": (list(first_pass.DRAMS), "LPDDR4: Kelle; HBM2: VEDA, SpAtten"),
    "array": ([16, 32, 64], "PEs along an edge; Kelle: 32"),
    "bank_bytes": ([4096, 16384, 32768, 65536], "of each of 36 banks: 144 kB, 576 kB, 1.1 MB, 2.3 MB of SRAM; VEDA: 256 kB, Kelle: 2 MB"),
    "core_ps": ([1000, 1333, 2000, 5000], "1, 0.75, 0.5 and 0.2 GHz; 65 nm designs of the group: up to 1.1 GHz"),
}
# Where AXES come near the published pair, more finely: contexts within GPT-2's positions, clocks near the one at which array
# and DRAM are equally busy, little SRAM.
FINE = {name: values for name, (values, _) in AXES.items()} | {
    "prompt": [128, 256, 384, 512, 640, 768, 896], "generated": [64, 128, 192, 256, 384, 512], "dram": ["lpddr4-3200", "ddr4-3200"],
    "array": [32], "bank_bytes": [4096, 8192, 16384], "core_ps": [1000, 1100, 1200, 1333, 1450, 1600]}
FINE_BASELINES = ["full-no-overlap"]
PJ_PER_BIT = [8, 12, 20, 30, 40]  # LPDDR4 in Accelergy's tables to LPDDR2 in Malladi et al. (ISCA'12)
TARGET = {"delay": 3.62, "energy": 1.52, "share": 0.0111}
WITHIN = 0.10
BASELINES = {"full": (True, True), "full-no-overlap": (False, True), "full-no-batching": (True, False), "full-serial": (False, False)}
RESIDENTS = [0, 64, 128, 256, 512, 1024, 2048, 4096]
PARTS = ["dram", "dynamic", "leakage", "kv_mmu", "spilled"]


@dataclasses.dataclass
class Run:
    """A machine over the whole grid: seconds, and J by (chip costs, part)."""

    seconds: np.ndarray
    joules: dict

    def total(self, costs, leakage, scale):
        at = {part: self.joules[costs, part] for part in PARTS}
        return at["dynamic"] + first_pass.LEAKAGE[leakage] * (at["leakage"] + at["kv_mmu"]) + scale * (at["dram"] + at["spilled"])

    def share(self, costs, leakage, scale):
        at = {part: self.joules[costs, part] for part in PARTS}
        return (first_pass.LEAKAGE[leakage] * at["kv_mmu"] + scale * at["spilled"]) / self.total(costs, leakage, scale)

    def __add__(self, other):
        return Run(self.seconds + other.seconds, {key: value + other.joules[key] for key, value in self.joules.items()})


def grid(axes=None):
    """{axis: array}, one entry a point."""
    axes = axes or {name: values for name, (values, _) in AXES.items()}
    index = np.array(list(itertools.product(*(range(len(values)) for values in axes.values()))))
    points = {name: np.array(values)[index[:, i]] for i, (name, values) in enumerate(axes.items())}
    points["budget"] = (points["prompt"] + points["generated"]) // REDUCTION
    positions = {model: shape[8] for model, shape in first_pass.MODELS.items()}
    points["fits"] = points["prompt"] + points["generated"] <= first_pass._table(positions, points["model"])
    return points


def generation(points, overlap, batched, evicts):
    """All steps of generation: residents grow from P to P + G, or stay at the budget."""
    at = [(points["budget"], 1.0)] if evicts else [(points["prompt"] + points["generated"] * f, 1 / 3) for f in (0.1127, 0.5, 0.8873)]
    seconds, joules = 0.0, {}
    for tokens, weight in at:
        step = first_pass.Point(points["model"], BATCH, tokens, points["weight_bits"], points["kv_bits"], points["dram"],
                                points["array"], points["bank_bytes"], points["core_ps"], overlap, batched, evicts)
        cycles = first_pass.step_cycles(step)
        factor = weight * points["generated"]
        seconds = seconds + factor * cycles * points["core_ps"] * 1e-12
        for costs in first_pass.COSTS:
            for part, value in first_pass.step_energy(step, cycles, costs).items():
                joules[costs, part] = joules.get((costs, part), 0) + factor * value
    return Run(seconds, joules)


def prefill(points, overlap, evicts):
    """All chunks of the prompt. Points on which no tile fits get an endless run."""
    machine = ["model", "weight_bits", "kv_bits", "dram", "array", "bank_bytes", "core_ps"]
    keys = np.array([str(t) for t in zip(*(points[name].tolist() for name in machine))])
    names, first, where = np.unique(keys, return_index=True, return_inverse=True)
    tables = {}
    for index in first:
        config = {name: points[name][index].item() for name in machine} | {"batch": BATCH}
        chunk = prefill_pass.Chunk(config)
        for i, residents in enumerate(RESIDENTS):
            cycles = chunk.cycles(residents, overlap)
            row = tables.setdefault("cycles", np.full((len(first), len(RESIDENTS)), np.inf))
            which = np.searchsorted(names, keys[index])
            if cycles is None:
                continue
            row[which, i] = cycles
            for costs in first_pass.COSTS:
                for part, value in chunk.energy(residents, config, cycles, costs).items():
                    tables.setdefault((costs, part), np.zeros((len(first), len(RESIDENTS))))[which, i] = value
    layers = first_pass._table({model: shape[0] for model, shape in first_pass.MODELS.items()}, points["model"])
    total = {key: np.zeros(len(keys)) for key in tables}
    for i in range(int(points["prompt"].max()) // prefill_pass.CHUNK):
        begun = np.full(len(keys), i * prefill_pass.CHUNK)
        residents = np.minimum(begun, points["budget"]) if evicts else begun
        low = np.clip(np.searchsorted(RESIDENTS, residents, side="right") - 1, 0, len(RESIDENTS) - 2)
        ends = np.array(RESIDENTS)
        part = (residents - ends[low]) / (ends[low + 1] - ends[low])
        counts = (begun < points["prompt"]) * layers
        for key, table in tables.items():
            value = table[where, low] * (1 - part) + table[where, low + 1] * part
            total[key] += np.where(counts > 0, counts * value, 0)
    return Run(total.pop("cycles") * points["core_ps"] * 1e-12, total)


def distance(delay, energy, share=None):
    """How far a pair (or with the share, three) is from the published one: the largest relative error, symmetric."""
    errors = [np.abs(np.log(delay / TARGET["delay"])), np.abs(np.log(energy / TARGET["energy"]))]
    if share is not None:
        errors.append(np.abs(np.log(share / TARGET["share"])))
    return np.maximum.reduce(errors)


def gains(points, baselines=BASELINES):
    """Yields (baseline, scope, chip costs, leakage, pJ a bit, delay, energy, share) over the grid."""
    pj = first_pass._table({name: dram.pj_per_bit for name, dram in first_pass.DRAMS.items()}, points["dram"])
    machine = generation(points, True, True, True)
    prompt = prefill(points, True, True)
    scopes = {"generation": machine, "whole run": machine + prompt}
    for name in baselines:
        overlap, batched = BASELINES[name]
        steps = generation(points, overlap, batched, False)
        runs = {"generation": steps}
        if batched:
            runs["whole run"] = steps + prefill(points, overlap, False)
        for scope, run in runs.items():
            delay = run.seconds / scopes[scope].seconds
            for costs, leakage, bit in itertools.product(first_pass.COSTS, first_pass.LEAKAGE, PJ_PER_BIT):
                energy = run.total(costs, leakage, bit / pj) / scopes[scope].total(costs, leakage, bit / pj)
                yield name, scope, costs, leakage, bit, delay, energy, scopes[scope].share(costs, leakage, bit / pj)


CELL = 0.02  # of a decade, along each gain
WIDEST = 1 << 20  # cells in a row, many more than there can be


def cells():
    """The gains that the first pass finds anywhere in the space, as cells of CELL: rows for the picture of them."""
    found = collections.Counter()
    with np.errstate(all="ignore"):  # machines on which no tile fits: endless against endless
        for axes, baselines in ((None, BASELINES), (FINE, FINE_BASELINES)):
            points = grid(axes)
            for name, _, _, _, _, delay, energy, _ in gains(points, baselines):
                reached = np.isfinite(delay) & np.isfinite(energy) & points["fits"]
                x, y = (np.floor(np.log10(gain[reached]) / CELL).astype(int) for gain in (delay, energy))
                places, counts = np.unique(x * WIDEST + y, return_counts=True)
                for place, count in zip(places.tolist(), counts.tolist()):
                    found[name, *divmod(place + WIDEST // 2, WIDEST)] += count
    return [{"baseline": name, "kind": "first pass", "delay_reduction": f"{10 ** (CELL * (x + 0.5)):.5g}",
             "energy_saving": f"{10 ** (CELL * (y - WIDEST // 2 + 0.5)):.5g}", "count": count} for (name, x, y), count in sorted(found.items())]
