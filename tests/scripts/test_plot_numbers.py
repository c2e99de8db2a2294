"""What pictures draw: the numbers worked out, and those that are handed to matplotlib.

/usr/bin/python3 -m unittest discover -s tests/scripts -p 'test_plot*.py'
"""

import io
import math
import unittest

import plot_fixtures as fixtures
from plot_fixtures import drawn

if fixtures.HAVE_PACKAGES:
    import pandas
    import plot_data
    import plot_style
    from plots import (bandwidth, compare, energy, front, heatmap, ladder, lines, operators, residency, roofline,
                       serving, stalls, steps)


def bars(axes):
    """{place: [(begin, length)]} of the horizontal bars, in drawing order."""
    result = {}
    for bar in axes.patches:
        result.setdefault(round(bar.get_y() + bar.get_height() / 2), []).append((bar.get_x(), bar.get_width()))
    return result


@fixtures.needs_packages
class OfAReport(unittest.TestCase):
    def setUp(self):
        self.report = plot_data.Report(fixtures.report(), "report.json")

    def test_energy_bars_add_up_to_the_total_whatever_they_are_split_by(self):
        other = fixtures.report("other")
        other["energy"]["joules"] *= 2
        for split in ("by_block", "by_class", "by_phase"):
            other["energy"][split] = {name: 2 * joules for name, joules in other["energy"][split].items()}
        figure = drawn("energy", [self.report, plot_data.Report(other, "b/report.json")])
        panels = [axes for axes in figure.axes]
        self.assertEqual(len(panels), 3)
        self.assertIn("(nJ)", panels[-1].get_xlabel())
        for axes in panels:
            for place, total in ((0, 10), (1, 20)):
                stack = bars(axes)[place]
                self.assertAlmostEqual(sum(length for _, length in stack), total)
                end = 0
                for begin, length in stack:
                    self.assertAlmostEqual(begin, end)
                    end += length
            self.assertEqual([label.get_text() for label in axes.get_yticklabels()], ["small", "other"])

    def test_energy_shares_are_of_each_reports_own_total(self):
        axes = drawn("energy", [self.report], by="class", share=True).axes[0]
        self.assertAlmostEqual(sum(length for _, length in bars(axes)[0]), 100)
        self.assertIn("%", axes.get_xlabel())

    def test_every_units_busy_and_stalled_cycles_are_the_run(self):
        shares = stalls.shares(self.report)
        self.assertEqual(shares["PE array"]["busy"], 50)
        self.assertEqual(shares["PE array"]["operand"], 30)
        self.assertEqual(shares["DRAM channels"], {"busy": 50, "dram": 18.75, "refresh": 6.25, "drained": 25})
        axes = drawn("stalls", self.report).axes[0]
        self.assertEqual(len(bars(axes)), 7)
        for stack in bars(axes).values():
            self.assertAlmostEqual(sum(length for _, length in stack), 100)

    def test_operators_add_up_to_the_run(self):
        rows = operators.rows(self.report)
        self.assertEqual(sum(row["prefill"] + row["generation"] for row in rows), fixtures.CYCLES)
        self.assertEqual([row["name"] for row in rows], ["qkv", "attention scores", "softmax", "idle"])
        figure = drawn("operators", self.report)
        cycles = sum(length for stack in bars(figure.axes[0]).values() for _, length in stack)
        traffic = sum(length for stack in bars(figure.axes[1]).values() for _, length in stack)
        self.assertAlmostEqual(cycles, fixtures.CYCLES)
        self.assertAlmostEqual(traffic * 1e3, 9340)  # in kB
        longest = operators.rows(self.report, "cycles")
        self.assertEqual([row["cycles"] for row in longest], [500, 300, 100, 100])

    def test_a_roofline_has_the_machines_peaks_and_the_operators_below(self):
        self.assertEqual(roofline.machine(self.report), (1024e9, 25.6e9))
        points, left_out = roofline.points(self.report)
        by_name = {point["name"]: point for point in points}
        self.assertEqual(by_name["qkv"], {"name": "qkv", "intensity": 256000 / 9000, "rate": 512e9, "share": 0.5})
        self.assertEqual(by_name["attention scores"]["intensity"], 100)
        self.assertAlmostEqual(by_name["whole run"]["rate"], 286e9)
        self.assertEqual(left_out, ["softmax", "idle"])
        axes = drawn("roofline", self.report).axes[0]
        roof = axes.lines[0]
        self.assertEqual(list(roof.get_xdata())[1], 40)  # the ridge: 1024 / 25.6
        for x, y in zip(roof.get_xdata(), roof.get_ydata()):
            self.assertAlmostEqual(y / min(1024e9, x * 25.6e9), 1)
        self.assertLessEqual({"qkv", "attention scores"}, {text.get_text() for text in axes.texts})

    def test_a_workload_of_operators_has_a_roofline_without_a_profile(self):
        data = fixtures.report(with_profile=False)
        data["operators"] = [{"name": "one", "kind": "matmul", "cycles": 1000, "macs": 5000, "dram_bytes_read": 90,
                              "dram_bytes_written": 10}]
        points, _ = roofline.points(plot_data.Report(data, "x"))
        self.assertEqual(points[0], {"name": "one", "intensity": 50, "rate": 5e9, "share": 1})

    def test_bandwidth_is_bytes_by_the_length_of_the_bin_also_of_the_last(self):
        edges, read, written, queue = bandwidth.series(self.report)
        for given, expected in zip(edges, [0, 3e-7, 6e-7, 9e-7, 1e-6]):
            self.assertAlmostEqual(given, expected)
        for given, expected in zip(read, [10e9, 8e9, 5e9, 7e9]):
            self.assertAlmostEqual(given / expected, 1)
        moved = sum(rate * (after - before) for rate, before, after in zip(written, edges, edges[1:]))
        self.assertAlmostEqual(moved, 700)
        axes = drawn("bandwidth", self.report).axes[0]
        first, both = (patch.get_data() for patch in axes.patches[:2])
        self.assertAlmostEqual(first.values[0], 10)
        self.assertAlmostEqual(both.values[0], 11)
        self.assertEqual(both.baseline[0], first.values[0])
        self.assertIn("(GB/s)", axes.get_ylabel())

    def test_residency_shows_replacement_and_freeing(self):
        rows = residency.grid(self.report)
        shown = [["-" if math.isnan(value) else value for value in row] for row in rows]
        self.assertEqual(shown, [[0, 0, 0, 0], [1, 1, 3, "-"], ["-", 2, 2, 2]])
        self.assertEqual(residency.lifetimes(self.report), [(0, 0, 4), (1, 0, 2), (2, 1, 4), (3, 2, 3)])
        figure = drawn("residency", self.report)
        image = figure.axes[0].images[0].get_array()
        self.assertEqual(image.shape, (3, 4))
        self.assertEqual(image[1, 2], 3)
        self.assertEqual(len(figure.axes[1].collections[0].get_segments()), 4)

    def test_a_change_outside_the_slots_is_refused(self):
        self.report.data["profile"]["residency"]["changes"].append([3, 3, 9])
        with self.assertRaisesRegex(plot_data.Unusable, "slot 3"):
            residency.grid(self.report)

    def test_steps_add_up_to_the_run(self):
        seconds, prefill = steps.steps(self.report)
        self.assertAlmostEqual(sum(seconds), 1e-6)
        self.assertEqual(prefill, 1)
        patches = drawn("steps", self.report).axes[0].patches
        self.assertEqual([len(patch.get_data().values) for patch in patches], [1, 2])

    def test_serving_draws_the_queue_and_sorted_latencies(self):
        self.report.data["serving"] = fixtures.serving()
        self.assertEqual(serving.queue(self.report), ([0, 1e-7, 5e-7], [1, 1, 0], [0, 1, 1]))
        self.assertEqual(serving.distribution(self.report, "latency_seconds"), [5e-7, 9e-7])
        shares = drawn("serving", self.report).axes[1]
        self.assertEqual(list(shares.lines[1].get_ydata()), [0, 50, 100])


