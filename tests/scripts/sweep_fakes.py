"""A simulator that does what scripts/sweep needs of one, in milliseconds, and writes down what it was asked."""

import contextlib
import csv
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Settings it answers to: no.such (unknown), workload.batch=-1 (not valid). While the files exist, run sleeps as long as
# `delay` says and fails where `failing` is one of its words. The hash covers the base's text, as palimpsest's does.
FAKE = """\
#!/bin/sh
# build 1
here={folder}
case "$1" in
    --version) echo "palimpsest 9.9 (fake)" ;;
    validate)
        case " $* " in
            *" no.such="*)
                echo "palimpsest: error: --set: no.such: unknown setting, did you mean \\"no.suit\\"?; accepted: a, b" >&2
                exit 2 ;;
            *" workload.batch=-1 "*)
                echo "palimpsest: error: --set: workload.batch: value -1; accepted: an integer, 1 to 64" >&2
                exit 2 ;;
        esac
        base=$(cat "$2")
        shift 2
        set -- $(printf '%s %s' "$base" "$*" | md5sum)
        echo "OK: base: a run; hash $1" ;;
    run)
        echo "start $*" >>"$here/calls"
        [ -e "$here/delay" ] && sleep "$(cat "$here/delay")"
        word=$(cat "$here/failing" 2>/dev/null) && case " $* " in
            *" $word "*) cat "$here/message" >&2; exit 1 ;;
        esac
        batch=1 out=
        while [ $# -gt 0 ]; do
            case "$1" in --out) out=$2 ;; workload.batch=*) batch=${{1#*=}} ;; esac
            shift
        done
        mkdir -p "$out"
        printf '{{"tool":{{"name":"palimpsest","version":"9.9","git":"fake"}},"latency":{{"cycles":%d,"seconds":%d.5}},' \\
            "$batch" "$batch" >"$out/report.json.$$"
        printf '"energy":{{"joules":2.0,"by_block":{{"dram":1.5,"dma":0.5}}}},"kv_cache":{{"peak_bytes":%d}}}}' \\
            "$batch" >>"$out/report.json.$$"
        mv "$out/report.json.$$" "$out/report.json"
        echo "end $out" >>"$here/calls" ;;
esac
"""


class FakeStudy:
    """A sweep file, a simulator and a folder of results below one folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.base, self.file = self.folder / "base.json", self.folder / "sweep.json"
        self.tool, self.out = self.folder / "tool", self.folder / "out"
        self.base.write_text("{}", encoding="utf-8")
        self.tool.write_text(FAKE.format(folder=shlex.quote(str(folder))), encoding="utf-8")
        self.tool.chmod(0o755)

    def write(self, **document):
        self.file.write_text(json.dumps({"base": "base.json", **document}), encoding="utf-8")

    def command(self, *options):
        return [ROOT / "scripts" / "sweep", self.file, "--tool", self.tool, "--out", self.out, *options]

    def run(self, *options):
        """(exit code, what it said)."""
        done = subprocess.run(self.command(*options), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def started(self):
        """The calls of `run` so far."""
        with contextlib.suppress(FileNotFoundError):
            return [line for line in (self.folder / "calls").read_text().splitlines() if line.startswith("start ")]
        return []

    def fail(self, word, message="palimpsest: error: it broke"):
        (self.folder / "failing").write_text(word, encoding="utf-8")
        (self.folder / "message").write_text(message + "\n", encoding="utf-8")

    def heal(self):
        (self.folder / "failing").unlink()

    def rows(self):
        with open(self.out / "table.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def reports(self):
        return {path.parent.name: path.stat().st_mtime_ns for path in self.out.glob("points/*/report.json")}


@contextlib.contextmanager
def fake_study():
    with tempfile.TemporaryDirectory(prefix="palimpsest-sweep-") as folder:
        yield FakeStudy(folder)


def use_debian_packages():
    """Debian's packages, where another Python runs the tests."""
    debian = "/usr/lib/python3/dist-packages"
    if debian not in sys.path:
        sys.path.append(debian)
