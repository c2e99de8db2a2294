"""A report.json as one page: tables, pictures, configuration. It loads nothing and asks no network."""

import base64
import hashlib
import json
from html import escape
from pathlib import Path

import plot_style
import plot_units
import plots
import report_svg
import report_tables as tables
from plot_data import Unusable

HERE = Path(__file__).resolve().parent


class Page:
    """Sections in order, and a link to each."""

    def __init__(self, report):
        self.report, self.parts, self.sections = report, [], []

    def section(self, name, title):
        self.sections.append((name, title))
        self.parts.append(f'<h2 id="{name}">{escape(title)}</h2>')

    def add(self, html):
        self.parts.append(html)

    def say(self, text, kind="muted"):
        self.parts.append(f'<p class="{kind}">{escape(text)}</p>')

    def note(self, text, warning=False):
        self.parts.append(f'<div class="note{" warning" if warning else ""}"><p>{escape(text)}</p></div>')

    def table(self, make, *arguments):
        """A table, or a sentence on what the report lacks for it."""
        try:
            self.add(make(self.report, *arguments))
        except Unusable as error:
            self.note(self._without_path(error))

    def picture(self, kind, caption, **options):
        """A picture, or a sentence on what the report lacks for it."""
        module = plots.module(kind)
        data = [self.report] if module.INPUT == "reports" else self.report
        try:
            with plot_style.style():
                figure = module.figure(data, plots.defaults(kind, **options))
                svg = report_svg.inline(figure, kind, escape(caption, quote=True))
        except Unusable as error:
            self.note(f"No picture of {kind}: {self._without_path(error)}")
            return
        self.add(f'<figure id="picture-{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>')

    def _without_path(self, error):
        return str(error).removeprefix(f"{self.report.path}: ") + "."


def what_ran(report):
    """(workload, machine), a line each."""
    config = report.get("config")
    model, workload, cache = config.get("model", {}), config.get("workload", {}), config.get("cache", {})
    if "operators" in workload and workload["operators"]:
        ran = f"{len(workload['operators'])} operators"
    elif "requests" in workload and workload["requests"]:
        requests = workload["requests"]
        count = f"{len(requests)} requests" if isinstance(requests, list) else "requests that arrive"
        ran = f"{model.get('name')}, {count}"
        ran += f", policy {cache.get('policy')}, budget {cache.get('budget')}"
    else:
        ran = (f"{model.get('name')}, batch {workload.get('batch')}, {workload.get('prompt_tokens')} + "
               f"{workload.get('generated_tokens')} tokens, policy {cache.get('policy')}, budget {cache.get('budget')}")
    array, dram = report.get("config.hardware.pe_array"), report.get("dram")
    clock = 1e3 / report.get("latency.core_clock_ps")
    machine = (f"{array['rows']} × {array['columns']} PEs at {clock:.3g} GHz, {dram['device']}, "
               f"{plot_units.si(dram['peak_bytes_per_second'], 'B/s')} peak; costs {report.get('energy.cost_table')}")
    return ran, machine


def key_figures(report):
    generated = report.get("latency.generation.tokens")
    figures = [("latency", plot_units.si(report.get("latency.seconds"), "s")),
               ("cycles", f"{report.get('latency.cycles'):,}")]
    if generated:
        joules = report.get("energy.by_phase").get("generation", 0)
        figures += [("generation", f"{report.get('latency.generation.tokens_per_second'):.4g} tokens/s"),
                    ("energy of a new token", plot_units.si(joules / generated, "J"))]
    figures += [("energy", plot_units.si(report.get("energy.joules"), "J")),
                ("power", plot_units.si(report.get("energy.average_watts"), "W")),
                ("DRAM bandwidth used", f"{100 * report.get('dram.bandwidth_utilisation'):.1f} %")]
    if report.get("kv_cache.peak_bytes"):
        figures += [("KV cache at peak", plot_units.si(report.get("kv_cache.peak_bytes"), "B")),
                    ("smaller than unmanaged", f"{report.get('kv_cache.reduction'):.2f}×"),
                    ("KV-MMU share of energy", f"{100 * report.get('energy.kv_mmu_share'):.2f} %")]
    return '<dl class="tiles">' + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
                                          for name, value in figures) + "</dl>"


