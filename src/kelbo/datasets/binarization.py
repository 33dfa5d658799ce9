"""Make binary data of grey values in [0, 1]."""

import numpy as np

from kelbo.chunks import row_slices
from kelbo.datasets.checking import as_given, check
from kelbo.errors import InputError

_MODES = ("none", "threshold", "static")


def binarize(x: np.ndarray, mode: str, seed: int = 0) -> np.ndarray:
    """Turn values in [0, 1] into zeros and ones.

    - "none": `x` itself, as float32.
    - "threshold": `1 if x >= 0.5 else 0`. This is MNIST "rounded to binary": deterministic.
    - "static": `Bernoulli(x)`, drawn once with `numpy.random.default_rng(seed)`; the same seed
      gives the same data. Salakhutdinov and Murray (2008) made "statically binarized MNIST" so.

    A draw that is renewed in every epoch ("dynamic") belongs into the compiled training step and
    is a Keras layer, not a property of the data: it is refused here.

    Args:
        x: Array of shape (n, ...). Values in [0, 1], save for mode "none".
        mode: "none", "threshold" or "static".
        seed: Seed of the draw; used by "static" only.

    Returns:
        float32 array of the shape of `x`; a new array, save that "none" returns float32 input
        uncopied.

    Raises:
        InputError: An unknown mode, "dynamic", or `x` empty, not finite or outside [0, 1].

    Example:
        >>> import numpy as np
        >>> binarize(np.array([[0.2, 0.5, 0.9]]), "threshold")
        array([[0., 1., 1.]], dtype=float32)
    """
    if mode == "dynamic":
        raise InputError(
            "binarize: mode 'dynamic' is redrawn inside the compiled training step, by a layer of "
            "the model; binarize makes fixed data only: 'none', 'threshold' or 'static'"
        )
    if mode not in _MODES:
        raise InputError(f"binarize: unknown mode {mode!r}; expected one of {', '.join(_MODES)}")
    x = as_given(x, "x")
    check(x, "binarize")
    x = x.astype(np.float32, copy=False)
    if mode == "none":
        return x
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        raise InputError(
            f"binarize: mode {mode!r} needs values in [0, 1], got [{low:g}, {high:g}]; rescale "
            "the data first"
        )
    if mode == "threshold":
        return np.greater_equal(x, np.float32(0.5)).astype(np.float32)
    generator = np.random.default_rng(seed)
    drawn = np.empty(x.shape, np.float32)
    for rows in row_slices(x):
        # u in [0, 1), so u < 1 always and u < 0 never: certain pixels stay as they are.
        drawn[rows] = generator.random(x[rows].shape, np.float32) < x[rows]
    return drawn
