"""Data that are dicts of arrays, through every entry: as one array is, or refused by name."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops
from kelbo.models.probabilistic import ProbabilisticModel
from kelbo.parts import without_batch

pytestmark = pytest.mark.core

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 3
W = GENERATOR.uniform(size=20).astype("float32")
PARTS = {"a": X[:, :2], "b": {"c": X[:, 2:]}}
FIT = {"epochs": 2, "batch_size": 8, "verbose": 0}


def lib(name):
    return pytest.importorskip(name)


def numbers(x):
    return ops.convert_to_numpy(x)


def density(of_parts=True):
    keras.utils.set_random_seed(1)
    layers = [kl.ConcatenateParts()] if of_parts else []
    network = keras.Sequential([*layers, keras.layers.Dense(4, "tanh")])
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((1,), network), seed=0)
    model.compile(keras.optimizers.Adam(0.1))
    return model


def everything(model, x):
    history = model.fit(x, Y, sample_weight=W, validation_split=0.2, **FIT).history
    found = {name: np.array(values) for name, values in history.items()}
    found["evaluate"] = model.evaluate(x, Y, sample_weight=W, batch_size=8, steps=2, verbose=0)
    found["predict"] = model.predict(x, batch_size=8, verbose=0).mean()
    found["log_prob"] = model.log_prob(x, Y)
    found["sample"] = model.sample(x, 2, seed=0)
    found["predict_draws"] = model.predict_draws(x, 2).mean()
    found["train_on_batch"] = model.train_on_batch(x, Y, sample_weight=W)
    found["test_on_batch"] = model.test_on_batch(x, Y)
    found["predict_on_batch"] = model.predict_on_batch(x)["loc"]
    return {name: numbers(value) for name, value in found.items()}


@pytest.mark.slow
def test_parts_are_trained_on_as_one_array_is():
    expected, model = everything(density(False), X), density()
    found = everything(model, PARTS)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    wrapped = {"a": X[:, :2].tolist(), "b": {"c": lib("pandas").DataFrame(X[:, 2:])}}
    np.testing.assert_array_equal(model.log_prob(wrapped, Y), model.log_prob(PARTS, Y))


def rows(index):
    some = slice(8 * index, 8 * index + 8)
    return {"a": X[some, :2], "b": {"c": X[some, 2:]}}, Y[some]


class Pieces(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return rows(index)


def _loader():
    torch = lib("torch")

    class Examples(torch.utils.data.Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, index):
            return {"a": X[index, :2], "b": {"c": X[index, 2:]}}, Y[index]

    return torch.utils.data.DataLoader(Examples(), batch_size=8)


STREAMS = {
    "PyDataset": Pieces,
    "generator": lambda: iter([*map(rows, range(3))]),
    "tf.data": lambda: lib("tensorflow").data.Dataset.from_tensor_slices((PARTS, Y)).batch(8),
    "DataLoader": _loader,
}


@pytest.fixture(scope="module")
def fitted():
    model = density()
    return model, model.fit(PARTS, Y, shuffle=False, epochs=1, batch_size=8, verbose=0).history


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.slow
def test_a_stream_of_parts_is_trained_on_as_arrays_are(fitted, stream):
    model, history = fitted
    fresh = density()
    found = fresh.fit(STREAMS[stream](), shuffle=False, examples=20, verbose=0).history
    np.testing.assert_allclose(found["loss"], history["loss"], rtol=1e-5)
    for one, other in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    expected = model.evaluate(PARTS, Y, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.evaluate(STREAMS[stream](), verbose=0), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_fit_of_parts_goes_on_from_a_checkpoint(tmp_path, weights):
    model = density()
    model.fit(PARTS, Y, **FIT)
    again, path = density(), tmp_path / "run.npz"
    again.fit(PARTS, Y, **FIT | {"epochs": 1}, callbacks=[kb.training.Checkpoint(path)])
    again = density()
    again.build({"a": (None, 2), "b": {"c": (None, 1)}})
    checkpoint = kb.training.Checkpoint(path)
    start = checkpoint.restore(again)
    again.fit(PARTS, Y, **FIT, initial_epoch=start, callbacks=[checkpoint])
    np.testing.assert_array_equal(weights(again), weights(model))


@keras.saving.register_keras_serializable("kelbo-tests-parts")
class Imputer(ProbabilisticModel):
    """p(x | context), of which the mask says what was seen: a model of parts, in one class."""

    parts = ("conditional",)
    data_parts = ("context", "mask")

    def __init__(self, conditional, seed=None, name=None):
        super().__init__(seed, name)
        self.conditional = conditional

    def checked_parts(self, *, conditional):
        return {"conditional": conditional}

    @property
    def example_shape(self):
        return self.conditional.event_shape

    def build(self, input_shape):
        shape = self.shape_in_networks(input_shape)
        self.build_part(self.conditional, shape["context"])
        self.data_shape = without_batch(shape)
        self.built = True

    def call(self, x, training=None):
        x = self._floating(x, self.conditional.network)
        normal = self.conditional.given(x["context"]).distribution
        return kd.Independent(kd.Masked(normal, x["mask"]), 1).log_prob(x["x"])

    def loss_per_example(self, outputs):
        return -outputs

    @property
    def scoring_part(self):
        return self.conditional

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()

    def log_prob(self, x):
        run = self.compiled_verb("log_prob", self.call)
        return kb.training.map_rows(lambda batch, _: run(batch), self.examples(x), 8)


MASK = GENERATOR.uniform(size=X.shape) < 0.7
LABEL = np.arange(20) % 4


def masked(missing=np.nan, **more):
    return {"x": np.where(MASK, X, missing), "context": LABEL, "mask": MASK, **more}


def imputer():
    keras.utils.set_random_seed(1)
    network = keras.Sequential([keras.layers.Embedding(4, 2)])
    model = Imputer(kl.ConditionalNormal((3,), network), seed=0)
    model.compile("adam")
    return model


@pytest.fixture(scope="module")
def imputed():
    model = imputer()
    model.fit(masked(), **FIT)
    return model


def test_what_is_not_observed_leaves_no_trace(imputed, weights, tmp_path):
    model = imputer()
    history = model.fit(masked(7.0), **FIT).history
    assert np.isfinite(history["loss"]).all()
    np.testing.assert_array_equal(weights(model), weights(imputed))
    expected = numbers(imputed.log_prob(masked()))
    np.testing.assert_array_equal(numbers(imputed.log_prob(masked(-3.0))), expected)
    everywhere = {"x": X, "context": LABEL, "mask": np.ones((20, 1))}
    assert np.all(numbers(imputed.log_prob(everywhere)) < expected + 10.0)
    imputed.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numbers(again.log_prob(masked())), expected)


class MaskedPieces(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        batch = {name: part[10 * index : 10 * index + 10] for name, part in masked().items()}
        return batch if index == 0 else {**batch, "x": X[10:] * np.nan}


WRONG = {
    "missing": ({"x": X, "context": LABEL}, r'Imputer: x has no x\["mask"\]; expected the parts'),
    "without x": ({"context": LABEL}, r'the data have no part "x"; expected .* "context", "mask"'),
    "unknown": (masked(label=LABEL), r"unknown parts \['label'\]; expected one array, or a dict"),
    "one array": (X, r"x is one array; expected the parts x\["),
    "lengths": (masked(context=LABEL[:9]), r'got 20 of x\["x"\], 9 of x\["context"\], 20 of'),
    "shape of x": (masked(x=X[:, :2]), r'x\["x"\] has the shape \(20, 2\); expected \(n, 3\)'),
    "shape": (
        masked(context=np.eye(20)),
        r'Imputer: x\["context"\] has the shape \(20, 20\), but the model was built for \(n,\)',
    ),
    "NaN": (
        masked(context=np.where(LABEL == 2, np.nan, 1.0)),
        r'5 of the 20 values of x\["context"\] are NaN .* nan at \[2\]',
    ),
    "NaN that was observed": (
        masked(x=np.where(LABEL[:, None] == 2, np.nan, X)),
        rf'{MASK[LABEL == 2].sum()} of the 60 values of x\["x"\] are NaN',
    ),
    "shape of the mask": (
        masked(mask=MASK[:, :2]),
        r'x\["mask"\] has the shape \(20, 2\); expected that of x, \(n, 3 or 1\)',
    ),
    "values of the mask": (masked(mask=MASK * 255), r'x\["mask"\] reaches from 0 to 255; expected'),
    "text": (masked(context=["a"] * 20), r'x\["context"\] holds text; expected numbers'),
    "empty": ({}, "x is an empty dict; expected arrays by name"),
    "names": ({0: X}, "x has a part that is called 0; expected a name"),
    "a stream": (MaskedPieces(), r'of x\["x"\] are NaN or infinite'),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_named(imputed, wrong):
    data, message = WRONG[wrong]
    verbs = (imputed.evaluate,) if wrong == "a stream" else (imputed.evaluate, imputed.log_prob)
    for verb in verbs:
        with pytest.raises(ValueError, match=message):
            verb(data)


def test_a_model_of_one_array_says_so():
    with pytest.raises(ValueError, match=r"x is a dict of several arrays \(a, b\); expected one"):
        kb.models.DensityEstimator(
            kl.Flow(kd.Normal.standard((3,)), [kl.AffineCoupling((3,))])
        ).log_prob(PARTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": X}, r'x\["a"\] has the shape \(20, 3\), but the model was built for \(n, 2\)'),
        ({"b": X}, r'x has no x\["b"\]\["c"\] and has x\["b"\], which is not known; expected'),
    ],
)
def test_contexts_of_other_parts_are_named(change, message):
    model = density()
    model.build({"a": (None, 2), "b": {"c": (None, 1)}})
    with pytest.raises(ValueError, match=message):
        model.log_prob({**PARTS, **change}, Y)
