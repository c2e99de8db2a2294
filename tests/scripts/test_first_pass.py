"""The closed form of a step and of a prompt against simulated ones: the errors that docs/reproduction.md states.

first_pass/*.csv are runs of random machines and workloads of the space: steps.csv generation steps, prompts.csv prompts of models of one
layer, products, attention and normalisation alone (budget 0: full cache). The coefficients were fitted to the first steps and prompts; those from FITTED on were not
part of it.
"""

import csv
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib/reproduction"))

try:
    import numpy as np
except ModuleNotFoundError as error:
    raise unittest.SkipTest("numpy is not installed") from error

import first_pass  # noqa: E402
import prefill_pass  # noqa: E402
import space  # noqa: E402

FITTED = 141  # steps


def table(name):
    with (ROOT / "tests/scripts/first_pass" / name).open(encoding="utf-8") as lines:
        return [{key: value if key in ("model", "dram") else float(value) if key in ("joules", "kv_mmu_share") else int(value)
                 for key, value in row.items()} for row in csv.DictReader(lines)]


def rms(errors):
    return float(np.sqrt(np.mean(np.square(errors))))


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rows = table("steps.csv")
        at = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        flags = [at[name].astype(bool) for name in ("overlap", "batched", "evicts")]
        cls.point = first_pass.Point(at["model"], at["batch"], at["tokens"], at["weight_bits"], at["kv_bits"], at["dram"],
                                     at["array"], at["bank_bytes"], at["core_ps"], *flags)
        cls.at, cls.cycles = at, first_pass.step_cycles(cls.point)

    def test_cycles(self):
        errors = self.cycles / self.at["cycles"] - 1
        self.assertLess(rms(errors), 0.06)
        self.assertLess(rms(errors[FITTED:]), 0.09)
        self.assertLess(np.abs(errors).max(), 0.30)

    def test_energy_and_the_share_of_the_kv_mmu(self):
        joules = first_pass.step_energy(self.point, self.cycles)
        total = sum(joules.values())
        share = (joules["kv_mmu"] + joules["spilled"]) / total
        self.assertLess(rms(total / self.at["joules"] - 1), 0.05)
        self.assertLess(rms(share / self.at["kv_mmu_share"] - 1), 0.05)


class Prompts(unittest.TestCase):
    def test_cycles(self):
        errors = []
        for row in table("prompts.csv"):
            chunk = prefill_pass.Chunk(row)
            chunks = max(1, row["prompt"] // prefill_pass.CHUNK)
            begun = [i * prefill_pass.CHUNK for i in range(chunks)]
            residents = [min(tokens, row["budget"]) if row["budget"] else tokens for tokens in begun]
            made = sum(chunk.cycles(tokens, bool(row["overlap"])) for tokens in residents)
            errors.append(made / row["cycles"] - 1)
        self.assertLess(rms(errors), 0.08)
        self.assertLess(np.abs(errors).max(), 0.25)


class Space(unittest.TestCase):
    def test_without_eviction_to_gain_from_a_machine_is_no_better_than_itself(self):
        points = space.grid({"model": ["gpt2-small"], "prompt": [512], "generated": [512], "weight_bits": [8], "kv_bits": [8],
                             "dram": ["lpddr4-3200"], "array": [32], "bank_bytes": [32768], "core_ps": [1000]})
        run = space.generation(points, True, True, True)
        full = space.generation(points, True, True, False)
        serial = space.generation(points, False, True, False)
        self.assertLess(run.seconds, full.seconds)
        self.assertLess(full.seconds, serial.seconds)

    def test_the_published_pair_is_at_no_distance_from_itself(self):
        self.assertEqual(space.distance(3.62, 1.52, 0.0111), 0)
        self.assertAlmostEqual(space.distance(3.62, 1.52 * 1.1), np.log(1.1))


if __name__ == "__main__":
    unittest.main()
