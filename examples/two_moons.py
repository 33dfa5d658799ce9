"""Two moons: densities fitted by a spline coupling flow and by a masked autoregressive flow.

python examples/two_moons.py [--epochs 60] [--out two_moons.png]
"""

import argparse

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

from kelbo import distributions as kd
from kelbo import layers as kl


def moons(examples: int, seed: int) -> np.ndarray:
    """Points on two half circles, of mean 0 and about unit spread."""
    x = make_moons(examples, noise=0.07, random_state=seed)[0]
    return ((x - [0.5, 0.25]) / [0.87, 0.5]).astype("float32")


def network() -> keras.Model:
    """From the entry that passes a coupling to features."""
    return keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")])


def flows() -> dict[str, kl.Flow]:
    """The two flows, by name."""
    couplings = [
        kl.SplineCoupling((2,), network(), mask=("first", "last")[i % 2]) for i in range(5)
    ]
    masked = [kl.MaskedAutoregressive((2,), hidden=(64, 64)) for _ in range(5)]
    # Both layers keep the first entry apart: the order is turned between two of them.
    turned = [piece for layer in masked for piece in (layer, kl.Permutation((2,)))]
    return {
        "spline coupling": kl.Flow(kd.Normal.standard((2,)), couplings),
        "masked autoregressive": kl.Flow(kd.Normal.standard((2,)), turned),
    }


def draw(models: dict[str, kb.models.DensityEstimator], data: np.ndarray, out: str) -> None:
    """The data, and for each model its draws and its density."""
    axis = np.linspace(-2.6, 2.6, 300, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = figure.subplots(2, 3)
    for row, (name, model) in zip(panels, models.items(), strict=True):
        density = np.exp(model.log_prob(grid)).reshape(300, 300)
        row[0].scatter(*data.T, s=1, color="0.4")
        row[0].set_title("data")
        row[1].scatter(*model.sample(len(data), seed=0).T, s=1, color="#0072b2")
        row[1].set_title(f"draws: {name}")
        row[2].imshow(density, origin="lower", extent=[-2.6, 2.6, -2.6, 2.6], cmap="magma")
        row[2].set_title(f"density: {name}")
    for panel in panels.flat:
        panel.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xticks=[], yticks=[])
    figure.savefig(out, dpi=110)


def main(epochs: int, out: str) -> dict[str, float]:
    """Fits both flows, draws them, and returns their losses on fresh points, in nats."""
    keras.utils.set_random_seed(0)
    x_train, x_test = moons(5000, seed=0), moons(5000, seed=1)
    models, losses = {}, {}
    for name, flow in flows().items():
        model = kb.models.DensityEstimator(flow, seed=0)
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, epochs * 50))
        )
        model.fit(x_train, epochs=epochs, batch_size=100, verbose=0)
        losses[f"{name}: test loss"] = float(-model.log_prob(x_test).mean())
        models[name] = model
    draw(models, x_train, out)
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", default="two_moons.png", help="the picture")
    arguments = parser.parse_args()
    print(main(arguments.epochs, arguments.out))
