"""The streamed mean of importance weights against the plain one."""

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import ops
from kelbo.latent.weights import log_mean_weight

pytestmark = pytest.mark.core


@pytest.mark.parametrize("samples", [1, 20, 33, 200])
def test_every_weight_counts_once(samples):
    seen = []

    def log_weights(count, seeds):
        weights = 30.0 * keras.random.normal((count, 3), seed=seeds)
        seen.append(weights)
        return weights

    if keras.backend.backend() == "torch":  # runs the loop as it stands, so the weights can be seen
        found = ops.convert_to_numpy(log_mean_weight(log_weights, samples, 3, ops.SeedSequence(0)))
        drawn = np.concatenate([ops.convert_to_numpy(w) for w in seen])[:samples]
        expected = special.logsumexp(drawn, axis=0) - np.log(samples)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    constant = log_mean_weight(
        lambda count, seeds: ops.full((count, 3), -500.0), samples, 3, ops.SeedSequence(0)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(constant), -500.0, rtol=1e-6)


def test_no_weight_at_all_is_minus_infinity():
    nothing = log_mean_weight(
        lambda count, seeds: ops.full((count, 2), -float("inf")), 50, 2, ops.SeedSequence(0)
    )
    assert np.isneginf(ops.convert_to_numpy(nothing)).all()
