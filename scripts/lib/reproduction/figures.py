"""The numbers of docs/reproduction.md, worked out from the data of the studies."""

import collections

import costs
import space
import studies

LADDER = ["full cache", "+ eviction", "+ KV-MMU", "+ batching", "+ pipeline"]
MACHINE, FULL, FULL_ALONE = "machine", "full", "full-no-overlap"


class Row(dict):
    """A row of data; r["latency.seconds"] is a number where it is one. `derived` are ratios and the like, as attributes."""

    def __init__(self, row, **derived):
        super().__init__({key: _number(value) for key, value in row.items()})
        self.__dict__.update(derived)


def _number(text):
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def rows_of(name):
    return [Row(row) for row in studies.read(studies.named(name).data)]


def ratio(one, other, key):
    return one[key] / other[key]


def row_hits_of_kv(row):
    kv = "dram.traffic.kv."
    return ((row[f"{kv}read_row_hits"] + row[f"{kv}write_row_hits"]) / (row[f"{kv}read_bursts"] + row[f"{kv}write_bursts"]))


def baselines():
    """{name: row}, gains of the machine over each."""
    rows = {row["base"]: row for row in rows_of("baselines")}
    machine = rows[MACHINE]
    for row in rows.values():
        row.delay, row.energy = ratio(row, machine, "latency.seconds"), ratio(row, machine, "energy.joules")
        row.delay_generation = ratio(row, machine, "latency.generation.seconds")
        row.energy_generation = ratio(row, machine, "energy.by_phase.generation")
        row.kv_bytes = row["dram.traffic.kv.bytes_read"] + row["dram.traffic.kv.bytes_written"]
        row.all_bytes = row["dram.bytes_read"] + row["dram.bytes_written"]
        row.unmanaged = rows[FULL if row["base"] in (MACHINE, FULL) else "full-no-batching"]
    for row in rows.values():
        row.traffic_reduction = row.unmanaged.all_bytes / row.all_bytes
    return rows


def kv_share(machine):
    """The KV-MMU's share of the energy with its own costs at their low and high ends."""
    energy = costs.Energy(machine)
    return energy.share_at(kv_mmu="low"), energy.share_at(kv_mmu="high")


def ladder():
    """{batch: {rung: row}}, gains over the lowest rung and over the one below."""
    found = collections.defaultdict(dict)
    for row in rows_of("ladder"):
        found[row["workload.batch"]][row["name"]] = row
    for rungs in found.values():
        below = lowest = rungs[LADDER[0]]
        for name in LADDER:
            row = rungs[name]
            row.delay, row.energy = ratio(lowest, row, "latency.seconds"), ratio(lowest, row, "energy.joules")
            row.rung_delay, row.rung_energy = ratio(below, row, "latency.seconds"), ratio(below, row, "energy.joules")
            row.kv_hits = row_hits_of_kv(row)
            below = row
    return dict(found)


def variant(row):
    """Of a sweep that has the machine and a full cache with and without overlap."""
    if row["cache.policy"] != "full":
        return MACHINE
    return FULL if row["pipeline.weight_prefetch"] == "true" else FULL_ALONE


def variants(rows, settings):
    """{settings: {variant: row}}"""
    found = collections.defaultdict(dict)
    for row in rows:
        found[tuple(row[name] for name in settings)][variant(row)] = row
    return found


# Costs at which a nearest point is looked at: DRAM's scale for each energy of a bit, and ends of the groups.
BITS = space.PJ_PER_BIT
ENDS = ("low", "value", "high")


