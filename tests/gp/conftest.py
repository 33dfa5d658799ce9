"""What the tests of Gaussian processes share: they compute in float64, and leave no trace of it."""

import keras
import pytest

from ..precision import float64, in_a_graph, quick_compilation

__all__ = ["float64", "in_a_graph", "quick_compilation"]


@pytest.fixture(autouse=True)
def _flag_of_float64():
    """Kernels of float64 set the flag of the whole process, which other tests rely on."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    before = jax.config.jax_enable_x64
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(autouse=True)
def _in_float64(_flag_of_float64, float64):
    """All of them."""
