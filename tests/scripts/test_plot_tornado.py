"""The tornado: which bars, in which order, from where to where, and that every letter can be read.

/usr/bin/python3 -m unittest discover -s tests/scripts -p 'test_plot*.py'
"""

import random
import tempfile
import unittest
from pathlib import Path

import plot_fixtures as fixtures
from plot_fixtures import drawn, run

if fixtures.HAVE_PACKAGES:
    import plot_data
    from plots import tornado

BASE = {"parameter": "base", "setting": "as shipped", "delay_reduction": 2.0, "energy_saving": 1.5}


def row(parameter, setting, delay, energy):
    return {"parameter": parameter, "setting": setting, "delay_reduction": delay, "energy_saving": energy}


def few():
    """Energy's longest bar is delay's shortest; "up" lies on one side of the base, "none" moves nothing."""
    return [BASE,
            row("none", "x", 2.0, 1.5),
            row("dram", "8 pJ/bit", 1.9, 1.1), row("dram", "40 pJ/bit", 2.1, 1.9), row("dram", "20 pJ/bit", 2.05, 1.6),
            row("batch", 4, 1.0, 1.4), row("batch", 32, 3.0, 1.55),
            row("up", "a", 2.2, 1.6), row("up", "b", 2.6, 1.7)]


def many(seed=1):
    """Sixteen parameters with the names and settings of a real study, and made up results."""
    names = {"energy of DRAM (pJ/bit)": [8, 12, 30, 40], "batch (requests)": [1, 4, 32], "prompt (tokens)": [512, 2048],
             "generated (tokens)": [128, 1024], "core clock (GHz)": [0.5, 0.75], "PE array": ["16 x 16", "64 x 64"],
             "SRAM bank (kB)": [4, 16, 64], "cache budget": ["a quarter", "a sixteenth"],
             "DRAM": ["DDR4-3200", "LPDDR5-6400", "HBM2"], "leakage of SRAM": ["0.46 x", "1 x"],
             "MAC energy (pJ)": [0.35, 0.6], "vector unit (lanes)": [16, 64], "KV (bits)": [4, 16],
             "weights (bits)": [4, 16], "write combining": ["off"], "row policy": ["closed page"]}
    made = random.Random(seed)
    rows = [BASE]
    for rank, (parameter, settings) in enumerate(names.items()):
        for setting in settings:
            rows.append(row(parameter, setting, 2 * made.lognormvariate(0, 0.5 / (1 + rank)),
                            1.5 * made.lognormvariate(0, 0.3 / (1 + rank))))
    return rows


def bars(axes):
    """{parameter: (least, greatest)} as drawn, from top to bottom."""
    names = [label.get_text() for label in axes.figure.axes[0].get_yticklabels()]
    ends = {round(bar.get_y() + bar.get_height() / 2): (round(bar.get_x(), 9), round(bar.get_x() + bar.get_width(), 9))
            for bar in axes.patches}
    return {names[place]: ends[place] for place in sorted(ends)}


def texts(axes):
    return [text.get_text() for text in axes.texts]


