"""scripts/sweep as a whole, on Snakemake, with a simulator that takes milliseconds: what runs, what runs again, what is
told. The sweep that is killed again and again is in test_sweep_kill.py.

python3 -m unittest discover -s tests/scripts
"""

import json
import sqlite3
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
import sweep_runner  # noqa: E402
from sweep_fakes import fake_study  # noqa: E402


class Sweeps(unittest.TestCase):
    def setUp(self):
        context = fake_study()
        self.study = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def run_sweep(self, code, *options):
        got, text = self.study.run(*options)
        self.assertEqual(got, code, text)
        return text


class Running(Sweeps):
    AXES = {"workload.batch": [1, 2, 3], "cache.policy": ["full", "rce"]}

    def test_a_failed_point_stops_no_other_and_only_it_is_tried_again(self):
        study = self.study
        study.write(axes=self.AXES, exclude=[{"workload.batch": 3, "cache.policy": "full"}],
                    compare_to={"cache.policy": "full"}, collect=["latency.seconds", "energy.by_block.*"])
        study.fail("workload.batch=2")
        text = self.run_sweep(1)
        self.assertEqual([row["status"] for row in study.rows()], ["ok", "ok", "failed", "failed", "ok"])
        failed = study.rows()[2]
        for part in ("failed: workload.batch=2, cache.policy=full", f"points/{failed['point']}/config.json",
                     f"points/{failed['point']}/log", "| palimpsest: error: it broke", "2 of them without a result"):
            self.assertIn(part, text)
        self.assertEqual(len(study.started()), 5)

        study.heal()
        before = study.reports()
        text = self.run_sweep(0)
        self.assertIn("5 points, 2 to run", text)
        self.assertEqual(len(study.started()), 7)
        self.assertLessEqual(before.items(), study.reports().items())

        row = study.rows()[4]
        self.assertEqual({name: row[name] for name in list(row)[1:]}, {
            "workload.batch": "3", "cache.policy": "rce", "config_hash": row["config_hash"], "tool_version": "9.9",
            "tool_git": "fake", "status": "ok", "latency.seconds": "3.5", "energy.by_block.dram": "1.5",
            "energy.by_block.dma": "0.5", "delay_reduction": "", "energy_saving": "", "kv_reduction": ""})
        self.assertRegex(row["config_hash"], "^[0-9a-f]{32}$")
        self.assertEqual(study.rows()[1]["delay_reduction"], "1.0")
        with sqlite3.connect(study.out / "table.sqlite") as database:
            self.assertEqual(database.execute("SELECT count(*) FROM points WHERE status = 'ok'").fetchone(), (5,))
        database.close()
        config = json.loads((study.out / "points" / row["point"] / "config.json").read_text(encoding="utf-8"))
        self.assertEqual(config["set"], {"workload.batch": 3, "cache.policy": "rce"})
        self.assertIn("--set workload.batch=3", config["command"])

        self.assertIn("5 points, 0 to run", self.run_sweep(0))
        self.assertEqual(len(study.started()), 7)

    def test_what_a_change_touches_runs_again_and_nothing_else(self):
        study = self.study
        study.write(axes={"workload.batch": [1, 2]})
        self.run_sweep(0)
        study.write(axes={"workload.batch": [2, 5, 1]})  # a value more, and another order
        self.assertIn("3 points, 1 to run", self.run_sweep(0))
        self.assertEqual([row["latency.seconds"] for row in study.rows()], ["2.5", "5.5", "1.5"])

        study.base.write_text('{"name": "changed"}', encoding="utf-8")
        self.assertIn("3 points, 3 to run", self.run_sweep(0))
        study.base.write_text("{}", encoding="utf-8")  # what was there before is still there
        self.assertIn("3 points, 0 to run", self.run_sweep(0, "--prune"))
        self.assertEqual(len(study.reports()), 3)

        study.tool.write_text(study.tool.read_text(encoding="utf-8").replace("build 1", "build 2"), encoding="utf-8")
        self.assertIn("3 points, 3 to run", self.run_sweep(0))
        self.assertEqual(len(study.started()), 9)

    def test_a_picture_that_cannot_be_drawn_is_said_and_the_table_is_there(self):
        self.study.write(axes={"workload.batch": [1]}, pictures={"a.png": ["frontal"]})
        text = self.run_sweep(1)
        self.assertIn("pictures.a.png", text)
        self.assertIn("frontal", text)
        self.assertEqual([row["status"] for row in self.study.rows()], ["ok"])

    def test_a_full_disk_ends_the_sweep_and_keeps_what_there_is(self):
        study = self.study
        study.write(axes={"workload.batch": [1]})
        self.run_sweep(0)
        study.write(axes={"workload.batch": list(range(1, 60))})
        study.fail("--quiet", "palimpsest: error: report.json: No space left on device")
        (study.folder / "delay").write_text("0.5", encoding="utf-8")  # 59 of them outlast the slowest machine's look
        text = self.run_sweep(1, "--jobs", "1")
        self.assertIn("No space left on device", text)
        self.assertIn("1 of 59 points have results, which are kept", text)
        self.assertLess(len(study.started()), 59)
        self.assertEqual(study.rows()[0]["status"], "ok")


