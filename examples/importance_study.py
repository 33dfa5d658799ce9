"""Bounds and gradient estimators side by side, by the protocols of two papers.

`burda`: binarised MNIST (Burda et al., 2016, section 5). Pixels are drawn anew as Bernoulli
variables whenever they are seen; 784-200-200-50 and back, tanh; the bias of the output starts at
the data's logit; Adam, batch 100. The published schedule has 3280 passes; here all methods get the
same short one.

`li_turner`: Frey faces (Li and Turner, 2016, section 5.3): 560-200-20 and back, softplus, a normal
likelihood with a mean through a sigmoid and a standard deviation per pixel; Adam at 0.0005, batch
100, 5 samples; mean and standard error over 10-fold cross-validation. The paper does not say how
many passes it took.

Printed are the importance-sampled test log-likelihood (5000 samples), the training loss at the end,
and the active units, one row per method. Each fit that is done is kept in a file: started again,
the study goes on.

    python examples/importance_study.py [burda | li_turner] [--epochs N] [--only METHOD]
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np
from sklearn.model_selection import KFold

from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko

Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Protocol:
    """What a paper did: objectives by name, the model, training and test sets, how long."""

    methods: dict[str, ko.Objective]
    model: Callable[[np.ndarray, int], kb.models.VAE]
    splits: Callable[[int | None, int | None], Splits]
    epochs: int


def network(units: int, activation: str, layers: int) -> keras.Sequential:
    """Hidden layers of one size."""
    return keras.Sequential([keras.layers.Dense(units, activation) for _ in range(layers)])


def burda_model(x_train: np.ndarray, seed: int) -> kb.models.VAE:
    """784-200-200-50 and back, for binary pixels."""
    keras.utils.set_random_seed(seed)
    model = kb.models.VAE(
        prior=kd.Normal.standard((50,)),
        likelihood=kl.ConditionalBernoulli((784,), network(200, "tanh", 2)),
        posterior=kl.ConditionalNormal((50,), network(200, "tanh", 2)),
        preprocessing=kl.StochasticBinarization(seed=seed),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(1e-3, epsilon=1e-4))
    model.build((None, 784))
    mean = np.clip(x_train.mean(0), 1e-3, 1 - 1e-3)
    model.likelihood.heads["logits"].bias.assign(np.log(mean / (1 - mean)))
    return model


def burda_splits(examples: int | None, images: int | None) -> Splits:
    """MNIST as it is published; the first 2000 test images unless told otherwise."""
    data = kb.datasets.load("mnist")
    x_train, x_test = data.x_train[:examples], data.x_test[: images or 2000]
    return [(x_train.reshape(-1, 784), x_test.reshape(-1, 784))]


def li_turner_model(x_train: np.ndarray, seed: int) -> kb.models.VAE:
    """560-200-20 and back, for pixels in [0, 1]."""
    keras.utils.set_random_seed(seed)
    model = kb.models.VAE(
        prior=kd.Normal.standard((20,)),
        likelihood=kl.ConditionalNormal(
            (560,), network(200, "softplus", 1), scale="log_variance", loc_activation="sigmoid"
        ),
        posterior=kl.ConditionalNormal((20,), network(200, "softplus", 1), scale="log_variance"),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(5e-4))
    return model


def li_turner_splits(examples: int | None, images: int | None) -> Splits:
    """Ten folds of Frey faces."""
    x = kb.datasets.load("frey_faces").x_train.reshape(-1, 560)
    folds = KFold(10, shuffle=True, random_state=0).split(x)
    return [(x[train][:examples], x[test][:images]) for train, test in folds]


PROTOCOLS = {
    "burda": Protocol(
        {
            "ELBO": ko.ELBO(),
            "ELBO, 5 samples": ko.ELBO(5),
            "ELBO, 5 samples, sticking the landing": ko.ELBO(
                5, "monte_carlo", "sticking_the_landing"
            ),
            "IWELBO, 5 samples": ko.IWELBO(5),
            "IWELBO, 5 samples, DReG": ko.IWELBO(5, "doubly_reparameterized"),
            "Renyi 0.5, 5 samples": ko.RenyiBound(0.5, 5),
            "VR-max, 5 samples": ko.RenyiBound(-math.inf, 5),
            "IWELBO, 50 samples": ko.IWELBO(50),
            "IWELBO, 50 samples, DReG": ko.IWELBO(50, "doubly_reparameterized"),
            "IWELBO, 50 samples, sticking the landing": ko.IWELBO(50, "sticking_the_landing"),
        },
        burda_model,
        burda_splits,
        epochs=20,
    ),
    "li_turner": Protocol(
        {
            "ELBO, 5 samples": ko.ELBO(5, "monte_carlo"),
            "Renyi 0.5, 5 samples": ko.RenyiBound(0.5, 5),
            "IWELBO, 5 samples": ko.IWELBO(5),
            "VR-max, 5 samples": ko.RenyiBound(-math.inf, 5),
        },
        li_turner_model,
        li_turner_splits,
        epochs=300,
    ),
}


@dataclass(frozen=True)
class Settings:
    """What a result depends on beside its protocol and method."""

    epochs: int
    samples: int
    examples: int | None
    images: int | None
    seed: int


def fit(
    model: kb.models.VAE, x_train: np.ndarray, x_test: np.ndarray, settings: Settings
) -> dict[str, float | list[float]]:
    """Trains a model and judges it."""
    start = time.perf_counter()
    history = model.fit(x_train, epochs=settings.epochs, batch_size=100, verbose=0)
    seconds = (time.perf_counter() - start) / settings.epochs
    found = model.log_likelihood(x_test, samples=settings.samples, seed=settings.seed)
    return {
        "log_likelihood": float(found.mean()),
        "standard_error": float(found.std() / math.sqrt(len(found))),
        "loss": float(history.history["loss"][-1]),
        "active_units": kb.evaluation.active_units(model, x_test).count,
        "seconds_per_epoch": seconds,
    }


def saved(path: Path) -> dict[str, dict[str, float]]:
    """What was found before, by protocol, method, split and settings."""
    return json.loads(path.read_text()) if path.is_file() else {}


def run(
    protocol: str, name: str, settings: Settings, folds: int | None, out: Path
) -> dict[str, float]:
    """Means over the splits, and the standard error over them, or over images if there is one."""
    how = PROTOCOLS[protocol]
    rows = []
    splits = how.splits(settings.examples, settings.images)[:folds]
    for fold, (x_train, x_test) in enumerate(splits):
        key = json.dumps([protocol, name, fold, asdict(settings)])
        done = saved(out)
        if key not in done:
            model = how.model(x_train, settings.seed)
            model.objective = how.methods[name]
            row = fit(model, x_train, x_test, settings)
            done = {**saved(out), key: row}
            out.parent.mkdir(parents=True, exist_ok=True)
            part = out.with_suffix(".part")
            part.write_text(json.dumps(done, indent=1))
            part.replace(out)
            print(f"# {name}, split {fold}: log p(x) {row['log_likelihood']:.2f} nats", flush=True)
        rows.append(done[key])
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    if len(rows) > 1:
        values = np.array([row["log_likelihood"] for row in rows])
        means["standard_error"] = float(values.std(ddof=1) / math.sqrt(len(values)))
    return means


def main() -> None:
    """Runs what is not done yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("protocol", nargs="?", choices=PROTOCOLS, default="burda")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--samples", type=int, default=5000, help="of the log-likelihood")
    parser.add_argument("--examples", type=int, default=None, help="of each training set")
    parser.add_argument("--images", type=int, default=None, help="of each test set")
    parser.add_argument("--folds", type=int, default=None, help="at most so many splits")
    parser.add_argument("--only", action="append", default=None, help="a method, by its name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/importance_study.json"))
    options = parser.parse_args()
    protocol = PROTOCOLS[options.protocol]
    settings = Settings(
        options.epochs or protocol.epochs,
        *(options.samples, options.examples, options.images, options.seed),
    )
    names = options.only or list(protocol.methods)
    unknown = sorted(set(names) - set(protocol.methods))
    if unknown:
        parser.error(f"--only: {unknown[0]!r} is none of {', '.join(protocol.methods)}")
    rows = {
        name: run(options.protocol, name, settings, options.folds, options.out) for name in names
    }
    print("\n| method | log p(x), nats | loss at the end | active units | s per epoch |")
    print("| --- | --- | --- | --- | --- |")
    for name, row in rows.items():
        print(
            f"| {name} | {row['log_likelihood']:.2f} ± {row['standard_error']:.2f} "
            f"| {row['loss']:.2f} | {row['active_units']:.1f} | {row['seconds_per_epoch']:.2f} |"
        )


if __name__ == "__main__":
    main()
