import numpy as np
import pytest

from kelbo.plots.features import FeatureScale, feature_labels

GENERATOR = np.random.default_rng(0)


def test_features_without_names_are_counted():
    assert feature_labels(None, 2) == ["feature 1", "feature 2"]


@pytest.mark.parametrize(
    "reference",
    [
        GENERATOR.uniform(size=(50, 30)),
        GENERATOR.binomial(1, 0.1, size=(50, 30)),  # most quantiles coincide
        GENERATOR.normal(size=(50, 30)) + 1000.0,
        np.full((50, 3), 7.0),
        np.array([[1.0, 2.0, 3.0]]),
    ],
)
def test_features_of_one_scale_stay_as_they_are(reference):
    scale = FeatureScale.of(reference)
    np.testing.assert_array_equal(scale(reference), reference)
    assert scale.label == "value"


@pytest.mark.parametrize("offset_and_size", [((0, 0, 0), (1, 1, 500)), ((0, 50, 1013), (1, 2, 3))])
def test_others_become_deviations_from_the_mean(offset_and_size):
    offset, size = map(np.array, offset_and_size)
    reference = GENERATOR.normal(size=(400, 3)) * size + offset
    scaled = FeatureScale.of(reference)(reference)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0)


def test_a_feature_that_never_changes_is_its_own_mean():
    reference = GENERATOR.normal(size=(400, 3)) * (1, 500, 0) + (0, 0, 3)
    scale = FeatureScale.of(reference)
    np.testing.assert_allclose(scale(np.array([[0.0, 0.0, 4.0]]))[0, 2], 1.0)
