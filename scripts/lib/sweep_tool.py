"""The simulator as a sweep uses it: what it is, what it says of each point before any of them runs."""

import os
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pareto_store
from sweep_plan import InputProblem, identity, unhashed_settings

# The end of what `palimpsest validate` says of a run that is well.
HASH = re.compile(r"; hash ([0-9a-f]{32})\s*\Z")
UNKNOWN = re.compile(r"--set: (\S+): (unknown setting.*)")
SHOWN = 10  # problems of points that are told one by one


class ToolFailure(Exception):
    """The simulator cannot be used."""


class Tool:
    def __init__(self, path):
        self.path = Path(path).resolve()
        try:
            self.digest = pareto_store.sha256_of(self.path)
            done = subprocess.run([self.path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False)
        except OSError as error:
            raise ToolFailure(f"{self.path}: {error.strerror}") from None
        version = re.fullmatch(r"palimpsest (\S+) \((\S+)\)\s*", done.stdout)
        if done.returncode != 0 or version is None:
            raise ToolFailure(f"{self.path}: is no palimpsest: {(done.stderr or done.stdout).strip()[:200]}")
        self.version, self.git = version.groups()

    def run_command(self, sweep, point, out):
        """What runs the point; its files are looked for from the folder of the sweep file."""
        return [str(self.path), "run", str(point.base), *_set(point), "--out", str(out), "--quiet"]

    def validate(self, sweep, point):
        """(config_hash, problems), one of them empty."""
        done = subprocess.run([self.path, "validate", point.base, *_set(point)], cwd=sweep.file.parent,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        found = HASH.search(done.stdout)
        if done.returncode == 0 and found:
            return found[1], []
        if done.returncode != 2:
            raise ToolFailure(f"{self.path} validate: exit code {done.returncode}: "
                              f"{(done.stderr or done.stdout).strip()}")
        text = done.stderr.strip().removeprefix("palimpsest: error: ")
        return "", text.split("\n")


def _set(point):
    return [argument for setting in point.settings() for argument in ("--set", setting)]


def place_of(path, sweep):
    """Where in the sweep file a setting stands."""
    return f"axes.{path}" if path in sweep.axes else f"set.{path}"


def _unknown_settings(problems, sweep):
    """Of a point's problems, those of its settings' names: they are the same for all points."""
    found = filter(None, map(UNKNOWN.match, problems))
    return [f"{sweep.file}: {place_of(match[1], sweep)}: names no setting of a run: {match[2]}" for match in found]


class Examined:
    """What is known of all points before the first runs."""

    def __init__(self, sweep, tool, jobs, step=lambda: None):
        """Raises InputProblem where an axis names no setting. `step` is called for every point."""
        self.ids, self.hashes, self.problems = {}, {}, {}
        # A misspelt axis is found with the first point already.
        names = _unknown_settings(tool.validate(sweep, sweep.points[0])[1], sweep)
        if names:
            raise InputProblem("\n".join(names))
        lock = threading.Lock()

        def examine(number):
            found = tool.validate(sweep, sweep.points[number])
            with lock:
                step()
            return found

        with ThreadPoolExecutor(jobs) as pool:
            try:
                answers = list(pool.map(examine, range(len(sweep.points))))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for number, (config_hash, problems) in enumerate(answers):
            if problems:
                self.problems[number] = problems
            else:
                self.hashes[number] = config_hash
                self.ids[number] = identity(config_hash, tool.digest, unhashed_settings(sweep.points[number]))

    def report(self, sweep):
        """The bad points, told."""
        lines, same = [], {}
        for number, problems in self.problems.items():
            same.setdefault("\n".join(problems), []).append(number)
        for problems, numbers in list(same.items())[:SHOWN]:
            more = f" (and {len(numbers) - 1} more)" if len(numbers) > 1 else ""
            lines.append(f"{sweep.file}: point {sweep.points[numbers[0]].label()}{more}:")
            lines += ["  " + problem.replace("--set: ", "", 1) for problem in problems.split("\n")]
        if len(same) > SHOWN:
            lines.append(f"... and {sum(map(len, list(same.values())[SHOWN:]))} other points")
        return "\n".join(lines)


def cores():
    return len(os.sched_getaffinity(0))
