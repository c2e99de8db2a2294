"""The pictures, a module each. A module has

    NAME      what scripts/plot calls it
    SUMMARY   a line for --list
    INPUT     "report", "reports", "table" or "comparison"
    OPTIONS   [(flag, arguments of argparse's add_argument)]
    TABLE     (what it is, the columns that it needs) of a "table" that is not that of a sweep
    figure(input, options)  draws it

and functions without matplotlib that work out the numbers drawn.
"""

import argparse
import importlib

KINDS = ["lines", "heatmap", "energy", "stalls", "operators", "roofline", "residency", "bandwidth", "steps", "serving",
         "front", "ladder", "tornado", "region", "compare"]
OF_A_REPORT = ["report", "reports"]
SWEEP = ("table of a sweep", ["config_hash"])


def module(kind):
    return importlib.import_module(f"plots.{kind}")


def table_of(kind):
    """(what the picture's table is, the columns that it needs)"""
    return getattr(module(kind), "TABLE", SWEEP)


def add_options(parser, kind):
    for flag, arguments in module(kind).OPTIONS:
        parser.add_argument(flag, **arguments)


def defaults(kind, **changed):
    """The options of a picture as if none were given, but for those `changed`."""
    parser = argparse.ArgumentParser()
    add_options(parser, kind)
    options = parser.parse_args([])
    options.width = "page"
    for name, value in changed.items():
        setattr(options, name, value)
    return options
