"""The table of a sweep: a row a point, from the reports that are there; CSV, SQLite, and a summary for the terminal."""

import csv
import io
import json
import sqlite3

import whole_files
from sweep_plan import COLLECTED, nearest, text_of

COMPARED = [  # as palimpsest compare defines them: the reference's over the point's
    ("delay_reduction", "latency.seconds"), ("energy_saving", "energy.joules"), ("kv_reduction", "kv_cache.peak_bytes"),
]
LAST_FIXED = ["config_hash", "tool_version", "tool_git", "status"]
SUMMARY_ROWS = 40
SUMMARY = ["latency.seconds", "energy.joules", "delay_reduction", "energy_saving", "kv_reduction"]


def leaf_at(report, keys):
    """The value at a path of a report; None where there is none."""
    for key in keys:
        if isinstance(report, list) and key.isdecimal() and int(key) < len(report):
            report = report[int(key)]
        elif isinstance(report, dict) and key in report:
            report = report[key]
        else:
            return None
    return report


def expanded(pattern, report):
    """The paths of the report that a pattern with * for single keys means, in the report's order."""
    paths = [()]
    for key in pattern.split("."):
        if key == "*":
            paths = [(*path, child) for path in paths for child in _children(leaf_at(report, path))]
        else:
            paths = [(*path, key) for path in paths]
    return [".".join(path) for path in paths if leaf_at(report, path) is not None]


def _children(value):
    return list(value) if isinstance(value, dict) else []


def all_paths(report, prefix=""):
    for key, value in report.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from all_paths(value, f"{prefix}{key}.")


def columns_of(patterns, reports):
    """The collected columns: every path that some report has, in the order of the patterns. A plain path stays even
    where none has it."""
    columns = {}
    for pattern in patterns:
        if "*" not in pattern.split("."):
            columns[pattern] = None
            continue
        for report in reports:
            columns.update(dict.fromkeys(expanded(pattern, report)))
    return list(columns)


def unknown_columns(columns, reports):
    """Collected paths that no report has, each with a line for the user, who may mean another."""
    if not reports:
        return {}
    return {column: f'collect: "{column}" is in no report{nearest(column, all_paths(reports[0]))}' for column in columns
            if all(leaf_at(report, column.split(".")) is None for report in reports)}


def cell(value):
    """Of a report's or axis' value: a number or text as it is, anything else as JSON."""
    if isinstance(value, bool) or isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value


class Table:
    """`entries`: for each point its id, config_hash, status and report (None where there is none)."""

    def __init__(self, sweep, tool, entries):
        reports = [entry["report"] for entry in entries if entry["report"]]
        self.axes = list(sweep.axes)
        self.collected = columns_of(sweep.collect or COLLECTED, reports)
        self.unknown = unknown_columns(self.collected, reports)
        if not sweep.collect:  # a list of operators, for example, has no KV cache
            self.collected = [column for column in self.collected if column not in self.unknown]
            self.unknown = {}
        compared = [name for name, _ in COMPARED] if sweep.compare_to else []
        self.columns = ["point", *self.axes, *LAST_FIXED, *self.collected, *compared]
        by_values = {_key(point.values): entry["report"] for point, entry in zip(sweep.points, entries)}
        self.rows = []
        for point, entry in zip(sweep.points, entries):
            report = entry["report"]
            made_by = report["tool"] if report else {"version": tool.version, "git": tool.git}
            row = {"point": entry["id"], **{path: cell(value) for path, value in point.values.items()},
                   "config_hash": entry["config_hash"], "tool_version": made_by["version"], "tool_git": made_by["git"],
                   "status": entry["status"]}
            for column in self.collected:
                row[column] = cell(leaf_at(report, column.split("."))) if report else None
            if compared:
                row.update(_gains(by_values.get(_key({**point.values, **sweep.compare_to})), report))
            self.rows.append(row)

    def csv_text(self):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow(["" if row[column] is None else row[column] for column in self.columns])
        return text.getvalue()

    def write_csv(self, file):
        whole_files.write_whole(file, self.csv_text())

    def write_sqlite(self, file, sweep):
        """Table `points`, columns as in the CSV; table `sweep` has the sweep file."""
        names = ", ".join(_quoted(column) for column in self.columns)
        with whole_files.whole_file(file) as name:
            database = sqlite3.connect(name)
            try:
                database.execute(f"CREATE TABLE points ({names})")
                database.executemany(f"INSERT INTO points VALUES ({', '.join('?' * len(self.columns))})",
                                     ([_stored(row[column]) for column in self.columns] for row in self.rows))
                database.execute("CREATE TABLE sweep (key TEXT PRIMARY KEY, value TEXT)")
                database.executemany("INSERT INTO sweep VALUES (?, ?)",
                                     [("name", sweep.name), ("document", json.dumps(sweep.document))])
                database.commit()
            finally:
                database.close()

    def summary(self, width=100):
        """A few columns, for people."""
        metrics = [name for name in SUMMARY if any(row.get(name) is not None for row in self.rows)]
        if len(metrics) < 2 and self.collected:  # a sweep that collects other things
            metrics = [name for name in self.collected if any(row[name] is not None for row in self.rows)][:5]
        shown = self.rows[:SUMMARY_ROWS]
        columns = [*self.axes, "status", *metrics]
        lines = [_headings(columns), *[[_short(row.get(column)) for column in columns] for row in shown]]
        while len(lines[0]) > 2 and sum(max(map(len, cells)) + 2 for cells in zip(*lines)) > max(width, 60):
            lines = [line[:-1] for line in lines]
        widths = [max(map(len, cells)) for cells in zip(*lines)]
        number = [all(_is_number(row.get(column)) for row in shown) for column in columns[:len(lines[0])]]
        text = ["  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, number)).rstrip()
                for line in lines]
        text.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
        if len(self.rows) > len(shown):
            text.append(f"... {len(self.rows) - len(shown)} more rows")
        return "\n".join(text)


def _key(values):
    return text_of(values)


def _gains(reference, report):
    gains = {}
    for name, path in COMPARED:
        base, own = (leaf_at(one, path.split(".")) if one else None for one in (reference, report))
        gains[name] = base / own if base is not None and own else None
    return gains


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'


def _stored(value):
    """SQLite's integers have 64 bits; a larger one is kept as a float."""
    return float(value) if isinstance(value, int) and not -2**63 <= value < 2**63 else value


def _headings(columns):
    """Last keys of the paths, where that tells them apart."""
    last = [column.rpartition(".")[2] for column in columns]
    return [name if last.count(name) == 1 else column for name, column in zip(last, columns)]


def _is_number(value):
    return value is None or isinstance(value, (int, float))


def _short(value):
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 32 else text[:29] + "..."
