"""Lower and upper bounds on a known evidence."""

import numpy as np
import pytest

from kelbo import evaluation

pytestmark = pytest.mark.core


def test_the_evidence_lies_between_bounds_in_closed_form(linear_gaussian):
    model = linear_gaussian(n=32, widen=1.3)
    found = evaluation.evidence_sandwich(model.vae, model.x, samples=4000, batch_size=32)
    z = (found.lower - model.evidence) / found.lower_standard_error
    assert np.abs(z).max() < 5
    # E_q[w^2] = p(x)^2 E_q[(p(z|x) / q)^2], of two normals of one mean, per dimension of q's axes:
    # widths 1 and s have the chi-square integral s^2 / sqrt(2 s^2 - 1).
    s = 1.3
    exact = model.evidence + 0.5 * 2 * np.log(s**2 / np.sqrt(2 * s**2 - 1))
    z = (found.upper - exact) / found.upper_standard_error
    assert np.abs(z).max() < 5
    assert z.std() == pytest.approx(1.0, abs=0.4)
    assert found.gap == pytest.approx(np.mean(exact - model.evidence), abs=0.01)
    assert found.method == "importance sampling"
    assert not found.warnings
    assert "log p(x) >=" in str(found)
    assert "chi bound of order 2, 4000 samples" in str(found)


def test_too_few_samples_are_said(linear_gaussian):
    model = linear_gaussian(n=20, widen=0.4, shift=1.0)
    found = evaluation.evidence_sandwich(model.vae, model.x, samples=200)
    assert any("upper bound comes from few samples" in warning for warning in found.warnings)
    assert any("Pareto k-hat" in warning for warning in found.warnings)
    assert str(found).count("warning:") == 2
    first = evaluation.evidence_sandwich(model.vae, model.x, samples=200, n=1)
    np.testing.assert_allclose(first.upper, first.lower)


def test_what_is_asked_for_is_checked(linear_gaussian):
    model = linear_gaussian(n=3)
    for n in (0.5, float("nan"), float("inf"), "2"):
        with pytest.raises(ValueError, match="n must be a finite number of at least 1, got"):
            evaluation.evidence_sandwich(model.vae, model.x, n=n)
