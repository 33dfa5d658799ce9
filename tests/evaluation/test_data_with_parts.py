"""Every measure of a fit takes data with parts: a context, and a mask of what is observed."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import evaluation
from kelbo import layers as kl

from .conftest import set_heads

pytestmark = pytest.mark.core

GENERATOR = np.random.default_rng(0)
W, B, GAIN = (GENERATOR.normal(size=shape) for shape in ((2, 3), (3,), (3, 2)))
X = GENERATOR.normal(size=(6, 3)).astype("float32")
LABELS = np.arange(6, dtype="float32")[:, None] % 2
FEW = {"steps": 4, "chains": 2, "leapfrog_steps": 2}
MEASURES = {
    "importance_log_likelihood": {"samples": 30},
    "verdict": {"samples": 30},
    "evidence_sandwich": {"samples": 30},
    "rate_distortion": {"samples": 30},
    "active_units": {},
    "posterior_collapse": {},
    "aggregate_posterior_mismatch": {},
    "annealed_importance_sampling": FEW,
    "bidirectional_monte_carlo": {"n": 6, **FEW},
}


@functools.cache
def model(has_parts, of_context=0.0):
    """A linear-Gaussian VAE; the labels move prior and likelihood by `of_context`."""
    network = kl.ConcatenateParts if has_parts else lambda: None
    vae = kb.models.VAE(
        prior=kl.ConditionalNormal((2,), scale="log_scale")
        if of_context
        else kd.Normal.standard((2,)),
        likelihood=kl.ConditionalNormal((3,), network(), scale="log_scale"),
        posterior=kl.ConditionalNormal((2,), network(), scale="log_scale"),
        seed=0,
    )
    shapes = {"x": (None, 3), "context": (None, 1), "mask": (None, 3)}
    vae.build(shapes if has_parts else shapes["x"])
    # Parts are joined in the order of their names: context, mask, x; context, z.
    moved = of_context * np.ones((1, 3))
    before_z, before_x = (moved, np.zeros((4, 2))) if has_parts else (moved[:0], np.zeros((0, 2)))
    loadings, gain = np.concatenate([before_z, W]), np.concatenate([before_x, 0.3 * GAIN])
    set_heads(vae.likelihood, loc=(loadings, B), scale=(0 * loadings, np.full(3, np.log(0.7))))
    set_heads(vae.posterior, loc=(gain, np.zeros(2)), scale=(0 * gain, np.full(2, -0.5)))
    if of_context:
        set_heads(vae.prior, loc=(moved[:, :2], np.zeros(2)), scale=(np.zeros((1, 2)), np.zeros(2)))
    return vae


def judged(vae, measure, data, **options):
    function = getattr(evaluation, measure)
    if measure != "bidirectional_monte_carlo":
        return function(vae, data, **MEASURES[measure], **options)
    context = {"context": data["context"]} if isinstance(data, dict) else {}
    return function(vae, **MEASURES[measure], **context, **options)


def figures(found):
    if isinstance(found, evaluation.Verdict):
        return {finding.name: len(finding.sentence) for finding in (*found.findings, *found.fine)}
    numbers = {name: value for name, value in dataclasses.asdict(found).items() if name != "method"}
    if isinstance(numbers.get("x"), dict):
        numbers["x"] = numbers["x"]["x"]
    return {name: value for name, value in numbers.items() if name != "warnings"}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.few(3)
def test_parts_that_say_nothing_change_nothing(measure):
    data = {"x": X, "context": LABELS, "mask": np.ones((6, 3), bool)}
    plain, parts = (
        figures(judged(model(has_parts), measure, x)) for has_parts, x in ((False, X), (True, data))
    )
    assert plain.keys() == parts.keys()
    for name, expected in plain.items():
        np.testing.assert_allclose(parts[name], expected, rtol=2e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.slow
def test_a_prior_of_the_context_and_what_is_missing(measure):
    mask = GENERATOR.uniform(size=X.shape) < 0.7
    data = {"x": np.where(mask, X, np.nan).astype("float32"), "context": LABELS, "mask": mask}
    found = figures(judged(model(True, of_context=2.0), measure, data))
    numbers = [np.asarray(value, "float64") for value in found.values() if value is not None]
    assert all(np.isfinite(value).all() for value in numbers)


@pytest.mark.slow
def test_simulated_data_have_the_contexts_that_were_given():
    """Between the bounds lies log p(x | c), in closed form."""
    labels = np.arange(40, dtype="float32")[:, None] % 2
    found = evaluation.bidirectional_monte_carlo(
        model(True, of_context=2.0), 40, steps=20, chains=4, leapfrog_steps=3, context=labels
    )
    np.testing.assert_array_equal(found.x["context"], labels)
    assert found.x["mask"].all()
    mean = 2.0 * labels @ (np.ones((1, 2)) @ W + 1.0) + B
    evidence = stats.multivariate_normal(np.zeros(3), W.T @ W + 0.49 * np.eye(3))
    exact = evidence.logpdf(found.x["x"] - mean)
    assert found.lower.mean() < exact.mean() + 3 * found.gap_standard_error
    assert found.upper.mean() > exact.mean() - 3 * found.gap_standard_error
    assert found.gap < 0.3


REFUSED = {
    "no context": (True, {}, "needs the context of each example .* of 6 rows"),
    "too few": (True, {"context": LABELS[:2]}, "n is 6, but the context has 2 rows"),
    "another shape": (True, {"context": np.ones((6, 2))}, r'x\["context"\] has the shape \(6, 2\)'),
    "none is taken": (False, {"context": LABELS}, "was given a context, but the data"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_contexts_of_simulated_data_are_checked(case):
    has_parts, given, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        evaluation.bidirectional_monte_carlo(model(has_parts), n=6, **FEW, **given)


def test_a_model_that_is_not_built_is_built_for_the_data():
    vae = kb.models.VAE(
        prior=kl.ConditionalNormal((2,)),
        likelihood=kl.ConditionalNormal((3,), kl.ConcatenateParts()),
        posterior=kl.ConditionalNormal((2,), kl.ConcatenateParts()),
    )
    found = evaluation.active_units(vae, {"x": X, "context": LABELS})
    assert found.variance.shape == (2,)
    assert sorted(vae.data_shape) == ["context", "x"]


@pytest.mark.slow
def test_a_mistake_is_no_finding():
    """Only densities that are NaN become one."""

    class Odd(kb.models.VAE):
        def context_of_prior(self, observed):
            raise ValueError("odd")

    vae = Odd(kd.Normal.standard((2,)), kl.ConditionalNormal((3,)), kl.ConditionalNormal((2,)))
    with pytest.raises(ValueError, match="odd"):
        evaluation.verdict(vae, X, samples=0)
