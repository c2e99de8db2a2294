"""The region: cells and markers where their gains are, the target, the line of equal gains, and a small file.

/usr/bin/python3 -m unittest discover -s tests/scripts -p 'test_plot*.py'
"""

import math
import random
import tempfile
import unittest
from pathlib import Path

import plot_fixtures as fixtures
from plot_fixtures import drawn, run

if fixtures.HAVE_PACKAGES:
    import plot_data
    import plot_style
    from matplotlib.patches import PathPatch, Rectangle
    from plots import region

BASELINES = ["full", "full-no-overlap", "full-no-batching", "full-serial"]


def row(baseline, kind, delay, energy, **more):
    return {"baseline": baseline, "kind": kind, "delay_reduction": delay, "energy_saving": energy, **more}


def few():
    return [row("full", "first pass", 1.5, 1.4, count=1), row("full", "first pass", 2, 1.8, count=1000),
            row("full", "first pass", 2.5, 2.2, count=30), row("serial", "first pass", 10, 8, count=1),
            row("serial", "simulated", 12, 9), row("full", "simulated", 1.6, 1.5), row("full", "simulated", 2.4, 2)]


def cloud(cells, simulated, seed=1):
    """So many rows of each baseline, around the gains that a first pass finds for it."""
    made, rows = random.Random(seed), []
    for baseline, delay, energy in zip(BASELINES, (1.1, 1.4, 2.9, 3.4), (1.0, 0.7, 2.7, 2.9)):
        for kind, count in (("first pass", cells), ("simulated", simulated)):
            for _ in range(count):
                along, across = made.gauss(0, 0.45), made.gauss(0, 0.12)
                rows.append(row(baseline, kind, 2.718 ** (delay + along), 2.718 ** (energy + 0.8 * along + across)))
    return rows


def cells(figure):
    """[(colour, [(left, bottom, right, top)])] of each layer of cells."""
    layers = []
    for patch in figure.axes[0].patches:
        if isinstance(patch, PathPatch):
            corners = patch.get_path().vertices.reshape(-1, 5, 2)
            layers.append((plot_style.matplotlib.colors.to_hex(patch.get_facecolor()),
                           [(*square.min(axis=0), *square.max(axis=0)) for square in corners]))
    return layers


def markers(figure):
    """{baseline's colour: its simulated points}"""
    return {line.get_color(): list(zip(line.get_xdata(), line.get_ydata())) for line in figure.axes[0].lines
            if line.get_linestyle() == "None" and line.get_marker() != "+" and len(line.get_xdata())}


def diagonal(figure):
    return [line for line in figure.axes[0].lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]


