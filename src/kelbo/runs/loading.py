"""Open a finished run, or a model file by itself."""

import dataclasses
import functools
import os
from pathlib import Path

import keras
import numpy as np

from kelbo.datasets import Context, Dataset
from kelbo.errors import InputError
from kelbo.models import VAE
from kelbo.parts import is_shape
from kelbo.runs.config import FitConfig
from kelbo.runs.data import load_data, load_other
from kelbo.runs.fingerprint import require_same_data
from kelbo.runs.folder import RunFolder
from kelbo.runs.likelihoods import require_support
from kelbo.runs.model_file import load_model
from kelbo.runs.record import require_held

_LIKELIHOODS = {
    "ConditionalBernoulli": "bernoulli",
    "ConditionalContinuousBernoulli": "continuous_bernoulli",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model, with the settings of its fit where they are known.

    Attributes:
        path: What was opened: the folder of a run, or a model file.
        model: The model.
        run: The name of its fit, or None where it is not known.
    """

    path: Path
    model: VAE
    run: str | None = None

    @functools.cached_property
    def config(self) -> FitConfig | None:
        """The settings of the fit, read when they are first asked for: much is done without them.

        None for a model file that has none beside it; what another program calls config.yaml there
        says nothing of the model.

        Raises:
            InputError: The settings of a run are missing, damaged or edited, or have been replaced
                by those of another fit.
        """
        folder = self.folder
        if folder is None:
            return None
        if folder.run != self.run:
            raise InputError(
                f"{folder.path}: another fit has replaced the run since its model was opened; open "
                "it again"
            )
        config = FitConfig.from_yaml(folder.config)
        record = folder.known(self.run)
        if folder.config.name in record.files and not record.holds(folder.config):
            raise InputError(
                f"{folder.config}: is not what the fit wrote (damaged or edited); kelbo fit "
                f"--resume {folder.path} says in what it differs, or accepts it"
            )
        return config

    @property
    def folder(self) -> RunFolder | None:
        """The folder of the run, or None for a model file that lies in none."""
        if self.path.is_dir():
            return RunFolder(self.path)
        folder = RunFolder(self.path.parent)
        return folder if folder.holds_run else None

    @functools.cached_property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the values of an example, where the run's data had names.

        None for a model file alone, and where the run has no readable summary.
        """
        folder = RunFolder(self.path if self.path.is_dir() else self.path.parent)
        try:
            names = folder.read_summary()["data"]["features"] if folder.holds_run else None
        except (InputError, KeyError, TypeError):
            return None
        if (len(names or ()),) != tuple(self.model.likelihood.event_shape):
            return None
        return tuple(map(str, names))

    @functools.cached_property
    def context(self) -> Context | None:
        """What the model is conditioned on, and how it becomes numbers; None for nothing.

        Raises:
            InputError: It is not known: of a model file alone, or where the summary of the run is
                missing or damaged.
        """
        shape = self.model.data_shape
        if is_shape(shape) or "context" not in shape:
            return None
        folder = self.folder
        if folder is None:
            raise InputError(
                f"{self.path}: the model takes a context, and what its numbers stand for is known "
                "to the folder of its run alone; give that"
            )
        summary = folder.read_summary()
        try:
            return Context.from_list(summary["data"]["context"])
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{folder.summary}: does not say what the model is conditioned on{_resumed(folder)}"
            ) from None

    def given(self, *values: str) -> np.ndarray:
        """What was typed for a context, as the model takes it.

        Args:
            *values: One text for each vector; see `kelbo.datasets.Context.parse`.

        Returns:
            float32 array of shape (number of texts, entries of a context).

        Raises:
            InputError: The model has no context, or knows no such value.
        """
        if self.context is None:
            raise InputError(f"context: the model {self.path} has none; leave --context out")
        return np.concatenate([self.context.parse(text) for text in values])

    def in_units(self, values: np.ndarray) -> np.ndarray:
        """What the model makes, as the data of its fit stand in their file.

        Args:
            values: Shape (n, *event shape).

        Returns:
            The values, in float64 where columns are measured from an origin.
        """
        origin = None if self.config is None else self.config.origin
        return values if not origin else np.array(origin) + values

    def data(
        self, data: str | None = None, data_dir: str | None = None, context: str | None = None
    ) -> Dataset:
        """Data for the model: its own, split as in its fit, or others.

        Args:
            data: Name or path; None, and the data of the fit, stand for the data of the fit.
            data_dir: A folder that holds files of known data sets.
            context: One context for all examples, in place of their own, as it is typed.

        Returns:
            The data, read and binarised as the run's own were. The columns of a table with names
            are those of the run, in its order, whatever other columns there are.

        Raises:
            InputError: The data cannot be loaded, are those of the fit but have changed since, have
                examples of another shape, or values outside the support of the likelihood.
        """
        vector = None if context is None else self.given(context)
        config = self.config or FitConfig()
        given = config.replace(data=data).anchored().data
        if data is None or given == config.data:
            if config.data is None:
                raise InputError(f"{self.path}: the data of its fit are not known; give DATA")
            loaded = load_data(config.replace(data_dir=data_dir or config.data_dir))
            if self.folder is not None:
                require_same_data(
                    self.folder.data,
                    loaded,
                    self.run,
                    "put the earlier data back, or give the new ones by another name",
                )
        else:
            conditions = self.context if context is None else None
            loaded = load_other(data, config, data_dir, self.feature_names, conditions)
        expected = self.model.likelihood.event_shape
        if loaded.event_shape != expected:
            raise InputError(
                f"{loaded.name}: its examples have the shape {loaded.event_shape}, but the model "
                f"{self.path} takes {expected}; give data of that shape"
            )
        kind = type(self.model.likelihood).__name__
        require_support(_LIKELIHOODS.get(kind, "normal"), loaded)
        return loaded if vector is None else loaded.conditioned(self.context, vector)


def load_run(path: str | os.PathLike) -> Run:
    """Opens a run folder, or a `.keras` file by itself.

    Args:
        path: The folder of a run, or a file. Where the `config.yaml` of a run lies beside the
            file, it counts, too.

    Returns:
        The model and its settings.

    Raises:
        InputError: Nothing is there, the fit has not ended, or the file is damaged or holds no
            VAE of Kelbo.

    Example:
        >>> from kelbo import runs
        >>> run = runs.load_run("runs/digits")  # doctest: +SKIP
        >>> run.model.sample(3).shape  # doctest: +SKIP
        (3, 8, 8)
    """
    path = Path(path)
    if path.is_dir():
        folder = RunFolder.existing(path)
        if not folder.model.is_file():
            raise InputError(
                f"{path}: holds no {folder.model.name}: its fit has not ended; go on with: kelbo "
                f"fit --resume {path}"
            )
        record = folder.require_record()
        require_held(record, folder.model)
        return Run(path, load_model(folder.model, _resumed(folder)), folder.run)
    if not path.is_file():
        raise InputError(f"{path}: there is no such run folder or model file")
    folder = RunFolder(path.parent)
    if not folder.holds_run:
        return Run(path, load_model(path))
    if path.name == folder.model.name:
        require_held(folder.require_record(), path)
    return Run(path, load_model(path), folder.run)


def _resumed(folder: RunFolder) -> str:
    return f"; kelbo fit --resume {folder.path} writes it again"


def as_arrays(distribution) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of a distribution, as NumPy arrays."""
    return tuple(
        keras.ops.convert_to_numpy(moment()) for moment in (distribution.mean, distribution.stddev)
    )
