"""Files of scripts/pareto: written whole or not at all, kept by what they depend on."""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

import pareto_points


@contextlib.contextmanager
def whole_file(path):
    """A name beside `path` to write to; it becomes `path` at the end, or vanishes with an exception."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        yield name
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def write_whole(path, text):
    with whole_file(path) as name:
        Path(name).write_text(text, encoding="utf-8")


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
