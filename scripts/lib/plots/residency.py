"""Which token is in which slot of a KV cache, step by step: eviction and replacement made visible."""

import math

import plot_style as style
from plot_data import Unusable

NAME = "residency"
SUMMARY = "token position in each slot of one KV head over the steps, and how long each token stays"
INPUT = "report"
OPTIONS = []
FREE = -1


def grid(report):
    """rows[slot][step]: position of the token in the slot after the step; NaN where there is none."""
    residency = report.get("profile.residency")
    steps, slots = residency["steps"], residency["slots"]
    rows = [[math.nan] * steps for _ in range(slots)]
    changes = {}
    for step, slot, position in residency["changes"]:
        if not (0 <= step < steps and 0 <= slot < slots):
            raise Unusable(f"{report.path}: profile.residency has a change of slot {slot} at step {step}, "
                           f"of {slots} slots and {steps} steps")
        changes.setdefault(slot, []).append((step, position))
    for slot, events in changes.items():
        for number, (step, position) in enumerate(events):
            end = events[number + 1][0] if number + 1 < len(events) else steps
            if position != FREE:
                rows[slot][step:end] = [position] * (end - step)
    return rows


def lifetimes(report):
    """[(position, first step, step at which it was gone or the number of steps)] of every stay of a token."""
    residency = report.get("profile.residency")
    held, stays = {}, []
    for step, slot, position in residency["changes"]:
        if slot in held:
            before, since = held.pop(slot)
            stays.append((before, since, step))
        if position != FREE:
            held[slot] = (position, step)
    stays += [(position, since, residency["steps"]) for position, since in held.values()]
    return sorted(stays)


def figure(report, options):
    from matplotlib.collections import LineCollection
    rows, stays = grid(report), lifetimes(report)
    if not stays:
        raise Unusable(f"{report.path}: profile.residency has no token in any slot")
    residency = report.get("profile.residency")
    last = max(position for position, _, _ in stays)
    wide = options.width == "page"
    drawing, axes = style.new_figure(options.width, 2.7 if wide else 4.2, **style.side_by_side(wide), sharex=True)
    slots, tokens = axes.flat
    norm = style.matplotlib.colors.Normalize(0, last)
    image = slots.imshow(rows, aspect="auto", interpolation="none", cmap=style.COLOUR_MAP, norm=norm,
                         extent=(-0.5, residency["steps"] - 0.5, len(rows) - 0.5, -0.5))
    slots.set_ylabel("slot (index)")
    lines = LineCollection([[(since - 0.5, position), (end - 0.5, position)] for position, since, end in stays],
                           cmap=style.COLOUR_MAP, norm=norm, linewidths=max(0.4, min(2.0, 110 / (last + 1))),
                           capstyle="butt")
    lines.set_array([position for position, _, _ in stays])
    tokens.add_collection(lines)
    tokens.set_ylim(-1, last + 1)
    tokens.set_xlim(-0.5, residency["steps"] - 0.5)
    tokens.set_ylabel("token (position)")
    for panel in axes[-1, :]:
        panel.set_xlabel("step (count)")
    drawing.colorbar(image, ax=list(axes.flat), label="token (position)", pad=0.01, aspect=30)
    slots.set_title(f"layer {residency['layer']}, KV head {residency['kv_head']}, request {residency['request']}: what each "
                    "slot holds" if wide else "what each slot holds", loc="left", fontsize=7)
    tokens.set_title("how long each token stays", loc="left", fontsize=7)
    return drawing
