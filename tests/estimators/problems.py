"""Small models whose bounds, and their gradients, are known: many replicates in one batch.

Each replicate has parameters of its own, all of one value, so that one differentiation returns as
many independent estimates of the gradient as there are replicates.
"""

import itertools

import keras
import numpy as np
from scipy.special import expit, log_softmax
from scipy.stats import norm

from kelbo import ops
from kelbo.distributions import Bernoulli, Independent, Normal, OneHotCategorical
from kelbo.latent import LatentProblem

X, NOISE = 1.3, 0.8


def estimates(objective, make, parameters, replicates, seed=0):
    """Gradients by each parameter, of shape (replicates, ...), and the mean loss."""
    variables = [
        keras.Variable(np.tile(np.asarray(p, "float32"), (replicates, *[1] * np.ndim(p))))
        for p in parameters
    ]

    def loss():
        values = [ops.convert_to_tensor(variable) for variable in variables]
        terms = objective.terms(make(values), ops.SeedSequence(seed))
        return ops.sum(objective.loss(terms))

    def run():
        return ops.value_and_grad(loss, variables)()

    value, gradients = ops.compile(run, variables)()
    return float(value) / replicates, [ops.convert_to_numpy(g) for g in gradients]


def check_unbiased(gradients, expected, width=4.5):
    """Whether the mean of the estimates is the expected gradient, within its standard error."""
    for estimate, exact in zip(gradients, expected, strict=True):
        error = np.abs(estimate.mean(0) - exact)
        standard_error = estimate.std(0) / np.sqrt(len(estimate))
        assert (error <= width * standard_error + 1e-4).all(), (estimate.mean(0), exact)


# One normal latent variable, one observation: mean, log scale of q; slope of the likelihood.
GAUSSIAN = (0.4, -0.5, 0.9)


def gaussian(values):
    mean, log_scale, slope = values

    def log_likelihood(z, slope=slope):
        return Normal(slope * z, NOISE).log_prob(X)

    def stopped(z):
        q = Normal(ops.stop_gradient(mean), ops.stop_gradient(ops.exp(log_scale)))
        return q.log_prob(z)

    prior = Normal(0.0, 1.0)
    return LatentProblem(
        observed=ops.stop_gradient(ops.expand_dims(mean, 1)),
        posterior=Normal(mean, ops.exp(log_scale)),
        prior=prior,
        log_likelihood=log_likelihood,
        stopped_log_likelihood=lambda z: log_likelihood(z, ops.stop_gradient(slope)),
        log_prior=prior.log_prob,
        stopped_log_posterior=stopped,
    )


def gaussian_gradient(reduce, samples, parameters=GAUSSIAN, step=1e-4, nodes=60):
    """Gradient of the expected loss, by Gauss-Hermite quadrature and central differences.

    `reduce` takes log weights of shape (..., samples) to losses.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    noise = np.stack(np.meshgrid(*[points] * samples, indexing="ij"), -1)
    grids = np.meshgrid(*[weights / weights.sum()] * samples, indexing="ij")
    probability = np.prod(np.stack(grids, -1), -1)

    def expected(parameters):
        mean, log_scale, slope = parameters
        z = mean + np.exp(log_scale) * noise
        log_weights = norm.logpdf(X, slope * z, NOISE) + norm.logpdf(z)
        log_weights = log_weights - norm.logpdf(z, mean, np.exp(log_scale))
        return np.sum(probability * reduce(log_weights))

    return [
        (expected(np.add(parameters, h)) - expected(np.subtract(parameters, h))) / (2 * step)
        for h in step * np.eye(3)
    ]


# Three binary latent variables: their logits; weights of the likelihood.
LOGITS, WEIGHTS = np.array([0.3, -0.8, 1.1]), np.array([0.9, -0.6, 0.5])
# One latent variable of four classes, in the same likelihood but for the number of weights.
CLASS_LOGITS, CLASS_WEIGHTS = np.array([0.3, -0.8, 1.1, 0.0]), np.array([0.9, -0.6, 0.5, 2.0])


def discrete(values, one_hot=False):
    logits, weights = values

    def log_likelihood(z, weights=weights):
        mean = ops.sum(z * weights, -1)
        return Normal(mean + 0.5 * ops.square(mean), NOISE).log_prob(X)

    def distribution(logits):
        return OneHotCategorical(logits) if one_hot else Independent(Bernoulli(logits), 1)

    prior = distribution(ops.zeros_like(logits[0]))
    return LatentProblem(
        observed=ops.stop_gradient(logits),
        posterior=distribution(logits),
        prior=prior,
        log_likelihood=log_likelihood,
        stopped_log_likelihood=lambda z: log_likelihood(z, ops.stop_gradient(weights)),
        log_prior=prior.log_prob,
        stopped_log_posterior=lambda z: distribution(ops.stop_gradient(logits)).log_prob(z),
    )


def _log_likelihood(states, weights):
    mean = states @ weights
    return norm.logpdf(X, mean + 0.5 * mean**2, NOISE)


def discrete_gradient(reduce, samples, one_hot=False, step=1e-5, log_likelihood=_log_likelihood):
    """Gradient of the expected loss by logits and weights: all states are counted."""
    start = (CLASS_LOGITS, CLASS_WEIGHTS) if one_hot else (LOGITS, WEIGHTS)
    size = len(start[0])
    states = np.eye(size) if one_hot else np.array(list(itertools.product((0, 1), repeat=size)))

    def expected(logits, weights):
        if one_hot:
            log_q = log_softmax(logits)
            log_prior = np.full(size, -np.log(size))
        else:
            log_q = states @ np.log(expit(logits)) + (1 - states) @ np.log(expit(-logits))
            log_prior = np.full(len(states), -size * np.log(2))
        log_weights = log_likelihood(states, weights) + log_prior - log_q
        sets = np.array(list(itertools.product(range(len(states)), repeat=samples)))
        probability = np.exp(log_q[sets].sum(-1))
        return np.sum(probability * reduce(log_weights[sets]))

    def slopes(which):
        found = []
        for h in step * np.eye(size):
            up, down = list(start), list(start)
            up[which], down[which] = start[which] + h, start[which] - h
            found.append((expected(*up) - expected(*down)) / (2 * step))
        return np.array(found)

    return [slopes(0), slopes(1)]
