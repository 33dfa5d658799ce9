"""run.json: which fit a folder is of, and what it wrote there.

A run folder is many files, which may be copied, edited, damaged, or left half written by a process
that was killed. The record says of each file that was made of the final weights what it held, and
after how many epochs: whatever differs is not of this state of this fit.
"""

import contextlib
import dataclasses
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.runs.reading import Damaged, read_json

_RUN = re.compile(r"[0-9a-f]{32}")


def new_run() -> str:
    """A name for a fit that no other fit has."""
    return uuid.uuid4().hex


def is_run(text: object) -> bool:
    """Whether it can be the name of a fit."""
    return isinstance(text, str) and _RUN.fullmatch(text) is not None


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of one file.

    Attributes:
        sha256: Of its content.
        epochs: How many epochs had been trained when it was made.
    """

    sha256: str
    epochs: int


@dataclasses.dataclass(frozen=True)
class Record:
    """The content of run.json.

    Attributes:
        run: The name of the fit, which config.yaml and checkpoint.npz hold, too.
        files: What is known of each file, by its name.
    """

    run: str
    files: Mapping[str, Entry]

    def holds(self, file: Path) -> bool:
        """Whether the file is what was written."""
        entry = self.files.get(file.name)
        return entry is not None and entry.sha256 == digest(file)

    def is_current(self, file: Path, epochs: int) -> bool:
        """Whether the file is what was written after so many epochs."""
        return self.holds(file) and self.files[file.name].epochs == epochs

    def noted(self, file: Path, epochs: int) -> "Record":
        """A record that knows the file as it is now."""
        entry = Entry(digest(file), epochs)
        return Record(self.run, {**self.files, file.name: entry})

    def write(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        files = {name: dataclasses.asdict(entry) for name, entry in self.files.items()}
        text = json.dumps({"run": self.run, "files": files}, indent=2)
        with replacing(path) as temporary:
            temporary.write_text(text + "\n", "utf-8")


def read_record(path: Path) -> Record | None:
    """The record of a run; None where there is none, as of a run of an earlier version.

    Raises:
        Damaged: It cannot be read, or is no record.
    """
    if not path.exists() and not path.is_symlink():
        return None
    values = read_json(path)
    with contextlib.suppress(TypeError, KeyError, AttributeError):
        files = {str(n): Entry(e["sha256"], e["epochs"]) for n, e in values["files"].items()}
        if is_run(values["run"]):
            return Record(values["run"], files)
    raise Damaged("it is no record of a run")


def digest(file: Path) -> str:
    """SHA-256 of the content of a file; empty where there is none that can be read."""
    try:
        with open(file, "rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""


def require_held(record: Record | None, file: Path) -> None:
    """Checks that a file is what the fit wrote.

    Args:
        record: The record; None where nothing is known, and nothing is checked.
        file: The file.

    Raises:
        InputError: It is not: damaged, edited, or of another run.
    """
    if record is not None and file.exists() and not record.holds(file):
        raise InputError(
            f"{file}: is not what the fit wrote (damaged, edited, or of another run); "
            f"kelbo fit --resume {file.parent} writes it again"
        )
