"""Results of a sweep as lines: latency and energy against batch, a line a budget."""

import plot_style as style
import plot_units
from plot_data import Unusable, shown

NAME = "lines"
SUMMARY = "results of a sweep against one setting, a line for each value of others"
INPUT = "table"
OPTIONS = [("--x", dict(metavar="COLUMN", help="setting on the x axis (default workload.batch, else the first axis)")),
           ("--y", dict(metavar="COLUMNS", help="results, with commas; a panel each (default latency and energy)")),
           ("--by", dict(metavar="COLUMNS",
                         help="settings that tell lines apart, with commas (default: all other axes)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated")),
           ("--log", dict(action="store_true",
                          help="logarithmic y axes (by itself where values span more than 20 times)"))]


def default_results(table):
    """Latency and energy, by the first name that the table has."""
    results = [table.first_of(["latency.seconds", "latency.cycles"]), table.first_of(["energy.joules"])]
    found = [name for name in results if name] or table.results[:1]
    if not found:
        raise Unusable(f"{table.path}: the table has no results, only {', '.join(table.axes)}")
    return found


def columns(table, text):
    return [table.column(name) for name in text.split(",")]


def default_axis(table, preferred, but=()):
    axes = [axis for axis in table.axes if axis not in but and table.frame[axis].nunique(dropna=False) > 1]
    axes = axes or [axis for axis in table.axes if axis not in but]
    if not axes:
        raise Unusable(f"{table.path}: the table has no{' other' if but else ''} axis")
    return preferred if preferred in axes else axes[0]


def lines(table, x, y, by):
    """{label: ([x], [y])}, in the order of the table's values."""
    table = table.with_values([x, y])
    table.one_row_each([x, *by])
    if not by:
        groups = [("", table.frame)]
    else:
        grouped = table.frame.groupby(by if len(by) > 1 else by[0], dropna=False)
        groups = [(", ".join(map(shown, key if len(by) > 1 else [key])), frame) for key, frame in grouped]
    return {label: tuple(zip(*sorted(zip(frame[x], frame[y])))) for label, frame in groups}


def figure(table, options):
    table = table.where(options.where)
    x = table.column(options.x) if options.x else default_axis(table, "workload.batch")
    results = [table.numbers(name) for name in columns(table, options.y)] if options.y else default_results(table)
    by = columns(table, options.by) if options.by else [axis for axis in table.axes if axis != x
                                                        and table.frame[axis].nunique(dropna=False) > 1]
    across = len(results) if options.width == "page" else 1
    down = -(-len(results) // across)
    drawing, axes = style.new_figure(options.width, 0.4 + 1.9 * down, rows=down, columns=across)
    handles = {}
    for panel, result in zip(axes.flat, results):
        drawn = lines(table, x, result, by)
        values = [value for _, ys in drawn.values() for value in ys]
        factor, label = plot_units.scaled(result, values)
        names = list(dict.fromkeys(value for xs, _ in drawn.values() for value in xs))
        text = any(isinstance(name, str) for name in names)
        for index, (name, (xs, ys)) in enumerate(drawn.items()):
            places = [names.index(value) for value in xs] if text else xs
            handles[name] = panel.plot(places, [value / factor for value in ys], color=style.colour_of(index),
                                       marker=style.marker_of(index), markersize=3.5, markeredgecolor=style.PAPER,
                                       markeredgewidth=0.3, label=name)[0]
        if text:
            panel.set_xticks(range(len(names)), names)
        else:
            style.value_axis(panel.xaxis, names)
        style.log_if_wide(panel, [value / factor for value in values], 1 if options.log else 20)
        panel.set_xlabel(plot_units.label(*plot_units.quantity(x)))
        panel.set_ylabel(label)
        style.grid(panel)
    if by:
        title = ", ".join(plot_units.label(*plot_units.quantity(name)) for name in by)
        style.legend_above(drawing, list(handles.values()), title)
    return drawing
