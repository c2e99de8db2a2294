"""Small inputs of scripts/plot: a report whose numbers add up as a run's do, a comparison, a table of a sweep; the
script in this process, and a picture as matplotlib has it."""

import contextlib
import importlib.util
import io
import json
import runpy
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

HAVE_PACKAGES = all(importlib.util.find_spec(name) for name in ("matplotlib", "pandas"))
needs_packages = unittest.skipUnless(HAVE_PACKAGES, "this Python has no matplotlib and pandas")

CAUSES = ["operand", "buffer_full", "dependency", "dram", "port_conflict", "refresh", "drained"]
UNITS = ["pe_array", "vector_unit", "dma_load", "dma_store", "kv_mmu", "sequencer"]
CYCLES, PREFILL = 1000, 400


def unit(busy, **stalls):
    counts = dict.fromkeys(CAUSES, 0) | stalls
    counts["drained"] = CYCLES - busy - sum(stalls.values())
    return {"busy_cycles": busy, "stall_cycles": counts, "utilisation": busy / CYCLES}


def booked(cycles, prefill, macs, weights=0, activations=0, kv=0):
    return {"commands": 10, "cycles": cycles, "prefill_cycles": prefill, "generation_cycles": cycles - prefill,
            "macs": macs,
            "dram_bytes": {"weights": weights, "activations": activations, "kv": kv, "scores": 0},
            "busy_cycles": dict.fromkeys(UNITS[:5], cycles // 2)}


def profile():
    rest = booked(100, 50, 0)
    return {
        "operators": [{"name": "qkv", **booked(500, 200, 256000, weights=8000, activations=1000)},
                      {"name": "attention_scores", **booked(300, 100, 30000, kv=300)},
                      {"name": "softmax", **booked(100, 50, 0, activations=40)},
                      {"name": "idle", **rest}],
        "layers": [{"layer": 0, **booked(500, 200, 143000, weights=4000)}, {"layer": 1, **booked(400, 150, 143000,
                                                                                                 weights=4000)},
                   {"layer": None, **rest}],
        # Four bins of 300 cycles, the last one of 100.
        "series": {"bin_cycles": 300, "dram_bytes_read": [3000, 2400, 1500, 700], "dram_bytes_written": [300, 300, 0,
                                                                                                         100],
                   "queue_commands": [4, 3.5, 2, 1]},
        # Positions 0 and 1 come at step 0, 2 at step 1; at step 2 position 3 takes the slot of 1, which is freed at step 3.
        "residency": {"request": 0, "layer": 0, "kv_head": 0, "steps": 4, "slots": 3, "complete": True,
                      "changes": [[0, 0, 0], [0, 1, 1], [1, 2, 2], [2, 1, 3], [3, 1, -1]]},
    }


def actions():
    count = {"name": "pe_mac", "block": "pe_array", "class": "compute", "count": 2000, "cost_pj": 0.5, "joules": 1e-9,
             "confidence": "derived"}
    static = {"name": "static/pe_array", "block": "pe_array", "class": "static", "picoseconds": 10 ** 6,
              "power_mw": 3.0,
              "joules": 3e-9, "confidence": "assumed"}
    return [count, static]


def report(name="small", with_profile=True):
    by_class = {"compute": 1e-9, "dram_weights": 5e-9, "dram_scores": 0.0, "static": 4e-9}
    bursts = {"read_bursts": 60, "write_bursts": 6, "activates": 5, "read_row_hits": 55, "write_row_hits": 3}
    data = {
        "schema_version": 1,
        "tool": {"name": "palimpsest", "version": "0.1.0", "git": "abc"},
        "config": {"name": name, "model": {"name": "m"}, "workload": {"batch": 2, "prompt_tokens": 8,
                                                                      "generated_tokens": 2},
                   "cache": {"policy": "rce", "budget": 3},
                   "hardware": {"pe_array": {"rows": 32, "columns": 32}, "core_clock_ps": 1000},
                   "sources": {"cost.actions.pe_mac": "a <source> & more", "cost.static_power.pe_array": "another"}},
        "config_hash": "0123",
        "latency": {"cycles": CYCLES, "seconds": 1e-6, "core_clock_ps": 1000, "macs": 286000, "steps": [400, 350, 250],
                    "prefill": {"cycles": PREFILL, "seconds": 4e-7, "steps": 1, "tokens": 16, "tokens_per_second": 4e7},
                    "generation": {"cycles": 600, "seconds": 6e-7, "steps": 2, "tokens": 4,
                                   "tokens_per_second": 6.7e6}},
        "energy": {"joules": 1e-8, "by_block": {"pe_array": 4e-9, "dram": 6e-9}, "by_class": by_class,
                   "by_phase": {"prefill": 3e-9, "generation": 7e-9}, "kv_mmu_share": 0.01, "average_watts": 0.01,
                   "cost_table": "65nm", "actions": actions(),
                   "sensitivity": [{"cost": "pe_mac", "low_joules": 9e-9, "high_joules": 1.2e-8,
                                    "swing_joules": 3e-9}]},
        "dram": {"device": "LPDDR4-3200", "channels": 1, "clock_ps": 625, "peak_bytes_per_second": 25.6e9,
                 "bytes_read": 7600,
                 "bytes_written": 700, "kv_bytes_read": 200, "kv_bytes_written": 100, "weight_bytes_read": 8000,
                 "row_hit_rate": 0.9, "bandwidth_utilisation": 0.3, "commands": {"read": 60, "write": 6},
                 "channel_clocks": {"data": 800, "waiting": 300, "refresh": 100, "idle": 400},
                 "rank_clocks": {"active": 1000, "precharged": 600},
                 "traffic": {"weights": {"bytes_read": 8000, "bytes_written": 0, **bursts}}},
        "buffers": {"weight": {"capacity_bytes": 64, "words_read": 1, "words_written": 1, "bytes_read": 32,
                               "bytes_written": 32}},
        "kv_cache": {"policy": "rce", "budget": 3, "peak_bytes": 300, "full_bytes": 900, "reduction": 3.0,
                     "evictions": 1,
                     "resident_tokens_peak": 3},
        "units": {"pe_array": unit(500, operand=300, dependency=100), "vector_unit": unit(50, dependency=900),
                  "dma_load": unit(600, dram=200, refresh=50), "dma_store": unit(20, buffer_full=5),
                  "kv_mmu": unit(10, port_conflict=1), "sequencer": unit(1, dependency=999)},
        "notes": {"attention_source": "made up"},
        "simulation": {"host_seconds": 0.1, "events": 10, "peak_rss_bytes": 1, "estimated": True},
    }
    if with_profile:
        data["profile"] = profile()
    return data


def serving():
    requests = [{"id": number, "arrival_seconds": number * 1e-7, "time_to_first_token_seconds": first,
                 "latency_seconds": last}
                for number, (first, last) in enumerate([(2e-7, 5e-7), (1e-7, 9e-7)])]
    spread = {"mean_seconds": 1.5e-7, "p50_seconds": 1e-7, "p90_seconds": 2e-7, "p99_seconds": 2e-7}
    return {"requests": requests, "time_to_first_token": spread, "latency": spread,
            "queue": {"series": [[0, 1, 0], [1e-7, 1, 1], [5e-7, 0, 1]]}}


def comparison():
    side = {"name": "small", "seconds": 3e-6, "joules": 4e-8, "kv_peak_bytes": 900, "kv_dram_bytes": 600,
            "dram_bytes": 10000}
    other = side | {"seconds": 1e-6, "joules": 1e-8, "kv_peak_bytes": 300, "kv_dram_bytes": 0}
    return {"base": side, "other": other, "delay_reduction": 3.0,
            "energy_by_class": {"compute": {"base_joules": 3e-8, "other_joules": 4e-9},
                                "static": {"base_joules": 1e-8, "other_joules": 6e-9}}}


def table_text():
    """A sweep of 2 batches x 2 budgets x 2 policies, of which one point failed; latency is batch x budget in ms."""
    lines = ["point,workload.batch,cache.budget,cache.policy,config_hash,tool_version,tool_git,status,latency.seconds,"
             "energy.joules,latency.generation.tokens_per_second"]
    for batch in (1, 2):
        for budget in (64, 128):
            for policy in ("rce", "h2o"):
                name = f"{batch}-{budget}-{policy}"
                results = (f"ok,{batch * budget / 1e3},{budget / 100},{1000 / budget}"
                           if name != "2-128-h2o" else "failed,,,")
                lines.append(f"{name},{batch},{budget},{policy},ff,0.1.0,abc,{results}")
    return "\n".join(lines) + "\n"


def write_inputs(folder):
    """report.json, old.json (without a profile), serving.json, compare.json, table.csv in the folder."""
    folder = Path(folder)
    for name, data in (("report", report()), ("old", report(with_profile=False)), ("serving",
                                                                                   report() | {"serving": serving()}),
                       ("compare", comparison())):
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    (folder / "table.csv").write_text(table_text(), encoding="utf-8")


class Result:
    def __init__(self, returncode, stdout, stderr):
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


def run(script, *arguments):
    """The script with these arguments, in this process, which has matplotlib already."""
    path = str(ROOT / "scripts" / script)
    out, errors = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", [path, *map(str, arguments)]), contextlib.redirect_stdout(out), \
            contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(path, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return Result(code, out.getvalue(), errors.getvalue())


def drawn(kind, data, **options):
    """The picture as matplotlib has it, with the options given and the others as they are by default."""
    import plot_style
    import plots
    with plot_style.style():
        return plots.module(kind).figure(data, plots.defaults(kind, **options))


def table(rows, path="table.csv"):
    """A Table of these dictionaries."""
    import pandas
    import plot_data
    return plot_data.Table(pandas.DataFrame(rows), path)
