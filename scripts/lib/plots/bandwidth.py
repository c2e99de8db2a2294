"""DRAM traffic over the run, and the commands that wait at the sequencer."""

import plot_style as style
import plot_units

NAME = "bandwidth"
SUMMARY = "DRAM bytes read and written per second over time, and the sequencer's queue"
INPUT = "report"
OPTIONS = []


def series(report):
    """(edges in seconds, read, written in bytes/s, commands held) of each bin; the last one may be shorter."""
    bins = report.get("profile.series")
    clock = report.get("latency.core_clock_ps") * 1e-12
    count = len(bins["dram_bytes_read"])
    width, end = bins["bin_cycles"], report.get("latency.cycles")
    edges = [min(index * width, end) for index in range(count)] + [max(end, (count - 1) * width + 1)]
    lengths = [(after - before) * clock for before, after in zip(edges, edges[1:])]
    rates = [[moved / length if length > 0 else 0 for moved, length in zip(bins[name], lengths)]
             for name in ("dram_bytes_read", "dram_bytes_written")]
    return [edge * clock for edge in edges], *rates, bins["queue_commands"]


def figure(report, options):
    edges, read, written, queue = series(report)
    factor, prefix = plot_units.prefix_for([edges[-1]], "s")
    edges = [edge / factor for edge in edges]
    drawing, axes = style.new_figure(options.width, 2.6, rows=2, sharex=True,
                                     gridspec_kw=dict(height_ratios=[3, 1]))
    moved, waiting = axes[:, 0]
    peak = report.get("dram.peak_bytes_per_second") / 1e9
    both = [(a + b) / 1e9 for a, b in zip(read, written)]
    moved.stairs([rate / 1e9 for rate in read], edges, fill=True, color=style.SKY)
    moved.stairs(both, edges, baseline=[rate / 1e9 for rate in read], fill=True, color=style.RED)
    moved.axhline(peak, color=style.INK, linewidth=0.8, linestyle="--")
    moved.set_ylim(0, peak * 1.08)
    moved.set_ylabel("DRAM (GB/s)")
    waiting.stairs(queue, edges, color=style.INK, linewidth=0.8)
    waiting.set_ylim(bottom=0)
    waiting.set_ylabel("commands\nqueued")
    waiting.set_xlabel(f"time ({prefix}s)")
    waiting.set_xlim(edges[0], edges[-1])
    handles = style.patches([("read", style.SKY), ("written", style.RED)])
    handles.append(moved.plot([], [], color=style.INK, linewidth=0.8, linestyle="--",
                              label=f"peak, {peak:.4g} GB/s")[0])
    prefill, generation = (report.get(f"latency.{phase}.seconds") / factor for phase in ("prefill", "generation"))
    if prefill > 0 and generation > 0 and not report.has("serving"):
        for panel in (moved, waiting):
            panel.axvline(prefill, color=style.MUTED, linewidth=0.8, linestyle=":")
        handles.append(moved.plot([], [], color=style.MUTED, linewidth=0.8, linestyle=":", label="end of prefill")[0])
    style.legend_above(drawing, handles)
    for panel in (moved, waiting):
        style.grid(panel)
    return drawing
