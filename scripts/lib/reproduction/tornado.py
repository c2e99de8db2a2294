"""How the gains move with one parameter at a time: the sensitivity study as the table that a tornado is drawn of."""

import costs
import figures

SRAM = "weight buffer, bytes"  # worked out: of 36 banks, the weight buffer has 8
# Column of the data: what the page calls the parameter, and how a setting of it is written.
PARAMETERS = {
    "model": ("model", str),
    "workload.batch": ("batch", str),
    "workload.prompt_tokens": ("context (budget an eighth)", lambda prompt: f"{(prompt + 1) * 10 // 9} tokens"),
    "model.weight_bits": ("bits of a weight", str),
    "cache.kv_bits": ("bits of K and V", str),
    "dram": ("DRAM", str),
    "hardware.pe_array.rows": ("array", lambda rows: f"{rows} x {rows}"),
    SRAM: ("SRAM", lambda of_weights: f"{of_weights * 36 / 8 / 1024:,.0f} kB"),
    "hardware.core_clock_ps": ("clock", lambda picoseconds: f"{1e3 / picoseconds:.2g} GHz"),
}
COSTS = {
    "dram": ("energy of a DRAM bit", {end: f"{bit} pJ" for end, bit in costs.PJ_PER_BIT.items()}),
    "chip": ("costs of the chip's actions", {"low": "low", "high": "high"}),
    "leakage": ("leakage and clock", {"low": "low", "high": "high"}),
    "kv_mmu": ("costs of the KV-MMU", {"low": "low", "high": "high"}),
}


def table(baseline):
    """[{parameter, setting, delay_reduction, energy_saving}] against a baseline; parameter `base` is the workload of the paper as it is here."""
    rows = figures.rows_of("sensitivity")
    for row in rows:
        row[SRAM] = row["hardware.buffers.weight.bank_bytes"] * row["hardware.buffers.weight.banks"]
    points = figures.variants(rows, list(PARAMETERS))
    base_settings = next(iter(points))
    found = []
    for settings, rows in points.items():
        changed = [i for i, value in enumerate(settings) if value != base_settings[i]]
        row, machine = rows[baseline], rows[figures.MACHINE]
        label, written = ("base", str) if not changed else PARAMETERS[list(PARAMETERS)[changed[0]]]
        found.append({"parameter": label, "setting": written(settings[changed[0]]) if changed else "",
                      "delay_reduction": figures.ratio(row, machine, "latency.seconds"),
                      "energy_saving": figures.ratio(row, machine, "energy.joules")})
    return found + _of_costs(points[base_settings][baseline], points[base_settings][figures.MACHINE], found[0]["delay_reduction"])


def _of_costs(row, machine, delay):
    own, other = costs.Energy(machine), costs.Energy(row)
    return [{"parameter": label, "setting": settings[end], "delay_reduction": delay,
             "energy_saving": other.at(**{group: end}) / own.at(**{group: end})}
            for group, (label, settings) in COSTS.items() for end in ("low", "high")]


def reach(baseline):
    """What of the gains over a baseline holds whichever parameter is another: (least, greatest) of delay over energy, and of the energy gain
    with the energy of a DRAM bit; the row that is nearest to the published pair, and the parameters by how far they move the delay, farthest
    first."""
    rows = table(baseline)
    leads = [row["delay_reduction"] / row["energy_saving"] for row in rows]
    of_bit = [row["energy_saving"] for row in rows if row["parameter"] == COSTS["dram"][0]]
    swings = {}
    for row in rows[1:]:
        swings.setdefault(row["parameter"], [rows[0]["delay_reduction"]]).append(row["delay_reduction"])
    return {"lead": (min(leads), max(leads)), "bit": (min(of_bit), max(of_bit)),
            "nearest": min(rows, key=lambda row: figures.off(row["delay_reduction"], row["energy_saving"])),
            "order": sorted(swings, key=lambda name: max(swings[name]) / min(swings[name]), reverse=True)}
