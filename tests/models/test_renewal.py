"""What is compiled follows the model, whatever becomes of it."""

import itertools

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops

pytestmark = pytest.mark.core

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
SEED = ops.SeedSequence(0).fold_in(0)


def make(*layers, **more):
    return kb.models.VAE(
        kd.Normal.standard((2,)),
        kl.ConditionalNormal((3,), keras.layers.Dense(4)),
        kl.ConditionalNormal((2,), keras.Sequential([*layers, keras.layers.Dense(4, "tanh")])),
        seed=0,
        **more,
    )


def require_that_the_verbs_follow(vae):
    expected = vae.posterior.given(vae.observed(X, SEED)).mean()
    for batch_size in (20, 16):
        found = vae.encode(X, batch_size=batch_size).mean()
        np.testing.assert_allclose(
            ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-5
        )


def adapt(vae):
    (vae.preprocessing or vae.posterior.network.layers[0]).adapt(5.0 * X + 3.0)


def quantize(vae):
    vae.posterior.network.layers[-1].quantize("int8")


def enable_lora(vae):
    vae.posterior.network.layers[-1].enable_lora(1)


def train(vae):
    vae.fit(X, verbose=0)


@pytest.mark.parametrize(
    ("change", "layers", "preprocessing"),
    [
        (train, (), None),
        pytest.param(adapt, (keras.layers.Normalization,), None, marks=pytest.mark.slow),
        (adapt, (), keras.layers.Normalization),
        (quantize, (), None),
        pytest.param(enable_lora, (), None, marks=pytest.mark.slow),
    ],
    ids=["fit", "adapt in the network", "adapt before it", "quantize", "lora"],
)
@pytest.mark.few(1)
def test_a_verb_follows_the_weights(change, layers, preprocessing):
    vae = make(*(layer() for layer in layers), preprocessing=preprocessing and preprocessing())
    vae.compile("adam")
    before = ops.convert_to_numpy(vae.encode(X).mean())
    change(vae)
    require_that_the_verbs_follow(vae)
    vae.fit(X, verbose=0)
    require_that_the_verbs_follow(vae)
    assert np.abs(ops.convert_to_numpy(vae.encode(X).mean()) - before).max() > 1e-5


PARTS = {
    "posterior": lambda: kl.ConditionalNormal((2,), keras.layers.Dense(5)),
    "likelihood": lambda: kl.ConditionalLaplace((3,), keras.layers.Dense(5)),
    "prior": lambda: kl.LearnedNormal((2,)),
    "preprocessing": lambda: keras.layers.Rescaling(2.0),
}


def log_likelihood(vae):
    return vae.log_likelihood(X, samples=3)


def require_exchanged(model, name, verb, tmp_path):
    part, before = PARTS[name](), verb(model)
    old = getattr(model, name)
    setattr(model, name, part)
    assert part in model.layers
    assert all(layer is not old for layer in model.layers)
    model.fit(X, X[:, 0] if name == "conditional" else None, verbose=0)
    assert np.abs(verb(model) - before).max() > 1e-4
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(verb(loaded), verb(model), rtol=1e-4)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


@pytest.mark.parametrize("name", ["likelihood", "posterior", "prior", "preprocessing"])
@pytest.mark.slow
def test_a_part_that_is_exchanged_is_built_and_trained(name, tmp_path):
    vae = make()
    vae.compile("adam")
    vae.fit(X, verbose=0)
    require_exchanged(vae, name, log_likelihood, tmp_path)


@pytest.mark.slow
def test_the_parts_of_other_models_are_exchanged(tmp_path):
    PARTS["conditional"] = lambda: kl.ConditionalLaplace((), keras.layers.Dense(5))
    PARTS["flow"] = lambda: kl.Flow(kd.Normal.standard((3,)), [kl.MaskedAutoregressive((3,))] * 2)
    density = kb.models.ConditionalDensity(kl.ConditionalNormal(()))
    density.compile("adam")
    density.fit(X, X[:, 0], verbose=0)
    require_exchanged(density, "conditional", lambda m: m.log_prob(X, X[:, 0]), tmp_path)
    flow = kl.Flow(kd.Normal.standard((3,)), [kl.MaskedAutoregressive((3,))])
    estimator = kb.models.DensityEstimator(flow)
    estimator.compile("adam")
    estimator.fit(X, verbose=0)
    require_exchanged(estimator, "flow", lambda m: m.log_prob(X), tmp_path)


def test_a_part_that_cannot_be_trained_is_refused_for_its_reason():
    vae = make()
    vae.compile("adam")
    vae.fit(X, verbose=0)
    prior, layers = vae.prior, [id(layer) for layer in vae.layers]
    with pytest.raises(ValueError, match="closed form"):
        vae.prior = kl.LearnedMixture((2,), 3)
    assert vae.prior is prior
    assert [id(layer) for layer in vae.layers] == layers
    vae.fit(X, verbose=0)


