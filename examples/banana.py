"""The banana: a correlated normal vector, bent by a bijector that is written twice.

The bijector (x1, x2) -> (x1, x2 - x1^2 - 1) has the log-determinant 0. It is written once as a
subclass of `Bijector`, which can be saved and hold parameters, and once inline, from three
functions. `Transformed` makes draws and densities of either.

python examples/banana.py [--output banana.png] [--draws 1000] [--points 300]
"""

import argparse
from typing import Any

import kelbo  # noqa: F401, before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import matplotlib.pyplot as plt
import numpy as np

from kelbo import bijectors, ops
from kelbo import distributions as kd
from kelbo.parameters import constraints

CORRELATION = 0.95
# Where the densities are drawn: the range of the first and of the second entry.
STRAIGHT, BENT = ((-4.0, 4.0), (-4.0, 4.0)), ((-4.0, 4.0), (-15.0, 2.0))


@keras.saving.register_keras_serializable(package="examples")
class Banana(bijectors.Bijector):
    """(x1, x2) -> (x1, x2 - x1^2 - 1)."""

    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.real_vector

    def _forward_and_log_det(self, x):
        return bend(x), ops.zeros_like(x[..., 0])

    def _inverse_and_log_det(self, y):
        return straighten(y), ops.zeros_like(y[..., 0])


def bend(x: Any) -> Any:
    """The map."""
    return ops.stack([x[..., 0], x[..., 1] - x[..., 0] ** 2 - 1.0], axis=-1)


def straighten(y: Any) -> Any:
    """The way back."""
    return ops.stack([y[..., 0], y[..., 1] + y[..., 0] ** 2 + 1.0], axis=-1)


def make_bananas() -> tuple[kd.Distribution, kd.Distribution, kd.Distribution]:
    """The distribution before it is bent, and after: by the subclass, and inline."""
    covariance = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]], "float32")
    straight = kd.MultivariateNormalTriL(np.zeros(2, "float32"), np.linalg.cholesky(covariance))
    inline = bijectors.Inline(forward=bend, inverse=straighten, log_det=lambda x: 0.0, event_rank=1)
    return straight, kd.Transformed(straight, Banana()), kd.Transformed(straight, inline)


def density_on_grid(distribution: kd.Distribution, window: tuple, points: int) -> tuple:
    """Both axes of a grid of points x points, and the density there."""
    x, y = (np.linspace(*ends, points, dtype="float32") for ends in window)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    return x, y, np.exp(ops.convert_to_numpy(distribution.log_prob(grid)))


def draw(axes: Any, name: str, distribution: kd.Distribution, window: tuple, options: Any) -> None:
    """Filled contours of the density, and draws over them."""
    x, y, density = density_on_grid(distribution, window, options.points)
    # Each contour bounds half of the density of the one inside it: the tails are seen too.
    levels = density.max() * 0.5 ** np.arange(12.0)[::-1]
    axes.contourf(x, y, density, levels, cmap="Blues", norm="log", extend="max")
    samples = ops.convert_to_numpy(distribution.sample((options.draws,), seed=0))
    axes.scatter(*samples.T, s=3, color="#d55e00", linewidths=0)
    axes.set(xlabel=f"${name}_1$", ylabel=f"${name}_2$")
    axes.set(xlim=window[0], ylim=window[1])


def main() -> None:
    """Draws the picture, and prints how far the two bananas are apart."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", default="banana.png", help="where the picture goes")
    parser.add_argument("--draws", type=int, default=1000, help="how many draws are shown")
    parser.add_argument("--points", type=int, default=300, help="points along a side of the grid")
    options = parser.parse_args()

    straight, banana, inline = make_bananas()
    x, y, density = density_on_grid(banana, BENT, options.points)
    mass = density.sum() * (x[1] - x[0]) * (y[1] - y[0])
    difference = np.abs(density - density_on_grid(inline, BENT, options.points)[2]).max()
    print(f"mass of the density on the grid: {mass:.4f}")
    print(f"largest difference of the two densities: {difference:.2g}")

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.5), layout="constrained")
    draw(left, "x", straight, STRAIGHT, options)
    left.set_title(f"Normal vectors, correlation {CORRELATION}")
    draw(right, "y", banana, BENT, options)
    right.set_title("Bent: $y = (x_1, x_2 - x_1^2 - 1)$")
    figure.savefig(options.output, dpi=120)
    print(f"picture: {options.output}")


if __name__ == "__main__":
    main()
