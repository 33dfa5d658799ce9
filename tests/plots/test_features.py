import numpy as np

from kelbo.plots.features import feature_labels, share_a_scale

GENERATOR = np.random.default_rng(0)


def test_features_without_names_are_counted():
    assert feature_labels(None, 2) == ["feature 1", "feature 2"]


def test_features_share_a_scale_or_do_not():
    normal = GENERATOR.normal(size=(400, 3))
    alike = (
        GENERATOR.uniform(size=(50, 30)),
        GENERATOR.binomial(1, 0.1, size=(50, 30)),  # most quantiles coincide
        normal + 1000.0,
        np.full((50, 3), 7.0),
        np.array([[1.0, 2.0, 3.0]]),
    )
    different = (
        normal * (1, 1, 500),
        normal * (1, 2, 3) + (0, 50, 1013),
        np.add(normal, (0, 0, 1e9)),
    )
    assert all(map(share_a_scale, alike))
    assert not any(map(share_a_scale, different))
