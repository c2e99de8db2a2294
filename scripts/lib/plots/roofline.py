"""The machine's roofline: what its array and its DRAM allow, and where each operator of the run stays below."""

import math

import plot_labels
import plot_style as style
import plot_units
from plot_data import Unusable

NAME = "roofline"
SUMMARY = "peak MAC/s and DRAM bandwidth of the machine, with each operator of the run"
INPUT = "report"
OPTIONS = []


def machine(report):
    """(peak MAC/s, DRAM bytes/s)"""
    array = report.get("config.hardware.pe_array")
    clock = 1e12 / report.get("latency.core_clock_ps")
    return array["rows"] * array["columns"] * clock, report.get("dram.peak_bytes_per_second")


def _operators(report):
    """(name, MACs, DRAM bytes, cycles) of each operator."""
    if not report.has("profile.operators") and report.has("operators"):  # a workload of single operators
        return [(entry["name"], entry["macs"],
                 sum(value for name, value in entry.items() if name.startswith("dram_bytes")), entry["cycles"]) for entry in report.get("operators")]
    return [(entry["name"].replace("_", " "), entry["macs"], sum(entry["dram_bytes"].values()), entry["cycles"])
            for entry in report.get("profile.operators")]


def points(report):
    """([{name, intensity: MAC/byte, rate: MAC/s, share: of the run's cycles}], [names of those without a place])"""
    clock = 1e12 / report.get("latency.core_clock_ps")
    run = report.get("latency.cycles")
    placed, left_out = [], []
    for name, macs, moved, cycles in _operators(report):
        if macs > 0 and moved > 0 and cycles > 0:
            placed.append({"name": name, "intensity": macs / moved, "rate": macs / cycles * clock,
                           "share": cycles / run})
        elif cycles > 0:
            left_out.append(name)
    total = (report.get("latency.macs"), report.get("dram.bytes_read") + report.get("dram.bytes_written"))
    if all(total):
        placed.append({"name": "whole run", "intensity": total[0] / total[1], "rate": total[0] / run * clock,
                       "share": 1})
    return placed, left_out


def names_together(placed):
    """The name at each point; points that lie on each other share one, at the largest. The whole run has none."""
    names = [""] * len(placed)
    largest_first = sorted(range(len(placed)), key=lambda number: -placed[number]["radius"])
    for number in largest_first:
        point = placed[number]
        if point["name"] == "whole run":
            continue
        near = next((other for other in largest_first if names[other] and all(
            abs(math.log(placed[other][axis] / point[axis])) < 0.06 for axis in ("intensity", "rate"))), number)
        names[near] += ", " * bool(names[near]) + point["name"]
    return names


def figure(report, options):
    peak, bandwidth = machine(report)
    placed, left_out = points(report)
    if not placed:
        raise Unusable(f"{report.path}: no operator of the run multiplies and moves bytes")
    drawing, axes = style.new_figure(options.width, 2.9 if options.width == "page" else 2.6)
    panel = axes[0, 0]
    ridge = peak / bandwidth
    low = min([ridge, *(point["intensity"] for point in placed)]) / 3
    high = max([ridge, *(point["intensity"] for point in placed)]) * 3
    panel.plot([low, ridge, high], [low * bandwidth, peak, peak], color=style.INK, linewidth=1.4, zorder=2)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlim(low, high)
    bottom = min([low * bandwidth, *(point["rate"] for point in placed)]) / 2
    panel.set_ylim(bottom, max([peak, *(point["rate"] for point in placed)]) * 2.2)
    panel.axvline(ridge, color=style.MUTED, linewidth=0.6, linestyle=":", zorder=1)
    for point in placed:
        whole = point["name"] == "whole run"
        point["radius"] = 3 if whole else max(1.6, 7 * math.sqrt(point["share"]))
        bound = style.RED if point["intensity"] < ridge else style.BLUE
        panel.plot([point["intensity"]], [point["rate"]], marker="D" if whole else "o", markersize=2 * point["radius"],
                   color=style.INK if whole else bound, markeredgecolor=style.PAPER, markeredgewidth=0.4, alpha=0.9,
                   zorder=4 if whole else 3, linestyle="none")
    roof = panel.annotate(f"{plot_units.si(peak, 'MAC/s')}", (high, peak), xytext=(-2, 3), textcoords="offset points",
                          ha="right", va="bottom", fontsize=7)
    # The slope is named just left of the ridge, above the line.
    slope = panel.annotate(f"{plot_units.si(bandwidth, 'B/s')}", (ridge * 0.55, peak * 0.55), xytext=(-4, 2),
                           textcoords="offset points", ha="right", va="bottom", fontsize=7)
    corner = panel.annotate(f"{ridge:.3g} MAC/byte", (ridge, bottom), xytext=(3, 3), textcoords="offset points",
                            ha="left", va="bottom", fontsize=6.5, color=style.MUTED)
    panel.set_xlabel("arithmetic intensity (MAC / byte of DRAM traffic)")
    panel.set_ylabel("rate (MAC/s)")
    style.grid(panel, "both")
    handles = style.patches([("bound by DRAM", style.RED), ("bound by the array", style.BLUE)])
    handles.append(panel.plot([], [], marker="D", color=style.INK, linestyle="none", markersize=4,
                              label="whole run")[0])
    style.legend_above(drawing, handles)
    plot_labels.name_points(panel, [(point["intensity"], point["rate"]) for point in placed], names_together(placed),
                            [point["radius"] for point in placed], avoid=[roof, slope, corner],
                            lines=[[(low, low * bandwidth), (ridge, peak), (high, peak)]])
    return drawing
