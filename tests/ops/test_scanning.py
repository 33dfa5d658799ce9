"""The scan is the same on every backend, in and out of compiled code."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def numpy_nest(nest):
    return keras.tree.map_structure(
        lambda x: None if x is None else keras.ops.convert_to_numpy(x), nest
    )


@pytest.fixture(params=["eager", "compiled"])
def run(request):
    """run(f): what f() gives, as NumPy arrays."""
    return lambda f: numpy_nest(ops.compile(f)() if request.param == "compiled" else f())


XS = np.array([1.0, 2.0, 3.0], "float32")


@pytest.mark.parametrize("reverse", [False, True])
def test_nested_carry_and_outputs_of_another_structure(reverse, run):
    def step(carry, x):
        new = {"sum": carry["sum"] + x["value"], "pair": (2.0 * carry["pair"][0],)}
        return new, (carry["sum"], {"row": x["row"] * x["value"]})

    def scanned():
        start = {"sum": ops.zeros(()), "pair": (ops.ones((2,)),)}
        rows = {"value": XS, "row": np.arange(6.0, dtype="float32").reshape(3, 2)}
        return ops.scan(step, start, rows, reverse=reverse)

    carry, (before, outputs) = run(scanned)
    assert carry["sum"] == 6.0
    np.testing.assert_array_equal(carry["pair"][0], [8.0, 8.0])
    np.testing.assert_array_equal(before, [5.0, 3.0, 0.0] if reverse else [0.0, 1.0, 3.0])
    np.testing.assert_array_equal(outputs["row"], [[0, 1], [4, 6], [12, 15]])


def test_without_rows(run):
    carry, counts = run(lambda: ops.scan(lambda c, x: (c + 1.0, c), ops.zeros(()), length=4))
    assert carry == 4.0
    np.testing.assert_array_equal(counts, [0, 1, 2, 3])


def test_without_outputs(run):
    carry, nothing = run(lambda: ops.scan(lambda c, x: (c + x, None), ops.zeros(()), XS))
    assert carry == 6.0
    assert nothing is None


def test_some_outputs_are_none(run):
    _, (rows, nothing) = run(lambda: ops.scan(lambda c, x: (c, (x, None)), ops.zeros(()), XS))
    np.testing.assert_array_equal(rows, XS)
    assert nothing is None


def test_outputs_of_another_dtype(run):
    _, (large, whole) = run(
        lambda: ops.scan(lambda c, x: (c, (x > 1.5, ops.cast(x, "int32"))), ops.zeros((2, 2)), XS)
    )
    np.testing.assert_array_equal(large, [False, True, True])
    assert whole.dtype == "int32"


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_passes_through(compiled):
    x = keras.Variable(np.array([1.0, 2.0, 3.0], "float32"))

    def product():
        last, partial = ops.scan(lambda c, r: (c * r, c), ops.ones(()), x.value)
        return last + ops.sum(partial)

    differentiated = ops.value_and_grad(product, [x])
    if compiled:
        differentiated = ops.compile(differentiated, [x])
    value, (gradient,) = differentiated()
    # 1 + x1 + x1 x2 + x1 x2 x3
    assert float(value) == 10.0
    np.testing.assert_allclose(keras.ops.convert_to_numpy(gradient), [9.0, 4.0, 2.0])


def test_a_length_that_is_known_only_when_it_runs():
    total = ops.compile(lambda xs: ops.scan(lambda c, x: (c + x, 2.0 * c), ops.zeros(()), xs))
    for n in (2, 3, 5):  # TensorFlow traces an unknown length from the second on
        last, doubled = total(ops.ones((n,)))
        assert float(last) == n
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(doubled), 2.0 * np.arange(n, dtype="float32")
        )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA on TensorFlow")
def test_under_xla_on_tensorflow():
    import tensorflow as tf

    scanned = tf.function(
        lambda: ops.scan(lambda c, x: (c + x, (x, c)), ops.zeros(()), XS), jit_compile=True
    )
    last, (rows, before) = numpy_nest(scanned())
    assert last == 6.0
    np.testing.assert_array_equal(rows, XS)
    np.testing.assert_array_equal(before, [0, 1, 3])


@pytest.mark.parametrize(
    ("xs", "length"), [(None, None), (XS, 2), (XS[:0], None), (None, 0), ((XS, XS[:2]), None)]
)
def test_an_unclear_number_of_steps_is_named(xs, length):
    with pytest.raises(ValueError, match="one number of steps"):
        ops.scan(lambda c, x: (c, c), ops.zeros(()), xs, length=length)


def test_vectorized_map_takes_nests_everywhere():
    # No wrapper is needed for it: this is what the wrapper would be for.
    rows = {"x": np.arange(3.0, dtype="float32"), "y": np.ones((3, 2), "float32")}
    rows = keras.tree.map_structure(ops.convert_to_tensor, rows)
    result = ops.vectorized_map(lambda r: {"s": r["x"] + ops.sum(r["y"])}, rows)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result["s"]), [2.0, 3.0, 4.0])
