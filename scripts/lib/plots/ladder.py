"""What each mechanism adds: the rungs of a sweep from top to bottom, a panel a result, a line a batch."""

import plot_style as style
import plot_units
from plot_data import Unusable, shown
from plots.lines import columns

NAME = "ladder"
SUMMARY = "results of a sweep rung by rung, as mechanisms are switched on one after another"
INPUT = "table"
OPTIONS = [("--rungs", dict(metavar="COLUMN", default="name",
                            help="setting that names the rungs (default %(default)s)")),
           ("--by", dict(metavar="COLUMN", default="workload.batch",
                         help="setting with a line for each value (default %(default)s)")),
           ("--y", dict(metavar="COLUMNS", help="results, with commas; a panel each (default: delay, energy, row hits, "
                                                "bandwidth, KV-MMU share)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated"))]
RESULTS = ["delay_reduction", "energy_saving", "dram.row_hit_rate", "dram.bandwidth_utilisation", "energy.kv_mmu_share"]


def default_results(table):
    found = [name for name in RESULTS if table.first_of([name])]
    if not found:
        raise Unusable(f"{table.path}: none of {', '.join(RESULTS)} is in the table; choose results with --y")
    return found


def climbs(table, rungs, by, result):
    """(rungs in the order of the sweep, {value of by: {rung: result}})"""
    table = table.with_values([rungs, by, result])
    table.one_row_each([rungs, by])
    names = list(dict.fromkeys(table.frame[rungs].map(shown)))
    found = {}
    for row in table.frame[[rungs, by, result]].to_dict("records"):
        found.setdefault(row[by], {})[shown(row[rungs])] = row[result]
    return names, found


def figure(table, options):
    table = table.where(options.where)
    rungs, by = table.column(options.rungs), table.column(options.by)
    results = [table.numbers(name) for name in columns(table, options.y)] if options.y else default_results(table)
    drawn = [climbs(table, rungs, by, result) for result in results]
    names = max((rows for rows, _ in drawn), key=len)
    wide = options.width == "page"
    height = 0.9 + 0.22 * len(names)
    down, across = (1, len(results)) if wide else (len(results), 1)
    drawing, axes = style.new_figure(options.width, height * down + 0.2, rows=down, columns=across, sharey=wide)
    handles = {}
    for panel, result, (_, found) in zip(axes.flat, results, drawn):
        values = [value for line in found.values() for value in line.values()]
        factor, label = plot_units.scaled(result, values)
        for index, (value, line) in enumerate(found.items()):
            places = [(line[name] / factor, place) for place, name in enumerate(names) if name in line]
            handles[shown(value)] = panel.plot(*zip(*places), color=style.colour_of(index), linewidth=0.8,
                                               marker=style.marker_of(index), markersize=4, label=shown(value),
                                               markeredgecolor=style.PAPER, markeredgewidth=0.3)[0]
        wide_values = min(values) > 0 and max(values) / min(values) > 8
        if wide_values:
            panel.set_xscale("log")
            decimals = style.FuncFormatter(lambda value, _: f"{value:g}")
            panel.xaxis.set_major_locator(style.LogLocator(10, subs=(1, 2, 5)))
            panel.xaxis.set_major_formatter(decimals)
            panel.xaxis.set_minor_formatter(style.NullFormatter())
        else:
            panel.set_xlim(left=0)
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        name, _, unit = label.partition(" (")
        panel.set_xlabel("\n(".join([name, unit]) if wide and unit else label)
        style.grid(panel, "both")
    style.legend_above(drawing, list(handles.values()), plot_units.label(*plot_units.quantity(by)))
    return drawing
