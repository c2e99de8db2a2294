"""Where in the plane of two gains points lie: a first pass over many as pale cells, simulated ones as markers."""

import math

import plot_style as style
import plot_units
from plot_data import Unusable, shown

NAME = "region"
SUMMARY = "where two gains over each baseline lie, by a first pass and simulated"
INPUT = "table"
TABLE = ("table of gains", ["baseline", "kind"])
OPTIONS = [("--x", dict(metavar="COLUMN", default="delay_reduction", help="gain on the x axis (default %(default)s)")),
           ("--y", dict(metavar="COLUMN", default="energy_saving", help="gain on the y axis (default %(default)s)")),
           ("--target", dict(metavar="X,Y", help="a cross at these gains")),
           ("--within", dict(metavar="SHARE", type=float, help="a box around the target, so far to each side: 0.1 is "
                                                               "10 %%")),
           ("--cell", dict(metavar="DECADES", type=float, help="side of a cell in powers of ten, where the table has "
                                                               "cells of a grid (default: a small square)")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated"))]
FIRST_PASS, SIMULATED = KINDS = ["first pass", "simulated"]
LAYERS, OPACITY = 3, 0.25  # cells of few points are drawn once, those of most in every layer
SMALL = 2.5  # points of 1/72 inch: the side of a cell that is of no grid
SPARSE = 1000  # ratio of the greatest to the least gain from which on ticks are powers of ten


def gains(table, name):
    """The column's name, where every number is above 0, as a logarithmic axis needs."""
    frame = table.frame
    wrong = frame[frame[table.complete(name)] <= 0]
    if not wrong.empty:
        row = ", ".join(f"{column} {shown(wrong[column].iloc[0])}" for column in TABLE[1])
        raise Unusable(f"{table.path}: {name} is not above 0 in {len(wrong)} rows, as {shown(wrong[name].iloc[0])} of "
                       f"{row}; its axis is logarithmic")
    return name


def groups(table, x, y):
    """{baseline: {kind: [(x, y, count)]}}, in the order of the table; where there is no count it is 1."""
    found = {}
    for row in table.frame.to_dict("records"):
        kind = shown(row["kind"])
        if kind not in KINDS:
            raise Unusable(f"{table.path}: a row has the kind \"{kind}\"; {' or '.join(KINDS)} is needed")
        count = row.get("count", 1)
        of = found.setdefault(shown(row["baseline"]), {kind: [] for kind in KINDS})
        of[kind].append((row[x], row[y], 1 if count != count else count))
    return found


def counted(table):
    """Complains of a count that is not above 0."""
    if "count" in table.frame.columns and (table.frame[table.numbers("count")] <= 0).any():
        raise Unusable(f"{table.path}: a row has a count that is not above 0; it is how many points a cell stands for")


def target(options):
    """(x, y) of --target, None where there is none."""
    if options.within is not None and not 0 < options.within < 1:
        raise Unusable(f"--within {options.within:g}: a share between 0 and 1 is needed, such as 0.1")
    if options.target is None:
        if options.within is not None:
            raise Unusable("--within is around a target: --target X,Y is needed, such as 3.62,1.52")
        return None
    try:
        at = tuple(float(part) for part in options.target.split(","))
    except ValueError:
        at = ()
    if len(at) != 2 or not all(0 < value < math.inf for value in at):
        raise Unusable(f"--target {options.target}: X,Y is needed, both above 0, such as 3.62,1.52")
    return at


def layers(cells, least, most):
    """The cells [(x, y, count)] of each layer: all of them, and those whose count, by its logarithm, is in the second,
    third, ... part of what counts of the picture span. Where all counts are equal there is one layer."""
    if least == most:
        return [cells]
    bounds = [least * (most / least) ** (layer / LAYERS) for layer in range(LAYERS)]
    return [[cell for cell in cells if cell[2] >= bound] for bound in bounds]


def ends(values, margin=0.05):
    """(least, greatest) of a logarithmic axis with these values inside."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = margin * (high - low) or 0.1
    return 10 ** (low - room), 10 ** (high + room)


def squares(cells, across, up):
    """One path around all of the cells, as wide and high as the factors say. Where squares of it lie upon each other it
    is not darker."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    path = style.Path
    codes = [path.MOVETO, path.LINETO, path.LINETO, path.LINETO, path.CLOSEPOLY]
    return path([(x * across ** (right / 2), y * up ** (above / 2)) for x, y, _ in cells for right, above in corners],
                codes * len(cells))


def sides(panel, decades):
    """(across, up) of a cell, as factors, once the layout is known."""
    if decades is not None:
        return 10 ** decades, 10 ** decades
    box = panel.get_window_extent()
    return [(high / low) ** (SMALL * panel.figure.dpi / 72 / length) for (low, high), length in (
        (panel.get_xlim(), box.width), (panel.get_ylim(), box.height))]


def draw_cells(panel, found, across, up):
    counts = [count for kinds in found.values() for _, _, count in kinds[FIRST_PASS]]
    for index, kinds in enumerate(found.values()):
        for layer in filter(None, layers(kinds[FIRST_PASS], min(counts, default=1), max(counts, default=1))):
            # Soft edges would make the file half as large again.
            panel.add_patch(style.PathPatch(squares(layer, across, up), facecolor=style.colour_of(index), linewidth=0,
                                            alpha=OPACITY, antialiased=False, zorder=1))


def draw_simulated(panel, found):
    for index, kinds in enumerate(found.values()):
        panel.plot([x for x, _, _ in kinds[SIMULATED]], [y for _, y, _ in kinds[SIMULATED]], **marker(index), zorder=4)


def marker(index):
    return dict(linestyle="none", color=style.colour_of(index), marker=style.marker_of(index), markersize=4.2,
                markeredgecolor=style.INK, markeredgewidth=0.5)


def legend(panel, found):
    """(handles, title): a baseline's marker, or a cell where none of it is simulated; the title says which is what."""
    handles = []
    for index, (name, kinds) in enumerate(found.items()):
        pale = dict(linestyle="none", marker="s", markersize=4, markeredgewidth=0,
                    color=style.pale(style.colour_of(index), 0.5))
        handles += panel.plot([], [], label=name, **(marker(index) if kinds[SIMULATED] else pale))
    drawn = [kind for kind in KINDS if any(kinds[kind] for kinds in found.values())]
    if drawn == KINDS:
        return handles, f"baselines; markers: {SIMULATED}, pale: {FIRST_PASS}"
    return handles, f"baselines, {drawn[0]}"


def draw_target(panel, at, within):
    """The cross and the box around it; handles for the legend."""
    x, y = at
    halo = [style.Stroke(linewidth=1.9, foreground=style.PAPER), style.Normal()]
    label = f"target {x:g}×, {y:g}×"
    handles = panel.plot(x, y, linestyle="none", marker="+", markersize=5.5, markeredgewidth=1.1, color=style.INK,
                         path_effects=halo, zorder=6, label=label)
    if within is not None:
        box = style.Rectangle((x * (1 - within), y * (1 - within)), 2 * x * within, 2 * y * within, fill=False,
                              edgecolor=style.INK, linewidth=0.8, zorder=5)
        panel.add_patch(box)
        handles[0].set_label(f"{label}, ±{100 * within:g} %")
    return handles


def draw_diagonal(panel, points):
    """Where both gains are equal, with its name where it covers the fewest of the points."""
    low = max(panel.get_xlim()[0], panel.get_ylim()[0])
    high = min(panel.get_xlim()[1], panel.get_ylim()[1])
    if low >= high:
        return
    panel.plot([low, high], [low, high], color=style.MUTED, linewidth=0.6, zorder=2)
    before, after = panel.transData.transform([(low, low), (high, high)])
    rise, run = after[1] - before[1], after[0] - before[0]
    angle = math.atan2(rise, run)
    text = panel.annotate("equal gains", (low, low), xytext=(-2 * math.sin(angle), 2 * math.cos(angle)), fontsize=6,
                          textcoords="offset points", color=style.MUTED, rotation=math.degrees(angle),
                          rotation_mode="anchor", ha="center", va="bottom", zorder=3)
    text.set_in_layout(False)
    boxes = []
    dots = panel.transData.transform(points)
    for place in range(15, 90, 5):
        middle = low * (high / low) ** (place / 100)
        text.xy = (middle, middle)
        box = text.get_window_extent(panel.figure.canvas.get_renderer())
        covered = ((dots[:, 0] > box.x0) & (dots[:, 0] < box.x1) & (dots[:, 1] > box.y0) & (dots[:, 1] < box.y1)).sum()
        boxes.append((covered, -place, middle))
    text.xy = (min(boxes)[2],) * 2


def figure(table, options):
    table = table.where(options.where)
    x, y = gains(table, options.x), gains(table, options.y)
    counted(table)
    if options.cell is not None and not 0 < options.cell < 1:
        raise Unusable(f"--cell {options.cell:g}: a part of a power of ten is needed, such as 0.02")
    at = target(options)
    found = groups(table, x, y)
    frame = table.frame
    aims = [[aim * (1 + way * (options.within or 0)) for way in (-1, 1)] for aim in at or ()] or [[], []]
    (low_x, high_x), (low_y, high_y) = (ends([*frame[name], *aim]) for name, aim in zip((x, y), aims))

    drawing, axes = style.new_figure(options.width, 3.2 if options.width == "column" else 3.6)
    panel = axes[0, 0]
    style.plain_log(panel.xaxis, low_x, high_x, SPARSE)
    style.plain_log(panel.yaxis, low_y, high_y, SPARSE)
    panel.set_xlim(low_x, high_x)
    panel.set_ylim(low_y, high_y)
    panel.set_xlabel(plot_units.label(*plot_units.quantity(x)))
    panel.set_ylabel(plot_units.label(*plot_units.quantity(y)))
    style.grid(panel, "both")
    draw_simulated(panel, found)
    handles, title = legend(panel, found)
    handles += draw_target(panel, at, options.within) if at else []
    style.legend_above(drawing, handles, title)
    drawing.draw_without_rendering()
    draw_cells(panel, found, *sides(panel, options.cell))
    if plot_units.quantity(x)[1] == plot_units.quantity(y)[1] == "×":
        draw_diagonal(panel, frame[[x, y]].to_numpy())
    return drawing
