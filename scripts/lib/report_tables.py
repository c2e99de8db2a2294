"""Tables of a report's page. Cells hold numbers as people read them, and as the sorting takes them in data-value."""

from html import escape

import plot_units

SHORT = 36  # characters of a long text that are seen


class Cell:
    """What is shown, and the number it is sorted by. Of a `long` text only the beginning is seen until it is opened."""

    def __init__(self, text, value=None, number=False, long=False):
        self.text, self.value, self.number = str(text), value, number or value is not None
        self.long = long and len(self.text) > SHORT

    def html(self):
        kind = ' class="number"' if self.number else ""
        value = f' data-value="{self.value!r}"' if self.value is not None else ""
        text = escape(self.text)
        if self.long:
            text = f"<details><summary>{escape(self.text[:SHORT].rsplit(' ', 1)[0])} …</summary>{text}</details>"
        return f"<td{kind}{value}>{text}</td>"


def count(value):
    return Cell(f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 1000 else f"{value:.4g}", value)


def si(value, unit):
    """With a prefix: 454 ms, 1.51 J, 9.16 GB."""
    return Cell(plot_units.si(value, unit) if value else "0", value)


def percent(part, whole=1):
    share = 100 * part / whole if whole else 0
    return Cell(f"{share:.1f} %", share)


