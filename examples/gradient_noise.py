"""How noisy the gradient estimators are, on one model of real digits each.

Two models are trained for some epochs by the ELBO, one with normal and one with binary latent
values. There the gradient of each bound by the parameters of the posterior is estimated many times
from one batch. Printed is, per bound and estimator, the variance (summed over all parameters, in
units of the first estimator's) and the signal (the length of the mean gradient over the root of
that variance; for two biased estimators the mean is not that of the bound).
"""

import argparse

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np

from kelbo import distributions as kd
from kelbo import estimators as ke
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops

NORMAL = [
    [
        ko.ELBO(1, "monte_carlo", name)
        for name in ("pathwise", "sticking_the_landing", ke.ScoreFunction("running_average"))
    ],
    *[
        [
            ko.IWELBO(samples, estimator)
            for estimator in (
                "pathwise",
                "doubly_reparameterized",
                "vimco",
                ke.ScoreFunction("leave_one_out"),
            )
        ]
        for samples in (5, 50)
    ],
    [ko.RenyiBound(0.5, 5, name) for name in ("pathwise", "doubly_reparameterized")],
]
BINARY = [
    [
        ko.ELBO(2, estimator=estimator)
        for estimator in (
            ke.ScoreFunction("none"),
            ke.ScoreFunction("running_average"),
            ke.ScoreFunction("leave_one_out"),
            "vimco",
            "disarm",
            "rebar",
            "gumbel_softmax",
            "straight_through",
        )
    ],
    [ko.IWELBO(5, name) for name in ("vimco", "straight_through")],
]


def make_model(binary: bool, seed: int) -> kb.models.VAE:
    """A VAE of binary images 64-64-8 and back, with normal or binary latent values."""
    keras.utils.set_random_seed(seed)
    family = kl.ConditionalBernoulli if binary else kl.ConditionalNormal
    coins = kd.Independent(kd.Bernoulli(logits=np.zeros(8, "float32")), 1)
    model = kb.models.VAE(
        prior=coins if binary else kd.Normal.standard((8,)),
        likelihood=kl.ConditionalBernoulli((64,), keras.layers.Dense(64, "tanh")),
        posterior=family((8,), keras.layers.Dense(64, "tanh")),
        objective=ko.ELBO(2, estimator="vimco") if binary else ko.ELBO(),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(3e-3))
    return model


def gradients(model: kb.models.VAE, x: np.ndarray, draws: int) -> np.ndarray:
    """Estimates of the posterior's gradient of the mean loss, of shape (draws, parameters)."""
    variables = model.posterior.trainable_variables
    state = model.trainable_variables + model.non_trainable_variables

    def estimate(seed):
        def loss():
            terms = model.terms(ops.convert_to_tensor(x), ops.SeedSequence(seed), step=0.0)
            return ops.mean(model.loss_per_example(terms))

        slopes = ops.value_and_grad(loss, variables)()[1]
        return ops.concatenate([ops.reshape(slope, (-1,)) for slope in slopes])

    run = ops.compile(estimate, state)
    return np.stack([ops.convert_to_numpy(run(seed)) for seed in range(draws)])


def table(model: kb.models.VAE, groups: list, x: np.ndarray, draws: int) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| bound | estimator | variance | signal |", "| --- | --- | --- | --- |"]
    for group in groups:
        first = None
        for objective in group:
            model.objective = objective
            for _ in range(50 if objective.estimator.layers else 0):
                model(x, training=True)  # a running average sees some losses first
            found = gradients(model, x, draws)
            variance = found.var(0, ddof=1).sum()
            first = variance if first is None else first
            signal = np.linalg.norm(found.mean(0)) / np.sqrt(variance)
            samples = f"{type(objective).__name__}, {objective.samples} samples"
            name = repr(objective.estimator)
            lines.append(f"| {samples} | {name} | {variance / first:.3g} | {signal:.3g} |")
    return lines


def main() -> None:
    """Trains both models, and prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = kb.datasets.load("digits").x_train.reshape(-1, 64)
    data = (data > 0.5).astype("float32")
    for binary, groups in ((False, NORMAL), (True, BINARY)):
        model = make_model(binary, options.seed)
        history = model.fit(data, epochs=options.epochs, batch_size=100, verbose=0)
        kind = "binary" if binary else "normal"
        print(f"\n{kind} latent values; loss {history.history['loss'][-1]:.2f} nats\n")
        print("\n".join(table(model, groups, data[:100], options.draws)))


if __name__ == "__main__":
    main()
