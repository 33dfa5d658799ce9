"""A Gaussian process three ways: exact, sparse with few inducing points, and draws as functions.

Without `--data` on points of a wave with noise; `--data file.npz`, with arrays x (n, 1) and y (n,),
takes others, such as those of Snelson and Ghahramani (2006). Writes gaussian_processes.png.
"""

import argparse
from pathlib import Path

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import matplotlib.pyplot as plt
import numpy as np

from kelbo import ops


def wave(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Noisy values of a wave, with a gap in the midst."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-3, -0.6, count // 2), rng.uniform(0.8, 3, count // 2)])
    return x[:, None], np.sin(2.5 * x) + 0.3 * x + 0.2 * rng.normal(size=count)


def show(axes, title: str, given, x, y, at, inducing=None, draws=None) -> None:
    """Data, mean, and the band of two standard deviations of f and of observations."""
    f, observed = given(at, marginal=True), given(at, marginal=True, observed=True)
    mean, inner, outer = (
        ops.convert_to_numpy(each) for each in (f.mean(), f.stddev(), observed.stddev())
    )
    axes.fill_between(at[:, 0], mean - 2 * outer, mean + 2 * outer, color="#dce6f2", lw=0)
    axes.fill_between(at[:, 0], mean - 2 * inner, mean + 2 * inner, color="#a9c3e3", lw=0)
    axes.plot(at, mean, color="#1f4e8c", lw=1.5)
    axes.plot(x, y, "k.", ms=3)
    if draws is not None:
        axes.plot(at, draws.T, color="#c4572b", lw=0.7, alpha=0.8)
    if inducing is not None:
        axes.plot(inducing, np.full(len(inducing), axes.get_ylim()[0]), "^", color="#c4572b")
    axes.set_title(title, fontsize=10)


def main() -> None:
    """Fits the models, prints their numbers and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--inducing", type=int, default=9)
    options = parser.parse_args()
    x, y = wave()
    if options.data:
        with np.load(options.data) as arrays:
            x, y = arrays["x"], arrays["y"]
    width = np.ptp(x)
    at = np.linspace(x.min() - 0.15 * width, x.max() + 0.15 * width, 300)[:, None]
    z = np.linspace(x.min(), x.max(), options.inducing)[:, None]

    exact = kb.gp.GPRegression(kb.gp.kernels.RBF(), noise_variance=0.1)
    exact.fit(x, y, verbose=0)
    print(f"exact: log marginal likelihood {float(exact.log_marginal_likelihood(x, y)):.3f} nats")

    sparse = kb.gp.SGPR(kb.gp.kernels.RBF(), inducing=z, noise_variance=0.1)
    sparse.fit(x, y, verbose=0)
    low, high = float(sparse.bound(x, y)), float(sparse.upper_bound(x, y))
    print(f"sparse, {options.inducing} points: between {low:.3f} and {high:.3f} nats")

    variational = kb.gp.SVGP(kb.gp.kernels.RBF(), kb.gp.likelihoods.Gaussian(0.1), inducing=z)
    variational.compile(kb.gp.NaturalGradient(keras.optimizers.Adam(0.02), step=0.5))
    history = variational.fit(x, y, batch_size=50, epochs=options.epochs, verbose=0).history
    print(f"variational: loss {history['loss'][-1]:.4f}, bound {variational.bound(x, y):.3f} nats")

    figure, panels = plt.subplots(1, 3, figsize=(12, 3.2), sharey=True, layout="constrained")
    draws = ops.convert_to_numpy(exact.posterior.sample_functions(5, seed=0)(at))
    show(panels[0], "exact, and five draws", exact.given, x, y, at, draws=draws)
    places = ops.convert_to_numpy(sparse.inducing.values())
    show(panels[1], f"SGPR, {len(z)} inducing points", sparse.given, x, y, at, places)
    places = ops.convert_to_numpy(variational.inducing.values())
    show(panels[2], f"SVGP, {len(z)} inducing points", variational.given, x, y, at, places)
    figure.savefig("gaussian_processes.png", dpi=130)


if __name__ == "__main__":
    main()
