"""Digits on demand, and digits with holes: two VAEs of data with parts, on the 8 x 8 digits.

The first draws the digit that it is asked for: the label is the context of prior, posterior and
likelihood. The second never sees three pixels in ten: a mask says which, the likelihood ignores
them, and the reconstruction fills them in.

python examples/conditional_digits.py [--epochs 100] [--out conditional_digits.png]
"""

import argparse

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from kelbo import distributions as kd
from kelbo import layers as kl

INDICATORS = np.eye(10, dtype="float32")


def network() -> keras.Model:
    """From a context with parts to features."""
    return keras.Sequential([kl.ConcatenateParts(), keras.layers.Dense(128, "relu")])


def fitted(vae: kb.models.VAE, data: dict[str, np.ndarray], rate: float, epochs: int) -> float:
    """Fits a model, and returns its last loss in nats."""
    vae.compile(keras.optimizers.Adam(rate))
    return vae.fit(data, epochs=epochs, batch_size=50, verbose=0).history["loss"][-1]


def conditional() -> kb.models.VAE:
    """p(z | label), p(x | z, label) and q(z | x, label)."""
    return kb.models.VAE(
        prior=kl.ConditionalNormal((2,)),
        likelihood=kl.ConditionalContinuousBernoulli((64,), network()),
        posterior=kl.ConditionalNormal((2,), network()),
        seed=0,
    )


def imputing() -> kb.models.VAE:
    """p(z), p(x | z) and q(z | x, mask)."""
    return kb.models.VAE(
        prior=kd.Normal.standard((8,)),
        likelihood=kl.ConditionalNormal((64,), keras.layers.Dense(128, "relu")),
        posterior=kl.ConditionalNormal((8,), network()),
        seed=0,
    )


def draw(drawn: np.ndarray, rows: dict[str, np.ndarray], out: str) -> None:
    """Draws of each digit; below, digits as they are, as they were seen, and filled in."""
    figure = Figure(figsize=(7, 6.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(6, 3.6))
    gray = colormaps["gray_r"].with_extremes(bad="#e69f00")
    above.suptitle("asked for 0 to 9")
    for panel, image in zip(above.subplots(6, 10).flat, drawn, strict=True):
        panel.imshow(image.reshape(8, 8), cmap=gray, vmin=0, vmax=1)
        panel.set_axis_off()
    below.suptitle("a digit, what was seen of it (orange is missing), and its reconstruction")
    for panels, images in zip(below.subplots(3, 10), rows.values(), strict=True):
        for panel, image in zip(panels, images, strict=True):
            panel.imshow(image.reshape(8, 8), cmap=gray, vmin=0, vmax=1)
            panel.set_axis_off()
    figure.savefig(out, dpi=110)


def main(epochs: int, out: str) -> dict[str, float]:
    """Fits both models and draws them; returns what a classifier and a column mean say of them."""
    keras.utils.set_random_seed(0)
    digits = load_digits()
    x = (digits.images / 16).astype("float32").reshape(-1, 64)
    vae = conditional()
    found = {
        "loss": fitted(vae, {"x": x, "context": INDICATORS[digits.target]}, 1e-2, epochs),
    }
    asked = np.tile(np.arange(10), 60)
    drawn = vae.sample(600, seed=0, context=INDICATORS[asked])
    judge = SVC().fit(x, digits.target)
    found["share of draws that are the digit asked for"] = float(
        np.mean(judge.predict(drawn) == asked)
    )

    mask = np.random.default_rng(0).uniform(size=x.shape) < 0.7
    seen = np.where(mask, x, np.nan)
    filling = imputing()
    found["loss with missing pixels"] = fitted(filling, {"x": seen, "mask": mask}, 3e-3, epochs)
    filled = filling.reconstruct({"x": seen, "mask": mask})
    for name, guess in (("reconstruction", filled), ("column mean", np.nanmean(seen, axis=0))):
        squares = np.square(x - guess)[~mask]
        found[f"error of missing pixels, {name}"] = float(np.sqrt(squares.mean()))
    draw(drawn[:60], {"digits": x[:10], "seen": seen[:10], "filled": filled[:10]}, out)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--out", default="conditional_digits.png", help="the picture")
    arguments = parser.parse_args()
    print(main(arguments.epochs, arguments.out))
