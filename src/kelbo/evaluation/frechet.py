"""Fréchet distance between two sets of feature vectors."""

from typing import Any

import numpy as np

from kelbo import ops
from kelbo.intake import as_array


def frechet_distance(features_a: Any, features_b: Any) -> float:
    r"""Fréchet distance between two sets of vectors, as if each were normally distributed.

    $$\lVert \mu_a - \mu_b \rVert^2 + \mathrm{tr}\big(\Sigma_a + \Sigma_b
        - 2 (\Sigma_a^{1/2} \Sigma_b \Sigma_a^{1/2})^{1/2}\big)$$

    (Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, 2017, "GANs trained by a two time-scale
    update rule converge to a local Nash equilibrium", eq. 6; they call it a distance, it is the
    square of one.) With the features of an Inception network it is the FID; the features are yours
    to choose: those of a classifier of your data, or the posterior means of another model.

    It is 0 for two equal sets, and above 0 on average for two samples of one distribution: the
    fewer vectors, the more. Compare only figures of equal numbers of vectors, several times as many
    as there are features.

    Args:
        features_a: Of shape (n, d), n at least 2.
        features_b: Of shape (m, d), m at least 2.

    Returns:
        The distance, in the square of the unit of the features.

    Raises:
        ValueError: A shape is another, there are too few vectors, or a number is not finite.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> features = np.random.default_rng(0).normal(size=(100, 3))
        >>> round(kb.evaluation.frechet_distance(features, features + 2.0), 6)
        12.0
    """
    from scipy import linalg  # loaded where it is needed

    a, b = (
        _checked(name, features)
        for name, features in (("features_a", features_a), ("features_b", features_b))
    )
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"frechet_distance: features_a has {a.shape[1]} features per vector but features_b "
            f"{b.shape[1]}: give the same features of both."
        )
    means = a.mean(axis=0), b.mean(axis=0)
    covariances = [np.atleast_2d(np.cov(values, rowvar=False)) for values in (a, b)]
    # Square roots by eigenvalues: symmetric throughout, and right for singular matrices too.
    eigenvalues, vectors = linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.T
    product = root @ covariances[1] @ root
    shared = np.sqrt(np.maximum(linalg.eigvalsh(0.5 * (product + product.T)), 0.0)).sum()
    distance = np.sum((means[0] - means[1]) ** 2) + sum(map(np.trace, covariances)) - 2.0 * shared
    return max(float(distance), 0.0)


def _checked(name, features):
    values = np.asarray(ops.convert_to_numpy(as_array(features, name)), "float64")
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"frechet_distance: {name} has the shape {values.shape}; expected (n, d): a feature "
            "vector per row."
        )
    if len(values) < 2:
        raise ValueError(
            f"frechet_distance: {name} holds {len(values)} vectors; a covariance needs at least 2, "
            "and a figure worth comparing several times as many as there are features."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError(f"frechet_distance: {name} holds numbers that are not finite.")
    return values
