"""What the page on the published numbers is made from: sweeps, and the data that is kept of each.

A study's sweep leaves a table and a report for each point (docs/sweeps.md); what the page needs of them becomes
docs/reproduction/NAME.csv, a row a point, numbers as the reports have them.
"""

import csv
import dataclasses
import io
import json
from pathlib import Path

import costs
import kv_mmu_parts
import samples
import whole_files

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "docs" / "reproduction"
SPACE = DATA / "space.csv"  # of space.cells


@dataclasses.dataclass(frozen=True)
class Study:
    name: str
    what: str
    settings: tuple = ()  # axes that tell the points apart on the page; of zipped ones the first
    results: tuple = ()  # columns of the table that are kept
    added: object = None  # function of a report: further columns
    subset: str = ""  # of the sweep: what a check runs again

    def sweep(self, folder):
        """The sweep's file; `folder` may take one that is made."""
        return ROOT / "configs" / "sweeps" / f"{self.name}.json"

    @property
    def data(self):
        return DATA / f"{self.name}.csv"

    def key(self, row):
        """What tells a row of the data from the others."""
        return tuple(row[name] for name in self.settings)

    def rows(self, results):
        """The data of a sweep's folder of results, a dict a point that ran well, in the order of the sweep."""
        found = []
        for row in read(results / "table.csv"):
            if row["status"] == "ok":
                kept = {name: _base_name(row[name]) if name == "base" else row[name] for name in (*self.settings, *self.results)}
                found.append(kept | self.of_report(row, results))
        return found

    def of_report(self, row, results):
        """What `added` makes of the report of a row of the table, as text."""
        if not self.added:
            return {}
        report = json.loads((results / "points" / row["point"] / "report.json").read_text(encoding="utf-8"))
        return {name: str(value) for name, value in self.added(report).items()}


@dataclasses.dataclass(frozen=True)
class Sampled(Study):
    """Points that the data itself names, a row each."""

    fixed: dict = dataclasses.field(default_factory=dict)  # settings of all
    settings_of: object = None  # function of a row

    def sweep(self, folder):
        file = folder / f"{self.name}.json"
        base = ROOT / "configs" / "paper" / "machine.json"
        whole_files.write_whole(file, samples.sweep_document(read(self.data), self.settings_of, self.fixed, base))
        return file

    def rows(self, results):
        return [stored | self.of_report(row, results) for stored, row in zip(read(self.data), read(results / "table.csv"), strict=True)]


def _base_name(path):
    return Path(path).stem


def attention_cycles(report):
    """Cycles that the run waited for attention: scores, softmax and values of all heads (docs/report.md, profile.operators)."""
    return {"attention_cycles": next(entry["cycles"] for entry in report["profile"]["operators"] if entry["name"] == "attention")}


TIME = ("latency.cycles", "latency.seconds")
ENERGY = ("energy.joules", "energy.by_block.dram", "energy.kv_mmu_share")
DRAM = ("dram.row_hit_rate", "dram.bandwidth_utilisation", "dram.bytes_read", "dram.bytes_written")
KV = tuple(f"dram.traffic.kv.{name}" for name in ("bytes_read", "bytes_written", "read_bursts", "write_bursts", "activates",
                                                  "read_row_hits", "write_row_hits"))
STUDIES = [
    Study("baselines", "the machine and its baselines, whole runs", ("base",),
          (*TIME, "latency.generation.cycles", "latency.generation.seconds", *ENERGY, "energy.by_phase.generation", *DRAM, *KV,
           "kv_cache.peak_bytes", *kv_mmu_parts.COLUMNS, "kv_cache.budgets.least", "kv_cache.budgets.mean", "kv_cache.budgets.most"), costs.ends),
    Study("ladder", "one mechanism after another switched on", ("workload.batch", "name"),
          (*TIME, *ENERGY, *DRAM, *KV, "kv_cache.peak_bytes", "delay_reduction", "energy_saving"), subset="batch-1"),
    Study("sensitivity", "one parameter after another varied",
          ("cache.policy", "pipeline.weight_prefetch", "model", "workload.batch", "workload.prompt_tokens", "cache.budget",
           "model.weight_bits", "cache.kv_bits", "dram", "hardware.pe_array.rows", "hardware.buffers.weight.bank_bytes",
           "hardware.buffers.weight.banks", "hardware.core_clock_ps"), (*TIME, *ENERGY, "dram.bandwidth_utilisation"), costs.ends, subset="batch"),
    Sampled(samples.STEPS, "random generation steps, for the first pass", added=samples.step_results, fixed=samples.STEP,
            settings_of=samples.step),
    Sampled(samples.PROMPTS, "random prompts, for the first pass", added=samples.prompt_results, fixed=samples.PROMPT,
            settings_of=samples.prompt),
    Study("nearest", "the points nearest to the published figures", ("name", "cache.policy", "pipeline.weight_prefetch", "model",
          "workload.prompt_tokens", "workload.generated_tokens", "cache.budget", "hardware.core_clock_ps"), (*TIME, *ENERGY), costs.ends),
    Study("slot-table", "the KV-MMU with room for all slots of the batch", ("hardware.kv_mmu.slot_table_bytes",),
          ("latency.cycles", "energy.joules", "energy.kv_mmu_share", "energy.kv_mmu.slot_table.needed_bytes", "area.mm2", "area.kv_mmu_share")),
    Study("kelle", "Kelle's gain by batch and budget", ("workload.batch", "name", "model.layers"), (*TIME, *ENERGY),
          subset="batch-1"),
    Study("veda", "VEDA's attention by budget", ("workload.prompt_tokens", "name", "cache.budget"), TIME, attention_cycles),
]


def named(name):
    return next(study for study in STUDIES if study.name == name)


def text_of(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read(file):
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
