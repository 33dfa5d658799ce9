"""Values and gradients by Keras variables, and the state that changes on the way."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def variable(value, **options):
    return keras.Variable(np.asarray(value, "float32"), **options)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_come_in_the_order_of_the_variables(compiled):
    a, b, unused = variable([1.0, 2.0]), variable(3.0), variable(np.ones((2, 2)))

    def loss(scale):
        return scale * ops.sum(a * a) * b

    differentiated = ops.value_and_grad(loss, [b, unused, a])
    if compiled:
        differentiated = ops.compile(differentiated, [a, b, unused])
    value, gradients = differentiated(ops.convert_to_tensor(2.0))
    assert isinstance(gradients, list)
    assert float(value) == 30.0
    for gradient, expected in zip(gradients, (10.0, np.zeros((2, 2)), [12.0, 24.0]), strict=True):
        np.testing.assert_allclose(to_numpy(gradient), expected)


def test_keyword_arguments_reach_the_function():
    x = variable(3.0)
    value, _ = ops.value_and_grad(lambda power: x.value**power, [x])(power=2)
    assert float(value) == 9.0


def test_the_auxiliary_nest_comes_along():
    x = variable(3.0)

    def loss():
        return x * x, {"twice": 2.0 * x.value, "name": "square"}

    (value, auxiliary), (gradient,) = ops.value_and_grad(loss, [x], has_aux=True)()
    assert (float(value), float(gradient)) == (9.0, 6.0)
    assert float(auxiliary["twice"]) == 6.0
    if keras.backend.backend() == "torch":
        assert not auxiliary["twice"].requires_grad


def test_a_variable_that_is_not_trainable_has_a_gradient_too():
    x = variable(3.0, trainable=False)
    _, (gradient,) = ops.value_and_grad(lambda: x * x, [x])()
    assert float(gradient) == 6.0
    assert not x.trainable
    assert not getattr(x.value, "requires_grad", False)


def test_a_value_of_nothing_has_zero_gradients():
    x = variable([1.0, 2.0])
    value, (gradient,) = ops.value_and_grad(lambda: ops.convert_to_tensor(5.0), [x])()
    assert float(value) == 5.0
    np.testing.assert_array_equal(to_numpy(gradient), [0.0, 0.0])
    assert ops.value_and_grad(lambda: 5.0, [])()[1] == []


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_by_a_tensor_are_those_of_each_value(compiled):
    scale = variable([1.0, 3.0])

    def run(x):
        return ops.values_and_gradients(lambda x: ops.sum(scale * x**2, axis=-1), x)

    run = ops.compile(run, [scale]) if compiled else run
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    values, slopes = (to_numpy(result) for result in run(x))
    np.testing.assert_allclose(values, [13.0, 57.0])
    np.testing.assert_allclose(slopes, [[2.0, 12.0], [6.0, 24.0]])


def test_values_that_do_not_depend_on_the_tensor_have_gradients_of_0():
    _, slopes = ops.values_and_gradients(lambda x: ops.ones((4,)), ops.ones((2,)))
    np.testing.assert_array_equal(to_numpy(slopes), [0.0, 0.0])


def test_the_gradient_of_a_gather_is_dense():
    table = variable(np.arange(6.0).reshape(3, 2))
    rows = np.array([0, 2, 2])
    loss = ops.value_and_grad(lambda: ops.sum(ops.take(table, rows, axis=0)), [table])
    np.testing.assert_array_equal(to_numpy(loss()[1][0]), [[1, 1], [0, 0], [2, 2]])


def test_state_that_changes_on_the_way_is_kept():
    x, calls = variable(2.0), variable(0.0, trainable=False)
    seeds = keras.random.SeedGenerator(7)
    reference = keras.random.SeedGenerator(7)

    def loss():
        calls.assign(calls + 1.0)
        return x * ops.sum(keras.random.normal((3,), seed=seeds))

    differentiated = ops.value_and_grad(loss, [x])
    for expected_calls in (1.0, 2.0):
        _, (gradient,) = differentiated()
        drawn = to_numpy(keras.random.normal((3,), seed=reference))
        np.testing.assert_allclose(float(gradient), drawn.sum(), rtol=1e-6)
        assert float(calls.value) == expected_calls
    np.testing.assert_array_equal(to_numpy(seeds.state.value), to_numpy(reference.state.value))


def test_a_function_sees_the_state_of_the_scope_around_it():
    if keras.backend.backend() != "jax":
        pytest.skip("stateless scopes are for JAX")
    x, shift, calls = variable(1.0), variable(0.0), variable(0.0)

    def loss():
        calls.assign(calls + 1.0)
        return x * shift

    mapping = [(x, np.float32(3.0)), (shift, np.float32(5.0)), (calls, np.float32(10.0))]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        value, (gradient,) = ops.value_and_grad(loss, [x])()
    assert (float(value), float(gradient)) == (15.0, 5.0)
    assert float(scope.get_current_value(calls)) == 11.0
    assert float(calls.value) == 0.0


def test_a_layer_learns():
    layer = keras.layers.Dense(1, kernel_initializer="zeros")
    layer.build((None, 2))
    x = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    y = ops.convert_to_tensor(x @ np.array([[2.0], [-1.0]], "float32") + 0.5)
    differentiated = ops.value_and_grad(
        lambda: ops.mean(ops.square(layer(x) - y)), layer.trainable_variables
    )
    optimizer = keras.optimizers.SGD(0.3)
    for _ in range(60):
        loss, gradients = differentiated()
        optimizer.apply(gradients, layer.trainable_variables)
    assert float(loss) < 1e-8


@pytest.mark.parametrize("bad", [3.0, "x", np.ones(2)])
def test_what_is_not_a_variable_is_named(bad):
    with pytest.raises(TypeError, match="trainable_variables"):
        ops.value_and_grad(lambda: 0.0, [bad])


def test_an_integer_variable_is_named():
    count = keras.Variable(1, dtype="int32", trainable=False)
    with pytest.raises(TypeError, match="floating"):
        ops.value_and_grad(lambda: 0.0, [count])


def test_a_value_that_is_no_scalar_is_named():
    x = variable([1.0, 2.0])
    with pytest.raises(ValueError, match=r"returned the shape \(2,\): reduce it"):
        ops.value_and_grad(lambda: x * x, [x])()