def test_a_part_that_does_not_fit_is_refused_and_nothing_changes():
    vae = make()
    vae.build((None, 3))
    parts = {name: getattr(vae, name) for name in vae.parts}
    for name, part, error, said in [
        ("posterior", kl.ConditionalNormal((5,)), ValueError, "latent values of shape"),
        ("posterior", keras.layers.Dense(2), TypeError, "posterior must be a conditional"),
        ("likelihood", kl.ConditionalNormal((7,)), ValueError, "built for contexts of"),
        ("prior", None, TypeError, "prior must be a distribution"),
        ("preprocessing", np.log, TypeError, "preprocessing must be a Keras layer"),
        ("seed_generator", keras.random.SeedGenerator(1), AttributeError, "follows seed"),
        ("epochs_trained", 0, AttributeError, "assign"),
    ]:
        with pytest.raises(error, match=said):
            setattr(vae, name, part)
    assert all(getattr(vae, name) is part for name, part in parts.items())
    assert len(vae.encode(X).mean()) == len(X)
    for name in ("network", "event_shape", "scale"):
        with pytest.raises(AttributeError, match=rf"{name} cannot be set.*Make another"):
            setattr(vae.posterior, name, None)


@pytest.mark.slow
def test_a_prior_that_is_exchanged_is_seen():
    vae = make()
    vae.compile("adam")

    def values():
        loss, _, kl = vae.evaluate(X, verbose=0)
        return np.array([vae.log_likelihood(X, samples=10).mean(), loss, kl])

    before = values()
    vae.prior = kd.Independent(kd.Normal([3.0, 3.0], 1.0), 1)
    moved = values()
    assert (np.abs(moved - before) > 0.1).all()
    vae.prior = kd.Normal.standard((2,))
    np.testing.assert_allclose(values(), before, rtol=1e-5)


class Change(keras.callbacks.Callback):
    """Changes the model once, at a moment of the fit."""

    def __init__(self, moment, change):
        super().__init__()
        setattr(self, moment, self._once)
        self._change = change

    def _once(self, *_args, **_kwargs):
        change, self._change = self._change, None
        if change is not None:
            change(self.model)


def set_objective(vae):
    vae.objective = ko.IWELBO(samples=3)


def set_posterior(vae):
    vae.posterior = PARTS["posterior"]()


def compile_again(vae):
    vae.compile("adam")


MOMENTS = ["on_train_batch_end", "on_epoch_begin", "on_epoch_end"]


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("change", [set_objective, set_posterior, compile_again])
@pytest.mark.few(1)
def test_a_callback_may_change_what_is_trained(moment, change, fused):
    vae = make()
    vae.fused = fused
    vae.compile("adam")
    history = vae.fit(
        X,
        batch_size=8,
        epochs=3,
        validation_data=(X,),
        verbose=0,
        callbacks=[Change(moment, change)],
    ).history
    assert np.isfinite(history["loss"] + history["val_loss"]).all()
    assert history["val_loss"][-1] == pytest.approx(vae.evaluate(X, batch_size=8, verbose=0)[0])
    require_that_the_verbs_follow(vae)


def test_layers_that_are_frozen_in_the_midst_of_a_fit_stay():
    vae = make()
    vae.compile("adam")
    vae.fit(X, verbose=0)
    weights = []

    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            vae.likelihood.network.trainable = epoch != 1
            weights.append(vae.likelihood.network.get_weights()[0].copy())

    vae.fit(X, epochs=3, verbose=0, callbacks=[Freeze()])
    weights.append(vae.likelihood.network.get_weights()[0])
    moved = [not np.array_equal(a, b) for a, b in itertools.pairwise(weights)]
    assert moved == [True, False, True]


def test_a_verb_in_the_midst_of_an_epoch():
    vae, found = make(), []
    vae.compile("adam")

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(ops.convert_to_numpy(vae.encode(X).mean()))

    vae.fit(X, batch_size=10, verbose=0, callbacks=[Look()])
    np.testing.assert_allclose(found[-1], ops.convert_to_numpy(vae.encode(X).mean()), atol=1e-5)


class Scaled(keras.layers.Layer):
    """Has a plain number."""

    rate = 1.0

    def call(self, x):
        return self.rate * x


def test_a_plain_number_is_followed_when_all_is_made_anew():
    vae = make(Scaled())
    before = ops.convert_to_numpy(vae.encode(X).mean())
    vae.posterior.network.layers[0].rate = 3.0
    vae.renew(force=True)
    after = ops.convert_to_numpy(vae.encode(X).mean())
    assert np.abs(after - before).max() > 1e-3


class Lazy(keras.layers.Layer):
    """Says that it is built when it is not."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(3)
        self.built = True

    def call(self, x):
        return self.inner(x)


def test_variables_that_are_made_in_the_first_call_are_followed():
    layer = Lazy()
    run = ops.compile(layer, lambda: layer.variables)
    x = np.ones((4, 2), "float32")
    first = ops.convert_to_numpy(run(x))
    layer.inner.set_weights([2.0 * weight for weight in layer.inner.get_weights()])
    for rows in (4, 5):
        found = ops.convert_to_numpy(run(np.ones((rows, 2), "float32")))
        np.testing.assert_allclose(found, np.repeat(2.0 * first[:1], rows, 0), rtol=1e-5)


def test_variables_that_nobody_listed_are_followed():
    scale = keras.Variable(2.0)
    run = ops.compile(lambda x: scale * x)
    assert float(run(1.0)) == 2.0
    scale.assign(3.0)
    assert float(run(1.0)) == 3.0


def test_a_function_that_makes_layers_at_every_call_says_so():
    if keras.backend.backend() == "torch":
        pytest.skip("nothing is compiled on PyTorch")
    with pytest.raises(ValueError, match=r"constructor|first call"):
        ops.compile(lambda x: keras.layers.Dense(2)(x))(np.ones((4, 2), "float32"))