@fixtures.needs_packages
class Numbers(unittest.TestCase):
    def test_a_bar_goes_from_the_least_to_the_greatest_and_has_the_base_in_it(self):
        axes = drawn("tornado", fixtures.table(few())).axes
        self.assertEqual(bars(axes[0]), {"batch": (1, 3), "up": (2, 2.6), "dram": (1.9, 2.1), "none": (2, 2)})
        self.assertEqual(bars(axes[1]), {"batch": (1.4, 1.55), "up": (1.5, 1.7), "dram": (1.1, 1.9),
                                         "none": (1.5, 1.5)})
        self.assertEqual([panel.get_xlabel() for panel in axes], ["delay reduction (×)", "energy saving (×)"])

    def test_the_longest_bar_of_the_first_result_is_on_top_or_of_the_one_said(self):
        table = fixtures.table(few())
        self.assertEqual(list(bars(drawn("tornado", table).axes[0])), ["batch", "up", "dram", "none"])
        self.assertGreater(*drawn("tornado", table).axes[0].get_ylim())
        for options in (dict(sort="energy_saving"), dict(y="energy_saving,delay_reduction")):
            for axes in drawn("tornado", table, **options).axes:
                self.assertEqual(list(bars(axes)), ["dram", "up", "batch", "none"])

    def test_ends_have_the_name_of_their_setting_and_the_base_has_none(self):
        base, rows = tornado.settings(fixtures.table(few()))
        self.assertEqual(tornado.bar(base, rows["batch"], "delay_reduction"), [(1, "4"), (2, None), (3, "32")])
        self.assertEqual(tornado.bar(base, rows["up"], "delay_reduction"), [(2, None), (2.2, "a"), (2.6, "b")])
        self.assertEqual(tornado.bar(base, rows["none"], "delay_reduction"), [(2, "x")])
        delay = drawn("tornado", fixtures.table(few())).axes[0]
        self.assertEqual(sorted(texts(delay)), sorted(["4", "32", "b", "8 pJ/bit", "40 pJ/bit", "x", "2"]))

    def test_settings_between_are_ticks_and_the_base_is_a_line(self):
        axes = drawn("tornado", fixtures.table(few())).axes[0]
        ticks = sorted((place, value) for line in axes.lines if line.get_marker() == "|"
                       for value, place in zip(line.get_xdata(), line.get_ydata()))
        self.assertEqual(ticks, [(1, 2.2), (2, 2.05)])
        upright = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
        self.assertEqual([list(line.get_xdata()) for line in upright], [[2, 2]])

    def test_a_target_is_a_dashed_line_in_its_own_panel_that_has_room_for_it(self):
        delay, energy = drawn("tornado", fixtures.table(few()), target=["delay_reduction=3.62"]).axes
        dashed = [line for line in delay.lines if line.is_dashed() and len(line.get_xdata())]
        self.assertEqual([list(line.get_xdata()) for line in dashed], [[3.62, 3.62]])
        self.assertGreater(delay.get_xlim()[1], 3.62)
        self.assertIn("3.62", texts(delay))
        self.assertFalse([line for line in energy.lines if line.is_dashed()])
        self.assertLess(energy.get_xlim()[1], 2.2)

    def test_a_wide_range_gets_a_logarithmic_axis_on_which_ratios_are_sorted(self):
        rows = [BASE, row("down", "x", 0.2, 1.4), row("up", "y", 8.0, 1.6)]  # 1.8 and 6 away, but 10 and 4 times
        delay, energy = drawn("tornado", fixtures.table(rows)).axes
        self.assertEqual((delay.get_xscale(), energy.get_xscale()), ("log", "linear"))
        self.assertEqual(list(bars(delay)), ["down", "up"])
        near = drawn("tornado", fixtures.table([BASE, row("down", "x", 1.9, 1), row("up", "y", 8.0, 1)]),
                     target=["delay_reduction=0.5"])
        self.assertEqual(near.axes[0].get_xscale(), "log")  # the target counts too

    def test_limits_leave_every_place_its_room(self):
        places = [(0, 30, 0), (1, 10, 10), (0.5, 80, 60)]
        low, high = tornado.limits(places, 200)
        for place, left, right in places:
            self.assertGreaterEqual((place - low) / (high - low) * 200, min(left, 80) - 1e-6)
            self.assertGreaterEqual((high - place) / (high - low) * 200, right - 1e-6)
        self.assertLess(high - low, 1.7)  # and no more than that

    def test_other_results_come_with_their_unit(self):
        rows = [BASE | {"latency.seconds": 0.5}, row("batch", 4, 1, 1) | {"latency.seconds": 0.25}]
        axes = drawn("tornado", fixtures.table(rows), y="latency.seconds").axes[0]
        self.assertEqual(bars(axes), {"batch": (250, 500)})
        self.assertEqual(axes.get_xlabel(), "latency (ms)")


