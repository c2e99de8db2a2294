"""The parts of scripts/pareto that run nothing: budgets, keys, kept files, the table, the front.

python3 -m unittest discover -s tests/scripts
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
import pareto_points  # noqa: E402
import pareto_store  # noqa: E402


def accuracy(relative, slots=32):
    return pareto_points.full_accuracy(2.0, slots) | {"scope": "head", "relative_perplexity": relative}


def timing(seconds, joules, peak):
    return {"seconds": seconds, "joules": joules, "kv_peak_bytes": peak, "kv_mmu_share": 0.01, "config_hash": "ab"}


class Budgets(unittest.TestCase):
    def test_shares_are_rounded_down_and_slots_taken_as_they_are(self):
        self.assertEqual(pareto_points.slots_of("1/8", 256), 32)
        self.assertEqual(pareto_points.slots_of("1/3", 256), 85)
        self.assertEqual(pareto_points.slots_of("64", 256), 64)
        self.assertEqual(pareto_points.slots_of("1/1", 256), 256)

    def test_anything_else_is_refused(self):
        for budget in ("", "0", "-1", "1/0", "0/4", "3/2", "1/", "/8", "1/8/2", "1.5", "half", "257", "1/512"):
            with self.subTest(budget), self.assertRaises(ValueError):
                pareto_points.slots_of(budget, 256)


class Keys(unittest.TestCase):
    def test_the_order_of_a_description_does_not_matter(self):
        self.assertEqual(pareto_points.key_of({"a": 1, "b": {"c": 2, "d": 3}}),
                         pareto_points.key_of({"b": {"d": 3, "c": 2}, "a": 1}))

    def test_every_part_of_a_description_does(self):
        parts = {"policy": "rce", "slots": 32, "texts": 4, "length": 256, "model": "m", "text": "t", "program": "1"}
        keys = {pareto_points.key_of(parts)} | {pareto_points.key_of(parts | {name: "other"}) for name in parts}
        self.assertEqual(len(keys), len(parts) + 1)


class Files(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def names(self):
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    def test_a_result_is_found_by_its_description_only(self):
        store = pareto_store.Store(self.folder)
        store.put({"what": "accuracy", "slots": 32}, {"perplexity": 2.5})
        self.assertEqual(store.get({"slots": 32, "what": "accuracy"}), {"perplexity": 2.5})
        self.assertIsNone(store.get({"slots": 64, "what": "accuracy"}))
        self.assertIsNone(store.get({"slots": 32, "what": "timing"}))

    def test_an_interrupted_file_leaves_what_was_there(self):
        pareto_store.write_whole(self.folder / "table.csv", "old")
        with self.assertRaises(KeyboardInterrupt):
            with pareto_store.whole_file(self.folder / "table.csv") as name:
                Path(name).write_text("half", encoding="utf-8")
                raise KeyboardInterrupt
        self.assertEqual(self.names(), ["table.csv"])
        self.assertEqual((self.folder / "table.csv").read_text(encoding="utf-8"), "old")

    def test_a_folders_digest_follows_names_and_contents(self):
        digests = []
        for name, text in (("a", "1"), ("a", "2"), ("b", "2")):
            pareto_store.write_whole(self.folder / name, text)
            digests.append(pareto_store.digest_of_folder(self.folder, "*"))
        self.assertEqual(len(set(digests)), 3)
        self.assertEqual(pareto_store.digest_of_folder(self.folder, "*"), digests[-1])


class Table(unittest.TestCase):
    ACCURACY = {("full", "1"): pareto_points.full_accuracy(2.0, 256), ("rce", "1/8"): accuracy(1.25)}
    TIMING = {("full", "1"): timing(3.0, 8.0, 800), ("rce", "1/8"): timing(2.0, 4.0, 100)}

    def rows(self):
        return pareto_points.table("m", "1.0", self.ACCURACY, self.TIMING, self.TIMING["full", "1"])

    def test_both_sides_of_a_point_meet_in_its_row(self):
        full, rce = self.rows()
        self.assertEqual((full["policy"], full["delay_reduction"], full["energy_saving"], full["relative_perplexity"]),
                         ("full", 1, 1, 1))
        self.assertEqual((rce["policy"], rce["budget"], rce["relative_perplexity"]), ("rce", "1/8", 1.25))
        self.assertEqual((rce["delay_reduction"], rce["energy_saving"], rce["kv_reduction"]), (1.5, 2, 8))

    def test_a_point_of_one_side_only_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "rce"):
            pareto_points.table("m", "1.0", {("full", "1"): accuracy(1)}, self.TIMING, self.TIMING["full", "1"])

    def test_the_csv_has_a_line_a_row_and_all_columns(self):
        lines = pareto_points.csv_text(self.rows()).splitlines()
        self.assertEqual(lines[0].split(","), pareto_points.COLUMNS)
        self.assertEqual(lines[2], "m,rce,head,1/8,32,2,1.25,0,0,1,1,1.5,2,8,0.01,ab,1.0")


class Front(unittest.TestCase):
    def test_what_another_beats_is_left_out(self):
        points = [(1.0, 1.0), (1.5, 1.1), (1.4, 1.2), (2.0, 1.3), (1.9, 1.3), (2.0, 1.5)]
        self.assertEqual(pareto_points.front(points), [(1.0, 1.0), (1.5, 1.1), (2.0, 1.3)])

    def test_more_loss_for_hardly_more_gain_is_left_out(self):
        points = [(1.5, 1.1), (1.505, 1.4), (1.52, 1.5)]
        self.assertEqual(pareto_points.front(points), [(1.5, 1.1), (1.52, 1.5)])
        self.assertEqual(pareto_points.front(points, resolution=0), points)

    def test_the_order_does_not_matter_and_equals_appear_once(self):
        points = [(2.0, 1.3), (1.0, 1.0), (1.0, 1.0)]
        self.assertEqual(pareto_points.front(points), [(1.0, 1.0), (2.0, 1.3)])
        self.assertEqual(pareto_points.front([]), [])


if __name__ == "__main__":
    unittest.main()
