"""How long each step of the run took."""

import plot_style as style
import plot_units

NAME = "steps"
SUMMARY = "duration of each step: prefill chunks, then one a generated token"
INPUT = "report"
OPTIONS = []


def steps(report):
    """(seconds of each step, number of prefill steps)"""
    clock = report.get("latency.core_clock_ps") * 1e-12
    return [cycles * clock for cycles in report.get("latency.steps")], report.get("latency.prefill.steps")


def figure(report, options):
    seconds, prefill = steps(report)
    factor, prefix = plot_units.prefix_for(seconds, "s")
    drawing, axes = style.new_figure(options.width, 1.9)
    panel = axes[0, 0]
    parts = [("prefill", style.SKY, seconds[:prefill], 0), ("generation", style.BLUE, seconds[prefill:], prefill)]
    if report.has("serving"):  # steps of both kinds at once
        parts = [("step", style.BLUE, seconds, 0)]
    for name, colour, durations, first in parts:
        if durations:
            panel.stairs([duration / factor for duration in durations],
                         [first + number - 0.5 for number in range(len(durations) + 1)], fill=True, color=colour)
    panel.set_xlim(-0.5, len(seconds) - 0.5)
    panel.set_ylim(bottom=0)
    panel.set_xlabel("step (count)")
    panel.set_ylabel(f"duration ({prefix}s)")
    style.grid(panel)
    if len(parts) == 2:
        present = [(name, colour) for name, colour, durations, _ in parts if durations]
        style.legend_above(drawing, style.patches(present))
    return drawing
