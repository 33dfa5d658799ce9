import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def test_what_the_backend_raises_where_memory_does_not_suffice():
    with pytest.raises(Exception) as caught:  # of which class depends on the backend
        # 4 exabytes: no machine begins to allocate them.
        keras.ops.convert_to_numpy(keras.ops.zeros((10**9, 10**9)))
    assert ops.is_out_of_memory(caught.value)


def test_what_numpy_and_python_raise():
    with pytest.raises(MemoryError) as caught:
        np.zeros((10**9, 10**8))
    assert ops.is_out_of_memory(caught.value)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="what JAX says")
@pytest.mark.parametrize(
    "error",
    [
        ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 576000000 bytes."),
        RuntimeError("INTERNAL: Error dispatching computation: Out of memory allocating 4 bytes."),
    ],
)
def test_what_jax_raises_elsewhere(error):
    assert ops.is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("a shape is wrong"), ValueError("Out of memory")])
def test_other_errors(error):
    assert not ops.is_out_of_memory(error)
