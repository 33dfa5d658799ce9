"""Gaussian processes compute in float64, which JAX makes within these tests alone."""

import pytest

from ..precision import float64  # noqa: F401


@pytest.fixture(autouse=True)
def _in_float64(float64):  # noqa: F811
    return
