"""Layers of flows: with and without a context, both ways, leading axes, saving."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import layers as kl
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

SIZE = 3


def network(units=8):
    return keras.Sequential([keras.layers.Dense(units, "tanh")])


LAYERS = {
    "planar": lambda **k: kl.PlanarFlow((SIZE,), **k),
    "planar_inverted": lambda **k: kl.PlanarFlow((SIZE,), invert=True, **k),
    "radial": lambda **k: kl.RadialFlow((SIZE,), **k),
    "sylvester": lambda **k: kl.SylvesterFlow((SIZE,), ridges=2, **k),
    "sylvester_triangular": lambda **k: kl.SylvesterFlow((SIZE,), reflections=0, **k),
    "affine": lambda **k: kl.AffineCoupling((SIZE,), network(), **k),
    "additive": lambda **k: kl.AffineCoupling((SIZE,), additive=True, mask="odd", **k),
    "spline": lambda **k: kl.SplineCoupling((SIZE,), network(), mask="last", bins=4, **k),
    "maf": lambda **k: kl.MaskedAutoregressive((SIZE,), hidden=(8,), activation="tanh", **k),
    "maf_of_blocks": lambda **k: kl.MaskedAutoregressive(
        (SIZE,), hidden=(8,), activation="tanh", blocks=(1, 2), **k
    ),
    "iaf_spline": lambda **k: kl.InverseAutoregressive(
        (SIZE,), hidden=(8,), activation="tanh", transform=kl.SplineTransform(bins=3), **k
    ),
    "blocks": lambda **k: kl.BlockAutoregressiveFlow((SIZE,), hidden=(3, 3), **k),
    "blocks_inverted": lambda **k: kl.BlockAutoregressiveFlow(
        (SIZE,), hidden=(4,), invert=True, **k
    ),
    "linear": lambda **k: kl.InvertibleLinear((SIZE,), seed=1, **k),
    "permutation": lambda **k: kl.Permutation((SIZE,), "random", seed=3, **k),
}


def numbers(x):
    return ops.convert_to_numpy(x)


def made(name, context=None, dtype="float32", seed=0):
    """A layer that is built, with weights far from where they start."""
    keras.utils.set_random_seed(seed)
    layer = LAYERS[name](dtype=dtype)
    layer.build(None if context is None else (None, *context))
    random = np.random.default_rng(seed)
    layer.set_weights([w + 0.4 * random.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def fast_way(bijector, x):
    """Forwards, or backwards where the forward direction is the slow one."""
    return bijector.inverse(x) if isinstance(bijector, kb.Inverse) else bijector.forward(x)


def compiled(layer, function):
    """What the function returns, as NumPy arrays: one compilation, not one for each operation."""
    return keras.tree.map_structure(numbers, ops.compile(function, layer.variables)())


def values(batch, seed=1, size=SIZE, dtype="float32"):
    return np.random.default_rng(seed).normal(size=(*batch, size)).astype(dtype)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.few(3)
def test_both_ways_and_the_jacobian(name, float64):
    layer = made(name, (2,), "float64")
    x, context = values((5,), dtype="float64"), values((5,), 2, 2, "float64")
    weights = [v for v in layer.variables if "float" in v.dtype]
    variable = keras.Variable(x, dtype="float64")
    direction = keras.Variable(np.zeros(SIZE), dtype="float64", trainable=False)

    def row():
        return ops.sum(layer.given(context).forward(variable.value) * direction)

    def both():
        bijector = layer.given(context)
        y, log_det = bijector.forward_and_log_det(x)
        return y, log_det, *bijector.inverse_and_log_det(y)

    y, log_det, again, inverse_log_det = (numbers(t) for t in ops.compile(both, weights)())
    assert y.dtype == log_det.dtype == np.float64
    assert y.shape == x.shape
    assert log_det.shape == (5,)
    np.testing.assert_allclose(again, x, atol=1e-8)
    np.testing.assert_allclose(inverse_log_det, -log_det, atol=1e-8)
    differentiate = ops.compile(
        ops.value_and_grad(row, [variable]), [variable, direction, *weights]
    )
    rows = []
    for weight in np.eye(SIZE):
        direction.assign(weight)
        rows.append(numbers(differentiate()[1][0]))
    expected = np.linalg.slogdet(np.stack(rows, axis=-2))[1]
    np.testing.assert_allclose(log_det, expected, atol=1e-7)
    if name != "permutation":
        assert np.abs(y - x).max() > 0.01


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.few(2)
def test_leading_axes_of_values_and_contexts(name):
    layer = made(name, (2,))
    context, x = values((3, 4), 2, 2), values((5, 3, 4))
    shapes = []

    def run():
        bijector = layer.given(context)
        shapes.append(bijector.batch_shape)
        every = bijector.forward_and_log_det(x)
        one = layer.given(context[1, 2][None]).forward_and_log_det(x[4, 1, 2][None])
        # A value without the batch of the context gets it.
        forward = bijector.forward_and_log_det(x[0, 0, 0])
        return every, one, forward, bijector.inverse_and_log_det(x[0, 0, 0])

    (y, log_det), one, forward, inverse = compiled(layer, run)
    assert (y.shape, log_det.shape) == (x.shape, (5, 3, 4))
    np.testing.assert_allclose(y[4, 1, 2], one[0][0], atol=1e-5)
    np.testing.assert_allclose(log_det[4, 1, 2], one[1][0], atol=1e-5)
    if name == "permutation":
        return
    assert shapes[0] == (3, 4)
    for value, its_log_det in (forward, inverse):
        assert (value.shape, its_log_det.shape) == ((3, 4, SIZE), (3, 4))


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "permutation"])
@pytest.mark.few(2)
def test_the_context_matters_and_gradients_reach_all_weights(name):
    layer = made(name, (2,))
    x = values((4,))
    context = values((4,), 5, 2)
    one, other = compiled(
        layer, lambda: [layer.given(c).forward(x) for c in (context, context + 1.0)]
    )
    assert np.abs(one - other).max() > 1e-3

    def loss():
        y, log_det = layer.given(context).forward_and_log_det(x)
        return ops.sum(ops.square(y)) + ops.sum(log_det)

    variables = layer.trainable_variables
    gradients = compiled(layer, ops.value_and_grad(loss, variables))[1]
    for variable, gradient in zip(variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("context_size", [None, 2], ids=["free", "conditional"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.few(3)
def test_saving_the_layer_by_its_config_and_weights(name, context_size):
    layer = made(name, context_size and (context_size,))
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config, safe_mode=True)
    again.build_from_config(layer.get_build_config())
    again.set_weights(layer.get_weights())
    context = None if context_size is None else values((4,), 5, 2)
    x = values((4,))
    mapped = [compiled(one, lambda o=one: fast_way(o.given(context), x)) for one in (again, layer)]
    np.testing.assert_array_equal(*mapped)
    assert again.get_config() == layer.get_config() or "network" in layer.get_config()


@pytest.mark.parametrize("name", ["planar", "spline", "maf", "blocks"])
@pytest.mark.few(1)
def test_in_a_functional_model(name):
    layer = LAYERS[name]()
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(keras.layers.Dense(6, "tanh")(inputs)))
    context = values((4,), 5, 2)
    outputs = model.predict(context, verbose=0)
    symbolic = {n: tuple(t.shape) for n, t in model.output.items()}
    assert symbolic == {n: (None, *t.shape[1:]) for n, t in outputs.items()}
    bijector = layer.bijector(**{n: ops.convert_to_tensor(t) for n, t in outputs.items()})
    assert bijector.forward(values((4,))).shape == (4, SIZE)
    with pytest.raises(TypeError, match="symbolic KerasTensor"):
        layer.given(inputs)


def test_built_for_one_use():
    free, conditional = made("maf"), made("maf", (2,))
    with pytest.raises(ValueError, match=r"built without a context, but one of shape \(4, 2\)"):
        free.given(values((4,), size=2))
    with pytest.raises(ValueError, match=r"built for contexts of shape \(2,\), but no context"):
        conditional.given()


@pytest.mark.parametrize("grid", [(4, 4), ()], ids=["maps", "vectors"])
def test_images_with_a_convolution(grid):
    layer = kl.AffineCoupling(
        (4, 4, 3), keras.layers.Conv2D(6, 3, padding="same", activation="relu")
    )
    context = values((5, *grid), 3, 2)
    x = values((5, 4, 4))
    y, log_det = layer.given(context).forward_and_log_det(x)
    assert y.shape == x.shape
    assert log_det.shape == (5,)
    back, _ = layer.given(context).inverse_and_log_det(y)
    np.testing.assert_allclose(numbers(back), x, atol=1e-5)
    assert layer._head.count_params() == 6 * 2 + 2  # a dense layer over the channels


@pytest.mark.slow
def test_they_start_near_the_identity():
    x = values((50,))
    for name in ("planar", "affine", "spline", "maf", "iaf_spline"):
        keras.utils.set_random_seed(0)
        y = numbers(LAYERS[name]().given().forward(x))
        assert np.abs(y - x).mean() < (0.7 if name == "planar" else 0.15), name


def test_a_linear_layer_starts_as_a_rotation():
    keras.utils.set_random_seed(0)
    layer = kl.InvertibleLinear((5,))
    matrix = numbers(layer.given().forward(np.eye(5, dtype="float32")))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=1e-5)
    assert np.abs(matrix - np.eye(5)).max() > 0.1


def test_permutations():
    x = np.arange(4, dtype="float32")
    for order in ("reverse", [2, 0, 3, 1]):
        y = numbers(kl.Permutation((4,), order).given().forward(x))
        np.testing.assert_array_equal(y, x[::-1] if order == "reverse" else x[order])
    keras.utils.set_random_seed(0)
    random = kl.Permutation((20,), "random")
    assert sorted(random.order) == list(range(20)) != list(random.order)


@pytest.mark.slow
def test_half_precision_is_for_the_networks_only():
    for name in ("planar", "spline", "maf", "blocks"):
        layer = LAYERS[name](dtype="mixed_bfloat16")
        y, log_det = layer.given(values((4,), 5, 2)).forward_and_log_det(values((4,)))
        assert {str(numbers(t).dtype) for t in (y, log_det)} == {"float32"}


BAD = [
    (lambda: kl.PlanarFlow(()), r"event_shape must be \(d,\), got \(\)"),
    (lambda: kl.RadialFlow((2, 3)), r"maps vectors: event_shape must be \(d,\), got \(2, 3\)"),
    (lambda: kl.SylvesterFlow((2,), ridges=3), "at most the size of a value, 2, got 3"),
    (lambda: kl.AffineCoupling((1,)), "cannot be split: use MaskedAutoregressive"),
    (lambda: kl.AffineCoupling((3,), mask="left"), "mask must be .*got 'left'"),
    (lambda: kl.AffineCoupling((3,), mask=[True, False]), "each of the 3 places"),
    (lambda: kl.AffineCoupling((3,), minimum_scale=0.0), "between 0 and 1, got 0.0"),
    (lambda: kl.SplineCoupling((3,), bins=1), "bins must be a whole number of at least 2, got 1"),
    (lambda: kl.SplineCoupling((3,), bound=-1.0), "bound must be greater than 0, got -1.0"),
    (lambda: kl.SplineTransform(bins=100, minimum_bin=0.01), "do not fit"),
    (lambda: kl.MaskedAutoregressive((3,), hidden=()), "hidden is empty"),
    (lambda: kl.BlockAutoregressiveFlow((3,), hidden=()), "hidden is empty"),
    (lambda: kl.Permutation((3,), "sideways"), "got 'sideways'"),
    (lambda: kl.Permutation((3,), [0, 0, 1]), "each of 0, ..., 2 once"),
    (lambda: kl.MaskedDense([1, 2], [1]).build((None, 3)), "degrees for 2 inputs"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
