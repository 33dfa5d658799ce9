"""Which likelihood fits which data."""

import functools

from kelbo.datasets import Dataset
from kelbo.datasets.layout import layout_is_ambiguous
from kelbo.distributions import Bernoulli, ContinuousBernoulli, Normal
from kelbo.errors import InputError
from kelbo.models.data_checks import require_support as require_values
from kelbo.runs.config import FitConfig
from kelbo.runs.scaling import scaling_remarks

_FAMILIES = {
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "normal": functools.partial(Normal, scale=1.0),
}
_BOUNDED = ("sigmoid", "tanh", "softplus")


def choose_likelihood(data: Dataset) -> str:
    """The likelihood whose support is that of the data.

    Args:
        data: The data.

    Returns:
        "bernoulli" for zeros and ones, "continuous_bernoulli" for other values in [0, 1],
        "normal" for all others.

    Example:
        >>> from kelbo import datasets
        >>> choose_likelihood(datasets.load("digits"))
        'continuous_bernoulli'
    """
    if data.is_binary:
        return "bernoulli"
    return "continuous_bernoulli" if _in_unit_interval(data) else "normal"


def settle(config: FitConfig, data: Dataset) -> FitConfig:
    """The settings with what "auto" stands for, for these data.

    Args:
        config: The settings.
        data: The data.

    Returns:
        Settings whose likelihood, likelihood_loc_activation and scale are not "auto".

    Raises:
        InputError: Values of the data lie outside the support of the likelihood, or are to be
            scaled for a likelihood that takes them as they are.
    """
    likelihood, scale = config.likelihood, config.scale
    if likelihood == "auto":
        drawn_binary = config.binarize == "dynamic"
        scaled = scale not in ("auto", "none") and config.binarize == "none"
        likelihood = "bernoulli" if drawn_binary else choose_likelihood(data)
        likelihood = "normal" if scaled else likelihood
    require_support(likelihood, data)
    activation = config.likelihood_loc_activation
    if scale == "auto":
        # A mean between bounds that a person chose is meant in the units of the data.
        bounded = activation in _BOUNDED
        as_it_is = likelihood != "normal" or bounded or _in_unit_interval(data)
        scale = "none" if as_it_is else "standard"
    if scale != "none" and likelihood != "normal":
        raise InputError(
            f"scale: {scale} goes with a normal likelihood, but {likelihood} takes values in "
            "[0, 1] as they are; give likelihood normal, or scale none"
        )
    if activation == "auto":
        within = scale == "minmax" or (scale == "none" and _in_unit_interval(data))
        activation = "sigmoid" if within else "linear"
    return config.replace(likelihood=likelihood, likelihood_loc_activation=activation, scale=scale)


def require_support(likelihood: str, data: Dataset) -> None:
    """Checks that the likelihood has a density at every value of the data.

    Args:
        likelihood: "bernoulli", "continuous_bernoulli" or "normal".
        data: The data.

    Raises:
        InputError: Some values lie outside: how many, where, their range, and what would fit.
    """
    for part in (data.x_train, data.x_test):
        if part is None:
            continue
        try:
            require_values("likelihood", data.name, part, _FAMILIES[likelihood](0.0), likelihood)
        except ValueError as error:
            raise InputError(f"{error} Or: the normal likelihood fits.") from None


def remarks(config: FitConfig, data: Dataset) -> list[str]:
    """What a person should know of the likelihood, the scale, and how images are read.

    Args:
        config: Settings without "auto".
        data: The data.

    Returns:
        Sentences; none where all is well.
    """
    return [*_of_likelihood(config, data), *_of_layout(data)]


def _of_layout(data):
    if data.is_image and data.layout is None:
        return [
            f"Examples of shape {data.event_shape} are drawn as rows of numbers: images have a "
            "height, a width and 1 or 3 channels."
        ]
    if not layout_is_ambiguous(data.event_shape):
        return []
    return [
        f"Examples of shape {data.event_shape} could have their channels first or last: they are "
        "drawn with channels last. Bring images to (height, width, channels)."
    ]


def _of_likelihood(config, data):
    likelihood = config.likelihood
    if likelihood == "bernoulli" and not data.is_binary and config.binarize != "dynamic":
        return [
            "The data are not binary but the likelihood is bernoulli: its values are no log "
            "densities of grey levels. continuous_bernoulli fits, or binarize the data."
        ]
    if likelihood == "continuous_bernoulli" and data.is_binary:
        return ["The data are binary: bernoulli fits them, continuous_bernoulli does not."]
    if likelihood == "normal":
        if data.is_binary:
            return [
                "The data are binary: under a normal likelihood the density has no bound. "
                "bernoulli fits."
            ]
        return scaling_remarks(config.scale, data)
    return []


def _in_unit_interval(data):
    low, high = data.range
    return low >= 0 and high <= 1
