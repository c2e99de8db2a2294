"""The baselines under configs/paper: all run the same model, workload, trace and machine."""

import json
import unittest
from pathlib import Path

PAPER = Path(__file__).resolve().parents[2] / "configs" / "paper"
CONFIGS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in PAPER.glob("*.json")}
MAY_DIFFER = {"name", "description", "cache", "pipeline"}


class PaperConfigs(unittest.TestCase):
    def test_all_differ_from_the_machine_in_cache_and_pipeline_alone(self):
        common = {key: value for key, value in CONFIGS["machine"].items() if key not in MAY_DIFFER}
        self.assertEqual(set(common), {"$schema", "model", "workload", "attention"})
        for name, config in CONFIGS.items():
            with self.subTest(name):
                self.assertEqual({key: value for key, value in config.items() if key not in MAY_DIFFER}, common)
                self.assertEqual(config["name"], name)
                self.assertTrue(config["description"])

    def test_all_that_evict_have_the_same_budget_an_eighth_of_the_tokens(self):
        workload = CONFIGS["machine"]["workload"]
        tokens = workload["prompt_tokens"] + workload["generated_tokens"]
        for name, config in CONFIGS.items():
            if config["cache"]["policy"] != "full":
                self.assertEqual(8 * config["cache"]["budget"], tokens, name)

    def test_a_mechanism_is_switched_off_by_itself(self):
        def without(name):
            config, whole = CONFIGS[name], CONFIGS["machine"]
            return {section for section in ("cache", "pipeline") if config.get(section) != whole.get(section)}
        self.assertEqual({name: without(name) for name in ("full", "irregular-pruning", "compaction", "no-batching",
                                                           "no-overlap", "irregular-equal")},
                         {"full": {"cache"}, "irregular-pruning": {"cache"}, "irregular-equal": {"cache"},
                          "compaction": {"cache"},
                          "no-batching": {"pipeline"}, "no-overlap": {"pipeline"}})

    def test_irregular_pruning_differs_from_that_with_equal_budgets_in_the_allocation_alone(self):
        uneven, equal = CONFIGS["irregular-pruning"]["cache"], CONFIGS["irregular-equal"]["cache"]
        self.assertEqual(uneven, equal | {"allocation": "by_attention", "allocation_scope": "model"})
        self.assertEqual(equal, CONFIGS["machine"]["cache"] | {"storage": "append_gather"})


if __name__ == "__main__":
    unittest.main()