@fixtures.needs_packages
class Letters(unittest.TestCase):
    """Of sixteen parameters, at both widths, as they are in the file: after the last layout."""

    def boxes(self, **options):
        figure = drawn("tornado", fixtures.table(many()), **options)
        figure.draw_without_rendering()
        for axes in figure.axes:
            yield (axes, [text.get_window_extent() for text in axes.texts],
                   [bar.get_window_extent() for bar in axes.patches])

    def test_no_letters_meet_each_other_a_bar_or_the_end_of_the_panel(self):
        targets = ["delay_reduction=3.62", "energy_saving=1.52"]
        for options in (dict(width="page"), dict(width="column"), dict(width="page", target=targets),
                        dict(width="column", target=targets)):
            for axes, letters, filled in self.boxes(**options):
                self.assertEqual(len(filled), 16)
                panel = axes.get_window_extent()
                for index, box in enumerate(letters):
                    with self.subTest(text=axes.texts[index].get_text(), **options):
                        self.assertGreaterEqual(box.x0, panel.x0)
                        self.assertLessEqual(box.x1, panel.x1)
                        self.assertFalse([other for other in letters[:index] if box.overlaps(other)])
                        self.assertFalse([bar for bar in filled if box.overlaps(bar)])

    def test_names_of_parameters_do_not_meet(self):
        for width in ("page", "column"):
            figure = drawn("tornado", fixtures.table(many()), width=width)
            figure.draw_without_rendering()
            names = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
            self.assertFalse([one for one, next_one in zip(names, names[1:]) if one.overlaps(next_one)])


@fixtures.needs_packages
class Refusals(unittest.TestCase):
    def refused(self, message, rows, **options):
        with self.assertRaisesRegex(plot_data.Unusable, message):
            drawn("tornado", fixtures.table(rows, "study.csv"), **options)

    def test_a_table_without_one_base_or_with_a_setting_twice(self):
        self.refused("study.csv: 0 rows have the parameter base; one is needed", few()[1:])
        self.refused("study.csv: 2 rows have the parameter base", few() + [BASE])
        self.refused("study.csv: no row has a parameter other than base", [BASE])
        self.refused("study.csv: 2 rows have the parameter batch and the setting 4; .*--where",
                     few() + [row("batch", 4, 1, 1)])

    def test_results_that_are_not_there_or_not_numbers(self):
        bare = [{"parameter": "base", "setting": ""}, {"parameter": "batch", "setting": "4"}]
        self.refused("study.csv: none of delay_reduction, energy_saving is in the table; .*--y", bare)
        self.refused("no column nope; there are: parameter, setting, delay_reduction", few(), y="nope")
        self.refused('column setting holds text such as "as shipped"', few(), y="setting")
        for gap in (float("nan"), float("inf")):
            self.refused("study.csv: 1 of 10 rows have no finite number in delay_reduction, as that of parameter "
                         "batch, setting 64", few() + [row("batch", 64, gap, 1)])

    def test_options_that_name_no_panel(self):
        self.refused("--sort latency: has no panel; there are: delay_reduction, energy_saving", few(), sort="latency")
        self.refused("--target latency=3: latency has no panel; there are: delay_reduction", few(),
                     target=["latency=3"])
        self.refused("--target 3.62: COLUMN=VALUE is needed, such as delay_reduction=3.62", few(), target=["3.62"])
        self.refused("--target delay_reduction=x: COLUMN=VALUE", few(), target=["delay_reduction=x"])
        self.refused("delay_reduction has a target already, 3", few(),
                     target=["delay_reduction=3", "delay_reduction=4"])


@fixtures.needs_packages
class Command(unittest.TestCase):
    def test_files_in_every_format_equal_for_equal_tables_and_what_is_no_table(self):
        import pandas
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            pandas.DataFrame(many()).to_csv(folder / "study.csv", index=False)
            for suffix, head in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
                made = []
                for number in (1, 2):
                    picture = folder / f"{number}.{suffix}"
                    result = run("plot", "tornado", folder / "study.csv", "-o", picture, "--target",
                                 "delay_reduction=3.62", "--sort", "energy_saving", "--title", "t")
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    made.append(picture.read_bytes())
                self.assertTrue(made[0].startswith(head))
                self.assertEqual(*made)
            failed = pandas.DataFrame(many()).assign(status="ok")
            failed.loc[3, ["status", "delay_reduction"]] = "failed", float("nan")
            failed.to_csv(folder / "failed.csv", index=False)
            result = run("plot", "tornado", folder / "failed.csv", "-o", folder / "failed.svg")
            self.assertEqual(result.returncode, 0)
            self.assertIn("1 points of the table have no result and are left out", result.stderr)
            (folder / "sweep.csv").write_text(fixtures.table_text(), encoding="utf-8")
            result = run("plot", "tornado", folder / "sweep.csv", "-o", folder / "no.png")
            self.assertEqual(result.returncode, 2)
            self.assertIn("sweep.csv: is no table of parameters (no column parameter, setting)", result.stderr)
            self.assertFalse((folder / "no.png").exists())


if __name__ == "__main__":
    unittest.main()