class Refused(Sweeps):
    """Nothing of this gets as far as Snakemake."""

    def test_an_axis_that_is_no_setting(self):
        self.study.write(axes={"workload.batch": [1, 2], "no.such": [1]})
        text = self.run_sweep(2)
        self.assertIn('sweep.json: axes.no.such: names no setting of a run: unknown setting, did you mean "no.suit"?; '
                      "accepted: a, b", text)

    def test_points_that_are_not_valid(self):
        self.study.write(axes={"workload.batch": [1, -1], "cache.policy": ["full", "rce"]})
        text = self.run_sweep(2)
        self.assertIn("point workload.batch=-1, cache.policy=full (and 1 more):", text)
        self.assertIn("  workload.batch: value -1; accepted: an integer, 1 to 64", text)
        self.assertIn("2 of 4 points are not valid; nothing was run", text)
        self.assertIn("2 to run", self.run_sweep(0, "--skip-invalid", "--dry-run"))
        self.assertEqual(self.study.started(), [])

    def test_a_dry_run_lists_the_points_and_makes_no_folder(self):
        self.study.write(axes={"workload.batch": [1, 2]})
        text = self.run_sweep(0, "--dry-run")
        self.assertRegex(text, r"[0-9a-f]{16}  missing  workload.batch=1\n[0-9a-f]{16}  missing  workload.batch=2\n")
        self.assertFalse(self.study.out.exists())

    def test_a_second_sweep_in_the_folder(self):
        self.study.write(axes={"workload.batch": [1]})
        self.study.out.mkdir()
        with sweep_runner.Lock(self.study.out):
            self.assertIn("another sweep is at work there (process ", self.run_sweep(1))

    def test_a_folder_that_cannot_be_written(self):
        self.study.write(axes={"workload.batch": [1]})
        self.study.out.write_text("a file", encoding="utf-8")
        self.assertIn(str(self.study.out), self.run_sweep(1))

    def test_what_is_no_simulator(self):
        self.study.write(axes={"workload.batch": [1]})
        self.study.tool.write_text("#!/bin/sh\necho something else\n", encoding="utf-8")
        self.assertIn("is no palimpsest: something else", self.run_sweep(1))

    def test_options_that_do_not_fit(self):
        self.study.write(axes={"workload.batch": [1]})
        self.assertIn("--partition: is for --slurm", self.run_sweep(2, "--partition", "p"))
        self.assertIn("--jobs: has to be at least 1", self.run_sweep(2, "--jobs", "0"))
        self.assertIn("config.yaml", self.run_sweep(2, "--slurm", str(self.study.folder)))


class Remarks(unittest.TestCase):
    def test_durations(self):
        self.assertEqual([sweep_runner.duration(s) for s in (0.4, 99, 100, 3570, 7200 + 29 * 60)],
                         ["0 s", "99 s", "2 min", "1 h 00 min", "2 h 29 min"])


if __name__ == "__main__":
    unittest.main()
