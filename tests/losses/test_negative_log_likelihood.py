"""The negative log-likelihood of outputs: numbers, forms of outputs, files, errors."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops
from kelbo.losses import NegativeLogLikelihood

pytestmark = pytest.mark.core

GENERATOR = np.random.default_rng(0)
RAW = GENERATOR.normal(size=(6, 6)).astype("float32")  # df, loc, scale of events of shape (2,)
Y = GENERATOR.normal(size=(6, 2)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def softplus(r):
    return np.logaddexp(0, r.astype("float64"))


def expected(raw=RAW, y=Y):
    df, loc, scale = 1.001 + softplus(raw[..., :2]), raw[..., 2:4], 1e-3 + softplus(raw[..., 4:])
    return -stats.t(df, loc, scale).logpdf(y).sum(-1)


@pytest.fixture
def loss():
    return NegativeLogLikelihood(kd.StudentT, (2,))


def test_the_cut_is_said(loss):
    assert loss.parameter_size == 6
    assert loss.parameter_shapes == {"df": (2,), "loc": (2,), "scale": (2,)}


FORMS = {
    "tensor": lambda: RAW,
    "dict": lambda: {"scale": RAW[:, 4:], "df": RAW[:, :2], "loc": RAW[:, 2:4]},
    "list": lambda: [RAW[:, :2], RAW[:, 2:4], RAW[:, 4:]],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_outputs_has_the_density_of_scipy(loss, form):
    np.testing.assert_allclose(numbers(loss.call(Y, form())), expected(), rtol=1e-4)
    assert float(loss(Y, form())) == pytest.approx(expected().mean(), rel=1e-4)
    if not isinstance(form(), np.ndarray):
        np.testing.assert_array_equal(numbers(loss.join(form())), RAW)


def test_leading_axes_and_reductions(loss):
    deep = loss.call(Y.reshape(3, 2, 2), RAW.reshape(3, 2, 6))
    np.testing.assert_allclose(numbers(deep), expected().reshape(3, 2), rtol=1e-4)
    by_name = {"df": RAW[:, :2], "loc": RAW[:, 2:4], "scale": RAW[:, 4:]}
    deep = loss.join({name: value.reshape(3, 2, 2) for name, value in by_name.items()})
    np.testing.assert_array_equal(numbers(deep), RAW.reshape(3, 2, 6))
    whole = NegativeLogLikelihood(kd.StudentT, (2,), reduction="sum")
    assert float(whole(Y, RAW)) == pytest.approx(expected().sum(), rel=1e-4)
    weights = np.array([1, 0, 0, 0, 0, 2], "float32")
    assert float(whole(Y, RAW, sample_weight=weights)) == pytest.approx(
        expected() @ weights, rel=1e-4
    )


def test_settings_of_the_conditional():
    loss = NegativeLogLikelihood(kd.Normal, (), scale="log_scale")
    y, raw = Y[:, 0], RAW[:, :2]
    density = stats.norm(raw[:, 0], np.exp(raw[:, 1])).logpdf(y)
    np.testing.assert_allclose(numbers(loss.call(y, raw)), -density, rtol=1e-4)
    classes = NegativeLogLikelihood(kd.Categorical, (), classes=6)
    labels = np.array([0, 1, 2, 3, 4, 5])
    reference = keras.losses.sparse_categorical_crossentropy(labels, RAW, from_logits=True)
    np.testing.assert_allclose(numbers(classes.call(labels, RAW)), numbers(reference), rtol=1e-5)
    mixture = NegativeLogLikelihood(kl.ConditionalMixture(kl.ConditionalNormal((1,)), components=5))
    assert mixture.parameter_shapes == {"mixture_logits": (5,), "loc": (5, 1), "scale": (5, 1)}
    assert mixture.parameter_size == 15


def regression():
    x = GENERATOR.normal(size=(64, 3)).astype("float32")
    return x, (x[:, :2] + 0.1 * GENERATOR.standard_t(3, (64, 2))).astype("float32")


def test_in_a_model_and_its_file(loss, tmp_path):
    keras.utils.set_random_seed(0)
    x, y = regression()
    inputs = keras.Input((3,))
    heads = {name: keras.layers.Dense(2)(inputs) for name in loss.parameter_shapes}
    model = keras.Model(inputs, loss.join(heads))
    model.compile(keras.optimizers.Adam(0.05), loss=loss)
    losses = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.5
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    value = model.evaluate(x, y, verbose=0)
    assert again.evaluate(x, y, verbose=0) == pytest.approx(value, rel=1e-6)
    raw = model.predict(x, verbose=0)
    assert value == pytest.approx(expected(raw, y).mean(), rel=1e-4)
    d = loss.distribution(raw)
    assert (d.batch_shape, d.event_shape) == ((64,), (2,))


def test_it_is_the_loss_of_the_conditional_density():
    x, y = regression()
    model = kb.models.ConditionalDensity(kl.ConditionalStudentT((2,)))
    model.compile("adam")
    model.build((None, 3))
    loss = NegativeLogLikelihood(kd.StudentT, (2,))
    raw = [numbers(head(x)) for head in model.conditional.heads.values()]
    assert float(loss(y, raw)) == pytest.approx(
        model.evaluate(x, y, batch_size=64, verbose=0), rel=1e-5
    )


def test_half_precision_ends_at_the_loss(loss):
    assert numbers(loss.call(Y, ops.cast(RAW, "bfloat16"))).dtype == np.float32


BAD_OUTPUTS = {
    "size": (RAW[:, :5], r"shape \(6, 5\); .* 6 numbers per example: df \(2,\), loc \(2,\)"),
    "names": ({"loc": RAW, "scale": RAW}, "named loc, scale; expected df, loc, scale"),
    "number": ([RAW, RAW], "there are 2 outputs; expected 3"),
    "shape": ([RAW[:, :2], RAW[:, :3], RAW[:, :2]], r"output loc has the shape \(6, 3\); expected"),
}


@pytest.mark.parametrize(("outputs", "message"), BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_bad_outputs(loss, outputs, message):
    with pytest.raises(ValueError, match=message):
        loss(Y, outputs)


def test_targets_are_never_broadcast(loss):
    with pytest.raises(ValueError, match=r"targets have the shape \(6,\), .* of shape \(6, 2\)"):
        loss(Y[:, 0], RAW)
    numbers_only = NegativeLogLikelihood(kd.Normal, ())
    with pytest.raises(ValueError, match=r"targets have the shape \(6, 1\), .* of shape \(6,\)"):
        numbers_only(Y[:, :1], RAW[:, :2])


BAD_ARGUMENTS = {
    "no conditional": (
        lambda: NegativeLogLikelihood(kd.LKJCholesky, ()),
        "no conditional of .*LKJ",
    ),
    "no event shape": (
        lambda: NegativeLogLikelihood(kd.Normal),
        r"give the shape of one target too, NegativeLogLikelihood\(Normal, event_shape\)",
    ),
    "two event shapes": (
        lambda: NegativeLogLikelihood(kl.ConditionalNormal((1,)), (1,), scale="log_scale"),
        "brings its own settings; leave out event_shape, scale",
    ),
    "network": (
        lambda: NegativeLogLikelihood(kl.ConditionalNormal((1,), keras.layers.Dense(2))),
        "ConditionalNormal has a network",
    ),
    "flow": (
        lambda: NegativeLogLikelihood(
            kl.Flow(kd.Normal.standard((2,)), [kl.MaskedAutoregressive((2,))])
        ),
        "Flow has no parameters that a model could output",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
