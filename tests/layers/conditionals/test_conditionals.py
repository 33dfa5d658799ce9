"""Conditionals: shapes, parameters, folding, precision, errors and saving."""

import contextlib
import re

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import Bernoulli, ContinuousBernoulli, MultivariateNormalTriL, Normal
from kelbo.layers import (
    Conditional,
    ConditionalBernoulli,
    ConditionalContinuousBernoulli,
    ConditionalMultivariateNormalTriL,
    ConditionalNormal,
    ParameterHead,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

FAMILIES = {
    ConditionalNormal: (Normal, ["loc", "scale"]),
    ConditionalBernoulli: (Bernoulli, ["logits"]),
    ConditionalContinuousBernoulli: (ContinuousBernoulli, ["logits"]),
    ConditionalMultivariateNormalTriL: (MultivariateNormalTriL, ["loc", "scale_tril"]),
}
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
CONTEXT = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def network():
    return keras.Sequential([keras.layers.Dense(4, "tanh")])


def event_shapes_of(family):
    is_vector = family is ConditionalMultivariateNormalTriL
    return [(1,), (3,)] if is_vector else [(), (3,), (2, 3), (2, 3, 4)]


@contextlib.contextmanager
def policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compiled(layer, function, *arguments):
    """NumPy results of a function of tensors that uses the layer, compiled."""
    return keras.tree.map_structure(numbers, ops.compile(function, layer.variables)(*arguments))


@families
@pytest.mark.few(2)
def test_parameters_and_distributions_of_every_event_rank(family):
    inner, names = FAMILIES[family]
    for event_shape in event_shapes_of(family):
        layer = family(event_shape, network())
        layer.build((None, 5))

        def call(context, layer=layer, event_shape=event_shape):
            d = layer.given(context)
            assert (d.batch_shape[1:], d.event_shape, d.dtype) == ((), event_shape, "float32")
            assert isinstance(getattr(d, "distribution", d), inner)
            return layer(context), d.mean(), d.log_prob(np.full(event_shape, 0.5))

        parameters, mean, log_prob = compiled(layer, call, CONTEXT)
        shapes = {name: value.shape for name, value in parameters.items()}
        assert sorted(shapes) == names
        assert shapes == layer.compute_output_shape(CONTEXT.shape)
        spec = layer.compute_output_spec(keras.KerasTensor((None, 5)))
        assert {name: x.shape[1:] for name, x in spec.items()} == {
            name: shape[1:] for name, shape in shapes.items()
        }
        assert mean.shape == (6, *event_shape)
        assert log_prob.shape == (6,)


@families
def test_folded_leading_axes_give_the_same_numbers(family):
    layer = family((3,), network())
    layer.build((None, 5))

    def call(context):
        distributions = [layer.given(context), layer.given(ops.reshape(context, (3, 2, 1, 5)))]
        distributions.append(layer.given(context[0]))
        assert [d.batch_shape[1:] for d in distributions] == [(), (2, 1), ()]
        return [(d.mean(), d.log_prob([0.2, 0.4, 0.9])) for d in distributions]

    flat, deep, single = compiled(layer, call, CONTEXT)
    assert deep[1].shape == (3, 2, 1)
    assert single[1].shape == ()
    for expected, folded, one in zip(flat, deep, single, strict=True):
        np.testing.assert_allclose(folded.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(one, expected[0], rtol=1e-4, atol=1e-5)


def test_given_takes_lists_and_scalar_contexts():
    layer = ConditionalNormal((2,))
    assert layer.given([[1.0], [2.0]]).batch_shape == (2,)
    scalar = ConditionalNormal((), None)
    scalar.build((None,))
    assert scalar.given(np.ones(4, "float32")).batch_shape == (4,)
    assert scalar.given(np.ones((3, 4), "float32")).batch_shape == (3, 4)


def test_images_as_contexts_are_folded_too():
    encoder = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    layer = ConditionalNormal((2,), encoder)
    images = np.random.default_rng(0).normal(size=(6, 5, 5, 1)).astype("float32")
    flat = numbers(layer.given(images).mean())
    deep = layer.given(images.reshape(2, 3, 5, 5, 1))
    assert deep.batch_shape == (2, 3)
    np.testing.assert_allclose(numbers(deep.mean()).reshape(6, 2), flat, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("event_shape", "units"), [((7, 7), 1), ((7, 7, 3), 3), ((7, 7, 3, 2), 294), ((5,), 5)]
)
def test_heads_on_a_grid_of_features_look_at_one_place(event_shape, units):
    features = np.random.default_rng(0).normal(size=(2, 7, 7, 4)).astype("float32")
    layer = ConditionalBernoulli(event_shape)
    before = numbers(layer(features)["logits"])
    assert before.shape == (2, *event_shape)
    is_pointwise = event_shape in [(7, 7), (7, 7, 3)]
    kernel = layer.heads["logits"]._dense.kernel
    assert tuple(kernel.shape) == ((4, units) if is_pointwise else (196, units))
    features[:, 2, 3] += 1.0
    changed = np.abs(numbers(layer(features)["logits"]) - before) > 1e-6
    if is_pointwise:
        assert changed[:, 2, 3].all()
        changed[:, 2, 3] = False
        assert not changed.any()
    else:
        assert changed.all()


def test_convolutional_decoder_keeps_images():
    decoder = keras.Sequential(
        [
            keras.layers.Dense(3 * 3 * 2),
            keras.layers.Reshape((3, 3, 2)),
            keras.layers.Conv2DTranspose(4, 3, padding="same"),
        ]
    )
    layer = ConditionalContinuousBernoulli((3, 3), decoder)
    d = layer.given(CONTEXT)
    assert d.event_shape == (3, 3)
    assert tuple(d.sample(2, seed=0).shape) == (2, 6, 3, 3)


def test_without_a_network_the_context_is_the_features():
    layer = ConditionalNormal((2,))
    loc = numbers(layer(CONTEXT)["loc"])
    dense = layer.heads["loc"]._dense
    np.testing.assert_allclose(loc, CONTEXT @ numbers(dense.kernel), rtol=1e-4, atol=1e-5)
    assert len(layer.trainable_variables) == 4


def with_raw_scale(layer, raw):
    """The layer, built on contexts of one number, with heads that return 0 and `raw`."""
    layer.build((None, 1))
    for variable in layer.variables:
        variable.assign(np.zeros(variable.shape))
    name = next(name for name in layer.heads if name != "loc")
    layer.heads[name]._dense.bias.assign(raw)
    return layer


ZERO = np.zeros((1, 1), "float32")
SCALES = {
    ("softplus", None): lambda r: 1e-3 + np.logaddexp(0, r),
    ("softplus", 0.0): lambda r: np.logaddexp(0, r),
    ("softplus", 0.5): lambda r: 0.5 + np.logaddexp(0, r),
    ("log_variance", None): lambda r: np.exp(r / 2),
    ("log_variance", 0.1): lambda r: 0.1 + np.exp(r / 2),
    ("log_scale", None): np.exp,
    ("log_scale", 0.1): lambda r: 0.1 + np.exp(r),
}


@pytest.mark.parametrize(("form", "minimum"), SCALES)
def test_scale_forms_and_floors(form, minimum):
    expected = SCALES[form, minimum]
    raw = np.array([-60.0, -3.0, 2.0])
    layer = with_raw_scale(ConditionalNormal((3,), scale=form, minimum_scale=minimum), raw)
    np.testing.assert_allclose(compiled(layer, layer, ZERO)["scale"][0], expected(raw), rtol=1e-5)

    raw = np.array([0.3, -3.0, 2.0])
    filled = numbers(ops.fill_triangular(raw.astype("float32")))
    layer = ConditionalMultivariateNormalTriL((2,), scale=form, minimum_scale=minimum)
    factor = compiled(with_raw_scale(layer, raw), layer, ZERO)["scale_tril"][0]
    diagonal = expected(np.diagonal(filled).astype("float64"))
    np.testing.assert_allclose(np.diagonal(factor), diagonal, rtol=1e-5)
    assert factor[1, 0] == filled[1, 0]
    assert factor[0, 1] == 0.0


@pytest.mark.parametrize("form", ["log_variance", "log_scale"])
def test_large_entries_off_the_diagonal_do_not_overflow(form):
    layer = ConditionalMultivariateNormalTriL((2,), scale=form)
    off_diagonal = numbers(ops.fill_triangular_inverse([[0.0, 0.0], [500.0, 0.0]]))
    with_raw_scale(layer, off_diagonal)
    variables = layer.trainable_variables
    score = ops.value_and_grad(
        lambda: ops.sum(layer.given(ZERO + 1).log_prob([0.1, 0.1])), variables
    )
    value, gradients = ops.compile(score, variables)()
    assert np.isfinite(float(value))
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)


def test_loc_activation():
    layer = ConditionalNormal((3,), scale="log_scale", loc_activation="sigmoid")
    loc = numbers(layer(100.0 * CONTEXT)["loc"])
    assert loc.min() >= 0.0
    assert loc.max() <= 1.0
    assert layer.get_config()["loc_activation"] == "sigmoid"


@families
def test_given_refuses_symbolic_tensors(family):
    with pytest.raises(TypeError, match=r"symbolic KerasTensor.* call the layer itself") as error:
        family((2,)).given(keras.Input((5,)))
    assert str(error.value).startswith(family.__name__)


BAD_ARGUMENTS = {
    "event size 0": (lambda: ConditionalNormal((3, 0)), "ConditionalNormal: each size .* got 0"),
    "event size 1.5": (lambda: ConditionalBernoulli((1.5,)), "each size .* got 1.5"),
    "form": (lambda: ConditionalNormal(2, scale="exp"), "softplus, .*got 'exp'"),
    "floor": (lambda: ConditionalNormal(2, minimum_scale=-1.0), "minimum_scale .* got -1.0"),
    "nan floor": (lambda: ConditionalNormal(2, minimum_scale=np.nan), "minimum_scale .* got nan"),
    "form of a factor": (
        lambda: ConditionalMultivariateNormalTriL(2, scale="exp"),
        "softplus, .*got 'exp'",
    ),
    "floor of a factor": (
        lambda: ConditionalMultivariateNormalTriL(2, minimum_scale=-1.0),
        "minimum_scale .* got -1.0",
    ),
    "matrix event": (
        lambda: ConditionalMultivariateNormalTriL((2, 2)),
        "distribution of vectors: .* got (2, 2)",
    ),
    "number as event": (lambda: ConditionalMultivariateNormalTriL(()), "got ()"),
}


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(make, message):
    pattern = ".*".join(re.escape(part) for part in message.split(".*"))
    with pytest.raises(ValueError, match=pattern):
        make()


def test_a_network_of_two_outputs_is_refused():
    inputs = keras.Input((5,))
    two = keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(3)(inputs)])
    with pytest.raises(ValueError, match=r"its network, a Functional, must return one"):
        ConditionalNormal((2,), two).build((None, 5))


