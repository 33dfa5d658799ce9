"""Data that no model can score are refused before a fit begins, in a sentence that helps."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl

pytestmark = pytest.mark.core

X = np.random.default_rng(0).uniform(size=(12, 3)).astype("float32")


def vae(likelihood=kl.ConditionalContinuousBernoulli, **more):
    model = kb.models.VAE(
        kd.Normal.standard((1,)), likelihood((3,)), kl.ConditionalNormal((1,)), seed=0, **more
    )
    model.compile("adam")
    return model


def density(conditional):
    model = kb.models.ConditionalDensity(conditional, seed=0)
    model.compile("adam")
    return model


def changed(value, at=(4, 1)):
    x = X.astype("float64")
    x[at] = value
    return x


@pytest.mark.parametrize(
    ("likelihood", "x", "message"),
    [
        (kl.ConditionalContinuousBernoulli, (255 * X).astype("uint8"), "divide them by 255"),
        (kl.ConditionalBernoulli, (255 * X).astype("uint8"), "divide them by 255"),
        (kl.ConditionalContinuousBernoulli, changed(1.000001), r"1 values .* 1 at \[4, 1\]"),
        (kl.ConditionalContinuousBernoulli, changed(-1e-6), r"-1e-06 at \[4, 1\].*Rescale"),
        (kl.ConditionalPoisson, changed(0.5) * 0 - 1, "whole number of at least 0"),
        (kl.ConditionalNormal, changed(np.nan), r"1 of the 36 .*nan at \[4, 1\]"),
        (kl.ConditionalNormal, changed(np.inf), r"inf at \[4, 1\]"),
        (kl.ConditionalNormal, changed(-1e39), r"too large for float32.*-1e\+39 at \[4, 1\]"),
    ],
)
def test_values_that_a_likelihood_does_not_take(likelihood, x, message):
    with pytest.raises(ValueError, match=message):
        vae(likelihood).fit(x, verbose=0)


def nan_in_validation(model):
    model.fit(X, validation_data=(changed(np.nan),), verbose=0)


def nan_in_weights(model):
    model.fit(X, sample_weight=np.full(12, np.nan), verbose=0)


def nan_in_evaluate(model):
    model.evaluate(changed(np.nan), verbose=0)


def nan_in_a_generator(model):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (changed(np.nan) if index else X,)

    model.fit(Batches(), verbose=0)


def of_tensorflow(*parts):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(parts[0] if len(parts) == 1 else parts).batch(6)


def nan_in_a_tf_dataset(model):
    model.fit(of_tensorflow(changed(np.nan, (9, 1)).astype("float32")), verbose=0)


def nan_in_the_targets_of_a_tf_dataset(model):
    pairs = of_tensorflow(X, changed(np.nan)[:, 1].astype("float32"))
    density(kl.ConditionalNormal(())).fit(pairs, verbose=0)


def nan_in_a_loader(model):
    torch = pytest.importorskip("torch")
    x = torch.as_tensor(changed(np.nan, (9, 1)).astype("float32"))
    model.fit(X, validation_data=torch.utils.data.DataLoader(x, batch_size=6), verbose=0)


def nan_before_preprocessing(model):
    vae(preprocessing=keras.layers.Rescaling(1.0)).fit(changed(np.nan), verbose=0)


@pytest.mark.parametrize(
    "entry",
    [
        nan_in_validation,
        nan_in_weights,
        nan_in_evaluate,
        nan_in_a_generator,
        nan_in_a_tf_dataset,
        nan_in_the_targets_of_a_tf_dataset,
        nan_in_a_loader,
        nan_before_preprocessing,
    ],
)
@pytest.mark.few(4)
def test_every_entry_is_checked(entry):
    with pytest.raises(ValueError, match="NaN or infinite"):
        entry(vae())


def test_a_context_must_be_finite():
    with pytest.raises(ValueError, match="values of x are NaN"):
        density(kl.ConditionalNormal(())).fit(changed(np.nan), X[:, 0], verbose=0)


@pytest.mark.parametrize(
    ("conditional", "y", "message"),
    [
        (lambda: kl.ConditionalPoisson(()), np.arange(12) - 1, "-1 at"),
        (lambda: kl.ConditionalPoisson(()), np.arange(12) + 0.5, "Round or count"),
        (lambda: kl.ConditionalCategorical((), classes=3), np.arange(12) % 4, "from 0 to 2"),
        (lambda: kl.ConditionalGamma(()), -X[:, 0], "at least 0"),
        (lambda: kl.ConditionalDirichlet((3,)), X, "sum to 1"),
        (lambda: kl.ConditionalGamma(()), np.arange(12) // 3, "3 values of y lie at an end"),
        (lambda: kl.ConditionalWeibull(()), np.arange(12.0), r"greater than 0.* 0 at \[0\]"),
        (lambda: kl.ConditionalBeta(()), np.arange(12) / 11, "2 values of y .*Move them"),
        (lambda: kl.ConditionalDirichlet((3,)), np.eye(3)[[0, 1] * 6], "12 vectors of y .*at an"),
        (
            lambda: kl.ConditionalMixture(kl.ConditionalGamma(()), components=2),
            np.arange(12),
            "1 values of y lie at an end",
        ),
    ],
)
def test_targets_that_a_conditional_does_not_take(conditional, y, message):
    with pytest.raises(ValueError, match=message):
        density(conditional()).fit(X, y, verbose=0)


def test_an_example_for_a_flow_must_be_finite():
    flow = kl.Flow(kd.Normal.standard((3,)), [kl.MaskedAutoregressive((3,))])
    model = kb.models.DensityEstimator(flow, seed=0)
    model.compile("adam")
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.fit(changed(np.nan), verbose=0)


def test_what_lies_on_the_boundary_passes():
    corners = (X > 0.5).astype("uint8")
    model = vae()
    model.check_values(corners, None, None)
    model.check_values((255 * X).astype("uint8") / np.float32(255), None, None)
    vae(kl.ConditionalBernoulli).check_values(X, None, None)
    vae(preprocessing=keras.layers.Rescaling(1 / 255)).check_values(255 * X, None, None)
    vae(kl.ConditionalNormal).check_values(3e38 * X.astype("float64"), None, None)
    counts = density(kl.ConditionalPoisson(()))
    counts.check_values(X, np.arange(12, dtype="float64"), None)
    classes = density(kl.ConditionalCategorical((), classes=3))
    classes.check_values(X, np.arange(12, dtype="uint8") % 3, np.ones(12))
    density(kl.ConditionalExponential(())).check_values(X, np.arange(12), None)
    parts = X / X.sum(1, keepdims=True)
    density(kl.ConditionalDirichlet((3,))).check_values(X, parts, None)


def test_verbs_refuse_what_is_no_number():
    bad, model = changed(np.nan), vae()
    flow = kl.Flow(kd.Normal.standard((3,)), [kl.MaskedAutoregressive((3,))])
    pairs = density(kl.ConditionalNormal(()))
    verbs = [
        lambda: model.encode(bad),
        lambda: model.reconstruct(bad),
        lambda: model.log_likelihood(bad),
        lambda: model.predict(bad, verbose=0),
        lambda: model.decode([[np.nan]]),
        lambda: kb.evaluation.importance_log_likelihood(model, bad, samples=2),
        lambda: kb.models.DensityEstimator(flow).log_prob(bad),
        lambda: pairs.log_prob(bad, X[:, 0]),
        lambda: pairs.log_prob(X, bad[:, 1]),
        lambda: pairs.predict(bad, verbose=0),
        lambda: pairs.predict_draws(bad),
        lambda: pairs.sample(bad),
    ]
    for verb in verbs:
        with pytest.raises(ValueError, match="NaN or infinite"):
            verb()


def test_labels_of_a_vae_are_not_what_is_scored():
    labels = np.arange(12)
    vae().fit(X, labels, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="values of x lie outside"):
        vae().evaluate(2 * X, labels, verbose=0)


def test_a_tf_dataset_of_something_else_than_dense_batches():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(tf.sparse.from_dense(X)).batch(6)
    with pytest.raises(ValueError, match=r"holds a \w+; expected x, \(x, y\).*map"):
        vae().fit(dataset, verbose=0)
    with pytest.raises(ValueError, match=r"a dict of several|unknown parts"):
        vae().fit(tf.data.Dataset.from_tensor_slices({"a": X}).batch(6), verbose=0)
