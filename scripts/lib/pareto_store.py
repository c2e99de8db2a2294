"""Files of scripts/pareto: written whole or not at all, kept by what they depend on."""

import hashlib
import json
from pathlib import Path

import pareto_points
from whole_files import whole_file, write_whole  # noqa: F401


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_folder(folder, pattern):
    """Of the names and contents of the files below `folder`."""
    files = sorted(path for path in Path(folder).rglob(pattern) if path.is_file())
    return pareto_points.key_of({str(path.relative_to(folder)): sha256_of(path) for path in files})


class Store:
    """Results on disk, a file each, beside the description of all that they depend on."""

    def __init__(self, directory):
        self.directory = Path(directory)

    def path(self, description, suffix):
        return self.directory / description["what"] / (pareto_points.key_of(description) + suffix)

    def get(self, description):
        try:
            return json.loads(self.path(description, ".json").read_text(encoding="utf-8"))["result"]
        except FileNotFoundError:
            return None

    def put(self, description, result):
        kept = {"depends_on": description, "result": result}
        write_whole(self.path(description, ".json"), json.dumps(kept, indent=1) + "\n")
