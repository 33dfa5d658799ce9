"""Models whose evidence, posterior and rate are known in closed form."""

import functools
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops


@dataclass
class LinearGaussian:
    """p(z) = N(0, I), p(x | z) = N(W'z + b, s^2), and a normal posterior that is off by a little.

    Attributes:
        vae: The model, with these weights.
        x: Draws of it.
        evidence: log p(x) of each.
        covariance: Of the exact posterior.
        means: Of q(z | x), of shape (n, latent).
        spread: The factor of q(z | x): its covariance is `spread @ spread.T`.
    """

    vae: kb.models.VAE
    x: np.ndarray
    evidence: np.ndarray
    covariance: np.ndarray
    means: np.ndarray
    spread: np.ndarray


@pytest.fixture(scope="session")
def linear_gaussian():
    """Makes one: `shift` moves the posterior's mean, `widen` scales its standard deviations.

    Equal arguments give the same model, with what was compiled for it: leave it as it is.
    """
    return make_linear_gaussian


@functools.cache
def make_linear_gaussian(
    n=40, observed=3, latent=2, shift=0.0, widen=1.0, weight=1.0, diagonal=False
):
    generator = np.random.default_rng(0)
    w = weight * generator.normal(size=(latent, observed))
    b, noise = generator.normal(size=observed), 0.7
    covariance = np.linalg.inv(np.eye(latent) + w @ w.T / noise**2)
    gain = (w / noise**2).T @ covariance
    spread = widen * np.linalg.cholesky(covariance)
    if diagonal:
        spread = np.diag(widen * np.sqrt(np.diag(covariance)))
    family = kl.ConditionalNormal if diagonal else kl.ConditionalMultivariateNormalTriL
    vae = kb.models.VAE(
        prior=kd.Normal.standard((latent,)),
        likelihood=kl.ConditionalNormal((observed,), scale="log_scale"),
        posterior=family((latent,), scale="log_scale"),
        seed=0,
    )
    vae.build((None, observed))
    log_diagonal = np.log(np.diag(spread))
    if diagonal:
        raw, name = log_diagonal, "scale"
    else:
        triangle = np.where(np.eye(latent, dtype=bool), log_diagonal, spread)
        raw = ops.convert_to_numpy(ops.fill_triangular_inverse(ops.convert_to_tensor(triangle)))
        name = "triangle"
    set_heads(vae.likelihood, loc=(w, b), scale=(0 * w, np.full(observed, np.log(noise))))
    shapes = {"loc": (gain, shift - b @ gain), name: (np.zeros((observed, len(raw))), raw)}
    set_heads(vae.posterior, **shapes)
    evidence = stats.multivariate_normal(b, w.T @ w + noise**2 * np.eye(observed))
    x = evidence.rvs(n, random_state=1).reshape(n, observed).astype("float32")
    means = x @ gain + shift - b @ gain
    return LinearGaussian(vae, x, evidence.logpdf(x), covariance, means, spread)


def set_heads(conditional, **values):
    """Sets kernel and bias of heads by name."""
    for name, pair in values.items():
        conditional.heads[name].set_weights([np.asarray(value, "float32") for value in pair])


@pytest.fixture(scope="session")
def bernoulli_latents():
    """A VAE whose latent values are 0 or 1."""
    keras.utils.set_random_seed(0)  # before: layers choose the seeds of their weights when made
    vae = kb.models.VAE(
        prior=kd.Independent(kd.Bernoulli(logits=np.zeros(2, "float32")), 1),
        likelihood=kl.ConditionalNormal((3,)),
        posterior=kl.ConditionalBernoulli((2,)),
        objective=kb.objectives.ELBO(estimator="score_function"),
        seed=0,
    )
    vae.build((None, 3))
    return vae
