"""Regression that says how sure it is: noise in the data, and what the network does not know.

The data and the cases of the tutorial "Regression with probabilistic layers in TensorFlow
Probability" (2019), without its Gaussian process: a sine whose noise grows with x, and models of

1. no uncertainty: a mean alone; the noise is given, and is the same everywhere;
2. aleatoric uncertainty: the noise of y is learned too, as a function of x;
3. epistemic uncertainty: the weights have a posterior, whose spread is what the data leave open;
4. both, in a network that can bend.

The first two are written with `models.ConditionalDensity`, the others as plain Keras models with
`losses.NegativeLogLikelihood`.

    python examples/probabilistic_regression.py [--epochs 3000] [--output regression.png]
"""

import argparse
from collections.abc import Callable
from typing import Any

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np
from matplotlib.figure import Figure

from kelbo import layers as kl
from kelbo.losses import NegativeLogLikelihood

LOW, HIGH = -20.0, 60.0
EXAMPLES = 150
DRAWS = 200
GIVEN_NOISE = {"scale_diag": [2.0]}

Predict = Callable[[Any], kb.distributions.Distribution]


def load_data(seed: int = 43) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of the tutorial: y = x (1 + sin x) / 8 + 5, and noise that grows with x."""
    generator = np.random.RandomState(seed)
    x = (HIGH - LOW) * generator.rand(EXAMPLES) + LOW
    noise = 3.0 * (0.25 + ((x - LOW) / (HIGH - LOW)) ** 2)
    y = 0.125 * x * (1.0 + np.sin(x)) + 5.0 + noise * generator.randn(EXAMPLES)
    return x[:, None].astype("float32"), y[:, None].astype("float32")


def standardized(x: np.ndarray) -> np.ndarray:
    """X in units in which the data lie between -1.7 and 1.7."""
    return (x - 0.5 * (LOW + HIGH)) / (HIGH - LOW) * np.sqrt(12.0).astype("float32")


def bayesian(units: int, activation: str | None = None) -> keras.layers.Layer:
    """A dense layer with a posterior; its divergence counts once for the whole of the data."""
    prior = kb.distributions.Normal(0.0, 3.0)
    return kl.DenseVariational(
        units, activation, kl_weight=1 / EXAMPLES, prior=prior, bias="variational"
    )


def fit(model: keras.Model, x: Any, y: Any, epochs: int, **settings: Any) -> None:
    """Trains on all of the data in each step, with a learning rate that falls to 0."""
    schedule = keras.optimizers.schedules.CosineDecay(0.02, epochs)
    model.compile(keras.optimizers.Adam(schedule), **settings)
    model.fit(x, y, batch_size=EXAMPLES, epochs=epochs, verbose=0)


def with_conditional(conditional: kl.Conditional, x: Any, y: Any, epochs: int) -> Predict:
    """Fits a conditional density; returns what predicts the distributions of y."""
    model = kb.models.ConditionalDensity(conditional, seed=0)
    fit(model, x, y, epochs)
    return lambda grid: model.predict_draws(grid, DRAWS)


def with_loss(loss: NegativeLogLikelihood, hidden: list, x: Any, y: Any, epochs: int) -> Predict:
    """Fits a plain Keras model, whose last layer returns the raw parameters."""
    model = keras.Sequential([keras.Input((1,)), *hidden, bayesian(loss.parameter_size)])
    fit(model, x, y, epochs, loss=loss)
    return lambda grid: loss.distribution(kb.models.predict_draws(model, grid, DRAWS))


def fit_all(x: Any, y: Any, epochs: int) -> dict[str, Predict]:
    """The four cases, by title."""
    given = kl.ConditionalMultivariateNormalDiag((1,), fixed=GIVEN_NOISE)
    normal = kl.ConditionalNormal((1,))
    return {
        "No uncertainty": with_conditional(given, x, y, epochs),
        "Aleatoric: noise in the data": with_conditional(normal, x, y, epochs),
        "Epistemic: what the weights leave open": with_loss(
            NegativeLogLikelihood(kl.ConditionalMultivariateNormalDiag((1,), fixed=GIVEN_NOISE)),
            [],
            x,
            y,
            epochs,
        ),
        "Both, in a network that bends": with_loss(
            NegativeLogLikelihood(kb.distributions.Normal, (1,)),
            [keras.layers.Dense(32, "tanh"), keras.layers.Dense(32, "tanh")],
            x,
            y,
            epochs,
        ),
    }


def picture(cases: dict[str, Predict], x: np.ndarray, y: np.ndarray) -> Figure:
    """Each case: the data, and mean, noise and spread of the mean as functions of x."""
    grid = np.linspace(LOW - 20, HIGH + 20, 241, dtype="float32")[:, None]
    figure = Figure((9.0, 6.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    for panel, (title, predict) in zip(panels, cases.items(), strict=True):
        predicted = predict(standardized(grid))
        means = kb.ops.convert_to_numpy(predicted.mean())[..., 0]
        variance = kb.ops.convert_to_numpy(predicted.variance())[..., 0].mean(axis=0)
        mean, spread = means.mean(axis=0), means.std(axis=0)
        line = grid[:, 0]
        shows = title.lower()
        panel.axvspan(LOW, HIGH, color="#f3f5f7", zorder=0)
        panel.plot(x[:, 0], y[:, 0], ".", color="#6a737d", markersize=4, label="data")
        if "aleatoric" in shows or "both" in shows:
            noise = 2 * np.sqrt(variance + spread**2)
            panel.fill_between(
                line,
                mean - noise,
                mean + noise,
                color="#0072b2",
                alpha=0.15,
                lw=0,
                label="2 standard deviations of y",
            )
        if "epistemic" in shows or "both" in shows:
            panel.plot(line, means[:12].T, color="#d55e00", alpha=0.3, lw=0.7)
            panel.fill_between(
                line,
                mean - 2 * spread,
                mean + 2 * spread,
                color="#d55e00",
                alpha=0.25,
                lw=0,
                label="2 standard deviations of the mean",
            )
        panel.plot(line, mean, color="#1f2328", lw=1.5, label="mean")
        panel.set_title(title, loc="left", fontsize=10)
        panel.legend(loc="upper left", fontsize=7, frameon=False)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[2:]:
        panel.set_xlabel("x (data in the grey part)")
    panels[0].set_ylim(-15, 35)
    return figure


def main(epochs: int, output: str) -> None:
    """Fits the four cases, prints the loss of each and writes the picture."""
    keras.utils.set_random_seed(0)
    x, y = load_data()
    cases = fit_all(standardized(x), y, epochs)
    for title, predict in cases.items():
        # The density under the average over the draws of the network.
        log_probs = kb.ops.logsumexp(predict(standardized(x)).log_prob(y), axis=0) - np.log(DRAWS)
        print(f"{title}: loss {-float(kb.ops.mean(log_probs)):.3f} nats per example")
    print("wrote", kb.plots.save(picture(cases, x, y), output))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=3000)
    parser.add_argument("--output", default="regression.png")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.output)
