"""What a sweep file says: reading it, what is wrong with it, and the points that it means. Runs nothing."""

import difflib
import hashlib
import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[2] / "configs" / "schema" / "sweep.schema.json"

# Sections of a run that may name a preset or file: both the reference and settings inside it may be axes, since
# palimpsest replaces references first.
REFERENCES = {"model", "hardware", "dram", "cost"}
MOST_POINTS = 100_000
BASES = "base"  # the axis of a sweep with several bases

COLLECTED = [
    "latency.cycles", "latency.seconds", "latency.prefill.cycles", "latency.prefill.seconds",
    "latency.generation.cycles", "latency.generation.seconds", "latency.generation.tokens_per_second", "latency.macs",
    "energy.joules", "energy.by_block.*", "energy.by_phase.*", "energy.by_class.*", "energy.kv_mmu_share",
    "energy.average_watts", "dram.bytes_read", "dram.bytes_written", "dram.row_hit_rate",
    "dram.bandwidth_utilisation", "kv_cache.peak_bytes", "kv_cache.full_bytes", "kv_cache.evictions",
    "units.*.utilisation",
]


class InputProblem(Exception):
    """What is wrong with a file of the user's, a line a problem."""


class DuplicateKey(ValueError):
    pass


@dataclass(frozen=True)
class Point:
    """One run: the values of the axes, in their order, and the run file that they change."""

    values: dict
    fixed: dict
    base: Path

    def set(self):
        """The settings that differ from the base."""
        return {path: value for path, value in {**self.fixed, **self.values}.items() if path != BASES}

    def settings(self):
        """PATH=VALUE for palimpsest's --set."""
        return [f"{path}={text_of(value)}" for path, value in self.set().items()]

    def label(self):
        return ", ".join(f"{path}={text_of(value)}" for path, value in self.values.items())


@dataclass
class Sweep:
    file: Path
    name: str
    bases: dict  # path by the name in the file
    fixed: dict
    axes: dict
    zipped: list
    alone: list  # axes that vary one at a time
    subsets: dict
    exclude: list
    collect: list  # empty: COLLECTED, as far as the reports have it
    compare_to: dict
    pictures: dict
    document: dict
    points: list = field(default_factory=list)


