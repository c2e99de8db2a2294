"""The pictures of docs/reproduction.md: tables worked out from the data, and what scripts/plot draws of them."""

import whole_files

import figures
import space
import studies
import tornado

TARGET = f"{space.TARGET['delay']},{space.TARGET['energy']}"


def all_of(folder):
    """Yields (file, arguments of scripts/plot). Tables that are worked out are written into `folder`."""
    yield "plot-ladder.png", ["ladder", _written(folder / "ladder.csv", _as_of_a_sweep("ladder")), "--width", "page"]
    for baseline in (figures.FULL_ALONE, figures.FULL):
        table = _written(folder / f"tornado-{baseline}.csv", tornado.table(baseline))
        yield f"reproduction-tornado-{baseline}.png", [
            "tornado", table, "--width", "page", "--target", f"delay_reduction={space.TARGET['delay']}",
            "--target", f"energy_saving={space.TARGET['energy']}"]
    table = _written(folder / "region.csv", studies.read(studies.SPACE) + _simulated())
    yield "reproduction-region.png", ["region", table, "--width", "page", "--target", TARGET, "--within", str(space.WITHIN),
                                       "--cell", str(space.CELL)]


def _as_of_a_sweep(name):
    """The data of a study, laid out as scripts/sweep lays out its tables: settings, what identifies a run, results."""
    study = studies.named(name)
    return [{setting: row[setting] for setting in study.settings} | {"config_hash": "", "status": "ok"} | row
            for row in studies.read(study.data)]


def _simulated():
    """The nearest points, at the table's costs and at those that bring them nearest."""
    return [{"baseline": figures.FULL_ALONE, "kind": "simulated", "delay_reduction": row.delay, "energy_saving": energy, "count": 1}
            for row in figures.nearest() for energy in (row.energy, row.best["energy"])]


def _written(file, rows):
    whole_files.write_whole(file, studies.text_of(rows))
    return file
