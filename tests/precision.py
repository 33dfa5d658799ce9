"""Fixtures that set how a backend computes: with float64, or without a graph."""

import contextlib

import keras
import pytest


@contextlib.contextmanager
def _float64_allowed():
    """JAX makes float64 only within; the other backends always do."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    enable_x64 = getattr(jax, "enable_x64", None)
    if enable_x64 is None:  # JAX before 0.8
        from jax.experimental import enable_x64
    with enable_x64(True):
        yield


@pytest.fixture
def float64():
    """The test runs with float64 allowed, and leaves no trace of it."""
    with _float64_allowed():
        yield


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Either floating dtype by name; float64 is allowed where it is the one."""
    with _float64_allowed() if request.param == "float64" else contextlib.nullcontext():
        yield request.param


@pytest.fixture
def quick_compilation():
    """For many programs that run once: TensorFlow runs them without a graph."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def in_a_graph():
    """Compiled functions are graphs on TensorFlow too, whatever `quick_compilation` says."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture
def precision_as_before():
    """What the test runs may allow float64 by itself, as `kelbo.gp` does; it leaves no trace."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    before = jax.config.jax_enable_x64
    yield
    jax.config.update("jax_enable_x64", before)
