"""The closed form of a step and of a prompt against simulated ones: the errors that docs/reproduction.md states.

docs/reproduction/{steps,prompts}.csv are runs of random machines and workloads of the space: generation steps, and prompts of models of one
layer, products, attention and normalisation alone (budget 0: full cache).
"""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(ROOT / "scripts" / "lib" / "reproduction")]

try:
    import numpy as np
except ModuleNotFoundError as error:
    raise unittest.SkipTest("numpy is not installed") from error

import judged  # noqa: E402
import space  # noqa: E402


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.errors = judged.steps()

    def test_cycles(self):
        errors = self.errors["cycles"]
        self.assertLess(judged.rms(errors), 0.06)
        self.assertLess(judged.rms(errors[judged.FITTED:]), 0.09)
        self.assertLess(np.abs(errors).max(), 0.30)

    def test_energy_and_the_share_of_the_kv_mmu(self):
        self.assertLess(judged.rms(self.errors["joules"]), 0.05)
        self.assertLess(judged.rms(self.errors["kv_mmu_share"]), 0.05)


class Prompts(unittest.TestCase):
    def test_cycles(self):
        errors = judged.prompts()
        self.assertLess(judged.rms(errors), 0.08)
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
