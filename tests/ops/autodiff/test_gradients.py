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


# A function of one number, and where.
SPECIAL = {
    "power": (lambda x: x**4, 2.0),
    "lgamma": (ops.lgamma, 2.3),
    "digamma": (ops.digamma, 2.3),
    "softplus": (ops.softplus, 0.4),
    "log_normal_cdf": (ops.log_normal_cdf, -1.3),
    "log_normal_cdf_difference": (lambda x: ops.log_normal_cdf_difference(x, x + 0.7), 0.3),
    "normal_quantile": (ops.normal_quantile, 0.2),
    "bessel_i0e": (ops.bessel_i0e, 1.7),
    "bessel_i1e": (ops.bessel_i1e, 1.7),
    "bessel_ratio": (ops.bessel_ratio, 1.7),
    "gammainc by x": (lambda x: ops.gammainc(np.float32(2.5), x), 1.7),
    "gammaincc by x": (lambda x: ops.gammaincc(np.float32(2.5), x), 1.7),
    "betainc by x": (
        lambda x: ops.betainc(np.float32(2.5), np.float32(1.5), x),
        0.3,
    ),
    "logsumexp": (lambda x: ops.logsumexp(ops.stack([x, 2.0 * x, x**2]), axis=0), 0.4),
    "logcumsumexp": (lambda x: ops.sum(ops.logcumsumexp(ops.stack([x, 2.0 * x]), axis=0)), 0.4),
    "ratio": (lambda x: ops.ratio(1.0 + x, x**2), 0.8),
    "xlogy": (lambda x: ops.xlogy(x, x), 0.8),
}


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.few(6)
def test_a_derivative_of_a_derivative_is_that_of_the_derivative(name):
    function, at = SPECIAL[name]
    x = variable(at)

    def slope(x):
        return ops.values_and_gradients(function, x)[1]

    def inner():
        return ops.value_and_grad(lambda: function(ops.convert_to_tensor(x.value)), [x])()[1][0]

    def found(at, ahead, behind):
        of_tensor = ops.values_and_gradients(slope, at)[1]
        return of_tensor, ops.value_and_grad(inner, [x])()[1][0], slope(ahead), slope(behind)

    step = np.float32(2.0**-7)
    points = [ops.convert_to_tensor(np.float32(at + s)) for s in (0.0, step, -step)]
    # PyTorch's compiled functions carry no gradients.
    compiled = found if keras.backend.backend() == "torch" else ops.compile(found, [x])
    of_tensor, of_variable, ahead, behind = map(float, compiled(*points))
    assert of_tensor == pytest.approx((ahead - behind) / (2.0 * step), rel=0.01, abs=2e-3)
    assert float(of_variable) == pytest.approx(float(of_tensor), rel=1e-4)


def test_a_penalty_on_a_gradient_trains_what_the_function_reads():
    w, x = variable(3.0), ops.convert_to_tensor(np.float32(2.0))

    def penalty():
        return ops.values_and_gradients(lambda x: w * x**3, x)[1] ** 2

    value, (slope,) = ops.value_and_grad(penalty, [w])()
    assert (float(value), float(slope)) == (1296.0, 864.0)


def test_a_layer_with_a_penalty_on_its_gradient_learns():
    class Penalised(keras.layers.Dense):
        def call(self, x):
            _, slopes = ops.values_and_gradients(super().call, x)
            self.add_loss(ops.mean(slopes**2))
            return super().call(x)

    model = keras.Sequential([keras.Input((2,)), Penalised(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.zeros((4, 2), "float32")
    model.fit(x, x[:, :1], epochs=1, verbose=0)
    # Each of the two slopes is w itself: the mean of w^2 has the slope w, of each entry.
    np.testing.assert_allclose(to_numpy(model.layers[0].kernel), [[0.9], [0.9]], rtol=1e-5)


def test_values_of_constants_carry_no_graph():
    values, slopes = ops.values_and_gradients(lambda x: x**3, ops.ones((2,)))
    assert not getattr(values, "requires_grad", False)
    assert not getattr(slopes, "requires_grad", False)


def test_each_scalar_has_the_gradients_of_its_own_variables():
    a, b, unused = variable(3.0), variable([1.0, 2.0]), variable(1.0)
    state = variable(0.0, trainable=False)

    def scalars():
        state.assign_add(1.0)  # once, whatever is differentiated
        shared = ops.tanh(a * ops.sum(ops.convert_to_tensor(b)))
        # Its slope by b is infinite; a's is not touched by that.
        broken = ops.sum(ops.sqrt(ops.convert_to_tensor(b) - b))
        return [2.0 * a + 0.0 * shared, 5.0 * ops.sum(b * b) + a, broken], shared

    def run(wanted):
        values, shared, gradients = ops.gradients_of_each(
            scalars, [[a, unused], [b], []], [None, wanted, None]
        )
        return values, shared, gradients, ops.convert_to_tensor(state)

    compiled = (
        run if keras.backend.backend() == "torch" else ops.compile(run, [a, b, unused, state])
    )
    for wanted, slope in ((True, [10.0, 20.0]), (False, [0.0, 0.0])):
        values, shared, gradients, _ = compiled(ops.convert_to_tensor(wanted))
        np.testing.assert_allclose([float(value) for value in values], [6.0, 28.0, 0.0])
        assert float(shared) == pytest.approx(1.0)
        np.testing.assert_allclose([float(each) for each in gradients[0]], [2.0, 0.0])
        np.testing.assert_allclose(to_numpy(gradients[1][0]), slope)
        assert not gradients[2]
    with pytest.raises(ValueError, match=r"a scalar for each of 1 groups"):
        ops.gradients_of_each(lambda: ([ops.convert_to_tensor(b)], None), [[b]])
