"""The page of a run in a browser: it opens from disk, asks no network, shows its pictures, sorts by a click.

/usr/bin/python3 -m unittest discover -s tests/html       with a page of its own making
PAGE=out/report.html /usr/bin/python3 -m unittest ...     with that one; SCREENSHOT=page.png takes a picture of it
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "scripts"), str(ROOT / "tests" / "html")]
import chromium  # noqa: E402
import plot_fixtures  # noqa: E402

PICTURES = ["steps", "stalls", "operators", "roofline", "energy", "residency", "bandwidth"]
# Of the table under the heading of operators: its heads, and what a column sorts by.
HEADS = "document.querySelector('#operators ~ .scroll table.sortable').tHead.rows[0].cells"
COLUMN = """(index) =>
  [...document.querySelector('#operators ~ .scroll table.sortable').tBodies[0].rows].map((row) => row.cells[index]).map(
    (cell) => cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value))"""


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        if "PAGE" in os.environ:
            cls.file = Path(os.environ["PAGE"]).resolve()
        else:
            plot_fixtures.write_inputs(scratch.name)
            cls.file = Path(scratch.name) / "page.html"
            subprocess.run([ROOT / "scripts" / "report-page", Path(scratch.name) / "report.json", "-o", cls.file],
                           check=True)
        cls.page = chromium.Page()
        cls.addClassCleanup(cls.page.close)

    def setUp(self):
        self.page.open(self.file)

    def column(self, head):
        heads = self.page.evaluate(f"[...{HEADS}].map((head) => head.textContent)")
        index = heads.index(head)
        return index, lambda: self.page.evaluate(f"({COLUMN})({index})")

    def test_it_opens_from_disk_without_errors_or_requests(self):
        self.assertEqual(self.page.errors, [])
        asked = [url for url in self.page.requests if not url.startswith("data:")]
        self.assertEqual(asked, [f"file://{self.file}"])
        if "SCREENSHOT" in os.environ:
            self.page.screenshot(os.environ["SCREENSHOT"])

    def test_every_picture_is_drawn(self):
        for kind in PICTURES:
            with self.subTest(kind):
                width, height, shapes = self.page.evaluate(
                    f"(() => {{ const svg = document.querySelector('#picture-{kind} svg'), box = svg.getBoundingClientRect();"
                    "return [box.width, box.height, svg.querySelectorAll('path, use, image').length]; })()")
                self.assertGreater(width, 600)
                self.assertGreater(height, 100)
                self.assertGreater(shapes, 10)
                # Everything drawn lies inside the picture.
                outside = self.page.evaluate(
                    f"(() => {{ const svg = document.querySelector('#picture-{kind} svg'), all = svg.getBoundingClientRect();"
                    "return [...svg.querySelectorAll('g[id*=text_]')].map((text) => text.getBoundingClientRect()).filter("
                    "(box) => box.width > 0 && (box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - 1 ||"
                    " box.bottom > all.bottom + 1)).length; })()")
                self.assertEqual(outside, 0)

    def test_a_click_sorts_numbers_from_the_largest_and_text_from_a(self):
        index, values = self.column("cycles")
        before = values()
        self.page.click(f"{HEADS}[{index}].querySelector('button')")
        self.assertEqual(values(), sorted(before, reverse=True))
        self.assertEqual(self.page.evaluate(f"{HEADS}[{index}].getAttribute('aria-sort')"), "descending")
        self.page.click(f"{HEADS}[{index}].querySelector('button')")
        self.assertEqual(values(), sorted(before))
        index, names = self.column("operator")
        self.page.click(f"{HEADS}[{index}].querySelector('button')")
        self.assertEqual(names(), sorted(names()))
        self.assertEqual(self.page.errors, [])

    def test_the_configuration_opens_by_a_click(self):
        details = "document.querySelector('#configuration + details')"
        self.assertFalse(self.page.evaluate(f"{details}.open"))
        self.page.click(f"{details}.querySelector('summary')")
        self.assertTrue(self.page.evaluate(f"{details}.open"))
        self.assertIn('"pe_array"', self.page.evaluate(f"{details}.textContent"))

    def test_it_is_all_there_without_scripts(self):
        rows = self.page.evaluate("document.querySelectorAll('tbody tr').length")
        self.page.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.page.open(self.file)
            nodes = self.page.call("DOM.getDocument", depth=1)["root"]["nodeId"]
            found = self.page.call("DOM.querySelectorAll", nodeId=nodes, selector="tbody tr")["nodeIds"]
            self.assertEqual(len(found), rows)
            self.assertEqual(self.page.call("DOM.querySelectorAll", nodeId=nodes, selector="th button")["nodeIds"], [])
        finally:
            self.page.call("Emulation.setScriptExecutionDisabled", value=False)

    def test_it_turns_dark_with_the_readers_theme(self):
        def light():  # of the page, and of the letters in pictures
            return self.page.evaluate(
                "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('figure svg')).fill]"
                ".map((colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, value) => sum + Number(value), 0) / 765)")

        paper, ink = light()
        self.assertGreater(paper - ink, 0.7)
        self.page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        try:
            paper, ink = light()
            self.assertGreater(ink - paper, 0.7)
        finally:
            self.page.call("Emulation.setEmulatedMedia", features=[])

    def test_wide_tables_scroll_in_their_place_on_a_phone_too(self):
        for width in (400, 800, 1600):
            self.page.open(self.file, width=width)
            self.assertLessEqual(self.page.evaluate("document.documentElement.scrollWidth"), width)

    def test_it_prints(self):
        self.assertTrue(self.page.pdf().startswith(b"%PDF"))


if __name__ == "__main__":
    unittest.main()
