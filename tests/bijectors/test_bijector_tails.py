"""Far out, where a naive formula overflows, cancels, or divides by zero."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

FAR = np.array([-1000.0, -50.0, -1.0, 0.0, 1.0, 50.0, 1000.0])


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


LOG_DETS = {
    "sigmoid": (kb.Sigmoid(), -softplus(FAR) - softplus(-FAR)),
    "sigmoid onto an interval": (
        kb.Sigmoid(-2.0, 5.0),
        np.log(7.0) - softplus(FAR) - softplus(-FAR),
    ),
    "softplus": (kb.Softplus(), -softplus(-FAR)),
    "tanh": (kb.Tanh(), 2 * np.log(2) - 2 * softplus(2 * FAR) + 2 * FAR),
    "chain": (
        kb.Chain([kb.Scale(-1.0), kb.Tanh(), kb.Scale(3.0)]),
        2 * np.log(2) - 2 * softplus(2 * FAR) + 2 * FAR + np.log(3.0),
    ),
}


def test_log_determinants_are_right_far_out_and_have_finite_gradients(dtype):
    variables = [keras.Variable(FAR, dtype=dtype) for _ in LOG_DETS]

    def total():
        pairs = [
            bijector.forward_and_log_det(x)
            for (bijector, _), x in zip(LOG_DETS.values(), variables, strict=True)
        ]
        return sum(ops.sum(y) + ops.sum(log_det) for y, log_det in pairs), [x for _, x in pairs]

    differentiated = ops.compile(ops.value_and_grad(total, variables, has_aux=True), variables)
    (_, log_dets), gradients = differentiated()
    rtol = 1e-6 if dtype == "float32" else 1e-13
    for name, log_det, gradient in zip(LOG_DETS, log_dets, gradients, strict=True):
        near = {"rtol": rtol, "atol": rtol, "err_msg": name}
        np.testing.assert_allclose(ops.convert_to_numpy(log_det), LOG_DETS[name][1], **near)
        assert np.isfinite(ops.convert_to_numpy(gradient)).all(), name


def test_the_slope_at_zero_is_right():
    # Formulas by |x| have a kink there, which automatic differentiation sees.
    x = keras.Variable(0.0)
    for bijector, slope in ((kb.Sigmoid(-1.0, 3.0), 1.0), (kb.Softplus(), 0.5), (kb.Tanh(), 1.0)):
        _, (gradient,) = ops.value_and_grad(lambda b=bijector: b.forward(x), [x])()
        assert float(gradient) == pytest.approx(slope)


def test_sigmoid_never_leaves_its_interval():
    x = np.linspace(-40, 40, 4001, dtype="float32")
    for low, high in ((-0.1, 0.3), (1e-3, 1e3), (-7.0, -1e-6)):
        y = ops.convert_to_numpy(kb.Sigmoid(low, high).forward(x))
        assert y.min() == np.float32(low)
        assert y.max() == np.float32(high)


def test_the_way_back_from_near_the_ends():
    y = np.array([1e-30, 1e-10, 0.3, 1 - 2.0**-20], "float32")
    x, log_det = kb.Sigmoid().inverse_and_log_det(y)
    exact = y.astype("float64")
    np.testing.assert_allclose(ops.convert_to_numpy(x), np.log(exact) - np.log1p(-exact), rtol=1e-6)
    expected = -np.log(exact) - np.log1p(-exact)
    np.testing.assert_allclose(ops.convert_to_numpy(log_det), expected, rtol=1e-6)
    y = np.array([1e-30, 1e-10, 0.3, 100.0], "float32")
    exact = y.astype("float64")
    x = ops.convert_to_numpy(kb.Softplus().inverse(y))
    np.testing.assert_allclose(x, exact + np.log(-np.expm1(-exact)), rtol=1e-6)


def test_shares_of_a_stick_that_underflow_keep_their_logarithms(dtype):
    values = [[300.0, 0.0, 0.0], [-300.0, 5.0, -200.0], [0.0, 0.0, 0.0]]
    x = keras.Variable(values, dtype=dtype)

    def total():
        y, log_det = kb.Simplex().forward_and_log_det(x)
        return ops.sum(log_det), (y, log_det)

    (_, (y, log_det)), (gradient,) = ops.compile(
        ops.value_and_grad(total, [x], has_aux=True), [x]
    )()
    logits = np.array(values) - np.log([3.0, 2.0, 1.0])
    kept = np.cumsum(-softplus(logits), axis=-1)
    before = np.concatenate([np.zeros((3, 1)), kept[:, :-1]], axis=-1)
    expected = np.sum(before - softplus(-logits), axis=-1) + kept[:, -1]
    np.testing.assert_allclose(ops.convert_to_numpy(log_det), expected, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.sum(y, axis=-1)), 1.0, rtol=1e-6)
    assert np.isfinite(ops.convert_to_numpy(gradient)).all()
    np.testing.assert_allclose(ops.convert_to_numpy(y)[2], 0.25, rtol=1e-6)


def test_correlations_near_one_come_back():
    x = np.array([8.0, -6.0, 7.0], "float32")
    bijector = kb.CorrelationCholesky()

    def both_ways():
        y, log_det = bijector.forward_and_log_det(x)
        return log_det, ops.sum(ops.square(y), axis=-1), bijector.inverse(y)

    log_det, rows, again = map(ops.convert_to_numpy, ops.compile(both_ways)())
    t = np.log(4.0) - 2 * np.abs(x) - 2 * np.log1p(np.exp(-2 * np.abs(x)))  # log(1 - tanh(x)^2)
    # [1, 2, 3] fills [[3, 0], [2, 1]], of which the 2 is in the last row's first place.
    np.testing.assert_allclose(float(log_det), t.sum() + 0.5 * t[1], rtol=1e-5)
    np.testing.assert_allclose(rows, 1.0, rtol=1e-5)
    assert np.isfinite(again).all()
