import numpy as np
import pytest

from kelbo.datasets import check


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", "bool"])
def test_accepts_finite_numbers(dtype):
    check(np.ones((3, 2), dtype), "x")


def test_counts_and_locates_nan_and_infinite_values(refuses):
    x = np.zeros((6, 2, 2), np.float32)
    x[1, 0, 1] = np.nan
    x[2] = np.inf
    x[5, 1, 1] = -np.inf
    message = refuses(lambda: check(x, "faces.npy"), "faces.npy", "1 NaN and 5 infinite", "24")
    assert "(1, 0, 1), (2, 0, 0), (2, 0, 1))" in message


def test_locates_values_beyond_the_first_chunk(refuses):
    x = np.zeros((70000, 100), np.float32)
    x[69999, 42] = np.nan
    refuses(lambda: check(x, "x"), "1 NaN and 0 infinite", "7000000", "(69999, 42)")


def test_names_finite_values_that_float32_cannot_hold(refuses):
    x = np.zeros((70000, 100))
    x[3, 4], x[69999, 42] = 1e300, -1e39
    message = refuses(lambda: check(x, "x"), "2 of 7000000 values", "float32", "rescale")
    assert "first: 1e+300 at (3, 4), -1e+39 at (69999, 42)" in message
    assert "infinite" not in message
    x[5, 5] = np.inf  # what is not finite comes first
    refuses(lambda: check(x, "x"), "0 NaN and 1 infinite", "(5, 5)")


def test_the_largest_number_of_float32_is_held():
    check(np.array([[3.4028235e38, -3.4028235e38]]), "x")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((0, 28, 28)), ["empty", "(0, 28, 28)"]),
        (np.zeros((5, 0)), ["empty", "(5, 0)"]),
        (np.array(3.0), ["single number"]),
        (np.array(["a", "b"]), ["real numbers", "<U1"]),
        (np.zeros(3, complex), ["real numbers", "complex128"]),
        (np.zeros(3, [("a", "f4")]), ["real numbers"]),
        (np.array([None, 1]), ["real numbers", "object"]),
        (np.ma.masked_greater(np.arange(3.0), 1.0), ["1 of its 3 values are masked"]),
        ({"a": np.zeros(3)}, ["dict of several arrays"]),
    ],
)
def test_refuses_what_is_no_set_of_numbers(x, words, refuses):
    refuses(lambda: check(x, "mine"), "mine", *words)
