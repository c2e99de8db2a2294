"""What pictures are drawn from: reports of runs, comparisons, tables of sweeps; and what is wrong with others."""

import json
from pathlib import Path


class Unusable(Exception):
    """An input that cannot be drawn; the message is a sentence for the user."""


# What reports written by an earlier version do not have.
NEWER = "profile"


def lookup(data, dotted):
    """The value at a dotted path; raises KeyError where there is none."""
    for key in dotted.split("."):
        if not isinstance(data, dict) or key not in data:
            raise KeyError(dotted)
        data = data[key]
    return data


class Report:
    """A report.json."""

    def __init__(self, data, path):
        self.data, self.path = data, str(path)

    @property
    def name(self):
        return self.get("config.name")

    def has(self, dotted):
        try:
            lookup(self.data, dotted)
        except KeyError:
            return False
        return True

    def get(self, dotted):
        try:
            return lookup(self.data, dotted)
        except KeyError:
            again = ("; it was written before runs were profiled, so run its configuration again"
                     if dotted.split(".")[0] == NEWER and not self.has(NEWER) else "")
            raise Unusable(f"{self.path}: the report has no {dotted}{again}") from None


def read_json(path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unusable(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise Unusable(f"{path}: is a directory; a file is needed, such as {Path(path) / 'report.json'}") from None
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unusable(f"{path}: is no JSON: {error}") from None


def is_report(data):
    return isinstance(data, dict) and all(isinstance(data.get(key), dict) for key in ("config", "latency", "energy"))


def is_comparison(data):
    return isinstance(data, dict) and "delay_reduction" in data and isinstance(data.get("base"), dict)


def read_report(path):
    data = read_json(path)
    if is_comparison(data):
        raise Unusable(f"{path}: is a comparison; the picture needs the report.json of a run, as the two beside it are")
    if not is_report(data):
        raise Unusable(f"{path}: is no report of a run (it has no config, latency and energy); "
                       "palimpsest run CONFIG --out DIR writes DIR/report.json")
    return Report(data, path)


def names_of(reports):
    """A short name each, all different: the configuration's where that is enough, else the file's folder too."""
    for name in (lambda report: report.name,
                 lambda report: Path(report.path).resolve().parent.name,
                 lambda report: report.path):
        names = [name(report) for report in reports]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({number})" for number, name in enumerate(names, 1)]


# -- tables of sweeps

FIXED = ["point", "config_hash", "tool_version", "tool_git", "status"]  # columns that are neither axes nor results


class Table:
    """The table of a sweep. Columns between `point` and `config_hash` are its axes, those after `status` results."""

    def __init__(self, frame, path):
        self.frame, self.path = frame, str(path)
        columns = list(frame.columns)
        end = columns.index("config_hash") if "config_hash" in columns else 0
        self.axes = [name for name in columns[:end] if name not in FIXED]
        self.results = [name for name in columns if name not in FIXED and name not in self.axes]
        self.left_out = 0

    def column(self, name):
        """The column's name, where there is one."""
        if name in self.frame.columns:
            return name
        raise Unusable(f"{self.path}: no column {name}; there are: {', '.join(self.axes + self.results)}")

    def first_of(self, names):
        return next((name for name in names if name in self.frame.columns), None)

    def numbers(self, name):
        """The column's name, where it is one of numbers."""
        import pandas
        if not pandas.api.types.is_numeric_dtype(self.frame[self.column(name)]):
            raise Unusable(f"{self.path}: column {name} holds text such as \"{self.frame[name].dropna().iloc[0]}\"; "
                           "numbers are needed")
        return name

    def complete(self, name):
        """The column's name, where it is one of numbers and no row lacks one: what a gap would make look smaller."""
        values = self.frame[self.numbers(name)]
        gaps = self.frame[values.isna() | values.abs().eq(float("inf"))]
        if not gaps.empty:
            row = ", ".join(f"{column} {shown(gaps[column].iloc[0])}" for column in self.frame.columns[:2])
            raise Unusable(f"{self.path}: {len(gaps)} of {len(self.frame)} rows have no finite number in {name}, as that "
                           f"of {row}")
        return name

    def where(self, conditions):
        """The rows for which every "COLUMN=VALUE" holds."""
        frame = self.frame
        for condition in conditions:
            name, equals, value = condition.partition("=")
            if not equals:
                raise Unusable(f"--where {condition}: COLUMN=VALUE is needed")
            kept = frame[frame[self.column(name)].map(shown) == shown_number(value)]
            if kept.empty:
                there = ", ".join(dict.fromkeys(frame[name].map(shown)))
                raise Unusable(f"--where {condition}: no row has that; {name} is one of {there}")
            frame = kept
        return self._with(frame)

    def with_values(self, names):
        """The rows that have a value in all these columns; what a failed point leaves empty is counted in left_out."""
        kept = self.frame.dropna(subset=list(names))
        if kept.empty:
            raise Unusable(f"{self.path}: no row has a value in all of {', '.join(names)}")
        return self._with(kept)

    def _with(self, frame):
        table = Table(frame, self.path)
        table.left_out = self.left_out + len(self.frame) - len(frame)
        return table

    def one_row_each(self, names):
        """Complains where rows that are equal in `names` differ in another axis."""
        others = [axis for axis in self.axes if axis not in names]
        if self.frame.duplicated(subset=list(names)).any():
            differing = [axis for axis in others if (self.frame.groupby(list(names))[axis].nunique() > 1).any()]
            axis = differing[0] if differing else "point"
            value = shown(self.frame[axis].iloc[0])
            raise Unusable(f"{self.path}: several rows for one {' and '.join(names)}, which differ in "
                           f"{', '.join(differing) or 'nothing'}: choose one, as with --where {axis}={value}"
                           + (f", or a line each with --by {axis}" if differing else ""))


def shown(value):
    """A cell as text: 64, not 64.0; an empty one is "none"."""
    if value != value:
        return "none"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # up to there a float has every digit
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def shown_number(text):
    """"64.0" as `shown` would show the number."""
    try:
        return shown(float(text)) if not text.isdecimal() else text
    except ValueError:
        return text


def read_table(path, what="table of a sweep", needed=("config_hash",)):
    """The done points of a table, which is `what` a picture is drawn from if it has the columns `needed`."""
    import pandas
    try:
        if not Path(path).is_file():
            read_json(path)  # says why
        if Path(path).suffix in (".sqlite", ".db"):
            import contextlib
            import sqlite3
            with contextlib.closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as database:
                frame = pandas.read_sql_query("SELECT * FROM points", database)
        else:
            frame = pandas.read_csv(path)
    except (pandas.errors.DatabaseError, pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as error:
        raise Unusable(f"{path}: is no {what}: {str(error).splitlines()[0]}") from None
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise Unusable(f"{path}: is no {what} (no column {', '.join(missing)})")
    if frame.empty:
        raise Unusable(f"{path}: the table has no rows")
    if "status" in frame.columns:
        failed = frame["status"] != "ok"
        done = Table(frame[~failed], path)
        done.left_out = int(failed.sum())
        if done.frame.empty:
            raise Unusable(f"{path}: none of the {len(frame)} points is done")
        return done
    return Table(frame, path)
