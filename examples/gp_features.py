"""How near random features come to a kernel: the relative error in the norm of Frobenius.

The squared exponential of the rows of three data sets of scikit-learn, standardised, at length
scales 1, 1/4 and 1/16, by features whose frequencies are drawn, orthogonal, quasi-random (Sobol),
or on a grid of Gauss and Hermite. Printed is the root of the mean of the squared error over the
seeds, by number of features. A grid is there where at least two nodes in each column fit.
"""

import argparse

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import numpy as np

from kelbo import ops
from sklearn import datasets

DATA = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
}
LENGTH_SCALES = {"1": 1.0, "1/4": 0.25, "1/16": 0.0625}
HOW = ("random", "orthogonal", "sobol", "quadrature")


def relative_error(x: np.ndarray, length_scale: float, how: str, count: int, seeds: int) -> str:
    """The error over the seeds, or a dash where there are no such features."""
    kernel = kb.gp.kernels.RBF(length_scale)
    expected = ops.convert_to_numpy(kernel(x))
    errors = []
    for seed in range(1 if how == "quadrature" else seeds):
        try:
            features = kb.gp.random_features.fourier(kernel, x.shape[1], count, how, seed)
        except ValueError:  # the grid is larger than that
            return "-"
        phi = ops.convert_to_numpy(features(x))
        errors.append(np.linalg.norm(phi @ phi.T - expected) / np.linalg.norm(expected))
    return f"{np.sqrt(np.mean(np.square(errors))):.3g}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    print("| data | length scale | features |", " | ".join(HOW), "|")
    print("| --- | --- | --- |", " | ".join(["---"] * len(HOW)), "|")
    for name in options.data:
        x = DATA[name]().data
        x = (x - x.mean(0)) / x.std(0)
        for label, length_scale in LENGTH_SCALES.items():
            for count in options.counts:
                row = [relative_error(x, length_scale, how, count, options.seeds) for how in HOW]
                print(f"| {name} | {label} | {count} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
