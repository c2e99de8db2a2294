"""The picture of scripts/pareto: relative perplexity against delay reduction and against energy saving."""

import numpy
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

import pareto_points
import plot_style

BOUND = "oracle"  # looks at the future, so no machine can have it: a bound, not on the front
PANELS = [("delay_reduction", "delay reduction over the full cache (×)"),
          ("energy_saving", "energy saving over the full cache (×)")]
# Mostly P. Tol's "muted" and "vibrant" schemes, which readers with any colour vision can tell apart; shapes differ too.
LOOKS = {
    "rce": ("#000000", "o"),
    "window": ("#56B4E9", "v"),
    "streaming_llm": ("#EE7733", "^"),
    "h2o": ("#CC6677", "s"),
    "tova": ("#117733", "D"),
    "voting": ("#882255", "P"),
    "kelle": ("#AA4499", "X"),
    "snapkv": ("#0077BB", "<"),
    "keyformer": ("#999933", ">"),
    "accumulated": ("#661100", "H"),
    "observed": ("#44AA99", "p"),
    "roco": ("#332288", "*"),
    "random": ("#DDAA33", "h"),
    BOUND: ("#777777", "d"),
}
FRONT = "#E8C000"
# Relative perplexities run from 1.001 to 1000 and more, so the axis is logarithmic in what is above 1, and linear below
# 1 + LINEAR, where losses drown in their error. Those above CEILING are drawn at the upper edge.
LINEAR, CEILING = 0.005, 3
TICKS = [1, 1.005, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, CEILING]


def look_of(policy):
    return LOOKS.get(policy, ("#555555", "."))


def by_policy(rows):
    """Policy -> its rows, in order of budget, the largest first; the full cache is left out."""
    lines = {}
    for row in sorted(rows, key=lambda row: -row["slots"]):
        if row["policy"] != "full":
            lines.setdefault(row["policy"], []).append(row)
    return lines


def draw_policy(axes, rows, gain):
    policy = rows[0]["policy"]
    colour, marker = look_of(policy)
    x = [row[gain] for row in rows]
    y = [min(row["relative_perplexity"], CEILING) for row in rows]
    size = 5.5 if marker == "*" else 4
    axes.plot(x, y, color=colour, marker=marker, markersize=size, linewidth=1.4 if policy == "rce" else 0.8,
              linestyle="--" if policy == BOUND else "-", markeredgecolor="white", markeredgewidth=0.3, clip_on=False,
              zorder=4 if policy == "rce" else 3)


def draw_front(axes, rows, gain):
    points = [(row[gain], min(row["relative_perplexity"], CEILING)) for row in rows if row["policy"] != BOUND]
    kept = pareto_points.front(points)
    axes.step([x for x, _ in kept], [y for _, y in kept], where="pre", color=FRONT, linewidth=4, alpha=0.5,
              solid_capstyle="round", solid_joinstyle="round", zorder=1)


def name_budgets(axes, rows, gain):
    """Each budget once, above where its points lie; a line higher where it would run into the one before."""
    places = {}
    for row in rows:
        if row["policy"] != "full":
            places.setdefault(row["budget"], []).append(row[gain])
    left, right = axes.get_xlim()
    last, level = left - (right - left), 0
    for budget, gained in sorted(places.items(), key=lambda place: sum(place[1]) / len(place[1])):
        middle = sum(gained) / len(gained)
        level = 1 - level if middle - last < 0.09 * (right - left) else 0
        last = middle
        axes.axvline(middle, color="#DDDDDD", linewidth=0.6, linestyle=":", zorder=0)
        axes.annotate(budget, (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3 + 8 * level),
                      textcoords="offset points", ha="center", va="bottom", fontsize=7, color="#444444")


def excess_axis(axes, losses):
    """The scale of relative perplexities, which are `losses`."""
    reach = 1 + LINEAR
    axes.set_yscale("function", functions=(
        lambda y: numpy.where(y < reach, (y - 1) / LINEAR, 1 + numpy.log(numpy.maximum(y - 1, LINEAR) / LINEAR)),
        lambda u: numpy.where(u < 1, 1 + u * LINEAR, 1 + LINEAR * numpy.exp(numpy.maximum(u, 1) - 1))))
    high = min(max(losses), CEILING)
    top = next(tick for tick in TICKS if tick >= high)
    axes.set_ylim(min(1 - 0.3 * LINEAR, min(losses) - 0.1 * LINEAR), top)
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in TICKS if tick <= top]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(
        lambda value, _: f"≥ {value:g}" if value == CEILING < max(losses) else f"{value:g}"))


def legend_entries(policies):
    entries = [Line2D([], [], color=look_of(policy)[0], marker=look_of(policy)[1], markersize=4, linewidth=0.8,
                      linestyle="--" if policy == BOUND else "-", label=policy) for policy in policies]
    full = Line2D([], [], color="black", marker="o", fillstyle="none", markersize=5, linewidth=0, label="full cache")
    return [*entries, full, Line2D([], [], color=FRONT, linewidth=4, alpha=0.5, label="Pareto front")]


def clipping_note(lines):
    """Which points are not where they belong; empty where all are."""
    above = {policy: sum(row["relative_perplexity"] > CEILING for row in rows) for policy, rows in lines.items()}
    named = [f"{policy} ({count} points)" for policy, count in above.items() if count > 0]
    return "\n".join([f"Above {CEILING:g}, at the edge:", *named]) if named else ""


def draw(rows, title, stem):
    """Writes the picture of `rows` (as pareto_points.table makes them) to `stem`.png and `stem`.svg."""
    lines = by_policy(rows)
    losses = [row["relative_perplexity"] for row in rows]
    with plot_style.style():
        figure, panels = plot_style.new_figure("page", 3.3, columns=2, layout=None, sharey=True)
        panels = panels[0]
        for axes, (gain, label) in zip(panels, PANELS):
            draw_front(axes, rows, gain)
            for policy_rows in lines.values():
                draw_policy(axes, policy_rows, gain)
            axes.plot([1], [1], color="black", marker="o", markersize=5, fillstyle="none", clip_on=False, zorder=5)
            name_budgets(axes, rows, gain)
            axes.set_xlabel(label)
            axes.grid(True, linewidth=0.3, color="#DDDDDD", zorder=0)
            excess_axis(axes, losses)
        panels[0].set_ylabel("relative perplexity (×)")
        figure.legend(handles=legend_entries(lines), loc="center right", frameon=False, handlelength=2.2,
                      labelspacing=0.45)
        figure.suptitle(title, x=0.01, ha="left", fontsize=8)
        figure.subplots_adjust(left=0.085, right=0.825, bottom=0.14, top=0.86, wspace=0.08)
        figure.text(0.835, 0.02, clipping_note(lines), fontsize=6, color="#444444")
        for kind in ("png", "svg"):
            plot_style.save(figure, f"{stem}.{kind}")
