"""One machine or cache against another: what the other needs of each thing, relative to the base, with the ratios."""

import plot_style as style
import plot_units
from plot_data import Report, Unusable, is_comparison, is_report, read_json
from plots.energy import colour_of

NAME = "compare"
SUMMARY = "base against other: bars with ratios, energy by class; of a compare.json or of two reports"
INPUT = "comparison"
OPTIONS = [("--names", dict(metavar="BASE,OTHER", help="of the two sides"))]
# What is compared: its name and where it is in a comparison's sides.
MEASURES = [("delay", "seconds", "s"), ("energy", "joules", "J"), ("KV peak", "kv_peak_bytes", "B"),
            ("KV traffic", "kv_dram_bytes", "B"), ("DRAM traffic", "dram_bytes", "B")]


def side_of(report):
    """What a comparison says of one side, from its report."""
    dram = report.get("dram")
    return {"name": report.name, "policy": report.get("kv_cache.policy"), "seconds": report.get("latency.seconds"),
            "joules": report.get("energy.joules"), "kv_peak_bytes": report.get("kv_cache.peak_bytes"),
            "kv_dram_bytes": dram["kv_bytes_read"] + dram["kv_bytes_written"],
            "dram_bytes": dram["bytes_read"] + dram["bytes_written"]}


def read(paths):
    """{base, other, energy_by_class} from a compare.json or from the reports of base and other."""
    data = [read_json(path) for path in paths]
    if len(paths) == 1 and is_comparison(data[0]):
        return data[0]
    for path, one in zip(paths, data):
        if not is_report(one):
            raise Unusable(f"{path}: is neither a comparison nor a report; "
                           "one compare.json or two report.json are needed")
    if len(paths) != 2:
        raise Unusable(f"{len(paths)} reports; one compare.json or two report.json are needed, the base first")
    base, other = (Report(one, path) for path, one in zip(paths, data))
    classes = {name: {"base_joules": joules, "other_joules": other.get("energy.by_class").get(name, 0)}
               for name, joules in base.get("energy.by_class").items()}
    return {"base": side_of(base), "other": side_of(other), "energy_by_class": classes}


def ratios(comparison):
    """[(name, base, other, unit)] of what both sides have."""
    base, other = comparison["base"], comparison["other"]
    return [(name, base[key], other[key], unit) for name, key, unit in MEASURES
            if base.get(key, 0) > 0 and other.get(key, 0) > 0]


def names(comparison, given):
    if given:
        both = given.split(",")
        if len(both) != 2:
            raise Unusable(f"--names {given}: two names are needed, as in full,rce")
        return both
    sides = comparison["base"], comparison["other"]
    for key in ("name", "policy"):
        both = [side.get(key) for side in sides]
        if all(both) and both[0] != both[1]:
            return both
    return ["base", "other"]


def figure(comparison, options):
    both = names(comparison, options.names)
    rows = ratios(comparison)
    if not rows:
        raise Unusable("the two sides have nothing in common that is above zero")
    wide = options.width == "page"
    drawing, axes = style.new_figure(options.width, 2.3 if wide else 4.2, **style.side_by_side(wide),
                                     gridspec_kw=dict(width_ratios=[3, 2]) if wide else None)
    relative, classes = axes.flat
    colours = [style.GREY, style.BLUE]
    for place, (_, base, other, unit) in enumerate(rows):
        for offset, value, colour in ((-0.2, base, colours[0]), (0.2, other, colours[1])):
            relative.bar(place + offset, value / base, width=0.38, color=colour)
        relative.annotate(f"{base / other:.2f}×", (place, max(1, other / base)), xytext=(0, 1),
                          textcoords="offset points",
                          ha="center", va="bottom", fontsize=7)
        relative.annotate(plot_units.si(base, unit), (place - 0.2, 0), xytext=(0, 3), textcoords="offset points",
                          ha="center", va="bottom", fontsize=6, rotation=90)
    relative.set_xticks(range(len(rows)), [name.replace(" ", "\n", 1) for name, *_ in rows])
    relative.tick_params(axis="x", length=0)
    relative.set_ylabel(f"relative to {both[0]} (ratio)")
    relative.set_ylim(0, 1.13 * max([1, *(other / base for _, base, other, _ in rows)]))
    relative.legend(handles=style.patches(zip([both[0], f"{both[1]}, with {both[0]} / {both[1]}"], colours)),
                    loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2, frameon=False, handlelength=1.0)
    style.grid(relative)

    energy = comparison["energy_by_class"]
    totals = [sum(entry[f"{side}_joules"] for entry in energy.values()) for side in ("base", "other")]
    factor, prefix = plot_units.prefix_for(totals, "J")
    for place, side in enumerate(("base", "other")):
        stack = [(entry[f"{side}_joules"] / factor, colour_of(name, index))
                 for index, (name, entry) in enumerate(energy.items())]
        style.stacked_bar(classes, place, stack, max(totals) / factor, height=0.6, horizontal=False)
    classes.set_xticks([0, 1], both)
    classes.tick_params(axis="x", length=0)
    classes.set_ylabel(f"energy ({prefix}J)")
    style.grid(classes)
    looks = [(name, colour_of(name, index)) for index, name in enumerate(energy)]
    style.legend_beside(classes, style.patches(reversed(looks)))
    return drawing
