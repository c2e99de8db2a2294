"""How far results move with each parameter: a bar from the least to the greatest result, the longest bar on top."""

import math

import plot_style as style
import plot_units
from plot_data import Unusable, shown
from plots.ladder import ACROSS, WIDE, default_results
from plots.lines import columns

NAME = "tornado"
SUMMARY = "how far results move with each parameter, around a base"
INPUT = "table"
TABLE = ("table of parameters", ["parameter", "setting"])
OPTIONS = [("--y", dict(metavar="COLUMNS", help="results, with commas; a panel each (default: those there are of "
                                                "delay_reduction and energy_saving)")),
           ("--sort", dict(metavar="COLUMN", help="result by which bars are sorted (default: the first)")),
           ("--target", dict(metavar="COLUMN=VALUE", action="append", default=[],
                             help="a dashed line in that result's panel; may be repeated")),
           ("--where", dict(metavar="COLUMN=VALUE", action="append", default=[],
                            help="only these rows; may be repeated"))]
RESULTS = ["delay_reduction", "energy_saving"]
BASE = "base"  # what the parameter of the row is that gives the middle line
ROW, AROUND = 0.165, 0.75  # inches: of one parameter, and of what is above and below a panel's bars
FILL = style.pale(style.SKY, 0.6)  # on which both lines are seen, in grey too
SMALL = 6  # points, of the letters at the ends of bars
GAP = 2.5  # points between the end of a bar and its letters


