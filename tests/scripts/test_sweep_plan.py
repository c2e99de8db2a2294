"""What a sweep file means and what is wrong with one: the parts of scripts/sweep that run nothing.

python3 -m unittest discover -s tests/scripts
"""

import json
import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import sweep_plan  # noqa: E402
import sweep_runner  # noqa: E402
import sweep_table  # noqa: E402
from sweep_fakes import use_debian_packages  # noqa: E402

use_debian_packages()


class SweepFiles(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.file = Path(scratch.name) / "sweep.json"

    def read(self, chosen=(), **document):
        self.file.write_text(json.dumps({"base": "quickstart.json", **document}), encoding="utf-8")
        return sweep_plan.read_sweep(self.file, ROOT / "configs", chosen)

    def values(self, chosen=(), **document):
        return [tuple(point.values.values()) for point in self.read(chosen, **document).points]

    def problem(self, chosen=(), **document):
        with self.assertRaises(sweep_plan.InputProblem) as caught:
            self.read(chosen, **document)
        return str(caught.exception)

    def problem_of_text(self, text):
        self.file.write_text(text, encoding="utf-8")
        with self.assertRaises(sweep_plan.InputProblem) as caught:
            sweep_plan.read_sweep(self.file, ROOT / "configs")
        return str(caught.exception)


class Points(SweepFiles):
    def test_axes_are_crossed_and_the_last_varies_fastest(self):
        self.assertEqual(self.values(axes={"a": [1, 2], "b": ["x", "y"]}), [(1, "x"), (1, "y"), (2, "x"), (2, "y")])

    def test_zipped_axes_go_together_and_are_crossed_with_the_others(self):
        self.assertEqual(self.values(axes={"a": [1, 2], "b": [7, 8], "c": [10, 20]}, zip=[["a", "c"]]),
                         [(1, 7, 10), (1, 8, 10), (2, 7, 20), (2, 8, 20)])

    def test_axes_that_vary_alone_leave_the_others_at_their_first_value(self):
        axes = {"a": [1, 2, 3], "b": [7, 8], "c": [70, 80], "d": ["x", "y"]}
        self.assertEqual(self.values(axes=axes, zip=[["b", "c"]], one_at_a_time=["a", "c"]), [
            (1, 7, 70, "x"), (2, 7, 70, "x"), (3, 7, 70, "x"), (1, 8, 80, "x"),
            (1, 7, 70, "y"), (2, 7, 70, "y"), (3, 7, 70, "y"), (1, 8, 80, "y")])

    def test_several_bases_are_an_axis_that_is_no_setting(self):
        bases = ["paper/full.json", "paper/machine.json"]
        points = self.read(base=bases, axes={"a": [1, 2]}, compare_to={"base": bases[0]}).points
        self.assertEqual([tuple(point.values.values()) for point in points], [(base, a) for base in bases for a in (1, 2)])
        self.assertEqual([point.base.name for point in points], ["full.json", "full.json", "machine.json", "machine.json"])
        self.assertEqual(points[3].settings(), ["a=2"])
        self.assertEqual(len(self.read(base=bases).points), 2)

    def test_an_exclusion_takes_out_what_fits_all_of_it(self):
        self.assertEqual(self.values(axes={"a": [1, 2, 3], "b": [True, 1]}, exclude=[{"a": [1, 3], "b": 1}]),
                         [(1, True), (2, True), (2, 1), (3, True)])

    def test_subsets_select_and_several_add_up(self):
        document = {"axes": {"a": [1, 2, 3], "b": [0, 1]}, "subsets": {"one": {"a": 1}, "high": {"a": [2, 3], "b": 1}}}
        self.assertEqual(self.values(["one"], **document), [(1, 0), (1, 1)])
        self.assertEqual(self.values(["high", "one"], **document), [(1, 0), (1, 1), (2, 1), (3, 1)])

    def test_settings_are_said_as_the_simulator_reads_them(self):
        points = self.read(axes={"a": ["rce", "true", "12", "two words", True, 0.5, None, {"base": "x"}, [1]]}).points
        self.assertEqual([point.settings()[0] for point in points],
                         ["a=rce", 'a="true"', 'a="12"', 'a="two words"', "a=true", "a=0.5", "a=null", 'a={"base":"x"}',
                          "a=[1]"])

    def test_a_preset_and_a_setting_inside_it_can_both_vary(self):
        self.assertEqual(len(self.read(axes={"dram": ["hbm2", "ddr4-2400"], "dram.controller.scheduler": ["a"]}).points), 2)

    def test_the_shipped_sweeps_can_be_read(self):
        files = sorted((ROOT / "configs" / "sweeps").glob("*.json"))
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            with self.subTest(file.name):
                self.assertTrue(sweep_plan.read_sweep(file, ROOT / "configs").points)


class BadInput(SweepFiles):
    def check(self, problem, *parts):
        self.assertIn(str(self.file), problem)
        for part in (*parts, "accepted: "):
            self.assertIn(part, problem)

    def test_what_is_no_json(self):
        self.check(self.problem_of_text('{"base": "x",\n  "axes" 1}'), ":2:10: ")
        self.check(self.problem_of_text(""), ":1:1: ")
        self.check(self.problem_of_text('{"base": NaN, "axes": {}}'), "NaN")
        self.check(self.problem_of_text("[]"), "value []")

    def test_an_empty_axis_and_no_axis(self):
        self.check(self.problem(axes={"a": [1], "b": []}), "axes.b: value [] is empty", "at least 1")
        self.check(self.problem(axes={}), "axes: value {} is empty")
        self.check(self.problem(), "axes is missing")
        self.check(self.problem(axes={"a": 1}), "axes.a: value 1", "a list")
        self.check(self.problem(axes={"a": [1, 2, 1]}), "axes.a: value 1 comes twice", "each once")

    def test_bases_that_there_are_not_and_axes_of_that_name(self):
        self.assertIn('base: "nowhere.json" is no file', self.problem(base=["quickstart.json", "nowhere.json"]))
        self.assertIn("base: value [] is empty; accepted: a text or a list of at least 1", self.problem(base=[]))
        self.assertIn("axes.base: names no setting of a run; accepted: several bases as a list under base",
                      self.problem(axes={"base": ["quickstart.json"]}))
        self.assertIn('one_at_a_time: "b" is no axis', self.problem(axes={"a": [1]}, one_at_a_time=["b"]))

    def test_two_axes_on_one_field(self):
        self.check(self.problem_of_text('{"base": "b", "axes": {"a.b": [1], "a.b": [2]}}'), '"a.b" is given twice')
        self.check(self.problem(axes={"a[0].b": [1], "a.0.b": [2]}), "axes.a[0].b and axes.a.0.b are one field")
        self.check(self.problem(axes={"a.b": [1]}, set={"a.b": 2}), "axes.a.b and set.a.b are one field")
        self.check(self.problem(axes={"cache": [{}], "cache.budget": [2]}), "one contains the other")

    def test_keys_and_names_that_there_are_not(self):
        self.check(self.problem(axes={"a": [1]}, exlude=[]), '"exlude" is unknown, did you mean "exclude"?')
        self.check(self.problem(axes={"a": [1]}, exclude=[{"b": 1}]), 'exclude[0]: "b" is no axis')
        self.check(self.problem(axes={"a": [1]}, exclude=[{"a": 2}]), "exclude[0].a: value 2 is none of the axis")
        self.check(self.problem(axes={"a": [1]}, subsets={"s": {"a": []}}), "subsets.s.a: is empty")
        self.check(self.problem(axes={"a": [1]}, compare_to={"a": 3}), "compare_to.a: value 3")
        self.check(self.problem(["tiny"], axes={"a": [1]}, subsets={"tin": {"a": 1}}), '"tiny"', 'mean "tin"?')
        self.check(self.problem(base="none.json", axes={"a": [1]}), 'base: "none.json" is no file')

    def test_a_value_may_come_again_in_a_zipped_axis_but_no_combination(self):
        self.assertEqual(len(self.values(axes={"a": [1, 1, 2], "b": [7, 8, 8]}, zip=[["a", "b"]])), 3)
        self.check(self.problem(axes={"a": [1, 1, 1], "b": [7, 8, 7]}, zip=[["a", "b"]]),
                   "axes.a, b: value [1, 7] comes twice", "each once")

    def test_zips_that_do_not_go_together(self):
        self.check(self.problem(axes={"a": [1, 2], "b": [1]}, zip=[["a", "b"]]), "zip[0]: a has 2, b has 1 values")
        self.check(self.problem(axes={"a": [1], "b": [1], "c": [1]}, zip=[["a", "b"], ["b", "c"]]), '"b" is in zip[0] too')
        self.check(self.problem(axes={"a": [1]}, zip=[["a", "z"]]), '"z" is no axis')
        self.check(self.problem(axes={"a": [1]}, zip=[["a"]]), "zip[0]")

    def test_no_point_and_too_many(self):
        self.check(self.problem(axes={"a": [1]}, exclude=[{"a": 1}]), "no point is left")
        self.check(self.problem(axes={name: list(range(100)) for name in "abc"}), "1,000,000 points")

    def test_all_problems_are_told_at_once(self):
        self.assertEqual(len(self.problem(axes={"a": [], "b": 3}, colect=["x"]).splitlines()), 3)


class Identity(unittest.TestCase):
    def test_it_follows_configuration_simulator_and_what_the_hash_leaves_out(self):
        names = {sweep_plan.identity(*of) for of in (("a", "t", {}), ("b", "t", {}), ("a", "u", {}), ("a", "t", {"s": 1}))}
        self.assertEqual(len(names), 4)
        self.assertTrue(all(map(sweep_runner.POINT.fullmatch, names)))
        point = sweep_plan.Point({"simulation.watchdog_cycles": 5, "a": 1}, {"simulation[drop]": 2}, Path("run.json"))
        self.assertEqual(sweep_plan.unhashed_settings(point), {"simulation.watchdog_cycles": 5, "simulation[drop]": 2})


class Tables(SweepFiles):
    @staticmethod
    def report(seconds):
        return {"tool": {"version": "1", "git": "g"}, "latency": {"seconds": seconds, "steps": [7, 8]},
                "energy": {"joules": seconds * 2, "by_block": {"dram": 1, "dma": True}},
                "kv_cache": {"peak_bytes": 8}}

    def table(self, reports, **document):
        sweep = self.read(**document)
        tool = type("Tool", (), {"version": "2", "git": "h"})
        return sweep, sweep_table.Table(sweep, tool, [
            {"id": str(number), "config_hash": "c", "status": "ok" if report else "missing", "report": report}
            for number, report in enumerate(reports)])

    def test_a_row_a_point_and_a_column_a_collected_path(self):
        _, table = self.table([self.report(2.0), None], axes={"a": [1, [2]]},
                              collect=["energy.by_block.*", "latency.steps.1", "latency.steps"])
        self.assertEqual(table.csv_text().splitlines(), [
            "point,a,config_hash,tool_version,tool_git,status,energy.by_block.dram,energy.by_block.dma,latency.steps.1,"
            "latency.steps",
            '0,1,c,1,g,ok,1,true,8,"[7,8]"', "1,[2],c,2,h,missing,,,,"])

    def test_gains_are_over_the_point_that_is_else_the_same(self):
        _, table = self.table([self.report(4.0), self.report(2.0), None, self.report(1.0)],
                              axes={"b": [1, 2], "policy": ["full", "rce"]}, compare_to={"policy": "full"})
        self.assertEqual([row["delay_reduction"] for row in table.rows], [1, 2, None, None])
        self.assertEqual([row["kv_reduction"] for row in table.rows], [1, 1, None, None])

    def test_a_collected_path_that_no_report_has_is_told(self):
        _, table = self.table([self.report(1.0)], axes={"a": [1]}, collect=["latency.second"])
        self.assertEqual(list(table.unknown.values()),
                         ['collect: "latency.second" is in no report, did you mean "latency.seconds"?'])
        _, table = self.table([self.report(1.0)], axes={"a": [1]})
        self.assertEqual((table.unknown, table.collected), ({}, [
            "latency.seconds", "energy.joules", "energy.by_block.dram", "energy.by_block.dma", "kv_cache.peak_bytes"]))

    def test_sqlite_has_the_same_with_types(self):
        sweep, table = self.table([self.report(2.5), None], axes={"a.b": [1, 2]}, collect=["latency.seconds"])
        file = self.file.parent / "table.sqlite"
        table.write_sqlite(file, sweep)
        table.write_sqlite(file, sweep)  # over what is there
        with sqlite3.connect(file) as database:
            self.assertEqual(database.execute('SELECT "a.b", status, "latency.seconds" FROM points').fetchall(),
                             [(1, "ok", 2.5), (2, "missing", None)])
        database.close()

    def test_the_summary_names_columns_by_their_last_key_where_that_is_enough(self):
        _, table = self.table([self.report(2.5)], axes={"a.b": [1], "c.b": [2], "d.e": [3]}, collect=["latency.seconds"])
        self.assertEqual(table.summary(100).splitlines()[0].split(), ["a.b", "c.b", "e", "status", "seconds"])


if __name__ == "__main__":
    unittest.main()
