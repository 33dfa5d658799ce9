"""Gradients of bounds of a latent value with two parts, against quadrature."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from kelbo import ops
from kelbo.distributions import Independent, Joint, Normal, OneHotCategorical
from kelbo.estimators import PerPart
from kelbo.latent import LatentProblem
from kelbo.objectives import ELBO, IWELBO, RenyiBound

from .problems import NOISE, X, check_unbiased, estimates

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

# q(z1) = N(mean, exp(log_scale)^2), q(z2 | z1) = N(slope z1, 0.7^2); p(z2) p(z1 | z2) p(x | z1).
CHAIN = (0.4, -0.5, 0.6)


def chain(values, parts_of_prior=("z2", "z1")):
    mean, log_scale, slope = values

    def posterior(stop=lambda x: x):
        return Joint(
            {
                "z1": Normal(stop(mean), ops.exp(stop(log_scale))),
                "z2": lambda z1: Normal(stop(slope) * z1, 0.7),
            }
        )

    def log_likelihood(z):
        return Normal(z["z1"], NOISE).log_prob(X)

    if parts_of_prior[0] == "z2":
        prior = Joint({"z2": Normal(0.0, 1.0), "z1": lambda z2: Normal(0.5 * z2, 1.2)})
    else:
        prior = Joint({"z1": Normal(0.0, 1.2), "z2": lambda z1: Normal(0.5 * z1, 1.0)})
    return LatentProblem(
        observed=ops.stop_gradient(ops.expand_dims(mean, 1)),
        posterior=posterior(),
        prior=prior,
        log_likelihood=log_likelihood,
        stopped_log_likelihood=log_likelihood,
        log_prior=prior.log_prob,
        stopped_log_posterior=lambda z: posterior(ops.stop_gradient).log_prob(z),
    )


def chain_gradient(reduce, samples, top_down=False, step=1e-4, nodes=16):
    """Gradient of the expected loss by Gauss-Hermite quadrature and central differences."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[points] * (2 * samples), indexing="ij"), -1)
    noise = grid.reshape(*grid.shape[:-1], samples, 2)
    grids = np.meshgrid(*[weights / weights.sum()] * (2 * samples), indexing="ij")
    probability = np.prod(np.stack(grids, -1), -1)

    def expected(parameters):
        mean, log_scale, slope = parameters
        z1 = mean + np.exp(log_scale) * noise[..., 0]
        z2 = slope * z1 + 0.7 * noise[..., 1]
        log_weights = norm.logpdf(X, z1, NOISE)
        if top_down:
            log_weights += norm.logpdf(z1, 0.0, 1.2) + norm.logpdf(z2, 0.5 * z1, 1.0)
        else:
            log_weights += norm.logpdf(z2) + norm.logpdf(z1, 0.5 * z2, 1.2)
        log_weights -= norm.logpdf(z1, mean, np.exp(log_scale)) + norm.logpdf(z2, slope * z1, 0.7)
        return np.sum(probability * reduce(log_weights))

    return [
        (expected(np.add(CHAIN, h)) - expected(np.subtract(CHAIN, h))) / (2 * step)
        for h in step * np.eye(3)
    ]


def elbo(log_weights):
    return -log_weights.mean(-1)


def of_two(log_weights):
    return np.log(2) - logsumexp(log_weights, -1)


def renyi(log_weights):
    return 2 * (np.log(2) - logsumexp(0.5 * log_weights, -1))


OBJECTIVES = {
    "analytic": (ELBO(), elbo),
    "analytic by score": (ELBO(2, estimator="vimco"), elbo),
    "sticking": (ELBO(kl="monte_carlo", estimator="sticking_the_landing"), elbo),
    "weights": (IWELBO(2, "doubly_reparameterized"), of_two),
    "weights by score": (IWELBO(2, "vimco"), of_two),
    "Renyi": (RenyiBound(0.5, 2), renyi),
    "score of z1": (ELBO(estimator={"z1": "score_function", "z2": "pathwise"}), elbo),
    "score of z2": (IWELBO(2, {"z1": "pathwise", "z2": "vimco"}), of_two),
}