def settings(table):
    """(row of the base, {parameter: its rows})"""
    found = {}
    for row in table.frame.to_dict("records"):
        found.setdefault(shown(row["parameter"]), []).append(row)
    base = found.pop(BASE, [])
    if len(base) != 1:
        raise Unusable(f"{table.path}: {len(base)} rows have the parameter {BASE}; one is needed, which gives the "
                       "middle line")
    if not found:
        raise Unusable(f"{table.path}: no row has a parameter other than {BASE}")
    for parameter, rows in found.items():
        names = [shown(row["setting"]) for row in rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Unusable(f"{table.path}: {names.count(twice)} rows have the parameter {parameter} and the setting "
                           f"{twice}; one is needed: choose with --where")
    return base[0], found


def bar(base, rows, result):
    """[(result, setting)] from the least to the greatest; the base, if no setting equals it, has the setting None."""
    ends = [(row[result], shown(row["setting"])) for row in rows]
    reached = any(value == base[result] for value, _ in ends)
    return sorted(ends if reached else [(base[result], None), *ends], key=lambda end: end[0])


def targets(conditions, results):
    """{result: value} of "COLUMN=VALUE" each."""
    found = {}
    for condition in conditions:
        name, _, text = condition.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Unusable(f"--target {condition}: COLUMN=VALUE is needed, such as {results[0]}=3.62")
        if name not in results:
            raise Unusable(f"--target {condition}: {name} has no panel; there are: {', '.join(results)}")
        if name in found:
            raise Unusable(f"--target {condition}: {name} has a target already, {found[name]:g}")
        found[name] = value
    return found


def is_wide(values):
    return min(values) > 0 and max(values) / min(values) > WIDE


def by_length(bars, wide):
    """The parameters, the longest bar first, as it is drawn: on a logarithmic axis what counts is the ratio."""
    def length(parameter):
        least, greatest = bars[parameter][0][0], bars[parameter][-1][0]
        return greatest / least if wide else greatest - least

    return sorted(bars, key=length, reverse=True)


def limits(places, width):
    """(least, greatest) of an axis `width` points long on which every place has its room: (place, to the left, to
    the right) in points. Places are where the axis is linear."""
    room = [(place, min(left, 0.4 * width) / width, min(right, 0.4 * width) / width) for place, left, right in places]
    low, high = min(place for place, _, _ in places), max(place for place, _, _ in places)
    for _ in range(60):  # what the room of the outer texts takes makes the axis longer, and so the room
        length = high - low or 1e-9
        low = min(place - left * length for place, left, _ in room)
        high = max(place + right * length for place, _, right in room)
    return low, high


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


class Panel:
    """One result's bars, and the room that the texts in it need."""

    def __init__(self, axes, wide, factor):
        self.axes, self.wide, self.factor, self.room = axes, wide, factor, []

    def write(self, text, value, side, **where):
        """Text to the left (-1) or right (1) of a value, or over it (0)."""
        written = self.axes.annotate(text, (value / self.factor, where.pop("at")), textcoords="offset points",
                                     ha={-1: "right", 0: "center", 1: "left"}[side], fontsize=SMALL,
                                     annotation_clip=False, **where)
        figure = self.axes.figure
        width = 72 / figure.dpi * written.get_window_extent(figure.canvas.get_renderer()).width + 2 * GAP
        self.room.append((value, *{-1: (width, GAP), 0: (width / 2, width / 2), 1: (GAP, width)}[side]))

    def bar(self, place, ends):
        least, greatest = ends[0][0], ends[-1][0]
        self.axes.barh(place, (greatest - least) / self.factor, left=least / self.factor, height=0.62, color=FILL,
                       zorder=2)
        self.room.append((least, GAP, GAP))
        self.room.append((greatest, GAP, GAP))
        behind = dict(boxstyle="square,pad=0.1", facecolor=style.PAPER, edgecolor="none")
        for side, (value, setting) in ((-1, ends[0]), (1, ends[-1]))[-len(ends):]:
            if setting is not None:
                self.write(setting, value, side, at=place, xytext=(side * GAP, 0), va="center", bbox=behind, zorder=3,
                           in_layout=False)
        between = [value / self.factor for value, setting in ends[1:-1] if setting is not None]
        self.axes.plot(between, [place] * len(between), **INNER)
        return bool(between)

    def line(self, value, side, **look):
        self.axes.axvline(value / self.factor, zorder=2.5, **look)
        self.write(number(value / self.factor), value, side, at=1, xycoords=("data", "axes fraction"),
                   xytext=(side, 2), va="bottom", color=look["color"])

    def fit(self):
        """Limits of the x axis by which every text is inside, once the layout is known."""
        width = 72 / self.axes.figure.dpi * self.axes.get_window_extent().width
        scale, back = (math.log10, lambda place: 10 ** place) if self.wide else (float, float)
        low, high = (back(end) for end in limits([(scale(value / self.factor), left, right)
                                                  for value, left, right in self.room], width - 2))
        if self.wide:
            style.plain_log(self.axes.xaxis, low, high)
        else:
            self.axes.xaxis.set_major_locator(style.MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        self.axes.set_xlim(low, high)


INNER = dict(linestyle="none", marker="|", markersize=6, markeredgewidth=0.8, color=style.INK, zorder=2.7)
BASE_LINE = dict(color=style.INK, linewidth=0.9)
TARGET_LINE = dict(color=style.RED, linewidth=1, linestyle=(0, (4, 2)))


def figure(table, options):
    table = table.where(options.where)
    results = [table.complete(name) for name in (columns(table, options.y) if options.y
                                                 else default_results(table, RESULTS))]
    sort = options.sort or results[0]
    if sort not in results:
        raise Unusable(f"--sort {sort}: has no panel; there are: {', '.join(results)}")
    aims = targets(options.target, results)
    base, rows = settings(table)
    bars = {result: {name: bar(base, of, result) for name, of in rows.items()} for result in results}
    values = {result: [value for ends in bars[result].values() for value, _ in ends] for result in results}
    wide = {result: is_wide([*values[result], aims.get(result, base[result])]) for result in results}
    order = by_length(bars[sort], wide[sort])

    across = min(ACROSS, len(results)) if options.width == "page" else 1
    down = -(-len(results) // across)
    height = 0.15 + down * (AROUND + ROW * len(order))
    drawing, axes = style.new_figure(options.width, height, rows=down, columns=across, sharey=True)
    for unused in axes.flat[len(results):]:
        unused.set_visible(False)
    panels, between = [], False
    for panel, result in zip(axes.flat, results):
        factor, label = plot_units.scaled(result, values[result])
        drawn = Panel(panel, wide[result], factor)
        panels.append(drawn)
        for place, name in enumerate(order):
            between |= drawn.bar(place, bars[result][name])
        aim = aims.get(result)
        outwards = 0 if aim is None else -1 if base[result] <= aim else 1  # numbers of two lines stand apart
        drawn.line(base[result], outwards, **BASE_LINE)
        if aim is not None:
            drawn.line(aim, -outwards, **TARGET_LINE)
        panel.set_yticks(range(len(order)), order)
        panel.set_ylim(len(order) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel(label)
        style.grid(panel, "both")
    line = axes.flat[0].plot
    handles = style.patches([("least to greatest", FILL)]) + line([], [], label="base", **BASE_LINE)
    handles += line([], [], label="settings between", **INNER) if between else []
    handles += line([], [], label="target", **TARGET_LINE) if aims else []
    style.legend_above(drawing, handles)
    drawing.draw_without_rendering()
    for panel in panels:
        panel.fit()
    return drawing
