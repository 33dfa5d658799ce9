"""Bounds and gradient estimators on binarised MNIST, by the protocol of Burda et al. (2016).

Pixels are drawn anew as Bernoulli variables whenever they are seen; 784-200-200-50 and back, tanh;
the bias of the output starts at the data's logit; Adam. All methods get the same short schedule.
Printed are the importance-sampled test log-likelihood (5000 samples), the training loss at the end,
and the active units, one row per method. What is done is kept in a file: started again, the study
goes on.

    python examples/importance_study.py [--epochs 20] [--out runs/importance_study.json]
"""

import argparse
import json
import math
import time
from pathlib import Path

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np

from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko

METHODS = {
    "ELBO": ko.ELBO(),
    "ELBO, 5 samples": ko.ELBO(5),
    "ELBO, 5 samples, sticking the landing": ko.ELBO(5, "monte_carlo", "sticking_the_landing"),
    "IWELBO, 5 samples": ko.IWELBO(5),
    "IWELBO, 5 samples, DReG": ko.IWELBO(5, "doubly_reparameterized"),
    "Renyi 0.5, 5 samples": ko.RenyiBound(0.5, 5),
    "VR-max, 5 samples": ko.RenyiBound(-math.inf, 5),
    "IWELBO, 50 samples": ko.IWELBO(50),
    "IWELBO, 50 samples, sticking the landing": ko.IWELBO(50, "sticking_the_landing"),
    "IWELBO, 50 samples, DReG": ko.IWELBO(50, "doubly_reparameterized"),
}


def make_model(objective: ko.Objective, mean: np.ndarray, seed: int) -> kb.models.VAE:
    """784-200-200-50 and back, as Burda et al. (2016, section 5.1)."""
    keras.utils.set_random_seed(seed)

    def network():
        return keras.Sequential([keras.layers.Dense(200, "tanh") for _ in range(2)])

    model = kb.models.VAE(
        prior=kd.Normal.standard((50,)),
        likelihood=kl.ConditionalBernoulli((784,), network()),
        posterior=kl.ConditionalNormal((50,), network()),
        objective=objective,
        preprocessing=kl.StochasticBinarization(seed=seed),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(1e-3, epsilon=1e-4))
    model.build((None, 784))
    mean = np.clip(mean, 1e-3, 1 - 1e-3)
    model.likelihood.heads["logits"].bias.assign(np.log(mean / (1 - mean)))
    return model


def active_units(model: kb.models.VAE, x: np.ndarray) -> int:
    """How many posterior means vary by more than 0.01 (Burda et al., 2016, section 5.2)."""
    means = keras.ops.convert_to_numpy(model.encode(x).mean())
    return int((means.var(0) > 0.01).sum())


def run(
    name: str, x_train: np.ndarray, x_test: np.ndarray, epochs: int, samples: int, seed: int
) -> dict[str, float]:
    """Trains one model and judges it."""
    model = make_model(METHODS[name], x_train.mean(0), seed)
    start = time.perf_counter()
    history = model.fit(x_train, epochs=epochs, batch_size=100, verbose=2)
    seconds = (time.perf_counter() - start) / epochs
    log_likelihood = model.log_likelihood(x_test, samples=samples, seed=seed)
    return {
        "log_likelihood": float(log_likelihood.mean()),
        "standard_error": float(log_likelihood.std() / math.sqrt(len(log_likelihood))),
        "loss": float(history.history["loss"][-1]),
        "active_units": active_units(model, x_test),
        "seconds_per_epoch": seconds,
    }


def main() -> None:
    """Runs what is not done yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5000, help="of the log-likelihood")
    parser.add_argument("--images", type=int, default=2000, help="of the test set")
    parser.add_argument("--examples", type=int, default=None, help="of the training set")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/importance_study.json"))
    options = parser.parse_args()
    data = kb.datasets.load("mnist")
    x_train = data.x_train[: options.examples].reshape(-1, 784)
    x_test = data.x_test[: options.images].reshape(-1, 784)
    settings = [options.epochs, options.samples, options.images, options.examples, options.seed]
    done = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in options.methods:
        if done.get(name, {}).get("settings") == settings:
            continue
        print(f"# {name}", flush=True)
        found = run(name, x_train, x_test, options.epochs, options.samples, options.seed)
        done[name] = {**found, "settings": settings}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(done, indent=1))
    print("\n| method | log p(x), nats | loss at the end | active units | s per epoch |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.methods:
        row = done[name]
        print(
            f"| {name} | {row['log_likelihood']:.2f} ± {row['standard_error']:.2f} "
            f"| {row['loss']:.2f} | {row['active_units']} | {row['seconds_per_epoch']:.1f} |"
        )


if __name__ == "__main__":
    main()
