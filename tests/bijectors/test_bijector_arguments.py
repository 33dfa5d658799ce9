"""What bijectors refuse, and how they say it."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


BAD_VALUES = {
    "infinite shift": (
        lambda **k: kb.Shift([np.inf, 1.0], **k),
        "Shift: shift must be a finite real number, .* ranges from 1 to inf",
    ),
    "zero scale": (
        lambda **k: kb.Scale([2.0, 0.0], **k),
        "Scale: scale must be other than 0 and finite, .* ranges from 0 to 2",
    ),
    "zero scale of an affine map": (
        lambda **k: kb.Affine(0.0, 0.0, **k),
        "Affine: scale must be other than 0 and finite, .* is 0",
    ),
    "nan shift": (lambda **k: kb.Affine(np.nan, 1.0, **k), "Affine: shift must .* is NaN"),
    "zero power": (
        lambda **k: kb.Power(0.0, **k),
        "Power: power must be other than 0 and finite, .* is 0",
    ),
    "empty interval": (
        lambda **k: kb.Sigmoid([0.0, 1.0], [2.0, 0.5], **k),
        "Sigmoid: low must be less than high, but high - low is -0.5 at its least",
    ),
    "interval of one number": (
        lambda **k: kb.Sigmoid(1.0, 1.0, **k),
        "Sigmoid: low must be less than high, but high - low is 0 here",
    ),
    "negative variance": (
        lambda **k: kb.BatchNormalization(0.0, -1.0, **k),
        "BatchNormalization: variance must be at least 0 and finite, .* is -1",
    ),
    "scale of a normalisation": (
        lambda **k: kb.BatchNormalization(0.0, 1.0, scale=[1.0, 0.0], **k),
        "BatchNormalization: scale must be greater than 0 and finite, .* ranges from 0 to 1",
    ),
    "infinite interval": (
        lambda **k: kb.Sigmoid(0.0, np.inf, **k),
        "Sigmoid: high must be a finite real number, .* is inf",
    ),
    "not lower triangular": (
        lambda **k: kb.ScaleTriL([[1.0, 7.0], [0.0, 1.0]], **k),
        "ScaleTriL: scale_tril must be a lower-triangular matrix .* above it is 7",
    ),
    "diagonal not positive": (
        lambda **k: kb.AffineTriL([0.0, 0.0], [[1.0, 0.0], [0.0, -3.0]], **k),
        "AffineTriL: .* its diagonal, of shape (2,), ranges from -3 to 1",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


def _zeros(*shape):
    return np.zeros(shape, "float32")


BAD_ARGUMENTS = {
    "no list": (lambda: kb.Chain([]), "Chain: bijectors is empty; give at least one"),
    "empty stack": (lambda: kb.Stack([]), "Stack: bijectors is empty"),
    "symbolic": (lambda: kb.Shift(keras.Input((3,))), "Shift: shift is a symbolic KerasTensor"),
    "none": (lambda: kb.Scale(None), "Scale: scale is None"),
    "low end": (lambda: kb.Softplus(np.inf), "Softplus: low must be a finite number, got inf"),
    "half": (lambda: kb.Exp(dtype="float16"), 'Exp: dtype must be "float32" or "float64"'),
    "shapes": (
        lambda: kb.Affine(_zeros(3), np.ones(2)),
        "Affine: the shapes of the parameters do not broadcast: shift (3,), scale (2,)",
    ),
    "not square": (
        lambda: kb.ScaleTriL(np.ones((3, 2))),
        "ScaleTriL: scale_tril has the shape (3, 2); it must be a square matrix",
    ),
    "sizes": (
        lambda: kb.AffineTriL(_zeros(3), np.eye(2)),
        "AffineTriL: shift has 3 entries, in the shape (3,), but scale_tril is 2 x 2",
    ),
    "no permutation": (
        lambda: kb.Permute([0, 2]),
        "Permute: permutation must be a vector of whole numbers with each of 0, ..., d - 1 once, "
        "got [0, 2]",
    ),
    "permutation of fractions": (lambda: kb.Permute([0.5, 1.0]), "Permute: permutation must be"),
    "entries": (
        lambda: kb.Reshape((2, 3), (5,)),
        "Reshape: event_shape_out (2, 3) has 6 entries, but event_shape_in (5,) has 5",
    ),
    "no size": (
        lambda: kb.Reshape((-1,), (5,)),
        "Reshape: each size in event_shape_out must be a whole number of at least 1, got -1",
    ),
    "ranks": (
        lambda: kb.Stack([kb.Exp(), kb.Ordered()]),
        "Stack: all bijectors must map values of the same rank to values of the same rank",
    ),
    "too few sizes": (
        lambda: kb.Split([kb.Exp(), kb.Log()], [2]),
        "Split: give one size for each bijector, and at least one; got 2 bijectors and the sizes",
    ),
    "size of a part": (
        lambda: kb.Split([kb.ScaleTriL(np.eye(2))], [3]),
        "ScaleTriL: scale_tril is 2 x 2, so it maps vectors of 2 entries, not values of shape (3,)",
    ),
    "part that is a matrix": (
        lambda: kb.Split([kb.CholeskyFactor()], [3]),
        "Split: CholeskyFactor(Exp()) maps values of rank 1 to values of rank 2",
    ),
    "no bijector": (
        lambda: kb.CholeskyFactor("exp"),
        "CholeskyFactor: diagonal must be a bijector of single numbers onto positive ones, such as "
        "Exp() or Softplus(), not 'exp'",
    ),
    "no function": (
        lambda: kb.Inline(forward=abs, inverse=3.0, log_det=abs),
        "Inline: inverse must be a function, got 3.0",
    ),
    "number for a vector": (
        lambda: kb.Ordered().forward(1.0),
        "Ordered: x has the shape (), but the map is one of vectors: give at least 1 axis",
    ),
    "vector for a matrix": (
        lambda: kb.FillTriangular().inverse(_zeros(3)),
        "FillTriangular: y has the shape (3,), but the map is one of matrices: give at least 2",
    ),
    "number of entries": (
        lambda: kb.Permute([1, 0]).forward(_zeros(5, 3)),
        "Permute: the permutation is one of 2 entries, which does not fit values of shape (3,)",
    ),
    "no triangle": (
        lambda: kb.CholeskyFactor().forward(_zeros(4)),
        "CholeskyFactor: maps vectors of 1, 3, 6, 10, ... entries, as many as a triangle has, not "
        "values of shape (4,)",
    ),
    "no square": (
        lambda: kb.CholeskyOuterProduct().forward(_zeros(2, 3)),
        "CholeskyOuterProduct: gives square matrices of at least 1 rows, not values of shape (2, 3",
    ),
    "correlation of one": (
        lambda: kb.CorrelationCholesky().inverse(_zeros(1, 1)),
        "CorrelationCholesky: gives square matrices of at least 2 rows, not values of shape (1, 1)",
    ),
    "one probability": (
        lambda: kb.Simplex().inverse(_zeros(1)),
        "Simplex: gives vectors of at least 2 probabilities, not the shape (1,)",
    ),
    "nothing on a simplex": (lambda: kb.Simplex().forward(_zeros(4, 0)), "Simplex: maps vectors"),
    "slices": (
        lambda: kb.Stack([kb.Exp(), kb.Log()]).forward(_zeros(3)),
        "Stack: there are 2 bijectors, one for each slice, which does not fit values of shape (3,)",
    ),
    "parts": (
        lambda: kb.Split([kb.Exp(), kb.Log()], [2, 2]).forward(_zeros(3)),
        "Split: the sizes [2, 2] add to 4 entries, which does not fit values of shape (3,)",
    ),
    "layout": (
        lambda: kb.Reshape((2, 3), (6,)).inverse(_zeros(3, 2)),
        "Reshape: values of shape (2, 3) are reshaped, not of shape (3, 2)",
    ),
    "in the middle of a chain": (
        lambda: kb.Chain([kb.Exp(), kb.Ordered(), kb.ScaleTriL(np.eye(3))]).forward(_zeros(2)),
        "ScaleTriL: scale_tril is 3 x 3",
    ),
    "more images than entries": (
        lambda: kb.Shift([1.0, 2.0, 3.0]).forward_event_shape((1,)),
        "Shift: its parameters are a batch of shape (3,), which does not fit in values of shape",
    ),
    "more images in a chain": (
        lambda: kb.Chain([kb.Ordered(), kb.Shift([1.0, 2.0])]).forward(_zeros(1)),
        "Shift: its parameters are a batch of shape (2,), which does not fit in values of shape",
    ),
}


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(ops.CholeskyError, match="the value given to CholeskyOuterProduct"):
        kb.CholeskyOuterProduct().inverse([[1.0, 2.0], [2.0, 1.0]])


def test_integers_and_half_precision_are_mapped_in_float32():
    for x in (1, np.int64(1), np.float16(1.0), ops.cast(ops.convert_to_tensor(1.0), "bfloat16")):
        y, log_det = kb.Scale(3.0).forward_and_log_det(x)
        assert str(ops.convert_to_numpy(y).dtype) == "float32"
        assert str(ops.convert_to_numpy(log_det).dtype) == "float32"
        assert float(y) == 3.0


def test_numbers_keep_their_digits_in_float64(float64):
    y = kb.Chain([kb.Scale(0.3, dtype="float64"), kb.Shift(0.2)]).forward(0.1)
    assert str(ops.convert_to_numpy(y).dtype) == "float64"
    assert float(kb.Affine(0.7, 0.3, dtype="float64").forward(0.1)) == pytest.approx(
        0.73, rel=1e-15
    )


@pytest.mark.parametrize("floatx", ["float16", "bfloat16"])
def test_half_precision_by_default_makes_float32_bijectors(floatx):
    before = keras.config.floatx()
    keras.config.set_floatx(floatx)
    try:
        chain = kb.Chain([kb.Exp(), kb.Identity()])
        assert chain.dtype == "float32"
        assert str(ops.convert_to_numpy(chain.forward(0.0)).dtype) == "float32"
    finally:
        keras.config.set_floatx(before)


def test_unknown_sizes_are_kept():
    assert kb.Simplex().forward_event_shape((None,)) == (None,)
    assert kb.FillTriangular().forward_event_shape((None,)) == (None, None)
    assert kb.CholeskyFactor().inverse_event_shape((None, None)) == (None,)
    assert kb.Shift([1.0, 2.0]).forward_event_shape((None,)) == (None,)
    assert kb.Permute([1, 0]).inverse_event_shape((None,)) == (None,)


def test_a_variable_trains_through_a_bijector():
    scale = keras.Variable(2.0)

    def loss():
        y, log_det = kb.Chain([kb.Scale(scale), kb.Exp()]).forward_and_log_det([0.5, 1.0])
        return ops.sum(log_det) + 0.0 * ops.sum(y)

    _, (gradient,) = ops.compile(ops.value_and_grad(loss, [scale]), [scale])()
    assert float(gradient) == pytest.approx(2 * 0.5 + 1.5)  # of 2 log a + (0.5 + 1) a