@fixtures.needs_packages
class Places(unittest.TestCase):
    def test_rows_by_baseline_and_kind_in_the_order_of_the_table(self):
        found = region.groups(fixtures.table(few()), "delay_reduction", "energy_saving")
        self.assertEqual(list(found), ["full", "serial"])
        self.assertEqual(found["full"], {"first pass": [(1.5, 1.4, 1), (2, 1.8, 1000), (2.5, 2.2, 30)],
                                         "simulated": [(1.6, 1.5, 1), (2.4, 2, 1)]})

    def test_cells_are_small_squares_around_their_gains(self):
        figure = drawn("region", fixtures.table(few()))
        figure.draw_without_rendering()
        axes = figure.axes[0]
        colour, squares = cells(figure)[0]
        self.assertEqual(colour, plot_style.BLUE)
        self.assertEqual(len(squares), 3)
        for (left, bottom, right, top), gains in zip(squares, ((1.5, 1.4), (2, 1.8), (2.5, 2.2))):
            self.assertAlmostEqual((left * right) ** 0.5, gains[0])
            self.assertAlmostEqual((bottom * top) ** 0.5, gains[1])
            low, high = axes.transData.transform([(left, bottom), (right, top)])
            for length in high - low:
                self.assertAlmostEqual(length * 72 / figure.dpi, region.SMALL, delta=0.1)

    def test_cells_of_a_grid_fill_it(self):
        rows = [row("full", "first pass", 10 ** (0.02 * (place + 0.5)), 2) for place in range(5)]
        (_, squares), = cells(drawn("region", fixtures.table(rows), cell=0.02))
        for place, (left, _, right, _) in enumerate(squares):
            self.assertAlmostEqual(left, 10 ** (0.02 * place))
            self.assertAlmostEqual(right, 10 ** (0.02 * (place + 1)))

    def test_cells_of_more_points_are_in_more_layers(self):
        layers = [(colour, [round((left * right) ** 0.5, 6) for left, _, right, _ in squares])
                  for colour, squares in cells(drawn("region", fixtures.table(few())))]
        self.assertEqual(layers, [(plot_style.BLUE, [1.5, 2, 2.5]), (plot_style.BLUE, [2, 2.5]), (plot_style.BLUE, [2]),
                                  (plot_style.RED, [10])])
        plain = [{key: value for key, value in one.items() if key != "count"} for one in few()]
        self.assertEqual(len(cells(drawn("region", fixtures.table(plain)))), 2)

    def test_simulated_points_are_edged_markers_above_the_cells(self):
        figure = drawn("region", fixtures.table(few()), target="3.62,1.52")
        self.assertEqual(markers(figure), {plot_style.BLUE: [(1.6, 1.5), (2.4, 2)], plot_style.RED: [(12, 9)]})
        axes = figure.axes[0]
        below = max(patch.zorder for patch in axes.patches if isinstance(patch, PathPatch))
        for line in axes.lines:
            if line.get_marker() in ("o", "s") and len(line.get_xdata()):
                self.assertGreater(line.zorder, below)
                self.assertEqual(line.get_markeredgecolor(), plot_style.INK)
        shapes = {line.get_marker() for line in axes.lines if line.get_color() in (plot_style.BLUE, plot_style.RED)}
        self.assertEqual(len(shapes), 2)  # told apart without colour

    def test_axes_are_logarithmic_with_plain_numbers_and_hold_everything(self):
        figure = drawn("region", fixtures.table(few()), target="40,0.5")
        figure.draw_without_rendering()
        axes = figure.axes[0]
        self.assertEqual((axes.get_xscale(), axes.get_yscale()), ("log", "log"))
        self.assertLessEqual({"2", "5", "10", "20"}, {label.get_text() for label in axes.get_xticklabels()})
        self.assertLess(axes.get_xlim()[0], 1.5)
        self.assertGreater(axes.get_xlim()[1], 40)
        self.assertLess(axes.get_ylim()[0], 0.5)
        self.assertGreater(axes.get_ylim()[1], 9)
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("delay reduction (×)", "energy saving (×)"))
        boxed = drawn("region", fixtures.table(few()), target="40,0.5", within=0.5).axes[0]
        self.assertGreater(boxed.get_xlim()[1], 60)
        self.assertLess(boxed.get_ylim()[0], 0.25)

    def test_a_target_is_a_cross_with_a_box_around_it(self):
        figure = drawn("region", fixtures.table(few()), target="4,1.5", within=0.1)
        crosses = [line for line in figure.axes[0].lines if line.get_marker() == "+"]
        self.assertEqual([(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses], [(4, 1.5)])
        box = next(patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle))
        for given, expected in zip((*box.get_xy(), box.get_width(), box.get_height()), (3.6, 1.35, 0.8, 0.3)):
            self.assertAlmostEqual(given, expected)
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        self.assertEqual(legend, ["full", "serial", "target 4×, 1.5×, ±10 %"])
        without = drawn("region", fixtures.table(few()), target="4,1.5").axes[0]
        self.assertFalse([patch for patch in without.patches if isinstance(patch, Rectangle)])
        aimless = drawn("region", fixtures.table(few())).axes[0]
        self.assertFalse([line for line in aimless.lines if line.get_marker() == "+"])

    def test_the_legend_says_what_is_simulated(self):
        rows = few()
        both, cells_only, simulated_only = (drawn("region", fixtures.table(part)).legends[0] for part in (
            rows, rows[:4], rows[4:]))
        self.assertEqual(both.get_title().get_text(), "baselines; markers: simulated, pale: first pass")
        self.assertEqual(cells_only.get_title().get_text(), "baselines, first pass")
        self.assertEqual(simulated_only.get_title().get_text(), "baselines, simulated")

    def test_other_columns_can_be_chosen(self):
        rows = [one | {"kv_reduction": 8.0} for one in few()]
        axes = drawn("region", fixtures.table(rows), x="kv_reduction", y="delay_reduction").axes[0]
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("KV cache reduction (×)", "delay reduction (×)"))


@fixtures.needs_packages
class EqualGains(unittest.TestCase):
    def test_the_line_is_where_both_are_equal_from_one_end_of_the_axes_to_the_other(self):
        figure = drawn("region", fixtures.table(few()))
        (line,), axes = diagonal(figure), figure.axes[0]
        self.assertEqual(list(line.get_xdata()), list(line.get_ydata()))
        self.assertEqual(list(line.get_xdata()), [axes.get_xlim()[0], axes.get_ylim()[1]])
        self.assertEqual([text.get_text() for text in axes.texts], ["equal gains"])

    def test_there_is_none_where_gains_are_never_equal_or_columns_no_gains(self):
        apart = [row("full", "simulated", 20 + place, 1 + place / 10) for place in range(3)]
        self.assertFalse(diagonal(drawn("region", fixtures.table(apart))))
        rows = [one | {"energy.joules": 2.0 + place} for place, one in enumerate(few())]
        figure = drawn("region", fixtures.table(rows), y="energy.joules")
        self.assertFalse(diagonal(figure))
        self.assertFalse(figure.axes[0].texts)

    def test_its_name_stands_along_it_where_it_covers_the_fewest_points(self):
        # Points all along the line but from 3 to 5.
        places = [1.05 ** step for step in range(1, 80)]
        rows = [row("full", "first pass", place, place * 1.04) for place in places if not 3 < place < 5]
        for width in ("column", "page"):
            figure = drawn("region", fixtures.table(rows), width=width)
            figure.draw_without_rendering()
            name, axes = figure.axes[0].texts[0], figure.axes[0]
            self.assertEqual(name.xy[0], name.xy[1])
            self.assertTrue(3 < name.xy[0] < 5, name.xy)
            before, after = axes.transData.transform([(1, 1), (10, 10)])
            rise = math.degrees(math.atan2(after[1] - before[1], after[0] - before[0]))
            self.assertAlmostEqual(name.get_rotation(), rise, delta=1)


