"""Memory: how much a fit takes at least, and what is said where it does not suffice."""

import contextlib
import functools
import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from kelbo import ops
from kelbo.errors import InputError
from kelbo.layers import Conditional
from kelbo.runs.config import FitConfig

_BYTES = 4
# Of every weight while it trains: its value, its gradient, and what the optimizer keeps.
_COPIES = {"adam": 4, "adamw": 4, "rmsprop": 3, "sgd": 2}

# Weights that a model may make beside those that it saves: seeds, sums of metrics.
_SLACK = 1_000_000

_REMEDY = "give smaller --hidden, --latent-dim, --batch-size or --samples"


def count_weights(
    config: FitConfig,
    event_shape: tuple[int, ...],
    likelihood: Conditional,
    posterior: Conditional,
    prior: Conditional | None = None,
    context: int = 0,
) -> int:
    """Number of trainable weights of the model, before anything is allocated.

    Args:
        config: Gives the sizes of the networks.
        event_shape: Shape of an example.
        likelihood: Gives the sizes of its heads; it need not be built.
        posterior: As the likelihood.
        prior: As the likelihood; None for one that does not train.
        context: Entries of what all three are conditioned on.

    Returns:
        The number.
    """
    encoder = (math.prod(event_shape) + context, *config.hidden, _outputs(posterior))
    decoder = (config.latent_dim + context, *config.decoder_layers, _outputs(likelihood))
    of_prior = () if prior is None else (context, _outputs(prior))
    layers = [pair for sizes in (encoder, decoder, of_prior) for pair in itertools.pairwise(sizes)]
    return sum((inputs + 1) * outputs for inputs, outputs in layers)


def require_memory(config: FitConfig, weights: int, likelihood: Conditional) -> None:
    """Checks that the machine has the memory that the fit takes at the very least.

    A backend would begin to allocate, for half a minute or until the system kills the process.

    Args:
        config: The settings.
        weights: Number of weights of the model.
        likelihood: Gives the size of what the decoder returns.

    Raises:
        InputError: It has not.
    """
    there = machine_memory()
    widest = max(config.latent_dim, _outputs(likelihood), *config.decoder_layers, 0)
    activations = config.batch_size * config.samples * widest
    needed = _BYTES * (weights * _COPIES[config.optimizer] + activations)
    if there is not None and needed > there:
        raise InputError(
            f"out of memory: a model of {weights:,} weights takes at least {_giga(needed)} to "
            f"train, and this machine has {_giga(there)}; {_REMEDY}"
        )


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


@contextlib.contextmanager
def enough_memory(then: str = _REMEDY) -> Iterator[None]:
    """Says in one line that memory does not suffice, and what to do.

    Args:
        then: What to do.

    Raises:
        InputError: The block ran out of memory.
    """
    try:
        yield
    except Exception as error:
        if not ops.is_out_of_memory(error):
            raise
        raise InputError(f"out of memory: the fit takes more than there is; {then}") from None


@contextlib.contextmanager
def bounded_weights(file: Path, stored: int) -> Iterator[None]:
    """Lets a model be made of a file only as long as the file can hold its weights.

    A backend would allocate whatever sizes the file tells, until the system kills the process.

    Args:
        file: The file.
        stored: Bytes of the weights in it.

    Raises:
        InputError: The block made more weights than there are in the file.
    """
    most = _SLACK + 2 * stored // _BYTES
    add, sizes = keras.layers.Layer.add_weight, []

    @functools.wraps(add)
    def counted(self, shape=None, *args: Any, **kwargs: Any) -> Any:
        sizes.append(math.prod(shape or ()))
        if sum(sizes) > most:
            raise MemoryError
        return add(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = counted
    try:
        yield
    except Exception:
        if sum(sizes) <= most:  # whatever Keras has made of it
            raise
        raise InputError(
            f"{file}: its layers have more weights than the file holds; it is damaged, or was made "
            "to fill the memory"
        ) from None
    finally:
        keras.layers.Layer.add_weight = add


def _outputs(conditional: Conditional) -> int:
    return sum(math.prod(head.shape) for head in conditional.heads.values())


def _giga(count: int) -> str:
    return f"{-(-count // 10**9):,} GB"
