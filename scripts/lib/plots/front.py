"""Two results of a sweep against each other, and the Pareto front: the points that no other beats in both."""

import plot_labels
import plot_style as style
import plot_units
from plot_data import Unusable, shown
from plots.lines import columns

NAME = "front"
SUMMARY = "two results of a sweep against each other, with the Pareto front"
INPUT = "table"
OPTIONS = [("--x", dict(metavar="COLUMN", help="result on the x axis (default latency)")),
           ("--y", dict(metavar="COLUMN", help="result on the y axis (default energy)")),
           ("--better-x", dict(choices=["lower", "higher"],
                               help="default: by the name, e.g. higher for tokens_per_second")),
           ("--better-y", dict(choices=["lower", "higher"], help="as --better-x")),
           ("--by", dict(metavar="COLUMN", help="setting that colours the points (default: the first axis)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated")),
           ("--log", dict(action="store_true", help="logarithmic axes"))]


def front(points, higher_x, higher_y):
    """Of (x, y) pairs those that none is better than in one and as good as in the other, by rising x, equals once."""
    def good(point):
        return (point[0] if higher_x else -point[0]), (point[1] if higher_y else -point[1])

    kept, best = [], None
    for point in sorted(set(points), key=good, reverse=True):  # best x first, so each next one has to have a better y
        if best is None or good(point)[1] > best:
            kept.append(point)
            best = good(point)[1]
    return sorted(kept)


def higher(choice, column):
    return choice == "higher" if choice else plot_units.more_is_better(column)


def figure(table, options):
    table = table.where(options.where)
    x = table.numbers(options.x or table.first_of(["latency.seconds", "latency.cycles"]) or _none(table, "--x"))
    y = table.numbers(options.y or table.first_of(["energy.joules"]) or _none(table, "--y"))
    varied = [axis for axis in table.axes if table.frame[axis].nunique(dropna=False) > 1]
    by = columns(table, options.by)[0] if options.by else (varied or [None])[0]
    table = table.with_values([x, y])
    factor_x, label_x = plot_units.scaled(x, table.frame[x])
    factor_y, label_y = plot_units.scaled(y, table.frame[y])
    up_x, up_y = higher(options.better_x, x), higher(options.better_y, y)
    rows = [(row[x] / factor_x, row[y] / factor_y, row) for row in table.frame.to_dict("records")]
    best = front([(a, b) for a, b, _ in rows], up_x, up_y)

    drawing, axes = style.new_figure(options.width, 2.8)
    panel = axes[0, 0]
    groups = list(dict.fromkeys(sorted(table.frame[by], key=_order))) if by else [None]
    handles = []
    for index, group in enumerate(groups):
        members = [(a, b) for a, b, row in rows if by is None or shown(row[by]) == shown(group)]
        handles += panel.plot(*zip(*members), linestyle="none", color=style.colour_of(index),
                              marker=style.marker_of(index),
                              markersize=4, markeredgecolor=style.PAPER, markeredgewidth=0.3, zorder=3,
                              label=shown(group) if by else "points")
    # What is to be had at any x: the y of the next point of the front that is at least as good in x.
    panel.step(*zip(*best), where="pre" if up_x else "post", color=style.MUTED, linewidth=1, zorder=2)
    if options.log or style.geometric(sorted({a for a, _ in best})) and max(a for a, _, _ in rows) > 50 * best[0][0]:
        panel.set_xscale("log")
        panel.set_yscale("log")
    arrow = {True: "higher is better", False: "lower is better"}
    panel.set_xlabel(f"{label_x}, {arrow[up_x]}")
    panel.set_ylabel(f"{label_y}, {arrow[up_y]}")
    panel.margins(0.1)
    style.grid(panel, "both")
    handles.append(panel.plot([], [], color=style.MUTED, linewidth=1, label="Pareto front")[0])
    others = [axis for axis in varied if axis != by]
    if others and len(best) <= 20:
        handles[-1].set_label("Pareto front, named by " + ", ".join(plot_units.quantity(axis)[0] for axis in others))
    style.legend_above(drawing, handles, plot_units.label(*plot_units.quantity(by)) if by else None)
    if others and len(best) <= 20:
        named = {(a, b): ", ".join(shown(row[axis]) for axis in others) for a, b, row in rows if (a, b) in best}
        rest = [(a, b) for a, b, _ in rows if (a, b) not in named]
        plot_labels.name_points(panel, [*named, *rest], [*named.values(), *[""] * len(rest)],
                                [2.5] * len(named) + [2] * len(rest), lines=[_corners(best, up_x)])
    return drawing


def _corners(points, vertical_first):
    """The front as it is drawn, in steps."""
    corners = points[:1]
    for before, after in zip(points, points[1:]):
        corners += [(before[0], after[1]) if vertical_first else (after[0], before[1]), after]
    return corners


def _order(value):
    return (isinstance(value, str), value)


def _none(table, flag):
    raise Unusable(f"{table.path}: say with {flag} which column; there are: {', '.join(table.axes + table.results)}")
