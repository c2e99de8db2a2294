"""The points of a sweep under Snakemake: the plan it gets, its process, how far it is, what failed.

A point's folder is RESULTS/points/ID. The simulator writes report.json there whole or not at all, and ID is a digest of
configuration and simulator, so a report that is there is the right one and is never made again.
"""

import collections
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import whole_files

HERE = Path(__file__).resolve().parent
PROFILE = HERE / "slurm-profile"
POINT = re.compile("[0-9a-f]{16}")
FAILED = re.compile(r"\s+output: points/([0-9a-f]{16})/report\.json")
REFUSED = re.compile(r"sbatch refused ([0-9a-f]{16}): (.*)")
SUBMITTED = re.compile(r"Submitted (group )?job .* with external jobid")
NO_SPACE = os.strerror(28)


class RunFailure(Exception):
    """Why a sweep cannot go on."""


class Lock:
    """Held while a sweep works in a folder; the kernel lets go of it however the process ends."""

    def __init__(self, folder):
        self.file = open(folder / ".lock", "a+", encoding="utf-8")  # not inherited by programs that are started
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.seek(0)
            raise RunFailure(f"{folder}: another sweep is at work there (process {self.file.read().strip() or '?'})") \
                from None
        self.file.truncate(0)
        self.file.write(f"{os.getpid()}\n")
        self.file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


