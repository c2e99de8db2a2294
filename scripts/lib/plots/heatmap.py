"""Results of a sweep over two settings, as a map with a number in each field."""

import math

import plot_style as style
import plot_units
from plot_data import shown
from plots.lines import columns, default_axis, default_results

NAME = "heatmap"
SUMMARY = "results of a sweep over two settings, a number in each field"
INPUT = "table"
OPTIONS = [("--x", dict(metavar="COLUMN", help="setting on the x axis (default workload.batch, else the first axis)")),
           ("--y", dict(metavar="COLUMN", help="setting on the y axis (default cache.budget, else the next axis)")),
           ("--value", dict(metavar="COLUMNS", help="results, with commas; a panel each (default latency and energy)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated"))]


def field(table, x, y, value):
    """(values of x, values of y, rows[y][x] of the result; NaN where the sweep has none)"""
    table = table.with_values([x, y, value])
    table.one_row_each([x, y])
    xs, ys = (sorted(table.frame[name].unique()) for name in (x, y))
    found = {(row[x], row[y]): row[value] for row in table.frame[[x, y, value]].to_dict("records")}
    return xs, ys, [[found.get((across, up), math.nan) for across in xs] for up in ys]


def figure(table, options):
    table = table.where(options.where)
    x = table.column(options.x) if options.x else default_axis(table, "workload.batch")
    y = table.column(options.y) if options.y else default_axis(table, "cache.budget", [x])
    named = columns(table, options.value) if options.value else default_results(table)
    results = [table.numbers(name) for name in named]
    across = len(results) if options.width == "page" else 1
    down = -(-len(results) // across)
    fields = [field(table, x, y, result) for result in results]
    height = down * max(2.1, 0.75 + 0.24 * len(fields[0][1]))
    drawing, axes = style.new_figure(options.width, height, rows=down, columns=across)
    for panel, result, (xs, ys, rows) in zip(axes.flat, results, fields):
        values = [value for row in rows for value in row if value == value]
        factor, label = plot_units.scaled(result, values)
        wide = min(values) > 0 and max(values) / min(values) > 20
        norm = style.matplotlib.colors.LogNorm() if wide else style.matplotlib.colors.Normalize()
        image = panel.imshow([[value / factor for value in row] for row in rows], aspect="auto", origin="lower",
                             cmap=style.COLOUR_MAP, norm=norm, interpolation="none")
        for up, row in enumerate(rows):
            for place, value in enumerate(row):
                if value == value:
                    colour = style.contrasting(image.cmap(image.norm(value / factor)))
                    panel.text(place, up, f"{value / factor:#.3g}".rstrip("."), ha="center", va="center", fontsize=6.5,
                               color=colour)
                else:
                    panel.text(place, up, "–", ha="center", va="center", fontsize=6.5)
        panel.set_xticks(range(len(xs)), [shown(value) for value in xs])
        panel.set_yticks(range(len(ys)), [shown(value) for value in ys])
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        panel.set_xlabel(plot_units.label(*plot_units.quantity(x)))
        panel.set_ylabel(plot_units.label(*plot_units.quantity(y)))
        drawing.colorbar(image, ax=panel, label=label, pad=0.02)
    return drawing
