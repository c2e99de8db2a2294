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
                                                "activations for KV, bandwidth, KV-MMU share)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated"))]
RESULTS = ["delay_reduction", "energy_saving", "dram.bandwidth_utilisation", "dram.row_hit_rate",
           "dram.traffic.kv.activates", "energy.kv_mmu_share"]
WIDE = 8  # from this ratio of the largest to the smallest value on, an axis is logarithmic
ACROSS = 3  # panels beside each other on a page


def default_results(table, results=RESULTS):
    found = [name for name in results if table.first_of([name])]
    if not found:
        raise Unusable(f"{table.path}: none of {', '.join(results)} is in the table; choose results with --y")
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
    across = min(ACROSS, len(results)) if options.width == "page" else 1
    down = -(-len(results) // across)
    drawing, axes = style.new_figure(options.width, 0.2 + down * (0.75 + 0.2 * len(names)), rows=down, columns=across,
                                     sharey=True)
    for unused in axes.flat[len(results):]:
        unused.set_visible(False)
    handles = {}
    for panel, result, (_, found) in zip(axes.flat, results, drawn):
        values = [value for line in found.values() for value in line.values()]
        factor, label = plot_units.scaled(result, values)
        for index, (value, line) in enumerate(found.items()):
            places = [(line[name] / factor, place) for place, name in enumerate(names) if name in line]
            # Where lines lie upon each other, each marker is smaller than the one below it.
            handles[shown(value)] = panel.plot(*zip(*places), color=style.colour_of(index), linewidth=0.8,
                                               marker=style.marker_of(index), markersize=max(3, 6.5 - index),
                                               markeredgecolor=style.PAPER, markeredgewidth=0.3, label=shown(value))[0]
        if min(values) > 0 and max(values) / min(values) > WIDE:
            style.plain_log(panel.xaxis, min(values), max(values))
        else:
            panel.set_xlim(0, 1.05 * max(values) / factor or 1)
            panel.xaxis.set_major_locator(style.MaxNLocator(6))
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel(label)
        style.grid(panel, "both")
    style.legend_above(drawing, list(handles.values()), plot_units.label(*plot_units.quantity(by)))
    return drawing
