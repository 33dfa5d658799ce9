"""The handwritten digits that come with scikit-learn."""

import numpy as np

from kelbo.datasets.dataset import Dataset

_TEST_FRACTION = 0.2
_SPLIT_SEED = 0


def load_digits() -> Dataset:
    """Load 1797 real handwritten digits of 8 x 8 pixels; no file and no network is needed.

    Pixels are counts 0 ... 16, divided by 16. A fifth of each class, drawn with a fixed seed, is
    the test part: 1438 training and 359 test examples, the same at every call.

    Returns:
        A Dataset with labels and test part.

    Example:
        >>> load_digits()
        Dataset(digits: 1438 train, 359 test, event shape (8, 8), 10 classes, from embedded)

    Source:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
        Repository, 1998 (its test set), as embedded in scikit-learn.
    """
    from sklearn.datasets import load_digits as load_embedded

    bunch = load_embedded()
    x = (bunch.images / 16).astype(np.float32)
    y = bunch.target.astype(np.int64)
    is_test = _stratified(y, _TEST_FRACTION, np.random.default_rng(_SPLIT_SEED))
    return Dataset(
        name="digits",
        x_train=x[~is_test],
        y_train=y[~is_test],
        x_test=x[is_test],
        y_test=y[is_test],
        class_names=tuple("0123456789"),
        source="embedded",
    )


def _stratified(y: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Mark `fraction` of each class; True is held out."""
    held_out = np.zeros(len(y), bool)
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        held_out[members[: round(fraction * len(members))]] = True
    return held_out
