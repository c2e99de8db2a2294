"""Operators of a run: the cycles of each by phase, and the bytes it moved by class."""

import plot_style as style
import plot_units

NAME = "operators"
SUMMARY = "cycles by phase and DRAM bytes by class of each operator"
INPUT = "report"
OPTIONS = [("--order", dict(choices=["run", "cycles"], default="run", help="as they first run, or the longest first"))]
PHASES = [("prefill", style.SKY), ("generation", style.BLUE), ("mixed", style.GREEN), ("idle", style.GREY)]
TRAFFIC = [("weights", style.RED), ("activations", style.ORANGE), ("kv", style.GREEN), ("scores", style.INK)]


def rows(report, order="run"):
    """[{name, cycles of each phase, weights, activations, kv, scores: bytes}], and the rest as "idle"."""
    result = []
    for operator in report.get("profile.operators"):
        row = {"name": operator["name"].replace("_", " "), "cycles": operator["cycles"]}
        row |= {phase: operator.get(f"{phase}_cycles", 0) for phase, _ in PHASES}
        # Of no phase: cycles in which nothing runs, and a workload of single operators.
        rest = row["cycles"] - sum(row[phase] for phase, _ in PHASES)
        row["idle" if operator["name"] == "idle" else "generation"] += rest
        row |= {name: operator["dram_bytes"].get(name, 0) for name, _ in TRAFFIC}
        result.append(row)
    return sorted(result, key=lambda row: -row["cycles"]) if order == "cycles" else result


def figure(report, options):
    operators = rows(report, options.order)
    cycles = max(row["cycles"] for row in operators)
    traffic = max(sum(row[name] for name, _ in TRAFFIC) for row in operators)
    panels = [(PHASES, cycles, "cycles", "phase"), (TRAFFIC, traffic, "B", "traffic")]
    height = 0.75 + 0.155 * len(operators)
    if options.width == "column":
        drawing, axes = style.new_figure(options.width, 2 * height, rows=2)
    else:
        drawing, axes = style.new_figure(options.width, height, columns=2, sharey=True)
    for panel, (stack, most, unit, title) in zip(axes.flat, panels):
        factor, prefix = plot_units.prefix_for([most], unit)
        for place, row in enumerate(operators):
            style.stacked_bar(panel, place, [(row[name] / factor, colour) for name, colour in stack], most / factor, 2)
        panel.set_yticks(range(len(operators)), [row["name"] for row in operators])
        panel.set_ylim(len(operators) - 0.5, -0.5)
        panel.set_xlim(left=0)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel(plot_units.with_prefix(prefix, unit) if unit == "cycles" else f"asked of DRAM ({prefix}B)")
        style.grid(panel, "x")
        used = [(name, colour) for name, colour in stack if any(row[name] for row in operators)]
        panel.legend(handles=style.patches(used), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=4, frameon=False,
                     handlelength=1.0, handletextpad=0.5, columnspacing=1.0)
    return drawing
