"""Constraints: what they contain, one boolean per value."""

import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import constraints
from kelbo.parameters import as_shape, broadcast_shapes

pytestmark = pytest.mark.core

NAN, INF = np.nan, np.inf
NUMBERS = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, INF, -INF, NAN], "float32")
EXPECTED = {
    "real": [1, 1, 1, 1, 1, 0, 0, 0],
    "positive": [0, 0, 1, 1, 1, 0, 0, 0],
    "unit_interval": [0, 1, 1, 1, 0, 0, 0, 0],
    "open_unit_interval": [0, 0, 1, 0, 0, 0, 0, 0],
    "boolean": [0, 1, 0, 1, 0, 0, 0, 0],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_sets_of_numbers(name):
    contained = getattr(constraints, name).contains(NUMBERS)
    assert ops.convert_to_numpy(contained).astype(int).tolist() == EXPECTED[name]
    assert bool(getattr(constraints, name).contains(1.0)) == bool(EXPECTED[name][3])


def test_intervals_with_and_without_their_ends():
    x = np.array([-1.0, 0.0, 1.0, NAN], "float32")
    for make, expected in (("interval", [1, 1, 1, 0]), ("open_interval", [0, 1, 0, 0])):
        contained = getattr(constraints, make)(-1.0, 1.0).contains(x)
        assert ops.convert_to_numpy(contained).astype(int).tolist() == expected


def test_half_lines_with_and_without_their_end():
    for make, expected in (("at_least", [0, 1, 1, 0]), ("greater_than", [0, 0, 1, 0])):
        contained = getattr(constraints, make)(0.0).contains(np.array([-1.0, 0.0, 1.0, INF]))
        assert ops.convert_to_numpy(contained).astype(int).tolist() == expected


def test_sets_of_vectors_and_matrices_have_one_answer_per_value():
    vectors = np.array([[0.0, 1.0], [NAN, 1.0], [0.0, INF]], "float32")
    contained = ops.convert_to_numpy(constraints.real_vector.contains(vectors))
    assert contained.tolist() == [True, False, False]
    matrices = np.array(
        [
            [[1.0, 0.0], [5.0, 2.0]],
            [[1.0, 1.0], [5.0, 2.0]],
            [[1.0, 0.0], [5.0, 0.0]],
            [[1.0, 0.0], [NAN, 2.0]],
            [[INF, 0.0], [5.0, 2.0]],
        ],
        "float32",
    )
    contained = ops.convert_to_numpy(constraints.lower_cholesky.contains(matrices))
    assert contained.tolist() == [True, False, False, False, False]
    contained = ops.convert_to_numpy(constraints.lower_triangular.contains(matrices))
    assert contained.tolist() == [True, False, True, False, False]
    vectors = np.array([[0.3, 0.7], [0.0, 1.0], [0.5, 0.6], [NAN, 1.0]], "float32")
    vectors[0] += 1e-5  # rounding of float32
    for name, expected in (("simplex", [1, 1, 0, 0]), ("open_simplex", [1, 0, 0, 0])):
        contained = ops.convert_to_numpy(getattr(constraints, name).contains(vectors))
        assert contained.astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("discrete", "boolean integer nonnegative_integer one_hot"),
        ("on a simplex", "simplex open_simplex"),
        ("on a sphere", "unit_vector"),
        ("continuous", "real positive unit_interval real_vector real_matrix ordered circular"),
    ],
)
def test_kinds(kind, names):
    assert {getattr(constraints, name).kind for name in names.split()} == {kind}


def test_broadcast_shapes():
    assert broadcast_shapes() == ()
    assert broadcast_shapes((3, 1), (4,)) == (3, 4)
    assert broadcast_shapes((None, 1), (5,)) == (None, 5)
    assert broadcast_shapes((None,), (7,)) == (7,)
    assert broadcast_shapes((1,), (None,)) == (None,)
    with pytest.raises(ValueError, match=r"The shapes \(2,\), \(3,\) do not broadcast"):
        broadcast_shapes((2,), (3,))


def test_as_shape():
    assert as_shape(3) == (3,)
    assert as_shape(()) == ()
    assert as_shape([2, np.int64(3)]) == (2, 3)
    assert all(type(size) is int for size in as_shape((np.int32(2),)))