@fixtures.needs_packages
class OfTwoSides(unittest.TestCase):
    def test_ratios_are_of_base_over_other_where_both_have_something(self):
        rows = compare.ratios(fixtures.comparison())
        self.assertEqual([(name, base / other) for name, base, other, _ in rows],
                         [("delay", 3), ("energy", 4), ("KV peak", 3), ("DRAM traffic", 1)])
        figure = drawn("compare", fixtures.comparison(), names="full,rce")
        heights = [bar.get_height() for bar in figure.axes[0].patches]
        self.assertAlmostEqual(heights[0], 1)
        self.assertAlmostEqual(heights[1], 1 / 3)
        self.assertIn("3.00×", [text.get_text() for text in figure.axes[0].texts])
        self.assertAlmostEqual(sum(bar.get_height() for bar in figure.axes[1].patches), 50)  # nJ of both

    def test_two_reports_make_the_same_as_their_comparison(self):
        side = compare.side_of(plot_data.Report(fixtures.report(), "r"))
        self.assertEqual(side["kv_dram_bytes"], 300)
        self.assertEqual(side["dram_bytes"], 8300)


@fixtures.needs_packages
class OfASweep(unittest.TestCase):
    def setUp(self):
        frame = pandas.read_csv(io.StringIO(fixtures.table_text()))
        self.table = plot_data.Table(frame, "table.csv").with_values(["latency.seconds"])

    def test_axes_are_the_columns_before_the_hash(self):
        self.assertEqual(self.table.axes, ["workload.batch", "cache.budget", "cache.policy"])
        self.assertEqual(self.table.results, ["latency.seconds", "energy.joules",
                                              "latency.generation.tokens_per_second"])
        self.assertEqual(self.table.left_out, 1)

    def test_a_line_for_each_value_of_the_other_axes(self):
        rce = self.table.where(["cache.policy=rce"])
        found = lines.lines(rce, "workload.batch", "latency.seconds", ["cache.budget"])
        self.assertEqual(found, {"64": ((1, 2), (0.064, 0.128)), "128": ((1, 2), (0.128, 0.256))})
        both = lines.lines(self.table, "workload.batch", "latency.seconds", ["cache.budget", "cache.policy"])
        self.assertEqual(both["128, h2o"], ((1,), (0.128,)))
        axes = drawn("lines", rce).axes[0]
        self.assertEqual(list(axes.lines[0].get_ydata()), [64, 128])  # ms
        self.assertEqual(axes.get_ylabel(), "latency (ms)")
        self.assertEqual(axes.get_xlabel(), "batch (requests)")

    def test_rows_that_differ_in_what_is_not_drawn_are_refused(self):
        with self.assertRaisesRegex(plot_data.Unusable, "cache.policy.*--where cache.policy=rce.*--by cache.policy"):
            lines.lines(self.table, "workload.batch", "latency.seconds", ["cache.budget"])
        with self.assertRaisesRegex(plot_data.Unusable, "cache.policy"):
            heatmap.field(self.table, "workload.batch", "cache.budget", "latency.seconds")

    def test_a_map_has_a_hole_where_a_point_failed(self):
        xs, ys, rows = heatmap.field(self.table.where(["cache.policy=h2o"]), "workload.batch", "cache.budget",
                                     "latency.seconds")
        self.assertEqual((xs, ys), ([1, 2], [64, 128]))
        self.assertEqual(rows[0], [0.064, 0.128])
        self.assertEqual(rows[1][0], 0.128)
        self.assertTrue(math.isnan(rows[1][1]))
        texts = [text.get_text() for text in drawn("heatmap", self.table.where(["cache.policy=h2o"])).axes[0].texts]
        self.assertEqual(texts, ["64.0", "128", "128", "–"])

    def test_a_front_has_what_nothing_beats_in_both(self):
        points = [(1, 9), (2, 5), (2, 6), (3, 5), (4, 1), (5, 2), (4, 1)]
        self.assertEqual(front.front(points, False, False), [(1, 9), (2, 5), (4, 1)])
        self.assertEqual(front.front(points, True, True), [(1, 9), (2, 6), (3, 5), (5, 2)])
        self.assertEqual(front.front(points, False, True), [(1, 9)])
        self.assertEqual(front.front(points, True, False), [(4, 1), (5, 2)])

    def test_a_ladder_keeps_the_order_of_the_rungs(self):
        names, found = ladder.climbs(self.table.where(["cache.budget=64"]), "cache.policy", "workload.batch",
                                     "latency.seconds")
        self.assertEqual(names, ["rce", "h2o"])
        self.assertEqual(found, {1: {"rce": 0.064, "h2o": 0.064}, 2: {"rce": 0.128, "h2o": 0.128}})
        axes = drawn("ladder", self.table.where(["cache.budget=64"]), rungs="cache.policy",
                     y="latency.seconds,energy.joules").axes
        self.assertEqual([list(line.get_xdata()) for line in axes[0].lines], [[64, 64], [128, 128]])  # ms
        self.assertEqual([label.get_text() for label in axes[0].get_yticklabels()], ["rce", "h2o"])
        self.assertGreater(*axes[0].get_ylim())  # the first rung is on top
        with self.assertRaisesRegex(plot_data.Unusable, "cache.budget"):
            ladder.climbs(self.table, "cache.policy", "workload.batch", "latency.seconds")
        with self.assertRaisesRegex(plot_data.Unusable, "none of delay_reduction.*--y"):
            ladder.default_results(self.table)

    def test_which_way_is_better_follows_from_the_name_unless_said(self):
        self.assertTrue(front.higher(None, "latency.generation.tokens_per_second"))
        self.assertFalse(front.higher(None, "energy.joules"))
        self.assertTrue(front.higher("higher", "energy.joules"))

    def test_an_unknown_column_and_one_of_text_are_refused(self):
        with self.assertRaisesRegex(plot_data.Unusable, "no column nope; there are: workload.batch, .*energy.joules"):
            self.table.column("nope")
        with self.assertRaisesRegex(plot_data.Unusable, 'cache.policy holds text such as "rce"'):
            self.table.numbers("cache.policy")
        with self.assertRaisesRegex(plot_data.Unusable, "cache.budget is one of 64, 128"):
            self.table.where(["cache.budget=32"])


