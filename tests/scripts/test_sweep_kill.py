"""A sweep of 200 points, killed (-9) again and again: what is lost is at most what was running.

python3 -m unittest discover -s tests/scripts
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from sweep_fakes import fake_study  # noqa: E402

POINTS, JOBS, SEED = 200, 2, 4
DEADLINE = 120


def children_of(process):
    """Of Linux's process table: (id, command line) of the direct children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == process:
                    found.append((int(entry.name), (entry / "cmdline").read_text()))
            except (OSError, ValueError):
                continue
    return found


class Killed(unittest.TestCase):
    def start_and_kill(self, study, victim, reports, pause):
        """Kills `victim` (the sweep, its Snakemake, or both at once) after `reports` reports and a moment more."""
        sweep = subprocess.Popen(study.command("--jobs", str(JOBS)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        end = time.monotonic() + DEADLINE
        while len(study.reports()) < reports and sweep.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        self.assertIsNone(sweep.poll(), "the sweep is to be killed in its middle")
        time.sleep(pause)
        snakemake = [child for child, command in children_of(sweep.pid) if "snakemake" in command]
        self.assertEqual(len(snakemake), 1)
        if victim != "sweep":
            os.kill(snakemake[0], signal.SIGKILL)
        if victim != "Snakemake":
            sweep.kill()
        sweep.communicate()
        self.wait_until_quiet(study)
        return sweep.returncode

    @staticmethod
    def wait_until_quiet(study):
        """The simulators die with Snakemake, a moment later."""
        calls, before = study.folder / "calls", None
        while (now := calls.stat().st_size) != before:
            before = now
            time.sleep(0.1)

    def test_a_kill_at_any_moment_loses_at_most_the_points_in_flight(self):
        moment = random.Random(SEED)
        with fake_study() as study:
            study.write(axes={"workload.batch": list(range(1, POINTS // 2 + 1)), "cache.policy": ["full", "rce"]})
            (study.folder / "delay").write_text("0.01", encoding="utf-8")
            for victim in ("sweep", "Snakemake", "both"):
                before, started = study.reports(), len(study.started())
                self.start_and_kill(study, victim, len(before) + moment.randrange(1, 50), moment.uniform(0, 0.05))
                after = study.reports()
                with self.subTest(victim):
                    self.assertLessEqual(before.items(), after.items(), "what was there is untouched")
                    lost = len(study.started()) - started - (len(after) - len(before))
                    self.assertLessEqual(lost, JOBS)
                    for identity in after:
                        json.loads((study.out / "points" / identity / "report.json").read_text(encoding="utf-8"))
            kept, started = study.reports(), len(study.started())
            self.assertLess(len(kept), POINTS)

            code, text = study.run("--jobs", str(JOBS))
            self.assertEqual(code, 0, text)
            self.assertIn(f"{POINTS} points, {POINTS - len(kept)} to run", text)
            self.assertLessEqual(kept.items(), study.reports().items())
            self.assertEqual(len(study.started()) - started, POINTS - len(kept))
            self.assertEqual([row["status"] for row in study.rows()], ["ok"] * POINTS)


if __name__ == "__main__":
    unittest.main()
