"""The folder of a run: what lies in it, and who may write there."""

import contextlib
import csv
import dataclasses
import io
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.runs.config import FitConfig
from kelbo.runs.reading import Damaged, read_json, read_text
from kelbo.runs.record import Record, is_run, read_record
from kelbo.runs.suggestions import did_you_mean

PICTURES = {
    "learning_curves": "Learning curves",
    "latent_space": "Latent space",
    "manifold": "Manifold: the latent plane, through the inverse normal CDF",
    "samples": "Samples from the prior: means of the likelihood, of tables draws from it",
    "reconstructions": "Reconstructions beside originals",
}
"""Names and captions of the pictures, in order."""


def require_pictures(names: Sequence[str]) -> None:
    """Checks that pictures are known.

    Args:
        names: Their names.

    Raises:
        InputError: One of them is not.
    """
    for name in names:
        if name not in PICTURES:
            raise InputError(
                f"only: expected one of {', '.join(PICTURES)}, got {name!r}"
                f"{did_you_mean(name, PICTURES)}"
            )


# Where the settings of a run begin: other programs, too, write a config.yaml.
_MARK = "# Fits again with: kelbo fit"

# What the next line says of the fit.
_RUN = "Run: "

_METRICS = ("loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A folder that holds one run.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.path / "model.keras"

    @property
    def config(self) -> Path:
        """The settings."""
        return self.path / "config.yaml"

    @property
    def data(self) -> Path:
        """The fingerprint of the data."""
        return self.path / "data.json"

    @property
    def checkpoint(self) -> Path:
        """The state from which the fit goes on."""
        return self.path / "checkpoint.npz"

    @property
    def first_checkpoint(self) -> Path:
        """The first state of a fit that is about to replace this run."""
        return self.path / "checkpoint-next.npz"

    @property
    def metrics(self) -> Path:
        """The figures of every epoch."""
        return self.path / "metrics.csv"

    @property
    def summary(self) -> Path:
        """The final figures."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """One page with all of it."""
        return self.path / "report.html"

    @property
    def record(self) -> Path:
        """Which fit this is, and what it wrote."""
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        """The file that a process locks while it writes here."""
        return self.path / ".lock"

    def picture(self, name: str) -> Path:
        """The picture of this name."""
        return self.path / f"{name}.png"

    @property
    def files(self) -> list[Path]:
        """Every file that a run may write, whether it is there or not."""
        named = [
            self.config,
            self.data,
            self.record,
            self.checkpoint,
            self.model,
            self.metrics,
            self.summary,
            self.report,
        ]
        return [*named, *map(self.picture, PICTURES)]

    @property
    def holds_run(self) -> bool:
        """Whether Kelbo wrote settings here."""
        return self._head()[0].startswith(_MARK)

    @property
    def run(self) -> str | None:
        """The name of the fit, as the settings have it; None where they have none."""
        name = self._head()[1].removeprefix(f"# {_RUN}").strip()
        return name if is_run(name) else None

    def _head(self):
        try:
            with open(self.config, encoding="utf-8", errors="replace") as file:
                return file.readline(1000), file.readline(1000)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise
            return "", ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there: no folder, or nothing in it but the lock of a process."""
        if not self.path.is_dir():
            return not self.path.exists() and not self.path.is_symlink()
        return all(file.name == self.lock.name for file in self.path.iterdir())

    def write_settings(self, config: FitConfig, run: str) -> None:
        """Writes the settings of a fit of this name, whole or not at all."""
        config.to_yaml(self.config, remark=f"{_RUN}{run}")

    def known(self, run: str) -> Record:
        """What is known of the files of a fit: nothing, where the record is of another or damaged.

        Args:
            run: The name of the fit.
        """
        with contextlib.suppress(Damaged):
            record = read_record(self.record)
            if record is not None and record.run == run:
                return record
        return Record(run, {})

    def require_record(self) -> Record | None:
        """What is known of the files of the fit whose settings are here; None for nothing.

        Raises:
            InputError: The record is damaged, or that of another fit.
        """
        try:
            record = read_record(self.record)
        except Damaged as error:
            raise self._unreadable(self.record, error) from None
        if record is not None and self.run not in (None, record.run):
            raise InputError(
                f"{self.path}: holds files of another fit than {self.config.name} is of; "
                f"kelbo fit --resume {self.path} writes them again"
            )
        return record

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes the final figures, whole or not at all."""
        with replacing(self.summary) as temporary:
            temporary.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def read_summary(self) -> dict[str, Any]:
        """The final figures.

        Raises:
            InputError: The file is missing or damaged.
        """
        try:
            return checked_summary(read_json(self.summary))
        except Damaged as error:
            raise self._unreadable(self.summary, error) from None

    def write_metrics(self, history: Mapping[str, Sequence[float]]) -> None:
        """Writes the figures of every epoch, a row each, whole or not at all."""
        history = {name: history[name] for name in sorted(history, key=_column)}
        with (
            replacing(self.metrics) as temporary,
            open(temporary, "w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["epoch", *history])
            columns = list(history.values())
            for epoch, row in enumerate(zip(*columns, strict=True), 1):
                writer.writerow([epoch, *row])

    def read_metrics(self) -> dict[str, list[float]]:
        """The figures of every epoch, by name.

        Raises:
            InputError: The file is missing or damaged.
        """
        try:
            names, *rows = csv.reader(io.StringIO(read_text(self.metrics), newline=""))
            columns = list(zip(*rows, strict=True)) or [()] * len(names)
            columns = {name: list(map(float, c)) for name, c in zip(names, columns, strict=True)}
            if "loss" not in columns:
                raise Damaged("it is damaged")
        except Damaged as error:
            raise self._unreadable(self.metrics, error) from None
        except (ValueError, csv.Error):
            raise self._unreadable(self.metrics, "it is damaged") from None
        columns.pop("epoch", None)
        return columns

    def _unreadable(self, file, reason):
        return InputError(f"{file}: {reason}; kelbo fit --resume {self.path} writes it again")

    def remove_leftovers(self) -> None:
        """Removes the temporary files of a process that was killed while it wrote."""
        for file in [*self.files, self.first_checkpoint]:
            # As `replacing` names them; a person's own files have no such eight characters.
            for leftover in self.path.glob(f".{file.stem}-????????{file.suffix}"):
                leftover.unlink(missing_ok=True)

    @classmethod
    def existing(cls, path: str | os.PathLike) -> "RunFolder":
        """The folder of a run that was begun.

        Raises:
            InputError: There is no such folder, or it holds no run.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise InputError(f"{path}: there is no such run folder")
        if not folder.config.is_file():
            raise InputError(f"{path}: is no run folder; it holds no {folder.config.name}")
        return folder

    @classmethod
    def free(cls, path: str | os.PathLike, force: bool = False) -> "RunFolder":
        """A folder that a new run may take; nothing is touched yet.

        Args:
            path: The folder; it need not exist.
            force: Whether a run that is there may be replaced.

        Raises:
            InputError: The path is a file, or a folder that is not empty: one that holds no run,
                or holds one and `force` is not set.
        """
        folder = cls(Path(path))
        if folder.path.exists() and not folder.path.is_dir():
            raise InputError(f"{path}: is a file; give a folder for the run (--out)")
        if folder.is_empty:
            return folder
        if not folder.holds_run:
            raise InputError(
                f"{path}: is not empty and holds no run of Kelbo; nothing in it is touched, give "
                "another --out"
            )
        if not force:
            raise InputError(
                f"{path}: holds a run; go on with --resume {path}, replace it with --force, or "
                "give another --out"
            )
        return folder

    def empty(self, but: Collection[Path] = ()) -> None:
        """Removes the files of a run. Others stay, and so does the folder.

        Args:
            but: Files of the run that stay, too.
        """
        for file in self.files:
            if file not in but:
                file.unlink(missing_ok=True)
        self.remove_leftovers()


def checked_summary(values: Any) -> dict[str, Any]:
    """The final figures, if they are such: what is shown of them is there, and is a number.

    Args:
        values: What a file held.

    Raises:
        Damaged: They are not.
    """
    from kelbo.evaluation import Verdict  # loads Keras, which the help does not need

    try:
        parts = [values["train"], *([values["validation"]] if "validation" in values else [])]
        numbers = [part[name] for part in parts for name in _METRICS[:3]]
        if estimate := values.get("log_likelihood"):
            numbers += [estimate[name] for name in ("nats_per_example", "samples", "examples")]
            error = estimate["standard_error"]
            numbers += [] if error is None else [error]
        texts = [values["data"]["name"], values["command"], *values["notes"]]
        if values.get("verdict") is not None:
            values["verdict"] = Verdict.from_dict(values["verdict"]).as_dict()
    except (TypeError, KeyError, AttributeError, ValueError):
        raise Damaged("it is damaged") from None
    if not (
        all((isinstance(x, int | float) and abs(x) < 1e300) or x != x for x in numbers)
        and all(isinstance(text, str) for text in texts)
        and isinstance(values["notes"], list)
        and _is_epoch(values.get("epoch_of_weights"))
        and isinstance(values.get("loss_before_training", 0.0), int | float)
    ):
        raise Damaged("it is damaged")
    return values


def _is_epoch(value: Any) -> bool:
    return value is None or (isinstance(value, int) and 1 <= value < 2**53)


def _column(name: str) -> tuple[int, str]:
    """Where a metric stands: those of training, of validation, then all others."""
    return (_METRICS.index(name) if name in _METRICS else len(_METRICS), name)


def next_folder(name: str, parent: str | os.PathLike = "runs") -> Path:
    """The first of `runs/NAME`, `runs/NAME-2`, `runs/NAME-3`, ... that is free."""
    first = Path(parent) / name
    number, path = 1, first
    while not RunFolder(path).is_empty:
        number += 1
        path = first.with_name(f"{name}-{number}")
    return path