@fixtures.needs_packages
class Refusals(unittest.TestCase):
    def refused(self, message, rows, **options):
        with self.assertRaisesRegex(plot_data.Unusable, message):
            drawn("region", fixtures.table(rows, "gains.csv"), **options)

    def test_rows_that_cannot_be_drawn(self):
        self.refused('gains.csv: a row has the kind "guessed"; first pass or simulated is needed',
                     few() + [row("full", "guessed", 1, 1)])
        low = [row("full", "simulated", 1, 0.0), row("full", "simulated", 1, -1)]
        self.refused("gains.csv: energy_saving is not above 0 in 2 rows, as 0 of baseline full, kind simulated; its axis "
                     "is logarithmic", few() + low)
        self.refused("gains.csv: 1 of 8 rows have no finite number in delay_reduction, as that of baseline full",
                     few() + [row("full", "simulated", float("inf"), 1)])
        self.refused("gains.csv: a row has a count that is not above 0",
                     few() + [row("full", "first pass", 1, 1, count=0)])
        self.refused("no column nope; there are: baseline, kind, delay_reduction", few(), x="nope")
        self.refused('column kind holds text such as "first pass"', few(), y="kind")

    def test_targets_that_are_none(self):
        for wrong in ("3.62", "3.62,x", "3.62,0", "1,2,3", "nan,1", ""):
            self.refused(f"--target {wrong}: X,Y is needed, both above 0, such as 3.62,1.52", few(), target=wrong)
        self.refused("--within is around a target: --target X,Y is needed", few(), within=0.1)
        for wrong in (0, 1, -0.1):
            self.refused(f"--within {wrong}: a share between 0 and 1", few(), target="3.62,1.52", within=wrong)
        for wrong in (0, 1, -0.1):
            self.refused(f"--cell {wrong}: a part of a power of ten", few(), cell=wrong)


@fixtures.needs_packages
class Files(unittest.TestCase):
    def write(self, folder, rows, name, *options):
        import pandas
        pandas.DataFrame(rows).to_csv(folder / "gains.csv", index=False)
        result = run("plot", "region", folder / "gains.csv", "-o", folder / name, *options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return (folder / name).read_bytes()

    def test_five_thousand_cells_are_few_things_to_draw_and_a_small_file(self):
        rows = cloud(1250, 12)
        self.assertLessEqual(len(cells(drawn("region", fixtures.table(rows), width="page"))), len(BASELINES))
        options = ["--target", "3.62,1.52", "--within", "0.1"]
        with tempfile.TemporaryDirectory() as scratch:
            for width in ("column", "page"):
                made = [self.write(Path(scratch), rows, f"{number}.png", *options, "--width", width)
                        for number in (1, 2)]
                self.assertEqual(*made)
                self.assertLess(len(made[0]), 150_000)

    def test_cells_upon_each_other_are_no_darker(self):
        rows = cloud(40, 0)
        with tempfile.TemporaryDirectory() as scratch:
            once, twice = (self.write(Path(scratch), rows * times, f"{times}.png") for times in (1, 2))
            self.assertEqual(once, twice)

    def test_every_format_and_what_is_no_table(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for suffix, head in (("pdf", b"%PDF"), ("svg", b"<?xml")):
                self.assertTrue(self.write(folder, few(), f"few.{suffix}", "--title", "t").startswith(head))
            (folder / "sweep.csv").write_text(fixtures.table_text(), encoding="utf-8")
            result = run("plot", "region", folder / "sweep.csv", "-o", folder / "no.png")
            self.assertEqual(result.returncode, 2)
            self.assertIn("sweep.csv: is no table of gains (no column baseline, kind)", result.stderr)
            self.assertFalse((folder / "no.png").exists())
            listed = run("plot", "--list").stdout
            self.assertIn("from table.csv, a table of gains: baseline, kind and results", listed)


if __name__ == "__main__":
    unittest.main()
