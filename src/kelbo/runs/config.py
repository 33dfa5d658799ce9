"""What a fit is to do: one field per option, checked when it is made."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.runs.reading import Damaged, read_text
from kelbo.runs.settings import (
    Choice,
    ImageSize,
    Name,
    Names,
    Number,
    Numbers,
    Setting,
    Sizes,
    Text,
    Whole,
    shown,
)
from kelbo.runs.suggestions import did_you_mean

_ACTIVATIONS = ("relu", "elu", "tanh", "gelu", "silu", "selu", "leaky_relu", "softplus", "sigmoid")
_SCALES = ("softplus", "log_variance", "log_scale")

# Nobody waits for more epochs; the history of each is kept.
_MOST = 1_000_000


def _field(default: Any, rule: Setting) -> Any:
    return dataclasses.field(default=default, metadata={"rule": rule})


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitConfig:
    """The settings of one fit: the data, the model, the training, the figures.

    Every field is an option of `kelbo fit` (`latent_dim` is `--latent-dim`) and a line of
    `config.yaml`. Its default is that of the option; docs/cli.md explains each.

    Raises:
        InputError: A value breaks its rule.

    Example:
        >>> config = FitConfig(data="digits", hidden=[128, 64])
        >>> config.hidden, config.decoder_layers
        ((128, 64), (64, 128))
    """

    data: str | None = _field(
        None, Text("name of a known data set, or path of a file or folder", optional=True)
    )
    data_dir: str | None = _field(
        None, Text("folder that holds the files of known data sets", optional=True)
    )
    header: str = _field(
        "auto",
        Choice("whether the first line of a table names its columns", names=("auto", "yes", "no")),
    )
    label_column: str | None = _field(
        "auto",
        Name("column of a table that holds the labels; auto: label, class, target or y", True),
    )
    context: tuple[str, ...] = _field(
        (),
        Names(
            "what examples are conditioned on, and are not modelled by: labels, or columns of a "
            "table"
        ),
    )
    drop: tuple[str, ...] = _field((), Names("columns of a table that are left out"))
    missing: str = _field(
        "error",
        Choice("what is done with rows of a table that lack a value", names=("error", "drop")),
    )
    size: tuple[int, int] | None = _field(
        None, ImageSize("size that all images of a folder are resized to", optional=True)
    )
    origin: tuple[float, ...] | None = _field(
        None,
        Numbers(
            "what is subtracted of each column, so that float32 keeps its digits; none: found "
            "where it is needed; []: nothing",
            optional=True,
        ),
    )
    scale: str = _field(
        "auto",
        Choice(
            "how the model scales the data; auto goes by the data",
            names=("auto", "standard", "minmax", "none"),
        ),
    )
    validation_split: float = _field(
        0.1, Number("share held out for validation where there is no test part", below=1.0)
    )
    binarize: str = _field(
        "none",
        Choice(
            "make pixels 0 or 1: at 0.5, drawn once, or redrawn at every step",
            names=("none", "threshold", "static", "dynamic"),
        ),
    )
    latent_dim: int = _field(2, Whole("dimension of the latent space", maximum=100_000))
    likelihood: str = _field(
        "auto",
        Choice(
            "distribution of a value; auto goes by the data",
            names=("auto", "bernoulli", "continuous_bernoulli", "normal"),
        ),
    )
    likelihood_scale: str = _field(
        "softplus", Choice("how a normal likelihood's scale is made positive", names=_SCALES)
    )
    likelihood_minimum_scale: float | None = _field(
        None, Number("floor of a normal likelihood's scale", optional=True)
    )
    likelihood_loc_activation: str = _field(
        "auto",
        Choice(
            "activation of a normal likelihood's mean; auto: sigmoid for data between 0 and 1",
            names=("auto", "linear", "sigmoid", "tanh", "softplus"),
        ),
    )
    posterior: str = _field(
        "normal",
        Choice(
            "family of the posterior: independent, or with full covariance",
            names=("normal", "multivariate_normal"),
        ),
    )
    posterior_scale: str = _field(
        "softplus", Choice("how the posterior's scale is made positive", names=_SCALES)
    )
    posterior_minimum_scale: float | None = _field(
        None,
        Number("floor of the posterior's scale; none: 1e-3 for softplus, else 0", optional=True),
    )
    hidden: tuple[int, ...] = _field(
        (256,), Sizes("sizes of the encoder's dense layers, such as 256,128; none: no hidden layer")
    )
    decoder_hidden: tuple[int, ...] | None = _field(
        None,
        Sizes(
            "sizes of the decoder's dense layers; none: the encoder's, reversed; []: no layer",
            optional=True,
        ),
    )
    activation: str = _field("tanh", Choice("activation of the hidden layers", names=_ACTIVATIONS))
    kl: str = _field(
        "analytic",
        Choice(
            "divergence from the prior, by its formula or from samples",
            names=("analytic", "monte_carlo"),
        ),
    )
    samples: int = _field(1, Whole("posterior samples per example and step"))
    optimizer: str = _field("adam", Choice("optimizer", names=("adam", "adamw", "rmsprop", "sgd")))
    learning_rate: float | None = _field(
        0.003, Number("learning rate; none: the optimizer's own", optional=True, positive=True)
    )
    clip_norm: float | None = _field(
        None, Number("largest norm of a gradient", optional=True, positive=True)
    )
    epochs: int | None = _field(
        None,
        Whole(
            "passes through the data; none: 50, or as many as make 5000 steps",
            optional=True,
            maximum=_MOST,
        ),
    )
    batch_size: int = _field(100, Whole("examples per step"))
    patience: int | None = _field(
        None,
        Whole(
            "stop after so many epochs without a better validation loss",
            optional=True,
            maximum=_MOST,
        ),
    )
    seed: int = _field(
        0, Whole("decides initial weights, order, noise and split", minimum=0, maximum=2**32 - 1)
    )
    log_likelihood_samples: int = _field(
        1000, Whole("importance samples per example of the log-likelihood; 0 skips it", minimum=0)
    )
    log_likelihood_examples: int = _field(
        1000, Whole("at most so many examples for the log-likelihood; 0 skips it", minimum=0)
    )

    def __post_init__(self) -> None:
        for name, rule in rules().items():
            # The dataclass is frozen for everyone else.
            object.__setattr__(self, name, rule.checked(name, getattr(self, name)))

    @property
    def decoder_layers(self) -> tuple[int, ...]:
        """Sizes of the decoder's layers, from the latent space outwards."""
        return self.hidden[::-1] if self.decoder_hidden is None else self.decoder_hidden

    def replace(self, **changes: Any) -> "FitConfig":
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    def anchored(self) -> "FitConfig":
        """A copy whose paths do not depend on the current folder."""
        return self.replace(
            data=_absolute(self.data) if _is_path(self.data) else self.data,
            data_dir=_absolute(self.data_dir),
        )

    def as_dict(self) -> dict[str, Any]:
        """The values by name, as YAML and JSON can hold them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "config") -> "FitConfig":
        """The settings of a mapping; those that are missing keep their defaults.

        Args:
            values: Values by name.
            where: What to call the mapping in an error.

        Returns:
            The settings.

        Raises:
            InputError: An unknown name, or a value that breaks its rule.
        """
        values = _of_this_version(values)
        for name in values:
            if name not in rules():
                name = shown(name).strip("'")
                hint = did_you_mean(name, rules())
                raise InputError(f"{where}: there is no setting '{name}'{hint}")
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    def to_yaml(self, path: str | os.PathLike, remark: str = "") -> None:
        """Writes the settings as a YAML file, whole or not at all.

        Args:
            path: The file; its folder must exist.
            remark: A line of comment.
        """
        text = yaml.safe_dump(self.as_dict(), sort_keys=False, default_flow_style=None)
        head = "# Fits again with: kelbo fit --config config.yaml\n"
        if remark:
            head += f"# {remark}\n"
        with replacing(path) as temporary:
            temporary.write_text(head + text, "utf-8")

    @classmethod
    def from_yaml(cls, path: str | os.PathLike) -> "FitConfig":
        """The settings of a YAML file; those that are missing keep their defaults.

        Args:
            path: The file.

        Returns:
            The settings.

        Raises:
            InputError: The file cannot be read, is no mapping of settings, or holds an unknown
                name or a value that breaks its rule.
        """
        text = ""
        try:
            text = read_text(Path(path))
            values = yaml.safe_load(text)
        except Damaged as error:
            raise InputError(f"{path}: {error}; expected a YAML file of settings") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: is not valid YAML{_reason(error, text)}") from None
        if values is None:
            values = {}
        if not isinstance(values, dict):
            raise InputError(f"{path}: expected settings as 'name: value', one a line")
        return cls.from_dict(values, where=str(path))


def _reason(error: Exception, text: str) -> str:
    """What is wrong with a YAML file, and in which line it begins."""
    if not isinstance(error, yaml.YAMLError):
        # A date that is none, brackets without end, or a number of more digits than Python reads.
        what = " ".join(str(error).split())
        if "sys.set_int_max_str_digits" in what:
            what = "a whole number of thousands of digits"
        return f" of settings ({what:.100})"
    problem = getattr(error, "problem_mark", None)
    mark = getattr(error, "context_mark", None) or problem
    if mark is None:
        return f" ({' '.join(str(error).split()):.100})"
    said = ", ".join(filter(None, (error.problem, error.context)))
    lines = text.splitlines()
    line = lines[mark.line].strip() if mark.line < len(lines) else ""
    return f" (line {mark.line + 1}, {line!r:.50}: {said:.100})"


def _of_this_version(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under the names that they have now.

    Until the data could be scaled, `scale` and `minimum_scale` were those of the posterior.
    """
    values = dict(values)
    if values.get("scale") in _SCALES:
        values["posterior_scale"] = values["scale"]
        values["scale"] = "none"
    if "minimum_scale" in values:
        values["posterior_minimum_scale"] = values.pop("minimum_scale")
    return values


def rules() -> dict[str, Setting]:
    """The rule of every setting, by name, in order."""
    return {field.name: field.metadata["rule"] for field in dataclasses.fields(FitConfig)}


def _is_path(data: str | None) -> bool:
    from kelbo.datasets.catalogue import CATALOGUE

    # What is neither stays as it was typed, for the error that will name it.
    return data is not None and data not in CATALOGUE and os.path.exists(os.path.expanduser(data))


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(os.path.expanduser(path))
