"""Requests that arrive over time: how many wait and run, and what they waited for their tokens."""

import plot_style as style
import plot_units
from plot_data import Unusable

NAME = "serving"
SUMMARY = "requests waiting and running over time, and the distribution of their latencies"
INPUT = "report"
OPTIONS = []
MEASURES = [("time_to_first_token_seconds", "time to first token", style.BLUE),
            ("latency_seconds", "end to end", style.RED)]


def queue(report):
    """(seconds, waiting, running), each a list."""
    series = report.get("serving.queue.series")
    return tuple(list(column) for column in zip(*series)) if series else ([], [], [])


def distribution(report, measure):
    """Sorted seconds of the requests that have the measure."""
    return sorted(request[measure] for request in report.get("serving.requests") if request.get(measure) is not None)


def figure(report, options):
    times, waiting, running = queue(report)
    drawn = [(name, colour, distribution(report, measure)) for measure, name, colour in MEASURES]
    drawn = [entry for entry in drawn if entry[2]]
    if not times or not drawn:
        raise Unusable(f"{report.path}: no request was finished")
    wide = options.width == "page"
    drawing, axes = style.new_figure(options.width, 2.2 if wide else 3.8, **style.side_by_side(wide))
    over_time, shares = axes.flat
    factor, prefix = plot_units.prefix_for(times, "s")
    for name, colour, counts, line in (("running", style.BLUE, running, "-"), ("waiting", style.RED, waiting, "--")):
        over_time.step([time / factor for time in times], counts, where="post", color=colour, linestyle=line,
                       label=name)
    over_time.set_xlabel(f"time ({prefix}s)")
    over_time.set_ylabel("requests (count)")
    over_time.set_ylim(bottom=0)
    factor, prefix = plot_units.prefix_for([seconds[-1] for _, _, seconds in drawn], "s")
    for (name, colour, seconds), line in zip(drawn, ("-", "--")):
        places = [second / factor for second in seconds]
        share = [100 * (number + 1) / len(seconds) for number in range(len(seconds))]
        shares.step([places[0], *places], [0, *share], where="post", color=colour, linestyle=line, label=name)
    shares.set_xlabel(f"time ({prefix}s)")
    shares.set_ylabel("requests done by then (%)")
    shares.set_ylim(0, 101)
    shares.set_xlim(left=0)
    for panel in axes.flat:
        style.grid(panel)
        panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2, frameon=False)
    return drawing