def configuration(report):
    config = dict(report.get("config"))
    sources = config.pop("sources", {})
    text = escape(json.dumps(config, indent=2, ensure_ascii=False))
    parts = [f"<details><summary>The whole configuration, as it ran</summary><pre>{text}</pre></details>"]
    if sources:
        rows = [[path, source] for path, source in sources.items()]
        listed = tables.table([("setting", None), ("source", None)], rows, True)
        parts.append(f"<details><summary>Where its numbers come from ({len(rows)} sources)</summary>{listed}</details>")
    return "".join(parts)


def fill(page):
    report = page.report
    page.section("latency", "Latency")
    page.table(tables.latency)
    page.picture("steps", "Duration of each step: prefill chunks first, then one step a generated token.")
    if report.has("serving"):
        page.section("serving", "Serving")
        page.table(tables.serving_measures)
        page.table(tables.serving_totals)
        page.picture("serving",
                     "Left: requests that run and that wait. Right: share of requests that had their first token, "
                     "and their last, within a time from their arrival.")
        page.table(tables.serving_requests)
    page.section("cycles", "Where the cycles went")
    page.picture("stalls",
                 "Of each unit, the cycles it was busy and those it waited, by cause. DRAM channels: DRAM clocks.")
    page.table(tables.units)
    page.section("operators", "Operators")
    if report.has("operators") and report.get("operators"):
        page.table(tables.operator_runs)
    page.say("Every cycle of the run is booked on one operator, that of the oldest command not complete, so that cycles "
             "add up to the run's. Units work on several operators at a time: busy cycles are those of an operator's own "
             "commands, as a share of the run. Bytes are those asked for.")
    page.picture("operators", "Cycles booked on each operator, by phase, and the bytes it asked DRAM for, by class.")
    page.table(tables.operators)
    page.picture("roofline",
                 "What the array and DRAM allow, and each operator of the run: its MACs by its bytes, and by the "
                 "cycles booked on it. Areas are shares of the run's cycles. A point above the roof had work done "
                 "while an older operator was booked.")
    page.section("layers", "Layers")
    page.table(tables.layers)
    page.section("energy", "Energy")
    page.picture("energy", "Where the energy went, by block, by class and by phase.")
    split = "".join(tables.energy(report, way) for way in ("block", "class", "phase"))
    page.add(f'<div class="side">{split}</div>')
    page.add("<h3>How far the total moves when one cost is at its low or high value</h3>")
    page.table(tables.sensitivity)
    page.add("<h3>Actions, their costs, and where the costs come from</h3>")
    page.table(tables.actions)
    page.section("kv", "KV cache")
    page.table(tables.kv_cache)
    page.picture("residency",
                 "Left: the token in each slot of one KV head after each step; a change of colour along a line is an "
                 "eviction and a replacement, white a free slot. Right: the steps that each token stayed.")
    page.section("dram", "DRAM")
    page.picture("bandwidth", "Bytes that moved, as a rate over time, and the commands that the sequencer held.")
    page.table(tables.dram_traffic)
    page.table(tables.dram_counts)
    page.section("buffers", "Buffers")
    page.table(tables.buffers)
    page.section("configuration", "Configuration")
    page.add(configuration(report))


def html(report):
    """The page. Equal reports give equal pages."""
    page = Page(report)
    fill(page)
    style, script = ((HERE / f"report_page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    ran, machine = what_ran(report)
    notes = []
    if report.has("simulation.estimated") and report.get("simulation.estimated"):
        notes.append('<div class="note warning"><p>Parts of this report are estimates; the notes say which.</p></div>')
    if report.has("notes"):
        notes += [f'<div class="note"><p><b>{escape(name.replace("_", " "))}</b>: {escape(text)}</p></div>'
                  for name, text in report.get("notes").items()]
    links = "\n".join(f'<a href="#{name}">{escape(title)}</a>' for name, title in page.sections)
    tool = report.get("tool")
    made_by = f"{tool['name']} {tool['version']} ({tool['git']}), configuration {report.get('config_hash')}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.name)}: Palimpsest report</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<h1>{escape(report.name)}</h1>
<p>{escape(ran)}<br>{escape(machine)}</p>
<p class="muted">{escape(made_by)}</p>
{key_figures(report)}
{"".join(notes)}
<nav>{links}</nav>
{chr(10).join(page.parts)}
<script>{script}</script>
</body>
</html>
"""
