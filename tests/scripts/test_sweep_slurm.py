"""The programs of the Slurm profile against Slurm's commands, which are played here: what they ask, what they make of the
answers. tests/slurm/run-sweep-on-slurm has the real ones.

python3 -m unittest discover -s tests/scripts
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "scripts" / "lib" / "slurm-profile"
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import sweep_runner  # noqa: E402

ID = "0123456789abcdef"
JOB = {"type": "single", "rule": "point", "threads": 1, "output": [f"points/{ID}/report.json"],
       "resources": {"mem_mb": 100, "runtime": 5, "slurm_partition": "short"}}


class Played(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def play(self, program, answer, code=0):
        """`program` says this, and writes down how it was called."""
        (self.folder / "answer").write_text(answer, encoding="utf-8")
        file = self.folder / program
        file.write_text(f"#!/bin/sh\necho \"$@\" >{self.folder}/asked\ncat {self.folder}/answer >&{2 if code else 1}\n"
                        f"exit {code}\n", encoding="utf-8")
        file.chmod(0o755)

    def call(self, program, *arguments):
        return subprocess.run([PROFILE / program, *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})

    def asked(self):
        return (self.folder / "asked").read_text(encoding="utf-8").split()


class Submission(Played):
    def submit(self, *options):
        script = self.folder / "job.sh"
        script.write_text(f"#!/bin/sh\n# properties = {json.dumps(JOB)}\ntrue\n", encoding="utf-8")
        return self.call("slurm-submit", *options, str(script))

    def test_the_job_asks_for_what_the_point_may_use(self):
        self.play("sbatch", "77;cluster\n")
        done = self.submit("--qos=long")
        self.assertEqual((done.returncode, done.stdout), (0, "77\n"))
        self.assertEqual(self.asked(), ["--parsable", f"--job-name=sweep-{ID}", f"--output=points/{ID}/slurm-%j.out",
                                        "--ntasks=1", "--cpus-per-task=1", "--mem=100", "--time=5", "--partition=short",
                                        "--qos=long", str(self.folder / "job.sh")])

    def test_a_refusal_goes_to_the_sweep_in_one_line(self):
        self.play("sbatch", "sbatch: error: invalid partition\nsbatch: error: failed\n", 1)
        done = self.submit()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        found = sweep_runner.REFUSED.match(done.stderr)
        self.assertEqual(found.groups(), (ID, "sbatch: error: invalid partition sbatch: error: failed"))


class Status(Played):
    def status(self, answer, code=0):
        self.play("scontrol", answer, code)
        return self.call("slurm-status", "5").stdout.strip()

    def test_every_state_of_a_job(self):
        for state, expected in {"COMPLETED": "success", "RUNNING": "running", "PENDING": "running",
                                "COMPLETING": "running", "SUSPENDED": "running", "REQUEUED": "running",
                                "FAILED": "failed", "TIMEOUT": "failed", "CANCELLED": "failed", "NODE_FAIL": "failed",
                                "OUT_OF_MEMORY": "failed", "PREEMPTED": "failed"}.items():
            with self.subTest(state):
                self.assertEqual(self.status(f"JobId=5 JobName=x UserId=u(1) JobState={state} Reason=None\n"), expected)

    def test_a_job_that_slurm_has_forgotten_is_judged_by_its_report(self):
        self.assertEqual(self.status("slurm_load_jobs error: Invalid job id specified\n", 1), "success")

    def test_a_controller_that_does_not_answer_is_asked_again(self):
        self.assertEqual(self.status("slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", 1),
                         "running")


class OldMarks(Played):
    def test_only_jobs_that_still_run_are_waited_for(self):
        marks = self.folder / ".snakemake" / "incomplete"
        marks.mkdir(parents=True)
        for name, text in {"runs": '{"external_jobid": "1"}', "local": "{}", "broken": "{", "none": "null"}.items():
            (marks / name).write_text(text, encoding="utf-8")
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{self.folder}:{path}"
        self.play("scontrol", "JobId=1 JobState=RUNNING Reason=None\n")
        sweep_runner.drop_old_marks(self.folder)
        self.assertEqual([mark.name for mark in marks.iterdir()], ["runs"])
        self.play("scontrol", "JobId=1 JobState=FAILED Reason=None\n")
        sweep_runner.drop_old_marks(self.folder)
        self.assertEqual(list(marks.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