def plain(value):
    return count(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else Cell(value)


def table(heads, rows, sortable=False, caption=None, totals=None):
    """heads: [(name, unit or None)]; rows: lists of Cell or text; `totals`: a last row that stays last."""
    def line(cells):
        return "<tr>" + "".join((cell if isinstance(cell, Cell) else Cell(cell)).html() for cell in cells) + "</tr>"

    numbers = [bool(rows) and isinstance(rows[0][place], Cell) and rows[0][place].number for place in range(len(heads))]
    head = "".join(f'<th scope="col"{" class=number" if number else ""}>{escape(name)}'
                   + (f' <span class="unit">{escape(unit)}</span>' if unit else "") + "</th>"
                   for (name, unit), number in zip(heads, numbers))
    kind = ' class="sortable"' if sortable else ""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    foot = f"<tfoot>{line(totals)}</tfoot>" if totals else ""
    body = "\n".join(line(row) for row in rows)
    return (f'<div class="scroll"><table{kind}>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{foot}'
            "</table></div>")


def pairs(entries, caption=None):
    """A table of names and values."""
    return table([("", None), ("", None)], entries, caption=caption).replace("<thead>", "<thead hidden>")


# -- the tables of a run

def phases(report, where, names):
    """Those that the report has: `mixed` and `idle` are of runs that serve requests."""
    return [name for name in names if report.has(f"{where}.{name}")]


def latency(report):
    total = report.get("latency.cycles")
    rows = []
    for phase in phases(report, "latency", ("prefill", "generation", "mixed", "idle")):
        entry = report.get(f"latency.{phase}")
        counts = [count(entry[name]) if name in entry else "" for name in ("steps", "tokens", "tokens_per_second")]
        share = percent(entry["cycles"], total)
        rows.append([phase, count(entry["cycles"]), si(entry["seconds"], "s"), share, *counts])
    heads = [("phase", None), ("cycles", None), ("time", None), ("share", None), ("steps", None), ("tokens", None),
             ("rate", "tokens/s")]
    whole = ["total", count(total), si(report.get("latency.seconds"), "s"), percent(1), "", "", ""]
    return table(heads, rows, totals=whole)


def units(report):
    stalls = list(dict.fromkeys(cause for unit in report.get("units").values() for cause in unit["stall_cycles"]))
    whole = report.get("latency.cycles")
    rows = [[name, percent(unit["busy_cycles"], whole),
             *(percent(unit["stall_cycles"].get(cause, 0), whole) for cause in stalls)]
            for name, unit in report.get("units").items()]
    return table([("unit", None), ("busy", None), *((cause.replace("_", " "), None) for cause in stalls)], rows, True)


BUSY = [("pe_array", "PE array"), ("vector_unit", "vector unit"), ("dma_load", "DMA load"), ("dma_store", "DMA store"),
        ("kv_mmu", "KV-MMU")]
TRAFFIC = ["weights", "activations", "kv", "scores"]


def profiled(report, what, entries, name):
    """Operators or layers: what is booked on each; `name` gives the first cell."""
    whole = report.get("latency.cycles")
    clock = report.get("latency.core_clock_ps") * 1e-12
    of = phases(report, "latency", ("prefill", "generation", "mixed"))
    rows = []
    for entry in entries:
        busy, cycles = entry["busy_cycles"], entry["cycles"]
        rows.append([name(entry), count(entry["commands"]), count(cycles), percent(cycles, whole),
                     *(si(entry.get(f"{phase}_cycles", 0) * clock, "s") for phase in of),
                     Cell(plot_units.si(entry["macs"], "MACs").removesuffix("MACs"), entry["macs"]),
                     *(si(entry["dram_bytes"].get(kind, 0), "B") for kind in TRAFFIC),
                     *(percent(busy.get(unit, 0), whole) for unit, _ in BUSY)])
    heads = [(what, None), ("commands", None), ("cycles", None), ("share", None),
             *((phase, None) for phase in of), ("MACs", None),
             *((f"DRAM {kind}", None) for kind in TRAFFIC), *((title, "busy") for _, title in BUSY)]
    return table(heads, rows, True)


def operators(report):
    entries = report.get("profile.operators")
    return profiled(report, "operator", entries, lambda entry: Cell(entry["name"].replace("_", " ")))


def layers(report):
    entries = report.get("profile.layers")
    return profiled(report, "layer", entries, lambda entry: Cell("none", -1) if entry["layer"] is None
                    else Cell(entry["layer"], entry["layer"]))


def operator_runs(report):
    """Of a workload of single operators."""
    entries = report.get("operators")
    skipped = ("name", "kind")
    columns = [key for key in entries[0] if key not in skipped]
    rows = [[entry["name"], entry["kind"], *(plain(entry.get(key)) for key in columns)] for entry in entries]
    return table([("operator", None), ("kind", None), *((key.replace("_", " "), None) for key in columns)], rows, True)


def energy(report, way):
    total = report.get("energy.joules")
    rows = [[name, si(joules, "J"), percent(joules, total)] for name, joules in report.get(f"energy.by_{way}").items()]
    return table([(f"by {way}", None), ("energy", None), ("share", None)], rows, True,
                 totals=["total", si(total, "J"), percent(1)])


# What the settings of DRAM actions are called where it is not their own name.
DRAM_SETTINGS = {"io_bit": "io_pj_per_bit", "read": "read_burst_pj", "write": "write_burst_pj",
                 "activate": "activate_precharge_pj"}


def source_of(report, action):
    """Where a cost comes from, as the configuration says it."""
    sources, name = report.get("config").get("sources", {}), action["name"]
    if name.startswith("dram_"):
        bare = name.removeprefix("dram_")
        paths = [f"dram.energy.{DRAM_SETTINGS.get(bare, bare + '_mw')}", f"dram.energy.{bare}_pj"]
    else:
        paths = [f"cost.static_power.{name.removeprefix('static/')}" if "/" in name else f"cost.actions.{name}"]
    return next((sources[path] for path in paths if path in sources), "")


def actions(report):
    rows = []
    for action in sorted(report.get("energy.actions"), key=lambda action: -action["joules"]):
        static = "power_mw" in action
        amount = si(action["picoseconds"] * 1e-12, "s") if static else count(action["count"])
        cost = f"{action['power_mw']:.4g} mW" if static else f"{count(action['cost_pj']).text} pJ"
        rows.append([action["name"], action["block"], action["class"], amount, Cell(cost, number=True),
                     si(action["joules"], "J"), percent(action["joules"], report.get("energy.joules")),
                     action["confidence"], Cell(source_of(report, action), long=True)])
    heads = [("action", None), ("block", None), ("class", None), ("count or time", None), ("cost", "each, or power"),
             ("energy", None), ("share", None), ("confidence", None), ("source", None)]
    return table(heads, rows, True)


def sensitivity(report, most=12):
    rows = [[entry["cost"], si(entry["low_joules"], "J"), si(entry["high_joules"], "J"), si(entry["swing_joules"], "J")]
            for entry in report.get("energy.sensitivity")[:most]]
    heads = [("cost", None), ("total at its low value", None), ("at its high value", None), ("swing", None)]
    return table(heads, rows, True)


def dram_traffic(report):
    rows = []
    for name, entry in report.get("dram.traffic").items():
        bursts, hits = (entry[f"read_{what}"] + entry[f"write_{what}"] for what in ("bursts", "row_hits"))
        rows.append([name, si(entry["bytes_read"], "B"), si(entry["bytes_written"], "B"), count(entry["read_bursts"]),
                     count(entry["write_bursts"]), count(entry["activates"]), percent(hits, bursts)])
    heads = [("asked for", None), ("read", None), ("written", None), ("read bursts", None), ("write bursts", None),
             ("activates", None), ("row hits", None)]
    return table(heads, rows, True)


def dram_counts(report):
    dram = report.get("dram")
    clocks, ranks = dram["channel_clocks"], dram["rank_clocks"]
    parts = [pairs([[name.replace("_", " "), count(value)] for name, value in dram["commands"].items()], "commands"),
             pairs([[name, percent(value, sum(clocks.values()))] for name, value in clocks.items()],
                   "clocks of the channels"),
             pairs([[name.replace("_", " "), percent(value, sum(ranks.values()))] for name, value in ranks.items()],
                   "clocks of the ranks")]
    return f'<div class="side">{"".join(parts)}</div>'


def buffers(report):
    rows = [[name, si(entry["capacity_bytes"], "B"), si(entry["bytes_read"], "B"), si(entry["bytes_written"], "B")]
            for name, entry in report.get("buffers").items()]
    return table([("buffer", None), ("capacity", None), ("read", None), ("written", None)], rows, True)


def kv_cache(report):
    cache = report.get("kv_cache")
    shown = {"peak_bytes": "B", "full_bytes": "B"}

    def cell(name, value):
        if name in shown:
            return si(value, shown[name])
        return Cell(f"{value:.2f}×", value) if name == "reduction" else plain(value)

    return pairs([[name.replace("_", " "), cell(name, value)] for name, value in cache.items()
                  if not isinstance(value, (dict, list))])


def serving_measures(report):
    names = ("queued", "time_to_first_token", "time_per_output_token", "latency")
    spreads = {name: report.get(f"serving.{name}") for name in names if report.has(f"serving.{name}")}
    keys = list(next(iter(spreads.values()), {}))
    rows = [[name.replace("_", " "), *(si(spread[key], "s") for key in keys)] for name, spread in spreads.items()]
    return table([("", None), *((key.removesuffix("_seconds"), None) for key in keys)], rows)


def serving_totals(report):
    """Throughput, goodput and what became of the KV memory, below each other's names."""
    parts = []
    for name in ("throughput", "goodput", "kv"):
        entries = report.get(f"serving.{name}") if report.has(f"serving.{name}") else {}
        rows = [[key.replace("_", " "), plain(value)] for key, value in entries.items() if isinstance(value, (int, float))]
        parts += [pairs(rows, name)] if rows else []
    return f'<div class="side">{"".join(parts)}</div>'


def serving_requests(report):
    requests = report.get("serving.requests")
    keys = [key for key in requests[0] if key != "id"] if requests else []
    rows = [[plain(request["id"]), *(si(request[key], "s") if key.endswith("_seconds") and request[key] is not None
                                     else plain(request[key] if request[key] is not None else "")
                                     for key in keys)] for request in requests]
    heads = [(key.removesuffix("_seconds").replace("_", " "), None) for key in keys]
    return table([("request", None), *heads], rows, True)
