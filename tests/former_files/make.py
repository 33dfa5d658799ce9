"""Makes the files of this folder: models as a release saves them, and the numbers that they give.

Run once for a format of files, with the code that writes it and the lowest Keras that is allowed,
whose files the newest reads; what is here was made by commit 9225708 with Keras 3.12, on JAX.
`tests/test_former_files.py` loads them ever after.

python tests/former_files/make.py FOLDER
"""

import json
import sys
import zipfile
from pathlib import Path

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras
import numpy as np

from kelbo import bijectors as kbij
from kelbo import distributions as kd
from kelbo import divergences
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo.estimators import DoublyReparameterized, ScoreFunction
from kelbo.schedules import LinearWarmUp

# isort: split
from measure import X, Z, numbers_of


def network() -> keras.Model:
    """From anything to three features."""
    return keras.Sequential([keras.layers.Dense(3, "tanh")])


def vae() -> kb.models.VAE:
    """Of four pixels, with a learned prior, a bound of samples and a moving weight."""
    model = kb.models.VAE(
        prior=kl.LearnedMixture((2,), 2),
        likelihood=kl.ConditionalBernoulli((4,), network()),
        posterior=kl.ConditionalNormal((2,), network()),
        objective=ko.IWELBO(3, DoublyReparameterized()),
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(X.round(), epochs=2, batch_size=3, verbose=0)
    return model


def beta_vae() -> kb.models.VAE:
    """With discrete latent values, an estimator for them and a schedule."""
    model = kb.models.VAE(
        prior=kd.Independent(kd.Bernoulli(logits=np.zeros(2, "float32")), 1),
        likelihood=kl.ConditionalNormal((4,), network()),
        posterior=kl.ConditionalBernoulli((2,), network()),
        objective=ko.BetaELBO(LinearWarmUp(4), samples=2, estimator=ScoreFunction()),
        seed=1,
    )
    model.compile("sgd")
    model.fit(X, epochs=1, batch_size=3, verbose=0)
    return model


def divergence_vae() -> kb.models.VAE:
    """With an objective and a convex function whose names are those of divergences too."""
    model = kb.models.VAE(
        prior=kl.VampPrior((2,), 3),
        likelihood=kl.ConditionalBernoulli((4,), network()),
        posterior=kl.ConditionalNormal((2,), network()),
        objective=ko.FDivergence(divergences.f.JensenShannon(), samples=4),
        seed=1,
    )
    model.compile("sgd")
    model.fit(X.round(), epochs=1, batch_size=3, verbose=0)
    return model


def density() -> kb.models.DensityEstimator:
    """A flow of layers and of bijectors, some of which share their names."""
    flow = kl.Flow(
        kd.Normal.standard((4,)),
        [
            kl.SplineCoupling((4,), network(), bins=4),
            kl.InvertibleLinear((4,)),
            kl.BatchNormalization((4,)),
            kbij.BatchNormalization(np.full(4, 0.1), np.full(4, 2.0)),
            kl.MaskedAutoregressive((4,), hidden=(5,)),
        ],
    )
    model = kb.models.DensityEstimator(flow, seed=1)
    model.compile("sgd")
    model.fit(X, epochs=1, batch_size=3, verbose=0)
    return model


def regression() -> kb.models.ConditionalDensity:
    """A mixture of Student's t distributions."""
    mixture = kl.ConditionalMixture(kl.ConditionalStudentT((1,)), network(), components=2)
    model = kb.models.ConditionalDensity(mixture, seed=1)
    model.compile("adam")
    model.fit(X, Z[:, :1], epochs=1, batch_size=3, verbose=0)
    return model


def functional() -> keras.Model:
    """Keras' own model, of layers that add losses, with a loss of ours."""
    inputs = keras.Input((4,))
    hidden = kl.DenseVariational(3, kl_weight=0.1, seed=2)(inputs)
    mean, log_variance = keras.layers.Dense(2)(hidden), keras.layers.Dense(2)(hidden)
    mean, log_variance = kl.KLDivergence(divergence=divergences.Jeffreys())([mean, log_variance])
    outputs = keras.layers.Dense(4)(mean)
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss=kb.losses.NegativeLogLikelihood(kd.Bernoulli, (4,)))
    model.fit(X, X.round(), epochs=1, batch_size=3, verbose=0)
    return model


MODELS = (vae, beta_vae, divergence_vae, density, regression, functional)


def main() -> None:
    """Writes the files into the folder that is named."""
    folder, numbers = Path(sys.argv[1]), {}
    for make in MODELS:
        keras.utils.set_random_seed(1)
        model = make()
        model.save(folder / "whole.keras")
        with zipfile.ZipFile(folder / "whole.keras") as whole:
            parts = {name: whole.read(name) for name in whole.namelist()}
        with zipfile.ZipFile(folder / f"{make.__name__}.keras", "w", zipfile.ZIP_DEFLATED) as small:
            for name, part in parts.items():
                small.writestr(name, part)
        numbers[make.__name__] = numbers_of(model)
    (folder / "whole.keras").unlink()
    (folder / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
