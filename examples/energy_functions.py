"""Flows fitted to the four energy functions of Rezende and Mohamed (2015, table 1).

Each is an unnormalised density exp(-U(z)). A flow is fitted to it by the reverse divergence, from
draws of the flow alone: E[log q(z) + U(z)] is minimised, the free energy. Two flows: planar maps,
as in the paper, and a spline coupling flow.

python examples/energy_functions.py [--epochs 200] [--out energy_functions.png]
"""

import argparse
import math

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


def square(x):
    return -0.5 * ops.square(x)


def wave(z):
    """w1 of the paper."""
    return ops.sin(0.5 * math.pi * z[..., 0])


def bump(z):
    """w2 of the paper."""
    return 3.0 * ops.exp(square((z[..., 0] - 1.0) / 0.6))


def step(z):
    """w3 of the paper."""
    return 3.0 * ops.sigmoid((z[..., 0] - 1.0) / 0.3)


def ring(z):
    """U1: a ring with two weights on it."""
    radius = ops.sqrt(ops.sum(ops.square(z), axis=-1) + 1e-12)
    sides = [square((z[..., 0] - side) / 0.6) for side in (2.0, -2.0)]
    return -square((radius - 2.0) / 0.4) - ops.logaddexp(*sides)


def single(z):
    """U2: a wave."""
    return -square((z[..., 1] - wave(z)) / 0.4)


def forked(z):
    """U3: a wave that parts in two."""
    one, other = z[..., 1] - wave(z), z[..., 1] - wave(z) + bump(z)
    return -ops.logaddexp(square(one / 0.35), square(other / 0.35))


def torn(z):
    """U4: a wave with a step beside it."""
    one, other = z[..., 1] - wave(z), z[..., 1] - wave(z) + step(z)
    return -ops.logaddexp(square(one / 0.4), square(other / 0.35))


ENERGIES = {"U1": ring, "U2": single, "U3": forked, "U4": torn}


def wall(z):
    """The waves go on for ever along z1, and have no integral: a soft wall ends them."""
    return 0.5 * ops.square(ops.maximum(ops.abs(z[..., 0]) - WINDOW + 0.25, 0.0) / 0.1)


class FreeEnergy(kb.training.FusedTrainer, keras.Model):
    """A flow that is fitted to exp(-energy); what it is fitted on are the places of its draws."""

    def __init__(self, flow: kl.Flow, energy, annealed_steps: int, seed: int = 0):
        super().__init__()
        self.flow, self.energy, self.annealed_steps = flow, energy, annealed_steps
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
        self.init_trainer()

    def build(self, input_shape):
        self.flow.build(None)
        self.built = True

    def call(self, places, training=False):
        # The energy comes in bit by bit (equation 20 of the paper): so that no mode is left out.
        weight = 1.0
        if training:
            self.steps.assign_add(1.0)
            weight = ops.minimum(1.0, 0.01 + self.steps / self.annealed_steps)
        z, log_prob = self.flow.given().sample_and_log_prob(
            (ops.shape(places)[0],), self.seed_generator
        )
        return log_prob + weight * (self.energy(z) + wall(z))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred)


def flows() -> dict[str, kl.Flow]:
    """The two flows, by name."""

    def network():
        return keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")])

    couplings = [
        kl.SplineCoupling((2,), network(), mask=("first", "last")[i % 2], bins=12, bound=5.0)
        for i in range(6)
    ]
    return {
        "planar, 32 maps": kl.Flow(
            kd.Normal.standard((2,)), [kl.PlanarFlow((2,)) for _ in range(32)]
        ),
        "spline coupling, 6 layers": kl.Flow(kd.Normal.standard((2,)), couplings),
    }


def main(epochs: int, out: str) -> dict[str, float]:
    """Fits both flows to each energy, draws them, and returns the free energies in nats.

    A free energy is at least minus the logarithm of the integral of exp(-energy), which is printed
    beside it, by quadrature; the difference is the divergence that is left.
    """
    keras.utils.set_random_seed(0)
    axis = np.linspace(-WINDOW, WINDOW, 200, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    wide = np.linspace(-8.0, 8.0, 801, dtype="float32")
    wide_grid = np.stack(np.meshgrid(wide, wide), axis=-1)
    places = np.zeros((BATCH * STEPS_PER_EPOCH, 1), "float32")
    figure = Figure(figsize=(7, 9.6), layout="constrained")
    panels = figure.subplots(len(ENERGIES), 3)
    results = {}
    for row, (energy_name, energy) in zip(panels, ENERGIES.items(), strict=True):
        density = ops.convert_to_numpy(ops.exp(-energy(grid) - wall(grid)))
        pictures = {f"{energy_name}: target": density}
        integral = ops.sum(ops.exp(-energy(wide_grid) - wall(wide_grid))) * 0.02**2
        results[f"{energy_name}: least loss"] = -math.log(float(integral))
        for name, flow in flows().items():
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
    parser.add_argument("--out", default="energy_functions.png", help="the picture")
    arguments = parser.parse_args()
    for name, value in main(arguments.epochs, arguments.out).items():
        print(f"{name}: {value:.3f}")
