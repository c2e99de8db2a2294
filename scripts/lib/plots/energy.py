"""Where the joules went: a stacked bar a report, by block, class or phase."""

import plot_style as style
import plot_units
from plot_data import Unusable, names_of

NAME = "energy"
SUMMARY = "energy stacked by block, class and phase, of one or several reports"
INPUT = "reports"
WAYS = ["block", "class", "phase"]
OPTIONS = [("--by", dict(default="block,class,phase", metavar="LIST",
                         help="of block, class, phase; a panel each (default all)")),
           ("--share", dict(action="store_true", help="shares of each report's total in place of joules")),
           ("--names", dict(metavar="LIST", help="of the reports, with commas"))]
# Kin share a hue family: the array and vector unit warm, buffers blue and green, DRAM red; static power is grey.
COLOURS = {
    "pe_array": style.ORANGE, "vector_unit": style.YELLOW, "weight_buffer": style.BLUE, "activation_buffer": style.SKY,
    "kv_buffer": "#9fd3f2", "score_buffer": "#d3ebf9", "dma": style.GREEN, "sequencer": style.GREY,
    "kv_mmu": style.PINK,
    "dram": style.RED,
    "compute": style.ORANGE, "on_chip_memory": style.SKY, "dram_kv": style.BLUE, "dram_weights": style.RED,
    "dram_activations": style.YELLOW, "dram_scores": style.INK, "static": style.GREY,
    "prefill": style.SKY, "generation": style.BLUE, "mixed": style.GREEN, "idle": style.GREY,
}


def parts(report, way):
    """[(name, joules)], which add up to energy.joules."""
    return list(report.get(f"energy.by_{way}").items())


def ways_of(text):
    ways = text.split(",")
    for way in ways:
        if way not in WAYS:
            raise Unusable(f"--by {way}: energy is split by {', '.join(WAYS)}")
    return ways


def colour_of(name, index):
    return COLOURS.get(name, style.colour_of(index))


def report_names(reports, names):
    if names is None:
        return names_of(reports)
    given = names.split(",")
    if len(given) != len(reports):
        raise Unusable(f"--names {names}: {len(given)} names for {len(reports)} reports")
    return given


def figure(reports, options):
    ways = ways_of(options.by)
    names = report_names(reports, options.names)
    totals = [report.get("energy.joules") for report in reports]
    factor, prefix = plot_units.prefix_for(totals, "J")
    tallest = max(len(parts(reports[0], way)) for way in ways)
    height = 0.45 + len(ways) * max(0.26 * len(reports) + 0.35, 0.125 * tallest + 0.1)
    drawing, axes = style.new_figure(options.width, height, rows=len(ways), sharex=True)
    for row, (way, panel) in enumerate(zip(ways, axes[:, 0])):
        seen = {}
        for place, (report, total) in enumerate(zip(reports, totals)):
            stack = [(name, joules, colour_of(name, index)) for index, (name, joules) in enumerate(parts(report, way))]
            seen |= {name: colour for name, _, colour in stack}
            unit = total / 100 if options.share else factor
            whole = 100 if options.share else max(totals) / factor
            style.stacked_bar(panel, place, [(joules / unit, colour) for _, joules, colour in stack], whole,
                              label_from=0.07 if options.width == "page" else 0.15)
        panel.set_yticks(range(len(reports)), names)
        panel.set_ylim(len(reports) - 0.5, -0.5)
        panel.set_xlim(left=0)
        panel.tick_params(axis="y", length=0)
        style.grid(panel, "x")
        style.legend_beside(panel, style.patches(seen.items()), f"by {way}")
    axes[-1, 0].set_xlabel("share of the run's energy (%)" if options.share else f"energy ({prefix}J)")
    return drawing