@fixtures.needs_packages
class Units(unittest.TestCase):
    def test_numbers_get_a_prefix_and_their_unit(self):
        import plot_units
        self.assertEqual(plot_units.si(0.4537, "s"), "454 ms")
        self.assertEqual(plot_units.si(2.0, "J"), "2.00 J")
        self.assertEqual(plot_units.si(64, "B"), "64 B")
        self.assertEqual(plot_units.scaled("latency.seconds", [0.01, 0.2]), (1e-3, "latency (ms)"))
        self.assertEqual(plot_units.scaled("latency.cycles", [2e6])[1], "latency (million cycles)")
        self.assertEqual(plot_units.scaled("energy.by_block.dram", [2])[1], "energy, DRAM (J)")
        self.assertEqual(plot_units.scaled("dram.row_hit_rate", [0.5]), (1, "row hit rate (ratio)"))

    def test_whole_numbers_have_all_their_digits(self):
        self.assertEqual([plot_data.shown(value) for value in (64.0, 2097152.0, 2097152, 0.75, math.nan, "a")],
                         ["64", "2097152", "2097152", "0.75", "none", "a"])

    def test_a_logarithmic_axis_has_plain_numbers_as_many_as_can_be_read(self):
        def ticks(low, high, **options):
            figure, axes = plot_style.new_figure("column", 2)
            panel = axes[0, 0]
            plot_style.plain_log(panel.xaxis, low, high, **options)
            panel.set_xlim(low, high)
            figure.draw_without_rendering()
            return [label.get_text() for tick, label in zip(panel.get_xticks(), panel.get_xticklabels())
                    if low <= tick <= high]

        self.assertEqual(ticks(1, 2), ["1", "1.2", "1.4", "1.6", "1.8", "2"])
        self.assertEqual(ticks(0.9, 6), ["1", "1.5", "2", "3", "5"])
        self.assertEqual(ticks(0.9, 60), ["1", "2", "5", "10", "20", "50"])
        self.assertEqual(ticks(100, 2e6), ["100", "1,000", "10,000", "100,000", "1,000,000"])
        self.assertEqual(ticks(0.9, 120, sparse=1000), ["1", "2", "5", "10", "20", "50", "100"])

    def test_a_title_stands_above_the_legend_and_that_above_the_panels(self):
        figure, axes = plot_style.new_figure("column", 2)
        plot_style.legend_above(figure, axes[0, 0].plot([1, 2], label="line"), "a legend")
        plot_style.title(figure, "A title")
        figure.draw_without_rendering()
        title, legend, panel = (artist.get_window_extent() for artist in (figure._suptitle, figure.legends[0],
                                                                          axes[0, 0]))
        self.assertGreaterEqual(title.y0, legend.y1 - 0.5)
        self.assertGreaterEqual(legend.y0, panel.y1)
        self.assertLess(title.y1, figure.bbox.y1)

    def test_a_geometric_row_gets_a_logarithmic_axis(self):
        self.assertTrue(plot_style.geometric([1, 2, 4, 8]))
        self.assertFalse(plot_style.geometric([1, 2, 3, 4]))
        self.assertFalse(plot_style.geometric([0, 2, 4]))


if __name__ == "__main__":
    unittest.main()
