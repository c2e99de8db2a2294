"""scripts/plot and scripts/report-page as programs: files, equal bytes, what is refused and how."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import plot_fixtures as fixtures
from plot_fixtures import run


def run_program(script, *arguments):
    """The script as a program of its own."""
    return subprocess.run([fixtures.ROOT / "scripts" / script, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False)


@fixtures.needs_packages
class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        fixtures.write_inputs(cls.folder)
        for name in ("report", "serving"):
            cls.all_of(name)

    @classmethod
    def all_of(cls, name):
        cls.result = run("plot", "all", cls.folder / f"{name}.json", "-o", cls.folder / name, "--format", "svg")
        assert cls.result.returncode == 0, cls.result.stderr

    def refused(self, message, *arguments, code=2, script="plot"):
        before = sorted(self.folder.rglob("*"))
        result = run(script, *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertRegex(result.stderr, message)
        self.assertNotIn("Traceback", result.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_every_picture_of_a_report_is_made(self):
        kinds = {"energy", "stalls", "operators", "roofline", "residency", "bandwidth", "steps"}
        self.assertEqual({file.stem for file in (self.folder / "report").iterdir()}, kinds)
        self.assertEqual({file.stem for file in (self.folder / "serving").iterdir()}, kinds | {"serving"})

    def test_pictures_of_sweeps_and_comparisons_in_every_format(self):
        inputs = {"lines": ["table.csv", "--where", "cache.policy=rce"], "heatmap": ["table.csv", "--where",
                                                                                     "cache.policy=rce"],
                  "front": ["table.csv", "--x", "latency.generation.tokens_per_second"],
                  "ladder": ["table.csv", "--rungs", "cache.policy", "--where", "cache.budget=64", "--y",
                             "energy.joules"],
                  "compare": ["compare.json"]}
        heads = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
        for (kind, (file, *options)), (suffix, head) in zip(inputs.items(), [*heads.items(), *heads.items()]):
            with self.subTest(kind):
                picture = self.folder / f"{kind}.{suffix}"
                result = run("plot", kind, self.folder / file, *options, "-o", picture, "--width", "page", "--title",
                             "t")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertTrue(picture.read_bytes().startswith(head))
                picture.unlink()

    def test_letters_of_a_pdf_are_truetype_and_embedded(self):
        picture = self.folder / "stalls.pdf"
        self.assertEqual(run("plot", "stalls", self.folder / "report.json", "-o", picture).returncode, 0)
        text = picture.read_bytes()
        picture.unlink()
        self.assertIn(b"/FontFile2", text)
        self.assertNotIn(b"/Type3", text)

    def test_equal_reports_give_equal_bytes(self):
        for kind, suffix in (("stalls", "svg"), ("residency", "png"), ("roofline", "pdf")):
            made = []
            for number in (1, 2):
                picture = self.folder / f"{kind}{number}.{suffix}"
                self.assertEqual(run_program("plot", kind, self.folder / "report.json", "-o", picture).returncode, 0)
                made.append(picture.read_bytes())
                picture.unlink()
            self.assertEqual(made[0], made[1], kind)
            self.assertNotRegex(made[0], rb"20[2-9]\d-\d\d-\d\d|CreationDate")

    def test_a_failed_point_is_said(self):
        result = run("plot", "lines", self.folder / "table.csv", "-o", self.folder / "x.png")
        self.assertEqual(result.returncode, 0)
        self.assertIn("1 points of the table have no result", result.stderr)
        (self.folder / "x.png").unlink()

    def test_what_cannot_be_drawn_is_refused_in_a_sentence(self):
        out = ["-o", self.folder / "no.png"]
        report, table = self.folder / "report.json", self.folder / "table.csv"
        self.refused("no.json: there is no such file", "stalls", self.folder / "no.json", *out)
        self.refused("is a directory", "stalls", self.folder, *out)
        self.refused("table.csv: is no JSON", "stalls", table, *out)
        self.refused("is a comparison", "stalls", self.folder / "compare.json", *out)
        self.refused("old.json: the report has no profile.operators; it was written before", "operators",
                     self.folder / "old.json", *out)
        self.refused("report.json: the report has no serving", "serving", report, *out)
        self.refused("report.json: is no table of a sweep", "lines", report, *out)
        self.refused("no column nope; there are: workload.batch", "lines", table, "--y", "nope", *out)
        self.refused("no column nope", "heatmap", table, "--x", "nope", *out)
        self.refused("no column nope", "front", table, "--y", "nope", *out)
        self.refused("no column name; there are", "ladder", table, *out)
        self.refused("COLUMN=VALUE is needed", "lines", table, "--where", "x", *out)
        self.refused("--by nope: energy is split by block", "energy", report, "--by", "nope", *out)
        self.refused("2 names for 1 reports", "energy", report, "--names", "a,b", *out)
        self.refused("1 reports; one compare.json or two", "compare", report, *out)
        self.refused("drawn from one file, not 2", "stalls", report, report, *out)
        self.refused("has to end in .png, .pdf, .svg", "stalls", report, "-o", self.folder / "no.gif")
        self.refused("invalid choice: 'nope'", "nope", report, *out)
        self.refused("--list", )
        self.refused("no such file", "all", self.folder / "no.json", "-o", self.folder / "none")

    def test_a_report_that_is_none_is_refused(self):
        none, broken = "no report of a run", "no JSON"
        for text, message in (("{}", none), ("[1]", none), ("{", broken), ("", broken)):
            (self.folder / "odd.json").write_text(text, encoding="utf-8")
            self.refused(message, "stalls", self.folder / "odd.json", "-o", self.folder / "no.png")
        (self.folder / "odd.json").unlink()

    def test_an_output_that_cannot_be_written_is_a_failure(self):
        self.refused("report.json", "stalls", self.folder / "report.json", "-o", self.folder / "report.json" / "x.png",
                     code=1)

    def test_the_list_names_every_picture(self):
        result = run("plot", "--list")
        self.assertEqual(result.returncode, 0)
        import plots
        for kind in plots.KINDS:
            self.assertRegex(result.stdout, rf"(?m)^{kind} ")

    def test_a_page_holds_everything_and_asks_for_nothing(self):
        page = self.folder / "page.html"
        result = run("report-page", self.folder / "serving.json", "-o", page)
        self.assertEqual(result.returncode, 0, result.stderr)
        html = page.read_text(encoding="utf-8")
        page.unlink()
        pictures = re.findall(r'<figure id="picture-(\w+)"><svg', html)
        self.assertEqual(sorted(pictures), sorted(["steps", "serving", "stalls", "operators", "roofline", "energy",
                                                   "residency",
                                                   "bandwidth"]))
        names = re.findall(r'\bid="([^"]+)"', html)
        self.assertEqual(len(names), len(set(names)))
        for used in re.findall(r'href="#([^"]+)"', html) + re.findall(r"url\(#([^)]+)\)", html):
            self.assertIn(used, names)
        self.assertNotRegex(re.sub(r'xmlns(:\w+)?="[^"]*"', "", html), r"https?://")
        self.assertIn("a &lt;source&gt; &amp; more", html)
        self.assertIn("Parts of this report are estimates", html)
        self.assertRegex(html, r"time to first token</td><td[^>]*>150 ns</td><td[^>]*>100 ns</td>")

    def test_a_page_of_an_old_report_says_what_it_lacks(self):
        page = self.folder / "old.html"
        self.assertEqual(run("report-page", self.folder / "old.json", "-o", page).returncode, 0)
        html = page.read_text(encoding="utf-8")
        page.unlink()
        for lacking in ("profile.operators", "profile.layers", "profile.series", "profile.residency"):
            self.assertIn(f"the report has no {lacking}; it was written before runs were profiled", html)
        self.assertNotIn("picture-roofline", html)
        self.assertIn("picture-stalls", html)

    def test_no_page_is_made_of_what_is_no_report(self):
        self.refused("no such file", self.folder / "no.json", "-o", self.folder / "no.html", script="report-page")
        self.refused("is a comparison", self.folder / "compare.json", "-o", self.folder / "no.html",
                     script="report-page")
        self.refused("REPORT.json and -o", self.folder / "report.json", script="report-page")
        broken = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        del broken["dram"]
        (self.folder / "odd.json").write_text(json.dumps(broken), encoding="utf-8")
        self.refused("the report has no dram", self.folder / "odd.json", "-o", self.folder / "no.html",
                     script="report-page")
        (self.folder / "odd.json").unlink()


if __name__ == "__main__":
    unittest.main()