@pytest.mark.parametrize(("objective", "reduce"), OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.few(2)
def test_gradients_of_a_hierarchy_are_unbiased(objective, reduce):
    samples = 1 if reduce is elbo else 2
    loss, gradients = estimates(objective, chain, CHAIN, 40_000)
    check_unbiased(gradients, chain_gradient(reduce, samples))
    assert np.isfinite(loss)


def test_an_inference_in_the_order_of_the_prior_has_divergences_in_closed_form():
    """Then the draw of the last part adds no noise: no gradient is noisier than from samples."""

    def make(values):
        return chain(values, parts_of_prior=("z1", "z2"))

    _, analytic = estimates(ELBO(), make, CHAIN, 20_000)
    _, sampled = estimates(ELBO(kl="monte_carlo"), make, CHAIN, 20_000)
    check_unbiased(analytic, chain_gradient(elbo, 1, top_down=True))
    assert analytic[2].std() < 0.9 * sampled[2].std()


@pytest.mark.parametrize("kl", ["analytic", "monte_carlo"])
@pytest.mark.few(1)
def test_a_class_by_its_score_and_a_style_pathwise(kl):
    """A mixture of two normals as a posterior, whose ELBO is a sum over its classes."""
    logits, means = np.array([0.4, -0.2]), np.array([-0.5, 0.8])

    def make(values):
        own, centers = values

        def posterior(stop=lambda x: x):
            return Joint(
                {
                    "class": OneHotCategorical(stop(own)),
                    "style": lambda **z: Normal(ops.sum(z["class"] * stop(centers), -1), 0.6),
                }
            )

        prior = Joint(
            {"class": OneHotCategorical(np.zeros(2, "float32")), "style": Normal(0.0, 1.0)}
        )

        def log_likelihood(z):
            return Normal(z["style"] + z["class"][..., 1], NOISE).log_prob(X)

        return LatentProblem(
            observed=ops.stop_gradient(own),
            posterior=posterior(),
            prior=prior,
            log_likelihood=log_likelihood,
            stopped_log_likelihood=log_likelihood,
            log_prior=prior.log_prob,
            stopped_log_posterior=lambda z: posterior(ops.stop_gradient).log_prob(z),
        )

    def expected(own, centers):
        log_q = own - logsumexp(own)
        points, weights = np.polynomial.hermite_e.hermegauss(20)
        style = centers[:, None] + 0.6 * points
        value = norm.logpdf(X, style + np.array([[0.0], [1.0]]), NOISE) + norm.logpdf(style)
        value += np.log(0.5) - log_q[:, None] - norm.logpdf(style, centers[:, None], 0.6)
        return -np.sum(np.exp(log_q)[:, None] * value * weights / weights.sum())

    step = 1e-5
    exact = [
        np.array([(expected(*up) - expected(*down)) / (2 * step) for up, down in pairs])
        for pairs in (
            [((logits + h, means), (logits - h, means)) for h in step * np.eye(2)],
            [((logits, means + h), (logits, means - h)) for h in step * np.eye(2)],
        )
    ]
    objective = ELBO(2, kl, {"class": "vimco", "style": "pathwise"})
    _, gradients = estimates(objective, make, (logits, means), 40_000)
    check_unbiased(gradients, exact)


def test_estimators_of_parts_are_named_for_the_parts():
    two = Joint({"a": Normal(0.0, 1.0), "b": Normal(0.0, 1.0)})
    with pytest.raises(ValueError, match=r"for the parts a, but the posterior is .* give one for"):
        ELBO(estimator={"a": "pathwise"}).check(two, two)
    with pytest.raises(ValueError, match="is one of all parts together"):
        ELBO(estimator={"a": "doubly_reparameterized"})
    with pytest.raises(ValueError, match="must have parts of the same names"):
        ELBO().check(two, Independent(Normal([0.0, 1.0], 1.0), 1))
    with pytest.raises(ValueError, match="for a latent value without parts"):
        ELBO(2, estimator="disarm").check(two, two)
    again = PerPart.from_config(PerPart({"a": ELBO().estimator}).get_config())
    assert repr(again) == "PerPart({'a': Pathwise()})"