class Progress:
    """A line on a terminal that says how far the work is; nothing elsewhere."""

    def __init__(self, what, total):
        self.what, self.total, self.done, self.begin = what, total, 0, time.monotonic()
        self.terminal, self.shown = sys.stderr.isatty(), None

    def step(self):
        self.show(self.done + 1)

    def show(self, done, failed=0):
        self.done = done
        if not self.terminal:
            return
        text = f"{self.what}: {done} of {self.total}"
        if failed:
            text += f", {failed} failed"
        if 0 < done + failed < self.total:
            text += f", {duration((time.monotonic() - self.begin) * (self.total - done - failed) / (done + failed))} left"
        if text != self.shown:
            self.shown = text
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def end(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def duration(seconds):
    seconds = round(seconds)
    if seconds < 100:
        return f"{seconds} s"
    hours, minutes = divmod((seconds + 30) // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


class Results:
    """The folder of results."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def point(self, identity):
        return self.folder / "points" / identity

    def done(self, identity):
        return (self.point(identity) / "report.json").exists()

    def report(self, identity):
        try:
            return json.loads((self.point(identity) / "report.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunFailure(f"{self.point(identity) / 'report.json'}: {error}; remove it to have the point run again") \
                from None

    def describe(self, sweep, tool, point, identity, config_hash):
        """RESULTS/points/ID/config.json: what the point is, and the command that runs it by hand."""
        command = tool.run_command(sweep, point, self.point(identity))
        whole_files.write_whole(self.point(identity) / "config.json", json.dumps({
            "sweep": sweep.name, "base": str(point.base), "set": point.set(),
            "config_hash": config_hash, "tool_version": tool.version, "tool_git": tool.git, "tool_sha256": tool.digest,
            "command": f"cd {shlex.quote(str(sweep.file.parent))} && {shlex.join(command)}"}, indent=1) + "\n")

    def write_plan(self, sweep, tool, missing):
        """`missing`: points by id. Snakemake's shell becomes the simulator, and that one dies with Snakemake."""
        commands = {}
        for identity, point in missing.items():
            command = shlex.join(["exec", "setpriv", "--pdeathsig", "KILL", "--",
                                  *tool.run_command(sweep, point, self.point(identity))])
            log = shlex.quote(str(self.point(identity) / "log"))
            commands[identity] = f"cd {shlex.quote(str(sweep.file.parent))} && {command} >{log} 2>&1"
        plan = self.folder / "plan.json"
        whole_files.write_whole(plan, json.dumps({"points": commands}) + "\n")
        return plan


def _heed_interrupts():
    """What a shell script starts in the background ignores interrupts, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def snakemake_command(plan, folder, jobs, slurm, resources):
    command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "snakemake",
               "--snakefile", str(HERE / "sweep.smk"), "--configfile", str(plan), "--directory", str(folder),
               "--keep-going", "--nolock", "--scheduler", "greedy", "--rerun-triggers", "mtime", "--drop-metadata",
               "--nocolor"]
    if slurm is None:
        return [*command, "--cores", str(jobs), "--rerun-incomplete", "--latency-wait", "0"]
    command += ["--profile", str(slurm), "--jobs", str(jobs)]
    if resources:
        command += ["--set-resources", *(f"point:{name}={value}" for name, value in resources.items())]
    return command


def drop_old_marks(folder):
    """Snakemake remembers the cluster jobs of a sweep that was killed, and waits for those that still run. It is made to
    forget the others, whose points are to be submitted again."""
    for mark in (folder / ".snakemake" / "incomplete").rglob("*"):
        if not mark.is_file():
            continue
        try:
            job = json.loads(mark.read_text(encoding="utf-8")).get("external_jobid")
        except (ValueError, AttributeError):
            job = None
        state = subprocess.run([PROFILE / "slurm-status", str(job)], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, check=False).stdout.strip() if job else ""
        if state != "running":
            mark.unlink()


class Snakemake:
    """One call of it over the missing points."""

    def __init__(self, command, log):
        self.failed, self.refused, self.submitted = set(), {}, 0
        self.last_lines = collections.deque(maxlen=25)
        self._in_error, self._news = False, threading.Event()
        # A profile of the user's own would change what is run how.
        environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
        # In a session of its own, so that an interrupt reaches it by stop() alone, and once.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                                        env=environment, preexec_fn=_heed_interrupts)
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()

    def _read(self, log):
        try:
            file = open(log, "w", encoding="utf-8")
        except OSError:  # its words are lost then, the sweep is not
            file = open(os.devnull, "w", encoding="utf-8")
        for line in self.process.stdout:
            try:
                file.write(line)
                file.flush()
            except OSError:
                pass
            self._notice(line.rstrip("\n"))
        self._news.set()
        try:
            file.close()
        except OSError:
            pass

    def _notice(self, line):
        self.last_lines.append(line)
        if line.startswith("Error in rule point"):
            self._in_error = True
        elif self._in_error and (found := FAILED.match(line)):
            self._in_error = False
            self._failed(found[1])
        elif found := REFUSED.match(line):
            self.refused[found[1]] = found[2]
            self._failed(found[1])
        elif SUBMITTED.match(line):
            self.submitted += 1

    def _failed(self, identity):
        self.failed.add(identity)
        self._news.set()

    def stop(self):
        """Ends it and what it runs: simulators end by themselves, jobs of a cluster are cancelled."""
        try:
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait()
        except ProcessLookupError:
            pass
        except KeyboardInterrupt:  # the user does not wait
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait(self, seconds):
        """Whether it has ended; returns after this time, a failed point, or the end."""
        self._news.wait(seconds)
        self._news.clear()
        if self._reader.is_alive():
            return False
        self.process.wait()
        return True


def log_of(results, identity):
    """What a point's log says went wrong; its Slurm job's where that has nothing: from the last error on, else the
    end."""
    files = [results.point(identity) / "log", *sorted(results.point(identity).glob("slurm-*.out"), reverse=True)]
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            continue
        if lines:
            error = max((number for number, line in enumerate(lines) if ": error: " in line), default=len(lines) - 5)
            return lines[max(error, 0):][:5]
    return []


def run(sweep, results, plan, missing, jobs, slurm, resources):
    """Runs the missing points (by id); returns the ids that failed. Raises RunFailure where going on makes no sense."""
    if slurm is not None:
        drop_old_marks(results.folder)
    log = results.folder / "snakemake.log"
    work = Snakemake(snakemake_command(plan, results.folder, jobs, slurm, resources), log)
    progress = Progress(sweep.name, len(missing))
    left, examined = set(missing), set()
    try:
        ended = False
        while not ended:
            ended = work.wait(0.2)
            left = {identity for identity in left if not results.done(identity)}
            progress.show(len(missing) - len(left), len(work.failed))
            for identity in set(work.failed) - examined:
                examined.add(identity)
                _stop_where_hopeless(work, results, identity)
    except BaseException:
        work.stop()
        raise
    finally:
        progress.end()
    failed = {identity for identity in work.failed if identity in left}
    if left - failed:
        text = "\n".join(work.last_lines)
        if NO_SPACE in text:
            raise RunFailure(f"{results.folder}: {NO_SPACE}")
        raise RunFailure(f"Snakemake ended with {len(left)} points missing (its log: {log}):\n{text}")
    return failed


def _stop_where_hopeless(work, results, identity):
    """A full disk, or a cluster that takes no job, would let every other point fail too."""
    if identity in work.refused and work.submitted == 0:
        raise RunFailure(f"the cluster refused a job: {work.refused[identity]}")
    full = shutil.disk_usage(results.folder).free < 1 << 16
    if full or any(NO_SPACE in line for line in log_of(results, identity)):
        raise RunFailure(f"{results.folder}: {NO_SPACE}")
