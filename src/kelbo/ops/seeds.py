"""Seeds that are values, so that one compiled function serves every seed."""

import random
from numbers import Integral
from typing import Any

import keras
from keras import ops as keras_ops

from kelbo.keras_internals import random_seed_dtype


def whole_seed(seed: Any, bits: int = 31) -> int:
    """A seed that a person gave, as a number that every backend holds.

    Args:
        seed: A whole number of at least 0, of Python or NumPy; None draws one by Python's `random`.
        bits: How many bits of it count.

    Returns:
        The number that its last bits make.

    Raises:
        ValueError: It is none.

    Example:
        >>> from kelbo import ops
        >>> ops.whole_seed(7), ops.whole_seed(2**31 + 7)
        (7, 7)
    """
    if seed is None:
        return random.randrange(2**31)
    if isinstance(seed, Integral) and seed < 0:
        raise ValueError("seed must be a whole number of at least 0, got a negative one.")
    if not isinstance(seed, Integral):
        raise ValueError(f"seed must be a whole number of at least 0, or None, got {seed!r:.60}.")
    return int(seed) % 2**bits


class SeedSequence(keras.random.SeedGenerator):
    """A source of seeds that starts from a value, and holds no variable.

    A `keras.random.SeedGenerator` keeps its state in a variable; an integer seed is fixed when a
    function is compiled. A `SeedSequence` is made inside a function from a seed that is one of
    its (possibly traced) arguments, and hands out the seeds (seed, 0), (seed, 1), ... to the draws
    made there. Same seed, same draws, no state left behind.

    Args:
        seed: An integer, or a scalar integer tensor.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> seeds = ops.SeedSequence(7)
        >>> first = keras.random.normal((2,), seed=seeds)
        >>> second = keras.random.normal((2,), seed=seeds)
    """

    def __init__(self, seed: Any):
        # The parent's constructor would make a variable: left out on purpose.
        self._seed = keras_ops.cast(seed, random_seed_dtype())
        self._draws = 0

    def next(self, ordered: bool = True) -> Any:
        """The next seed: a tensor of shape (2,)."""
        seed = keras_ops.stack([self._seed, keras_ops.cast(self._draws, self._seed.dtype)])
        self._draws += 1
        return seed

    def fold_in(self, index: Any) -> "SeedSequence":
        """Another sequence, which is a function of this one's seed and of `index`.

        Args:
            index: An integer, or a scalar integer tensor: the number of a batch or of a step.
        """
        pair = SeedSequence(self._seed)
        pair._draws = index
        return SeedSequence(keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=pair))

    def get_config(self) -> dict:
        """A sequence lives inside one call, so there is nothing to save."""
        raise TypeError("A SeedSequence lives inside one function call and cannot be saved.")


def several_seeds(seed: Any) -> SeedSequence:
    """Seeds for several draws that differ, whatever `seed` is.

    Args:
        seed: An integer, a `keras.random.SeedGenerator`, a `SeedSequence` or None.

    Returns:
        A sequence that is given as `seed` to each of the draws.

    Example:
        >>> import keras
        >>> from kelbo.ops.seeds import several_seeds
        >>> seeds = several_seeds(3)
        >>> first, second = (keras.random.normal((), seed=seeds) for _ in range(2))
        >>> bool(first == second)
        False
    """
    return SeedSequence(keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=seed))
