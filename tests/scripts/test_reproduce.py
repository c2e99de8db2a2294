"""The study of docs/reproduction.md: costs, samples, and that a page that does not fit its data is told.

/usr/bin/python3 -B -m unittest discover -s tests/scripts -p test_reproduce.py
"""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(ROOT / "scripts" / "lib" / "reproduction")]

try:
    import jinja2  # noqa: F401
    import numpy  # noqa: F401
except ModuleNotFoundError as error:
    raise unittest.SkipTest("numpy and jinja2 are not installed") from error

import costs  # noqa: E402
import figures  # noqa: E402
import samples  # noqa: E402
import studies  # noqa: E402
import tornado  # noqa: E402


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def report():
    """10 J: DRAM 6, array 2, leakage of a buffer 1, KV-MMU 1, half of which it leaks."""
    return {"energy": {
        "joules": 10.0, "kv_mmu_share": 0.1, "by_block": {"dram": 6.0},
        "actions": [{"name": "pe_mac", "block": "pe_array"}, {"name": "static/kv_buffer", "block": "kv_buffer"},
                    {"name": "kv_address", "block": "kv_mmu"}, {"name": "static/kv_mmu_slot_table", "block": "kv_mmu"}],
        "sensitivity": [{"cost": "dram_scale", "low_joules": 6.4, "high_joules": 16.0},
                        {"cost": "pe_mac", "low_joules": 9.0, "high_joules": 11.0},
                        {"cost": "static/kv_buffer", "low_joules": 9.5, "high_joules": 12.0},
                        {"cost": "kv_address", "low_joules": 9.9, "high_joules": 10.5},
                        {"cost": "static/kv_mmu_slot_table", "low_joules": 9.8, "high_joules": 10.2}]}}


def row(of):
    energy = of["energy"]
    return {"energy.joules": energy["joules"], "energy.by_block.dram": energy["by_block"]["dram"],
            "energy.kv_mmu_share": energy["kv_mmu_share"], **costs.ends(of)}


class Costs(unittest.TestCase):
    def test_a_group_is_all_costs_of_its_kind_together(self):
        ends = costs.ends(report())
        for group, low, high in (("dram", -3.6, 6), ("chip", -1, 1), ("leakage", -0.5, 2), ("kv_mmu", -0.3, 0.7)):
            self.assertAlmostEqual(ends[f"{group}.low"], low)
            self.assertAlmostEqual(ends[f"{group}.high"], high)

    def test_energy_at_other_costs_is_the_sum_of_what_they_change(self):
        energy = costs.Energy(row(report()))
        self.assertEqual(energy.at(), 10)
        self.assertAlmostEqual(energy.at(2), 16)
        self.assertAlmostEqual(energy.at(2), energy.at(dram="high"))
        self.assertAlmostEqual(energy.at(0.5, chip="high", leakage="low"), 10 - 3 + 1 - 0.5)

    def test_the_share_moves_with_its_own_costs_and_with_all_others(self):
        energy = costs.Energy(row(report()))
        self.assertAlmostEqual(energy.share_at(), 0.1)
        self.assertAlmostEqual(energy.share_at(2, kv_mmu="high"), 1.7 / 16.7)


class Samples(unittest.TestCase):
    def test_a_bank_is_no_larger_than_one_that_makes_a_gigahertz(self):
        step = studies.read(studies.DATA / "steps.csv")[0]
        self.assertEqual(step["bank_bytes"], "65536")
        settings = samples.step(step)
        self.assertEqual((settings["hardware.buffers.kv.bank_bytes"], settings["hardware.buffers.kv.banks"]), (32768, 16))

    def test_a_full_cache_attends_to_the_same_number_of_tokens_as_one_with_that_budget(self):
        step = {**studies.read(studies.DATA / "steps.csv")[0], "tokens": "100", "evicts": "0"}
        self.assertEqual(samples.step(step)["workload.prompt_tokens"], 99)
        self.assertEqual(samples.step({**step, "evicts": "1"})["cache.budget"], 100)


class Page(unittest.TestCase):
    def test_it_is_what_template_and_data_say(self):
        reproduce = script("reproduce")
        self.assertEqual(reproduce.differences("page", reproduce.PAGE.read_text(encoding="utf-8"), reproduce.made_page()), [])

    def test_a_changed_figure_is_told(self):
        reproduce = script("reproduce")
        stored = reproduce.PAGE.read_text(encoding="utf-8")
        self.assertIn("3.62x", stored)
        found = reproduce.differences("page", stored.replace("3.62x", "3.63x", 1), stored)
        self.assertTrue(any("3.63x" in line and line.startswith("-") for line in found))

    def test_every_study_has_data_with_its_columns(self):
        for study in studies.STUDIES:
            with self.subTest(study.name):
                rows = studies.read(study.data)
                self.assertGreater(len(rows), 1)
                self.assertEqual(set(study.settings + study.results) - set(rows[0]), set())
                keys = [study.key(row) for row in rows]
                if keys[0]:
                    self.assertEqual(len(set(keys)), len(keys), "two points that the page cannot tell apart")

    def test_a_tornado_changes_one_parameter_at_a_time(self):
        for baseline in (figures.FULL, figures.FULL_ALONE):
            rows = tornado.table(baseline)
            self.assertEqual([row["parameter"] for row in rows].count("base"), 1)
            self.assertLessEqual({label for label, _ in (*tornado.PARAMETERS.values(), *tornado.COSTS.values())},
                                 {row["parameter"] for row in rows})


if __name__ == "__main__":
    unittest.main()
