"""Which Python has a Debian package's module, for scripts that need one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

DEBIAN = "/usr/bin/python3"
SCRIPTS = Path(__file__).resolve().parent.parent


class MissingPackages(Exception):
    """The message names what to install."""


def missing(modules):
    return [module for module in modules if importlib.util.find_spec(module) is None]


def go_on_with(modules):
    """Goes on in Debian's Python where the one at hand lacks some of `modules`. MissingPackages where both do."""
    lacking = missing(modules)
    if not lacking:
        return
    if os.path.realpath(sys.executable) != os.path.realpath(DEBIAN) and os.path.exists(DEBIAN):
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    packages = " ".join(f"python3-{module}" for module in lacking)
    raise MissingPackages(f"Python's {' and '.join(lacking)} needed: "
                          f"apt-get install --no-install-recommends {packages}")


def install(group):
    """Installs what is missing of a group of scripts/lib/packages.txt; true where all is there afterwards."""
    steps = f'. "$(dirname "$0")/lib/project.sh"\nrequire_packages {group}'
    return subprocess.run(["bash", "-euc", steps, SCRIPTS / Path(sys.argv[0]).name], check=False).returncode == 0