def nearest():
    """Of each simulated point, the machine over a full cache without overlap: delay, energy at the table's costs, and at those within their ranges that come nearest."""
    found = []
    for rows in variants(rows_of("nearest"), ["name"]).values():
        machine = rows[MACHINE]
        row = rows[FULL_ALONE]
        row.delay, row.energy = ratio(row, machine, "latency.seconds"), ratio(row, machine, "energy.joules")
        row.share, row.foreseen = machine["energy.kv_mmu_share"], foreseen_delay(machine)
        row.optimism = row.foreseen / row.delay - 1
        row.off = off(row.delay, row.energy)
        row.best = min((costed(row, machine, bit, chip, leakage) for bit in BITS for chip in ENDS for leakage in ENDS),
                       key=lambda point: point["off"])
        found.append(row)
    return found


def foreseen_delay(row):
    """What the first pass makes of the delay reduction of a simulated point, whole run."""
    point = {"model": row["model"], "prompt": row["workload.prompt_tokens"], "generated": row["workload.generated_tokens"], "weight_bits": 8,
             "kv_bits": 8, "dram": "ddr4-3200", "array": 32, "bank_bytes": 4096, "core_ps": row["hardware.core_clock_ps"]}
    gains = space.gains(space.grid({name: [value] for name, value in point.items()}), [FULL_ALONE])
    return next(float(delay[0]) for _, scope, *_, delay, _, _ in gains if scope == "whole run")


def costed(row, machine, bit, chip, leakage):
    """The gain of a point with DRAM at `bit` pJ a bit and two groups of costs at an end of their ranges."""
    scale, chosen = bit / costs.PJ_PER_BIT["value"], {"chip": chip, "leakage": leakage}
    own, other = costs.Energy(machine), costs.Energy(row)
    energy = other.at(scale, **chosen) / own.at(scale, **chosen)
    shares = [own.share_at(scale, kv_mmu=end, **chosen) for end in ("low", "high")]
    return {"bit": bit, "chip": chip, "leakage": leakage, "energy": energy, "off": off(row.delay, energy), "least_share": shares[0],
            "most_share": shares[1], "share": own.share_at(scale, **chosen)}


def cells():
    """{baseline: what the first pass finds of it: least gains, and the cell nearest to the published pair}"""
    found = collections.defaultdict(list)
    for row in map(Row, studies.read(studies.SPACE)):
        row.delay, row.energy = row["delay_reduction"], row["energy_saving"]
        row.off = off(row.delay, row.energy)
        found[row["baseline"]].append(row)
    return {name: {"least_delay": min(row.delay for row in rows), "least_energy": min(row.energy for row in rows),
                   "nearest": min(rows, key=lambda row: row.off)} for name, rows in found.items()}


def off(delay, energy):
    """By how much the farther of the two published gains is missed, of the published one."""
    return max(abs(delay / space.TARGET["delay"] - 1), abs(energy / space.TARGET["energy"] - 1))


KELLE_LAYERS = 32
KELLE_PUBLISHED = {1: 1.24, 4: 1.71, 16: 3.16}  # energy gain by batch, LLaMA-2-7B on PG19, MICRO'25


def kelle():
    """{(batch, name): energy and delay of the whole model over the full cache's}, from one and two layers of it."""
    whole = {}
    points = collections.defaultdict(dict)
    for row in rows_of("kelle"):
        points[row["workload.batch"], row["name"]][row["model.layers"]] = row
    for key, at in points.items():
        whole[key] = {name: at[1][name] + (KELLE_LAYERS - 1) * (at[2][name] - at[1][name]) for name in ("latency.seconds", "energy.joules")}
    return {(batch, name): Row({}, delay=whole[batch, "full"]["latency.seconds"] / value["latency.seconds"],
                               energy=whole[batch, "full"]["energy.joules"] / value["energy.joules"])
            for (batch, name), value in whole.items() if name != "full"}


def veda():
    """{tokens: {budget's share: attention of the full cache over its}}"""
    found = collections.defaultdict(dict)
    for row in rows_of("veda"):
        found[row["workload.prompt_tokens"] + 1][row["name"]] = row["attention_cycles"]
    return {tokens: {share: at[1] / cycles for share, cycles in at.items() if share != 1} for tokens, at in found.items()}
