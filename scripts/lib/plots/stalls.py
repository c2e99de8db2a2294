"""Where the cycles went: of every unit, busy and stalled by cause."""

import plot_style as style

NAME = "stalls"
SUMMARY = "busy cycles and stall causes of each unit, stacked"
INPUT = "report"
OPTIONS = []
CAUSES = {"busy": ("busy", style.BLUE), "operand": ("operand", style.ORANGE), "buffer_full": ("buffer full", style.SKY),
          "dependency": ("dependency", style.PINK), "dram": ("DRAM", style.RED),
          "port_conflict": ("port conflict", style.YELLOW), "refresh": ("refresh", style.GREEN),
          "drained": ("drained (no work)", "#e4e4e4")}
UNIT_NAMES = {"pe_array": "PE array", "vector_unit": "vector unit", "dma_load": "DMA load", "dma_store": "DMA store",
              "kv_mmu": "KV-MMU", "sequencer": "sequencer"}


def shares(report):
    """{unit: {cause: share of the run's cycles in %}}; those of a unit add up to 100. DRAM channels: of DRAM clocks."""
    result = {}
    for unit, counts in report.get("units").items():
        cycles = {"busy": counts["busy_cycles"], **counts["stall_cycles"]}
        whole = sum(cycles.values()) or 1
        result[UNIT_NAMES.get(unit, unit.replace("_", " "))] = {name: 100 * n / whole for name, n in cycles.items()}
    clocks = report.get("dram.channel_clocks")
    whole = sum(clocks.values()) or 1
    names = {"data": "busy", "waiting": "dram", "refresh": "refresh", "idle": "drained"}
    result["DRAM channels"] = {names[name]: 100 * count / whole for name, count in clocks.items()}
    return result


def figure(report, options):
    units = shares(report)
    drawing, axes = style.new_figure(options.width, 0.75 + 0.2 * len(units))
    panel = axes[0, 0]
    for place, causes in enumerate(units.values()):
        style.stacked_bar(panel, place, [(share, CAUSES[cause][1]) for cause, share in causes.items()], 100)
    panel.set_yticks(range(len(units)), units)
    panel.set_ylim(len(units) - 0.5, -0.5)
    panel.set_xlim(0, 100)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel("share of the run's cycles (%)")
    present = {cause for causes in units.values() for cause, share in causes.items() if share > 0}
    style.legend_above(drawing, style.patches([look for cause, look in CAUSES.items() if cause in present]))
    return drawing
