"""How the project's pictures look: sizes, colours, axes, and files that come out equal every time."""

import matplotlib

matplotlib.use("Agg")
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Patch, PathPatch, Rectangle  # noqa: E402
from matplotlib.path import Path  # noqa: E402
from matplotlib.patheffects import Normal, Stroke  # noqa: E402
from matplotlib.ticker import (FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter,  # noqa: E402
                               NullLocator)

from whole_files import whole_file  # noqa: E402

WIDTHS = {"column": 3.5, "page": 7.16}  # inches, of a two-column paper
# Letters are paths in SVG and TrueType in PDF, so that pictures look alike everywhere and printers accept them.
STYLE = {"font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
         "legend.fontsize": 7, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
         "lines.linewidth": 1.2, "svg.hashsalt": "palimpsest", "svg.fonttype": "path", "pdf.fonttype": 42,
         "hatch.linewidth": 0.5}
INK, MUTED, GRID, PAPER = "#000000", "#444444", "#dddddd", "#ffffff"
# Of letters on data: as ink and paper, but not the same, since those change on a dark page and data do not.
DARK, LIGHT = "#010101", "#fefefe"
# M. Okabe and K. Ito's colours, which readers with any colour vision can tell apart.
BLUE, ORANGE, SKY, PINK = "#0072b2", "#e69f00", "#56b4e9", "#cc79a7"
RED, YELLOW, GREEN, GREY = "#d55e00", "#f0e442", "#009e73", "#bbbbbb"
SERIES = [BLUE, RED, GREEN, ORANGE, SKY, PINK, INK, "#888888"]  # yellow is too pale for a line
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
COLOUR_MAP = "viridis"


def style():
    """The context in which pictures are made and written."""
    return matplotlib.rc_context(STYLE)


def new_figure(width, height, rows=1, columns=1, layout="constrained", **options):
    """A figure of `width` (a name of WIDTHS) x `height` inches, and its axes as an array of rows and columns."""
    figure = Figure(figsize=(WIDTHS[width], height), layout=layout)
    FigureCanvasAgg(figure)  # which measures text
    if layout:
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def side_by_side(wide):
    """Two panels beside each other on a page, below each other in a column."""
    return {"rows": 1, "columns": 2} if wide else {"rows": 2, "columns": 1}


def grid(axes, which="y"):
    axes.grid(True, axis=which, linewidth=0.4, color=GRID)
    axes.set_axisbelow(True)


def colour_of(index):
    return SERIES[index % len(SERIES)]


def marker_of(index):
    """Shifted by one for each round of the colours, so that a colour comes back with another shape."""
    return MARKERS[(index + index // len(SERIES)) % len(MARKERS)]


def contrasting(colour):
    """Dark or light, whichever is read more easily on `colour`."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else LIGHT


def pale(colour, share):
    """The colour mixed with paper, of which it is `share`."""
    return tuple(share * part + (1 - share) * paper for part, paper in zip(
        matplotlib.colors.to_rgb(colour), matplotlib.colors.to_rgb(PAPER)))


# Of a stacked bar, what is too thin to be seen: not drawn, so that no white edge stands where nothing is.
THINNEST = 1e-4


def stacked_bar(axes, place, parts, whole, label_from=0.07, height=0.7, horizontal=True):
    """One bar of [(value, colour)]; a part of at least `label_from` of the axis `whole` is labelled with its share."""
    begin, total = 0.0, sum(value for value, _ in parts)
    for value, colour in parts:
        if value > THINNEST * whole:
            draw = axes.barh if horizontal else axes.bar
            size = {"height" if horizontal else "width": height, "left" if horizontal else "bottom": begin}
            draw(place, value, color=colour, edgecolor=PAPER, linewidth=0.4, **size)
            if value >= label_from * whole:
                middle = begin + value / 2
                at = (middle, place) if horizontal else (place, middle)
                axes.text(*at, f"{100 * value / total:.0f} %", ha="center", va="center", fontsize=6,
                          color=contrasting(colour))
        begin += value


def patches(names_and_colours):
    return [Patch(facecolor=colour, label=name) for name, colour in names_and_colours]


def legend_above(figure, handles, title=None):
    """A legend over the whole figure, in as few rows as its width allows; the axes make room."""
    if not handles:
        return
    _, height = figure.get_size_inches()
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, ncol=columns, loc="upper center", frameon=False, title=title,
                               handlelength=1.4, handletextpad=0.5, columnspacing=1.2, borderaxespad=0.2)
        box = legend.get_window_extent(figure.canvas.get_renderer())
        if box.width <= figure.bbox.width or columns == 1:
            break
        legend.remove()
    share = box.height / figure.dpi / height + 0.01
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - share))


def title(figure, text):
    """A line over the figure, and over its legend if it has one; the axes make room."""
    written = figure.suptitle(text, fontsize=8)
    renderer = figure.canvas.get_renderer()
    for legend in figure.legends:
        below = 1 - (written.get_window_extent(renderer).height / figure.dpi + 0.05) / figure.get_size_inches()[1]
        legend.set_bbox_to_anchor((0, 0, 1, below), transform=figure.transFigure)


def legend_beside(axes, handles, title=None):
    """A legend to the right of one panel, in the order in which a bar is stacked; the panel makes room."""
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title=title,
                handlelength=1.0, handletextpad=0.5, labelspacing=0.25, borderaxespad=0)


def geometric(values):
    """Whether an axis through `values` is better logarithmic: a step multiplies, or they span much."""
    ordered = sorted(set(values))
    if len(ordered) < 3 or ordered[0] <= 0:
        return False
    ratios = [after / before for before, after in zip(ordered, ordered[1:])]
    return min(ratios) >= 1.5 and ordered[-1] / ordered[0] >= 4


def value_axis(axis, values):
    """Ticks of an x or y axis at just these numbers; logarithmic where they are a geometric row."""
    ordered = sorted(set(values))
    if geometric(ordered):
        (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log", base=2)
    axis.set_major_locator(FixedLocator(ordered))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def log_if_wide(axes, values, ratio=20):
    """A logarithmic y axis where the values span more than `ratio`, else one from zero."""
    positive = [value for value in values if value > 0]
    if positive and len(positive) == len(values) and max(values) / min(values) > ratio:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)


def plain_log(axis, low, high, sparse=100):
    """A logarithmic x or y axis for values from `low` to `high`, with plain numbers at ticks; from the ratio `sparse`
    of `high` to `low` on there are no ticks but at powers of ten."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    if high < 3 * low:  # too short for powers of ten and what lies between them: round numbers
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    else:
        between = (1, 1.5, 2, 3, 5, 7) if high <= 8 * low else (1, 2, 5) if high < sparse * low else (1,)
        axis.set_major_locator(LogLocator(10, between))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.9g}"))
    axis.set_minor_locator(NullLocator())


def save(figure, path, kind=None):
    """Writes a picture, equal bytes for equal data: no dates, no random names."""
    kind = kind or str(path).rsplit(".", 1)[-1].lower()
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None},
                "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}[kind]
    with whole_file(path) as name:
        figure.savefig(name, format=kind, dpi=300, metadata=metadata)