def test_features_of_unknown_size_are_refused():
    with pytest.raises(ValueError, match=r"only the batch may be unknown"):
        ConditionalNormal((2,)).build((None, None, 5))


@families
def test_built_once(family):
    layer = family((2,), network())
    layer.build((None, 5))
    variables = [id(variable) for variable in layer.variables]
    layer.build((None, 5))
    layer(CONTEXT)
    assert [id(variable) for variable in layer.variables] == variables
    assert len(variables) == 2 + 2 * len(layer.heads)


@families
def test_functional_model_summary_and_saving(family, tmp_path):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, family((3,), network(), name="conditional")(inputs))
    lines = []
    model.summary(print_fn=lines.append, line_length=120)
    assert f"conditional ({family.__name__})" in "".join(lines)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    expected = model.predict(CONTEXT, verbose=0)
    actual = again.predict(CONTEXT, verbose=0)
    assert sorted(actual) == FAMILIES[family][1]
    for name in actual:
        np.testing.assert_array_equal(actual[name], expected[name])
    assert again.count_params() == model.count_params()


def test_configuration_keeps_every_argument():
    layer = ConditionalNormal(
        (2, 3), network(), scale="log_scale", minimum_scale=0.25, loc_activation="tanh", name="q"
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert (again.event_shape, again.scale, again.minimum_scale) == ((2, 3), "log_scale", 0.25)
    factor = ConditionalMultivariateNormalTriL((2,), None, "log_variance", 0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(factor))
    assert (again.scale, again.minimum_scale, again.network) == ("log_variance", 0.5, None)


@families
def test_mixed_precision_ends_at_the_parameters(family):
    with policy("mixed_float16"):
        layer = family((3,), network())
        symbolic = layer(keras.Input((5,)))
    assert {x.dtype for x in symbolic.values()} == {"float32"}
    assert {head.compute_dtype for head in layer.heads.values()} == {"float16"}

    def call(context):
        d = layer.given(context)
        assert d.dtype == "float32"
        return layer(context), d.log_prob([0.5, 0.5, 0.5])

    parameters, log_prob = compiled(layer, call, CONTEXT)
    assert {str(x.dtype) for x in parameters.values()} == {"float32"}
    assert np.isfinite(log_prob).all()


def test_scales_beyond_half_precision_stay_finite():
    with policy("mixed_float16"):
        layer = with_raw_scale(ConditionalNormal((1,), scale="log_variance"), np.array([40.0]))
    assert numbers(layer(ZERO)["scale"]).item() == pytest.approx(np.exp(20.0), rel=1e-3)


@families
def test_float64(family, float64):
    layer = family((3,), keras.layers.Dense(4, dtype="float64"), dtype="float64")
    layer.build((None, 5))
    assert {variable.dtype for variable in layer.variables} == {"float64"}
    assert {x.dtype for x in layer.compute_output_spec(keras.Input((5,))).values()} == {"float64"}

    def log_prob(context):
        d = layer.given(context)
        assert d.dtype == "float64"
        return d.log_prob([0.5, 0.5, 0.5])

    assert compiled(layer, log_prob, CONTEXT.astype("float64")).dtype == "float64"


def test_a_conditional_of_ones_own():
    class ConditionalStandard(Conditional):
        """A normal of unit variance."""

        def __init__(self, event_shape, network=None, **kwargs):
            super().__init__(event_shape, network, **kwargs)
            self._loc = ParameterHead(self.event_shape)

        @property
        def heads(self):
            return {"loc": self._loc}

        def parameters_from(self, loc):
            return {"loc": loc}

        def distribution(self, loc):
            return self._independent(Normal(loc, 1.0))

    layer = ConditionalStandard((2,), network())
    assert layer.given(CONTEXT).event_shape == (2,)
    assert layer(keras.Input((5,)))["loc"].shape == (None, 2)


def test_head_configuration():
    head = ParameterHead((2, 3), "sigmoid", name="mean")
    again = ParameterHead.from_config(head.get_config())
    assert again.shape == (2, 3)
    assert tuple(again(CONTEXT).shape) == again.compute_output_shape((6, 5)) == (6, 2, 3)
    assert (numbers(again(CONTEXT)) > 0).all()
