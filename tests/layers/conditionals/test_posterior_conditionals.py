"""Conditionals made for posteriors: blocks in a chain, and directions."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import layers as kl
from kelbo import ops
from kelbo.layers.frozen import frozen

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

CONTEXT = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def network():
    return keras.Sequential([keras.layers.Dense(8, "tanh")])


def chain(size=5, blocks=(2, 1, 2), **more):
    keras.utils.set_random_seed(2)
    layer = kl.ConditionalAutoregressiveNormal(
        (size,), network(), blocks=blocks, hidden=(16, 16), activation="tanh", **more
    )
    layer.build((None, 5))
    # Far from the start, at which all blocks are standard normal.
    for weight in layer.weights:
        draws = np.random.default_rng(len(weight.shape)).normal(size=weight.shape)
        weight.assign(0.5 * draws)
    return layer


def parameters_of_blocks(layer, y):
    """Mean and standard deviation of each entry, given those of earlier blocks."""
    raw = numbers(layer.bijectors[0].made(y, context=layer.network(CONTEXT)))
    start = np.log(np.expm1(1.0))
    return raw[..., 0], 0.01 + 0.99 * np.logaddexp(0.0, raw[..., 1] + start)


def test_a_chain_is_a_product_of_normal_blocks():
    layer = chain()
    assert layer.blocks == (2, 1, 2)
    y = np.random.default_rng(1).normal(size=(6, 5)).astype("float32")

    def evaluate(context, y):
        d = layer.given(context)
        draw, its_log_prob = d.sample_and_log_prob((3,), seed=0)
        return d.log_prob(y), draw, its_log_prob, d.log_prob(draw)

    log_prob, draw, its_log_prob, again = map(
        numbers, ops.compile(evaluate, layer.variables)(CONTEXT, y)
    )
    loc, scale = parameters_of_blocks(layer, y)
    expected = stats.norm(loc, scale).logpdf(y).sum(-1)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4, atol=1e-4)
    assert draw.shape == (3, 6, 5)
    np.testing.assert_allclose(its_log_prob, again, rtol=1e-4, atol=1e-3)
    for one, value in zip(draw, its_log_prob, strict=True):
        loc, scale = parameters_of_blocks(layer, one)
        expected = stats.norm(loc, scale).logpdf(one).sum(-1)
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-3)


def test_who_depends_on_whom():
    layer = chain()
    y = np.zeros((6, 5), "float32")
    before = np.stack(parameters_of_blocks(layer, y))
    seen = np.zeros((5, 5), bool)
    for i in range(5):
        moved = y.copy()
        moved[:, i] = 1.0
        seen[:, i] = (np.abs(np.stack(parameters_of_blocks(layer, moved)) - before) > 1e-6).any(
            axis=(0, 1)
        )
    block = np.array([0, 0, 1, 2, 2])
    np.testing.assert_array_equal(seen, block[:, None] > block[None, :])


def test_draws_take_a_pass_for_each_block():
    layer, calls = chain(6, 2), []
    made = layer.bijectors[0].made
    call = made.call

    def counted(*args, **kwargs):
        calls.append(1)
        return call(*args, **kwargs)

    made.call = counted
    d = layer.given(CONTEXT)
    d.log_prob(np.zeros((6, 6), "float32"))
    assert len(calls) == 1
    inverse = d.bijector.bijector
    assert inverse.blocks == (3, 3)


def test_a_draw_follows_its_blocks_with_gradients():
    layer = chain()
    kernel = layer.bijectors[0].made.trainable_variables[0]

    def total():
        draws = layer.given(CONTEXT).sample((50,), seed=3)
        return ops.mean(ops.square(draws))

    value, (slope,) = ops.compile(ops.value_and_grad(total, [kernel]), layer.variables)()
    assert np.isfinite(float(value))
    assert np.abs(numbers(slope)).max() > 1e-3


def test_a_frozen_chain_passes_gradients_to_values_alone():
    layer = chain()
    value = keras.Variable(np.ones((6, 5), "float32"))

    def total():
        # Read before: within, other variables than the layer's are not those of the gradient.
        parameters, at = layer(CONTEXT), ops.convert_to_tensor(value)
        with frozen(layer):
            stopped = {name: ops.stop_gradient(tensor) for name, tensor in parameters.items()}
            return ops.sum(layer.distribution(**stopped).log_prob(at))

    variables = [value, *layer.trainable_variables]
    _, slopes = ops.compile(ops.value_and_grad(total, variables), variables)()
    assert np.abs(numbers(slopes[0])).max() > 1e-3
    assert all(np.abs(numbers(slope)).max() == 0 for slope in slopes[1:])


def test_a_template_tells_that_draws_are_smooth():
    layer = kl.ConditionalAutoregressiveNormal((4,), blocks=2)
    assert layer.template().reparameterized
    assert layer.template().event_shape == (4,)


CONDITIONALS = {
    "chain": lambda: kl.ConditionalAutoregressiveNormal(
        (4,), network(), blocks=(1, 3), hidden=(8,), activation="tanh", minimum_scale=0.1
    ),
    "directions": lambda: kl.ConditionalVonMisesFisher((4,), network(), minimum_concentration=0.5),
}
all_conditionals = pytest.mark.parametrize("make", CONDITIONALS.values(), ids=CONDITIONALS)


@all_conditionals
@pytest.mark.few(1)
def test_saved_and_loaded_in_a_functional_model(make, tmp_path):
    inputs = keras.Input((5,))
    layer = make()
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    found = again.layers[-1]
    configs = [{**one.get_config(), "network": None} for one in (found, layer)]
    assert configs[0] == configs[1]
    for one, other in zip(found.get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    y = np.full(4, 0.5, "float32")
    scores = [numbers(one.given(CONTEXT).log_prob(y)) for one in (found, layer)]
    np.testing.assert_array_equal(*scores)


@all_conditionals
@pytest.mark.few(1)
def test_folded_leading_axes_give_the_same_numbers(make):
    layer = make()
    layer.build((None, 5))
    y = np.full(4, 0.5, "float32")

    def log_probs(context):
        deep = layer.given(ops.reshape(context, (3, 2, 5)))
        assert deep.batch_shape[1:] == (2,)
        return layer.given(context).log_prob(y), deep.log_prob(y)

    flat, deep = map(numbers, ops.compile(log_probs, layer.variables)(CONTEXT))
    np.testing.assert_allclose(deep.ravel(), flat, rtol=1e-4, atol=1e-5)


def test_directions_have_length_1_and_a_floor():
    layer = kl.ConditionalVonMisesFisher((3,), minimum_concentration=0.25)
    layer.build((None, 2))
    for head in layer.heads.values():
        head.set_weights([0 * weight for weight in head.get_weights()])
    layer.heads["mean_direction"]._dense.bias.assign([0.0, 3.0, -4.0])
    layer.heads["concentration"]._dense.bias.assign([2.0])
    parameters = layer(np.ones((1, 2), "float32"))
    np.testing.assert_allclose(numbers(parameters["mean_direction"]), [[0.0, 0.6, -0.8]], rtol=1e-6)
    expected = 0.25 + np.log1p(np.exp(2.0))
    np.testing.assert_allclose(numbers(parameters["concentration"]), [expected], rtol=1e-6)
    assert layer.compute_output_shape((7, 2)) == {"mean_direction": (7, 3), "concentration": (7,)}


def test_no_direction_has_no_gradient_that_is_not_finite():
    layer = kl.ConditionalVonMisesFisher((3,))
    layer.build((None, 2))
    bias = layer.heads["mean_direction"]._dense.bias
    kernel = layer.heads["mean_direction"]._dense.kernel
    kernel.assign(0 * numbers(kernel))

    def total():
        return ops.sum(layer.given(np.ones((1, 2), "float32")).log_prob([0.0, 0.0, 1.0]))

    value, (slope,) = ops.value_and_grad(total, [bias])()
    assert np.isfinite(float(value))
    assert np.isfinite(numbers(slope)).all()
    assert layer.template().reparameterized


BAD_ARGUMENTS = {
    "matrix of directions": (
        lambda: kl.ConditionalVonMisesFisher((2, 2)),
        r"event_shape must be \(d,\) with d of at least 2, got \(2, 2\)",
    ),
    "one entry": (lambda: kl.ConditionalVonMisesFisher((1,)), r"at least 2, got \(1,\)"),
    "floor": (
        lambda: kl.ConditionalVonMisesFisher((2,), minimum_concentration=-1.0),
        "minimum_concentration must be a finite number of at least 0, got -1.0",
    ),
    "blocks": (
        lambda: kl.ConditionalAutoregressiveNormal((4,), blocks=(2, 3)),
        r"the blocks \(2, 3\) have 5 entries, but the vector has 4",
    ),
    "number of blocks": (
        lambda: kl.ConditionalAutoregressiveNormal((4,), blocks=3),
        "4 entries cannot be divided into 3 blocks of one size",
    ),
    "size of a block": (
        lambda: kl.MADE(4, 1, blocks=(4, 0)),
        "MADE: each size in blocks must be a whole number of at least 1, got 0",
    ),
    "matrix of blocks": (
        lambda: kl.ConditionalAutoregressiveNormal((2, 2)),
        r"MaskedAutoregressive maps vectors: event_shape must be \(d,\), got \(2, 2\)",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