def text_of(value):
    """A value as --set takes it: JSON, but a word that no JSON parser knows goes without its quotes."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", value) \
            and value not in ("true", "false", "null"):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def keys_of(path):
    """Of "a.b[2]" and "a.b.2": ("a", "b", "2")."""
    return tuple(key for key in re.split(r"[.\[\]]+", path) if key)


def identity(settings_hash, tool_hash, unhashed):
    """Name of a result, from all that it depends on. `unhashed`: settings that palimpsest's hash leaves out."""
    text = json.dumps([settings_hash, tool_hash, unhashed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def unhashed_settings(point):
    """Settings of the section `simulation` are not part of a run's config_hash."""
    return {path: value for path, value in point.set().items() if keys_of(path)[:1] == ("simulation",)}


def nearest(word, known):
    near = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f', did you mean "{near[0]}"?' if near else ""


def _equal(one, other):
    """Of JSON values: 1 is not true, but 1 is 1.0."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _among(value, chosen):
    return any(_equal(value, one) for one in (chosen if isinstance(chosen, list) else [chosen]))


# -- reading


def _unique_keys(pairs):
    """A dict of the pairs. Python's parser would let the second of two equal keys win."""
    found = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateKey(key)
        found[key] = value
    return found


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def read_document(file):
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputProblem(f"{file}: {getattr(error, 'strerror', None) or error}; accepted: a sweep file") from None
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except DuplicateKey as error:
        raise InputProblem(f'{file}: "{error}" is given twice in one object; accepted: each axis and key once') from None
    except json.JSONDecodeError as error:
        raise InputProblem(f"{file}:{error.lineno}:{error.colno}: {error.msg}; accepted: JSON") from None
    except (ValueError, RecursionError) as error:
        raise InputProblem(f"{file}: {error}; accepted: JSON") from None


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _path_text(parts):
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + str(part)
    return text


def _accepted(schema):
    """What a schema takes, in words."""
    words = {"object": "an object", "array": "a list", "string": "a text"}
    kinds = schema.get("type")
    what = " or ".join(words.get(kind, "another value") for kind in (kinds if isinstance(kinds, list) else [kinds]))
    least = schema.get("minItems", schema.get("minProperties"))
    if least:
        what += f" of at least {least}"
    if schema.get("uniqueItems"):
        what += ", each once"
    if "pattern" in schema:
        what += f" that fits {schema['pattern']}"
    return what + (f" ({schema['description']})" if "description" in schema else "")


def schema_problems(document, file):
    """What the schema says is wrong, a line each."""
    import jsonschema
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    problems = []
    for error in sorted(jsonschema.Draft7Validator(schema).iter_errors(document), key=lambda e: list(map(str, e.path))):
        place = _path_text(error.absolute_path)
        where = f"{file}: {place + ': ' if place else ''}"
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in sorted(set(error.instance) - set(known)):
                problems.append(f'{where}"{key}" is unknown{nearest(key, known)}; accepted: {", ".join(known)}')
        elif error.validator == "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            problems.extend(f"{where}{key} is missing; accepted: {_accepted(schema['properties'][key])}"
                            for key in missing)
        else:
            name = "" if not isinstance(error.instance, (list, dict)) or error.instance else " is empty"
            problems.append(f"{where}value {_shown(error.instance)}{name}; accepted: {_accepted(error.schema)}")
    return list(dict.fromkeys(problems))


# -- what a schema cannot say


def _field_problems(document, where):
    """Two axes, or an axis and a fixed setting, that mean one field, or one of which contains the other."""
    problems = []
    fields = [("axes", path) for path in document.get("axes", {})] + [("set", path) for path in document.get("set", {})]
    for (kind, path), (other_kind, other) in itertools.combinations(fields, 2):
        shorter, longer = sorted((keys_of(path), keys_of(other)), key=len)
        if longer[:len(shorter)] != shorter or (len(shorter) == 1 < len(longer) and shorter[0] in REFERENCES):
            continue
        relation = "are one field" if len(shorter) == len(longer) else "overlap: one contains the other"
        problems.append(f"{where}: {other_kind}.{other}: {kind}.{path} and {other_kind}.{other} {relation}; "
                        "accepted: each field once")
    return problems


def _axis_problems(names, axes, place, where):
    return [f'{where}: {place}: "{name}" is no axis{nearest(name, axes)}; accepted: {", ".join(axes)}'
            for name in names if name not in axes]


def _selection_problems(selection, axes, place, where):
    """Selections that name no axis, or values that the axis does not have: they would silently do nothing."""
    problems = _axis_problems(selection, axes, place, where)
    for path, chosen in selection.items():
        if path in axes:
            chosen = chosen if isinstance(chosen, list) else [chosen]
            problems += [f"{where}: {place}.{path}: value {_shown(value)} is none of the axis; accepted: "
                         + ", ".join(map(_shown, axes[path])) for value in chosen if not _among(value, axes[path])]
            if not chosen:
                problems.append(f"{where}: {place}.{path}: is empty; accepted: some values of the axis")
    return problems


def _zip_problems(document, where):
    axes, problems, seen = axes_of(document), [], {}
    for number, group in enumerate(document.get("zip", [])):
        place = f"zip[{number}]"
        problems += _axis_problems(group, axes, place, where)
        for path in group:
            if path in seen:
                problems.append(f'{where}: {place}: "{path}" is in {seen[path]} too; accepted: one group an axis')
            seen[path] = place
        lengths = {path: len(axes[path]) for path in group if path in axes}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            problems.append(f"{where}: {place}: {listed} values; accepted: axes of equal length")
    return problems


def _repeat_problems(document, where):
    """A value may come again only in a zipped axis, where the others of its group tell the points apart."""
    axes = axes_of(document)
    groups = [[path for path in group if path in axes] for group in document.get("zip", [])]
    zipped = {path for group in groups for path in group}
    groups += [[path] for path in axes if path not in zipped]
    problems = []
    for group in filter(None, groups):
        rows = [json.dumps(row, sort_keys=True) for row in zip(*(axes[path] for path in group))]
        again = next((row for number, row in enumerate(rows) if row in rows[:number]), None)
        if again is not None:
            values = again if len(group) > 1 else again[1:-1]
            problems.append(f"{where}: axes.{', '.join(group)}: value {values} comes twice; accepted: each once")
    return problems


def other_problems(document, where):
    if BASES in document.get("axes", {}):
        return [f"{where}: axes.{BASES}: names no setting of a run; accepted: several bases as a list under {BASES}"]
    axes = axes_of(document)
    if not axes:
        return [f"{where}: axes is missing; accepted: at least one axis, or several bases"]
    problems = _field_problems(document, where) + _zip_problems(document, where) + _repeat_problems(document, where)
    for name, selection in document.get("subsets", {}).items():
        problems += _selection_problems(selection, axes, f"subsets.{name}", where)
    for number, selection in enumerate(document.get("exclude", [])):
        problems += _selection_problems(selection, axes, f"exclude[{number}]", where)
    problems += _axis_problems(document.get("one_at_a_time", []), axes, "one_at_a_time", where)
    reference = document.get("compare_to", {})
    # A list is a value here, so that it cannot stand for several.
    problems += _selection_problems({path: [value] for path, value in reference.items()}, axes, "compare_to", where)
    return problems


def find_base(name, file, configs):
    """The base beside the sweep file, else among the shipped configs."""
    for candidate in (Path(file).resolve().parent / name, Path(configs) / name):
        if candidate.is_file():
            return candidate.resolve()
    raise InputProblem(f'{file}: base: "{name}" is no file; accepted: a run, relative to this file or to {configs}')


# -- points


def leaders(axes, zipped):
    """The axis that each axis goes with: itself, or the first of its group."""
    first = {path: group[0] for group in zipped for path in group}
    return {path: first.get(path, path) for path in axes}


def combinations(axes, zipped, alone=()):
    """Values of all axes, point by point; the last axis varies fastest, a zipped one with the first of its group. Axes that vary
    alone stay at their first value while another of them has its others, one after another."""
    leader = leaders(axes, zipped)
    dimensions = list(dict.fromkeys(leader.values()))
    alone = list(dict.fromkeys(leader[path] for path in alone))
    crossed = [path for path in dimensions if path not in alone]
    varied = [{}, *({path: place} for path in alone for place in range(1, len(axes[path])))]
    for *places, others in itertools.product(*(range(len(axes[path])) for path in crossed), varied):
        at = {**dict.fromkeys(alone, 0), **dict(zip(crossed, places)), **others}
        yield {path: axes[path][at[leader[path]]] for path in axes}


def count_of(sweep):
    leader = leaders(sweep.axes, sweep.zipped)
    alone = {leader[path] for path in sweep.alone}
    count = 1 + sum(len(sweep.axes[path]) - 1 for path in alone)
    for path in set(leader.values()) - alone:
        count *= len(sweep.axes[path])
    return count


def fits(values, selection):
    return all(_among(values[path], chosen) for path, chosen in selection.items())


def points_of(sweep, subsets):
    """The points of the named subsets (all where none is named), exclusions taken out."""
    for name in subsets:
        if name not in sweep.subsets:
            known = ", ".join(sweep.subsets) or "none: the file has no subsets"
            raise InputProblem(f'--subset: "{name}" is no subset of {sweep.file}{nearest(name, sweep.subsets)}; '
                               f"accepted: {known}")
    count = count_of(sweep)
    if count > MOST_POINTS:
        raise InputProblem(f"{sweep.file}: axes: {count:,} points; accepted: at most {MOST_POINTS:,}")
    first = next(iter(sweep.bases.values()))
    points = [Point(values, sweep.fixed, sweep.bases.get(values.get(BASES), first))
              for values in combinations(sweep.axes, sweep.zipped, sweep.alone)
              if (not subsets or any(fits(values, sweep.subsets[name]) for name in subsets))
              and not any(fits(values, one) for one in sweep.exclude)]
    if not points:
        raise InputProblem(f"{sweep.file}: exclude: no point is left; accepted: axes with at least one point")
    return points


def axes_of(document):
    """The axes of a sweep, the one of its bases first."""
    bases, axes = document["base"], document.get("axes", {})
    return {BASES: bases, **axes} if isinstance(bases, list) else axes


def read_sweep(file, configs, subsets=()):
    """Raises InputProblem with all that is wrong."""
    document = read_document(file)
    problems = schema_problems(document, file) or other_problems(document, file)
    if problems:
        raise InputProblem("\n".join(problems))
    bases = document["base"] if isinstance(document["base"], list) else [document["base"]]
    sweep = Sweep(file=Path(file).resolve(), name=document.get("name", Path(file).stem),
                  bases={name: find_base(name, file, configs) for name in bases}, fixed=document.get("set", {}),
                  axes=axes_of(document), zipped=document.get("zip", []), alone=document.get("one_at_a_time", []),
                  subsets=document.get("subsets", {}), exclude=document.get("exclude", []), collect=document.get("collect", []),
                  compare_to=document.get("compare_to", {}), pictures=document.get("pictures", {}), document=document)
    sweep.points = points_of(sweep, subsets)
    return sweep
