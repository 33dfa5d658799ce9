"""Inline: a bijector from three functions."""

import json

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.parameters import Constraint, constraints

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

register = keras.saving.register_keras_serializable(package="kelbo_tests")


@register
def bend(x):
    """The banana."""
    return ops.stack([x[..., 0], x[..., 1] - x[..., 0] ** 2], axis=-1)


@register
def straighten(y):
    return ops.stack([y[..., 0], y[..., 1] + y[..., 0] ** 2], axis=-1)


@register
def nothing(x):
    return 0.0


@register
def sinh_slope(x):
    return ops.log(ops.cosh(x))


@register
def halves(shape):
    return (*shape[:-1], shape[-1] // 2, 2)


@register
def wholes(shape):
    return (*shape[:-2], 2 * shape[-2])


def numbers(x):
    return ops.convert_to_numpy(x)


def both_ways(bijector, x):
    y, log_det = bijector.forward_and_log_det(x)
    return [numbers(t) for t in (y, log_det, *bijector.inverse_and_log_det(y))]


def test_a_map_of_vectors_with_a_constant_log_determinant(dtype):
    bijector = kb.Inline(bend, straighten, nothing, event_rank=1)
    assert bijector.codomain is constraints.real_vector
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(dtype)
    y, log_det, again, inverse_log_det = both_ways(bijector, x)
    np.testing.assert_allclose(y[..., 1], x[..., 1] - x[..., 0] ** 2, rtol=1e-5)
    np.testing.assert_allclose(again, x, rtol=1e-5, atol=1e-6)
    for one in (log_det, inverse_log_det):
        assert (one.shape, str(one.dtype)) == ((4, 3), dtype)
        assert (one == 0).all()


def test_a_map_of_numbers():
    bijector = kb.Inline(forward=ops.sinh, inverse=ops.arcsinh, log_det=sinh_slope)
    x = np.array([-2.0, 0.0, 1.0], "float32")
    y, log_det, again, inverse_log_det = both_ways(bijector, x)
    np.testing.assert_allclose(y, np.sinh(x), rtol=1e-5)
    np.testing.assert_allclose(log_det, np.log(np.cosh(x)), rtol=1e-5)
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-5)
    np.testing.assert_allclose(again, x, rtol=1e-5, atol=1e-6)
    assert bijector.is_increasing is None
    rising = kb.Inline(ops.sinh, ops.arcsinh, sinh_slope, is_increasing=True)
    assert kb.Chain([rising, kb.Exp()]).is_increasing is True


def test_a_map_that_changes_the_shape():
    def lay_out(x):
        return ops.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2))

    def lay_flat(y):
        return ops.reshape(y, (*y.shape[:-2], 2 * y.shape[-2]))

    bijector = kb.Inline(
        lay_out,
        lay_flat,
        nothing,
        event_rank=1,
        inverse_event_rank=2,
        forward_event_shape=halves,
        inverse_event_shape=wholes,
    )
    assert bijector.forward_event_shape((5, 6)) == (5, 3, 2)
    assert bijector.inverse_event_shape((5, 3, 2)) == (5, 6)
    y, log_det, again, _ = both_ways(bijector, np.arange(12.0).reshape(2, 6))
    assert (y.shape, log_det.shape, again.shape) == ((2, 3, 2), (2,), (2, 6))


def test_saving_by_registered_names():
    bijector = kb.Inline(
        ops.exp,
        ops.log,
        lambda x: x,
        codomain=constraints.positive,
        is_increasing=True,
    )
    with pytest.raises(ValueError, match=r"^Inline: forward is 'exp', which is not registered"):
        bijector.get_config()
    bijector = kb.Inline(bend, straighten, lambda x: 0.0, event_rank=1)
    with pytest.raises(ValueError, match=r"^Inline: log_det is '<lambda>', which is not reg"):
        bijector.get_config()

    bijector = kb.Inline(bend, straighten, nothing, event_rank=1, codomain=constraints.real_vector)
    text = json.dumps(keras.saving.serialize_keras_object(kb.Chain([bijector, kb.Shift(1.0)])))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True).bijectors[0]
    assert again.get_config() == bijector.get_config()
    assert (again.codomain, again.event_rank) == (constraints.real_vector, 1)
    x = np.ones((3, 2), "float32")
    for one, other in zip(both_ways(bijector, x), both_ways(again, x), strict=True):
        np.testing.assert_array_equal(one, other)
    strange = kb.Inline(bend, straighten, nothing, domain=Constraint("strange", lambda x: x > 0))
    with pytest.raises(ValueError, match=r"^Inline: domain is 'strange', which is not one of"):
        strange.get_config()
