"""Flows fitted to the four energy functions of Rezende and Mohamed (2015, table 1).

Each is an unnormalised density exp(-U(z)). A flow is fitted to it by the reverse divergence, from
draws of the flow alone: E[log q(z) + U(z)] is minimised, the free energy. Two flows: planar maps,
as in the paper, and a spline coupling flow.

python examples/energy_functions.py [--epochs 200] [--energies U1 U4] [--out picture.png]
"""

import argparse
import math
from collections.abc import Callable
from typing import Any

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np
from matplotlib.figure import Figure

from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops

WINDOW = 4.0
BATCH, STEPS_PER_EPOCH = 256, 50


def square(x: Any) -> Any:
    """The logarithm of a normal density, up to a constant."""
    return -0.5 * ops.square(x)


def wave(z: Any) -> Any:
    """w1 of the paper."""
    return ops.sin(0.5 * math.pi * z[..., 0])


def bump(z: Any) -> Any:
    """w2 of the paper."""
    return 3.0 * ops.exp(square((z[..., 0] - 1.0) / 0.6))


def step(z: Any) -> Any:
    """w3 of the paper."""
    return 3.0 * ops.sigmoid((z[..., 0] - 1.0) / 0.3)


def ring(z: Any) -> Any:
    """U1: a ring with two weights on it."""
    radius = ops.sqrt(ops.sum(ops.square(z), axis=-1) + 1e-12)
    sides = [square((z[..., 0] - side) / 0.6) for side in (2.0, -2.0)]
    return -square((radius - 2.0) / 0.4) - ops.logaddexp(*sides)


def single(z: Any) -> Any:
    """U2: a wave."""
    return -square((z[..., 1] - wave(z)) / 0.4)


def split(z: Any) -> Any:
    """U3: a wave that parts in two, and meets again."""
    one, other = z[..., 1] - wave(z), z[..., 1] - wave(z) + bump(z)
    return -ops.logaddexp(square(one / 0.35), square(other / 0.35))


def forked(z: Any) -> Any:
    """U4: a wave that parts in two for good."""
    one, other = z[..., 1] - wave(z), z[..., 1] - wave(z) + step(z)
    return -ops.logaddexp(square(one / 0.4), square(other / 0.35))


ENERGIES = {"U1": ring, "U2": single, "U3": split, "U4": forked}


def wall(z: Any) -> Any:
    """The waves go on for ever along z1, and have no integral: a soft wall ends them."""
    return 0.5 * ops.square(ops.maximum(ops.abs(z[..., 0]) - WINDOW + 0.25, 0.0) / 0.1)


class FreeEnergy(kb.training.FusedTrainer, keras.Model):
    """A flow that is fitted to exp(-energy); what it is fitted on are the places of its draws."""

    def __init__(self, flow: kl.Flow, energy: Callable, annealed_steps: int, seed: int = 0):
        super().__init__()
        self.flow, self.energy, self.annealed_steps = flow, energy, annealed_steps
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
        self.init_trainer()

    def build(self, input_shape: tuple) -> None:
        """Builds the flow."""
        self.flow.build(None)
        self.built = True

    def call(self, places: Any, training: bool = False) -> Any:
        """The free energy at a draw for each of the places."""
        # The energy comes in bit by bit (equation 20 of the paper), so that no mode is left out;
        # from a tenth on, so that no draw goes where the splines end.
        weight = 1.0
        if training:
            self.steps.assign_add(1.0)
            weight = ops.minimum(1.0, 0.1 + self.steps / self.annealed_steps)
        z, log_prob = self.flow.given().sample_and_log_prob(
            (ops.shape(places)[0],), self.seed_generator
        )
        return log_prob + weight * self.energy(z) + wall(z)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        """The mean free energy."""
        return ops.mean(y_pred)


def flows(maps: int) -> dict[str, kl.Flow]:
    """The two flows, by name; the planar one of so many maps."""

    def network():
        return keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")])

    couplings = [
        kl.SplineCoupling((2,), network(), mask=("first", "last")[i % 2], bins=12, bound=5.0)
        for i in range(6)
    ]
    return {
        f"planar, {maps} maps": kl.Flow(
            kd.Normal.standard((2,)), [kl.PlanarFlow((2,)) for _ in range(maps)]
        ),
        "spline coupling, 6 layers": kl.Flow(kd.Normal.standard((2,)), couplings),
    }


def main(epochs: int, out: str, names: list[str], maps: int) -> dict[str, float]:
    """Fits both flows to each of these energies, draws them, and returns the free energies in nats.

    A free energy is at least minus the logarithm of the integral of exp(-energy), which is printed
    beside it, by quadrature; the difference is the divergence that is left.
    """
    keras.utils.set_random_seed(0)
    axis = np.linspace(-WINDOW, WINDOW, 200, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    wide = np.linspace(-8.0, 8.0, 801, dtype="float32")
    wide_grid = np.stack(np.meshgrid(wide, wide), axis=-1)
    places = np.zeros((BATCH * STEPS_PER_EPOCH, 1), "float32")
    figure = Figure(figsize=(7, 2.4 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 3, squeeze=False)
    results = {}
    for row, energy_name in zip(panels, names, strict=True):
        energy = ENERGIES[energy_name]
        density = ops.convert_to_numpy(ops.exp(-energy(grid) - wall(grid)))
        pictures = {f"{energy_name}: target": density}
        integral = ops.sum(ops.exp(-energy(wide_grid) - wall(wide_grid))) * 0.02**2
        results[f"{energy_name}: least loss"] = -math.log(float(integral))
        for name, flow in flows(maps).items():
            model = FreeEnergy(flow, energy, annealed_steps=max(epochs * STEPS_PER_EPOCH // 2, 1))
            schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * STEPS_PER_EPOCH)
            model.compile(keras.optimizers.Adam(schedule, clipnorm=10.0))
            model.fit(places, epochs=epochs, batch_size=BATCH, verbose=0)
            evaluated = model.evaluate(places, batch_size=BATCH, verbose=0, return_dict=True)
            results[f"{energy_name}: loss of {name}"] = evaluated["loss"]
            log_prob = ops.compile(lambda z, f=flow: f.given().log_prob(z), flow.variables)(grid)
            pictures[name] = np.exp(ops.convert_to_numpy(log_prob))
        for panel, (title, picture) in zip(row, pictures.items(), strict=True):
            extent = [-WINDOW, WINDOW, -WINDOW, WINDOW]
            panel.imshow(picture.reshape(200, 200), origin="lower", extent=extent, cmap="magma")
            panel.set(title=title, xticks=[], yticks=[])
    figure.savefig(out, dpi=110)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--energies", nargs="+", choices=ENERGIES, default=list(ENERGIES))
    parser.add_argument("--maps", type=int, default=32, help="of the planar flow")
    parser.add_argument("--out", default="energy_functions.png", help="the picture")
    arguments = parser.parse_args()
    results = main(arguments.epochs, arguments.out, arguments.energies, arguments.maps)
    for name, value in results.items():
        print(f"{name}: {value:.3f}")
