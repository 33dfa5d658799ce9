"""Every kind of data through every entry: the same numbers, weights and promises."""

import os
import signal

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl

pytestmark = pytest.mark.core

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 3
W = GENERATOR.uniform(size=20).astype("float32")
ORDER = GENERATOR.permutation(20)


def lib(name):
    return pytest.importorskip(name)


class Fresh:
    """A model that can be set back to where it was: nothing is compiled again."""

    def __init__(self, model, y):
        self.model, self.y = model, y
        model.compile(keras.optimizers.Adam(0.1))
        model.fit(X, y, epochs=1, batch_size=8, verbose=0)
        self.variables = [*model.variables, *model.optimizer.variables]
        self.values = [keras.ops.convert_to_numpy(v.value) for v in self.variables]

    def __call__(self):
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
        return self.model

    def weights(self):
        return np.concatenate([np.ravel(w) for w in self.model.get_weights()])


def vae():
    return kb.models.VAE(
        kd.Normal.standard((2,)), kl.ConditionalNormal((3,)), kl.ConditionalNormal((2,)), seed=0
    )


MODELS = {
    "vae": lambda: (vae(), None),
    "density": lambda: (
        kb.models.DensityEstimator(
            kl.Flow(kd.Normal.standard((3,)), [kl.AffineCoupling((3,))]), seed=0
        ),
        None,
    ),
    "conditional": lambda: (
        kb.models.ConditionalDensity(
            kl.ConditionalNormal((1,), keras.layers.Dense(4, "relu")), seed=0
        ),
        Y,
    ),
}


@pytest.fixture(scope="module")
def fresh_vae():
    return Fresh(*MODELS["vae"]())


OFTEN = ("conditional",)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.slow]) for name in MODELS
    ],
)
def fresh(request, fresh_vae):
    return fresh_vae if request.param == "vae" else Fresh(*MODELS[request.param]())


CONTAINERS = {
    "list": lambda x: x.tolist(),
    "masked": np.ma.array,
    "pandas": lambda x: (
        lib("pandas").DataFrame(x, index=ORDER)
        if x.ndim > 1
        else lib("pandas").Series(x, index=ORDER)
    ),
    "polars": lambda x: (
        lib("polars").DataFrame(x, orient="row") if x.ndim > 1 else lib("polars").Series(x)
    ),
    "reversed": lambda x: x[::-1].copy()[::-1],
    "tensor": keras.ops.convert_to_tensor,
    "torch": lambda x: lib("torch").tensor(x),
}
FIT = {"epochs": 2, "batch_size": 8, "verbose": 0}


def everything(fresh, x, y, w):
    """What every entry gives for these data, by name."""
    model, results = fresh(), {}
    history = model.fit(x, y, sample_weight=w, validation_data=(x, y, w), **FIT).history
    results["history"] = np.array([history[name] for name in sorted(history)])
    results["weights"] = fresh.weights()
    results["evaluate"] = np.array(
        model.evaluate(x, y, sample_weight=w, batch_size=8, steps=2, verbose=0)
    )
    if isinstance(model, kb.models.VAE):
        predicted = model.predict(x, batch_size=8, verbose=0)["kl"]
        results["encode"] = model.encode(x).mean()
        results["reconstruct"] = model.reconstruct(x)
        results["log_likelihood"] = model.log_likelihood(x, 5)
    elif y is None:
        predicted = model.predict(x, batch_size=8, verbose=0)
        results["log_prob"] = model.log_prob(x)
    else:
        predicted = model.predict(x, batch_size=8, verbose=0).mean()
        results["log_prob"] = model.log_prob(x, y)
        results["sample"] = model.sample(x, 2, seed=0)
        results["predict_draws"] = model.predict_draws(x, 2).mean()
    results["predict"] = predicted
    return {name: keras.ops.convert_to_numpy(value) for name, value in results.items()}


@pytest.fixture(scope="module")
def expected(fresh):
    return everything(fresh, X, fresh.y, W)


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_same_bits_whatever_the_container(fresh, expected, container):
    wrap = CONTAINERS[container]
    found = everything(fresh, wrap(X), None if fresh.y is None else wrap(fresh.y), wrap(W))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


class Pieces(keras.utils.PyDataset):
    """Batches of 8; `wrap` makes of each array what the dataset returns."""

    def __init__(self, *arrays, wrap=np.asarray, **more):
        super().__init__(**more)
        self.arrays, self.wrap = arrays, wrap

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(8 * index, 8 * index + 8)
        return tuple(a if a is None else self.wrap(a[rows]) for a in self.arrays)


def frames(array):
    pandas = lib("pandas")
    return pandas.DataFrame(array) if array.ndim > 1 else pandas.Series(array)


def _batches(*arrays):
    while True:
        for index in range(3):
            yield Pieces(*arrays)[index]


def _tf_data(*arrays):
    tf = lib("tensorflow")
    return tf.data.Dataset.from_tensor_slices(arrays).batch(8)


def _loader(*arrays):
    torch = lib("torch")
    arrays = [torch.tensor(a) for a in arrays]
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*arrays), batch_size=8)


ZEROS = np.zeros(20, "float32")
# What yields x and weights, and how many steps an epoch has, where it does not say itself.
STREAMS = {
    "PyDataset": (lambda: Pieces(X, None, W), None),
    "PyDataset of frames": (lambda: Pieces(X, None, W, wrap=frames), None),
    "PyDataset with workers": (lambda: Pieces(X, None, W, workers=2), None),
    "generator": (lambda: _batches(X, None, W), 3),
    "iterator": (lambda: map(tuple, _batches(X, None, W)), 3),
    "tf.data": (lambda: _tf_data(X, ZEROS, W), None),
    "DataLoader": (lambda: _loader(X, ZEROS, W), None),
}


@pytest.fixture(scope="module")
def of_arrays(fresh_vae):
    history = fresh_vae().fit(X, sample_weight=W, shuffle=False, **FIT).history["loss"]
    return history, fresh_vae.weights()


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_is_trained_on_as_arrays_are(fresh_vae, of_arrays, stream):
    """Its weights count, and the seeds of each epoch and the number of epochs are the same."""
    make, steps = STREAMS[stream]
    history, weights = of_arrays
    model = fresh_vae()
    more = {"steps_per_epoch": steps, "epochs": 2, "shuffle": False, "verbose": 0}
    found = model.fit(make(), **more).history["loss"]
    np.testing.assert_allclose(found, history, rtol=1e-5)
    np.testing.assert_allclose(fresh_vae.weights(), weights, rtol=1e-4, atol=1e-5)
    assert int(model.epochs_trained.value) == 3
    expected = model.evaluate(X, sample_weight=W, batch_size=8, verbose=0)
    found = model.evaluate(make(), steps=steps, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    predicted = model.predict(make(), steps=steps, verbose=0)["kl"]
    np.testing.assert_allclose(predicted, model.predict(X, verbose=0)["kl"], rtol=1e-4, atol=1e-6)


def test_a_loader_of_single_tensors(fresh_vae):
    torch = lib("torch")
    loader = torch.utils.data.DataLoader(torch.tensor(X), batch_size=8)
    np.testing.assert_allclose(
        fresh_vae().evaluate(loader, verbose=0),
        fresh_vae().evaluate(X, batch_size=8, verbose=0),
        rtol=1e-5,
    )


def test_the_order_of_a_dataset_is_that_of_seed_and_epoch(fresh_vae):
    seen, found = [], []
    for _ in range(2):
        model = fresh_vae()
        seen.append([])

        class Noted(Pieces):
            def __getitem__(self, index):
                seen[-1].append(index)
                return super().__getitem__(index)

        model.fit(Noted(X), epochs=4, verbose=0)
        found.append(fresh_vae.weights())
    np.testing.assert_array_equal(*found)
    assert set(seen[0]) == {0, 1, 2}
    assert seen[0][-3:] != [0, 1, 2] or seen[0][-6:-3] != [0, 1, 2]


WEIGHTED = {
    "steps_per_epoch": (lambda m, w: m.fit(X, sample_weight=w, steps_per_epoch=3, **FIT)),
    "frames": (
        lambda m, w: m.fit(
            lib("pandas").DataFrame(X), sample_weight=lib("pandas").DataFrame({"w": w}), **FIT
        )
    ),
    "validation": lambda m, w: m.fit(X, validation_data=(X, None, w), validation_steps=2, **FIT),
    "validation stream": lambda m, w: m.fit(X, validation_data=Pieces(X, None, w), **FIT),
    "evaluate": lambda m, w: m.evaluate(X, sample_weight=w, steps=1, verbose=0),
    "train_on_batch": lambda m, w: m.train_on_batch(X, sample_weight=w),
    "test_on_batch": lambda m, w: m.test_on_batch(X, sample_weight=w),
}


@pytest.mark.parametrize("call", WEIGHTED)
def test_weights_count_wherever_they_are_given(fresh_vae, call):
    losses = []
    for w in (np.ones(20), np.full(20, 2.0)):
        found = WEIGHTED[call](fresh_vae(), w.astype("float32"))
        if call.startswith("validation"):
            found = found.history["val_loss"]
        elif hasattr(found, "history"):
            found = found.history["loss"]
        losses.append(float(np.ravel(found)[0]))
    if call in ("steps_per_epoch", "frames"):  # the weights change what is learnt as well
        assert losses[1] > 1.5 * losses[0]
    else:
        np.testing.assert_allclose(losses[1], 2 * losses[0], rtol=1e-4)


def test_steps_per_epoch_of_a_whole_pass_change_nothing(fresh_vae):
    expected = fresh_vae().fit(X, **FIT).history
    weights = fresh_vae.weights()
    assert fresh_vae().fit(X, steps_per_epoch=3, **FIT).history == expected
    np.testing.assert_array_equal(fresh_vae.weights(), weights)


def test_epochs_of_any_number_of_steps_go_on_through_the_data(fresh_vae):
    """Six steps are two passes, however they are cut into epochs; seeds are set per epoch."""
    from kelbo.training.loop.batches import Batches

    rows = []
    for steps, epochs in ((1, 6), (2, 3), (3, 2), (6, 1)):
        batches = Batches((np.arange(20),), 8, steps)
        rows.append([])
        for epoch in range(epochs):
            batches.begin_epoch(epoch, 5)
            rows[-1] += [batch[0].tolist() for batch in batches]
    assert all(found == rows[0] for found in rows)
    assert sorted(row for batch in rows[0][:3] for row in batch) == list(range(20))
    model = fresh_vae()
    model.fit(X, steps_per_epoch=5, **FIT)
    assert int(model.epochs_trained.value) == 3


@pytest.mark.slow
def test_weights_of_classes():
    classes = np.arange(20) % 3
    model = kb.models.ConditionalDensity(
        kl.ConditionalCategorical((), keras.layers.Dense(4), classes=3), seed=0
    )
    fresh = Fresh(model, classes)
    by_class = {0: 0.5, 2: 3.0}
    weights = np.array([by_class.get(c, 1.0) for c in classes])
    expected = fresh().fit(X, classes, sample_weight=weights, **FIT).history
    assert fresh().fit(X, classes, class_weight=by_class, **FIT).history == expected
    plain = fresh().fit(X, classes, sample_weight=weights, shuffle=False, **FIT).history
    found = fresh().fit(
        Pieces(X, classes), class_weight=by_class, shuffle=False, epochs=2, verbose=0
    )
    np.testing.assert_allclose(found.history["loss"], plain["loss"], rtol=1e-5)
    with pytest.raises(ValueError, match="there is none: give sample_weight"):
        fresh().fit(X, class_weight=by_class, **FIT)
    with pytest.raises(ValueError, match="not both"):
        fresh().fit(X, classes, class_weight=by_class, sample_weight=weights, **FIT)


BROKEN = X.copy()
BROKEN[10] = 1e30  # whose square float32 does not hold
PROMISES = {
    "arrays": lambda x: {"x": x, "batch_size": 8},
    "steps_per_epoch": lambda x: {"x": x, "batch_size": 8, "steps_per_epoch": 3},
    "frame": lambda x: {"x": lib("pandas").DataFrame(x), "batch_size": 8},
    "PyDataset": lambda x: {"x": Pieces(x)},
    "generator": lambda x: {"x": _batches(x), "steps_per_epoch": 3},
    "tf.data": lambda x: {"x": _tf_data(x)},
    "DataLoader": lambda x: {"x": _loader(x)},
}


@pytest.mark.parametrize("data", PROMISES)
def test_a_loss_that_is_not_finite_stops_any_fit(fresh_vae, data):
    with pytest.raises(kb.training.NonFiniteLossError, match="epoch 1 at step 2"):
        fresh_vae().fit(**PROMISES[data](BROKEN), epochs=2, shuffle=False, verbose=0)


class CtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C when the method of this name is called the first time."""

    def __init__(self, moment):
        super().__init__()
        setattr(self, moment, lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))


@pytest.fixture
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


MOMENTS = ("on_train_batch_begin", "on_test_batch_begin", "on_epoch_end", "on_train_end")


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("data", ["arrays", "PyDataset", "generator"])
def test_an_interruption_of_any_fit_is_heard(fresh_vae, data, moment):
    model = fresh_vae()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            **PROMISES[data](X),
            validation_data=Pieces(X) if data == "PyDataset" else (X,),
            verbose=0,
            callbacks=[CtrlC(moment)],
        )
    assert np.isfinite(fresh_vae.weights()).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.evaluate(X, verbose=0)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_of_an_evaluation_leaves_the_model_whole(fresh_vae):
    for data in (X, Pieces(X)):
        model = fresh_vae()
        with pytest.raises(KeyboardInterrupt):
            model.evaluate(data, verbose=0, callbacks=[CtrlC("on_test_batch_begin")])
        with pytest.raises(KeyboardInterrupt):
            model.predict(data, verbose=0, callbacks=[CtrlC("on_predict_batch_begin")])
        assert np.isfinite(fresh_vae.weights()).all()


def test_a_fit_on_a_stream_goes_on_from_a_checkpoint(fresh_vae, tmp_path):
    model = fresh_vae()
    model.fit(Pieces(X), epochs=3, verbose=0)
    expected = fresh_vae.weights()
    path = tmp_path / "run.npz"
    fresh_vae().fit(Pieces(X), epochs=1, verbose=0, callbacks=[kb.training.Checkpoint(path)])
    model = fresh_vae()
    again = kb.training.Checkpoint(path)
    start = again.restore(model)
    model.fit(Pieces(X), epochs=3, initial_epoch=start, verbose=0, callbacks=[again])
    np.testing.assert_array_equal(fresh_vae.weights(), expected)


# Keras says so too, and goes on with the first batches.
@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.parametrize("steps", [None, 2])
def test_a_generator_that_ends_says_so(fresh_vae, steps):
    batches = ((X[8 * i : 8 * i + 4],) for i in (0, 1, 2, 1))
    more = {"steps_per_epoch": steps, "verbose": 0}
    with pytest.raises(ValueError, match=r"data ended before epoch \d of .*steps_per_epoch"):
        fresh_vae().fit(batches, epochs=5, **more)
    assert int(fresh_vae.model.epochs_trained.value) in ((3, 4) if steps else (2,))


def test_data_that_do_not_fit_leave_the_model_whole(fresh_vae):
    for wrong in (X[:, :2], {"x": X}, [X, X[:, :2]], Pieces(X[:, :2]), Pieces({"a": 1})):
        model = fresh_vae()
        for entry in (model.fit, model.evaluate, model.predict):
            with pytest.raises((ValueError, TypeError, KeyError)):
                entry(wrong, verbose=0)
        assert np.isfinite(fresh_vae.weights()).all()
    with pytest.raises(ValueError, match=r"x has the shape \(20, 2\); expected \(n, 3\)\."):
        fresh_vae().fit(X[:, :2], verbose=0)
    with pytest.raises(ValueError, match=r"sample_weight has the shape \(20, 3\)"):
        fresh_vae().fit(X, sample_weight=X, verbose=0)
    with pytest.raises(ValueError, match=r"unknown parts \['a'\]; expected one array, or a dict"):
        fresh_vae().encode({"a": X})
    with pytest.raises(ValueError, match="x is a Pieces, which is read batch by batch"):
        fresh_vae().encode(Pieces(X))


def test_columns_and_events_without_axes():
    pandas = lib("pandas")
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((), keras.layers.Dense(4)), seed=0)
    model.compile("adam")
    column = pandas.Series(Y[:, 0], index=ORDER)
    model.fit(X, column, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.log_prob(X, column), model.log_prob(X, Y[:, 0]))
    with pytest.raises(ValueError, match=r"\(20, 1\); expected \(n,\)\. .* frame\['column'\]"):
        model.fit(X, column.to_frame(), verbose=0)
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((1,), keras.layers.Dense(4)))
    with pytest.raises(ValueError, match=r"y has the shape \(20,\); expected \(n, 1\)\. One col"):
        model.log_prob(X, column)


@keras.saving.register_keras_serializable("kelbo-tests")
class SeedGeneratorLike(keras.layers.Layer):
    """Its name, and that of its variable, say what it is not."""

    def __init__(self, **kwargs):
        super().__init__(name="my_seed_generator")
        self.dropout = keras.layers.Dropout(0.5, seed=3)

    def build(self, shape):
        self.seed_generator_scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x, training=None):
        return self.dropout(x, training=training) * self.seed_generator_scale

    def compute_output_shape(self, shape):
        return shape


def test_seed_generators_are_told_by_what_they_are():
    from kelbo.training.clock import seed_states

    network = keras.Sequential([keras.layers.Dense(4), SeedGeneratorLike()])
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((1,), network), seed=0)
    model.compile("adam")
    model.fit(X, Y, **FIT)
    assert len(seed_states(model)) == 2  # the model's own and that of the dropout
    model.predict_draws(X, 2)


def test_double_precision_is_kept_where_the_model_has_it(float64):
    network = keras.layers.Dense(4, dtype="float64")
    conditional = kl.ConditionalNormal((1,), network, dtype="float64")
    model = kb.models.ConditionalDensity(conditional, seed=0)
    model.compile("adam")
    x, y = X.astype("float64"), np.ones((20, 1))
    found = model.log_prob(x, y)
    assert found.dtype == "float64"
    assert np.all(found != model.log_prob(x, y + 1e-9))
    assert np.all(found != model.log_prob(x + 1e-9, y))
    wrapped = [CONTAINERS[name](a) for name in ("list", "pandas") for a in (x, y)]
    np.testing.assert_array_equal(model.log_prob(*wrapped[:2]), found)
    np.testing.assert_array_equal(model.log_prob(*wrapped[2:]), found)
    model.fit(x, y, **FIT)
    assert np.isfinite(model.evaluate(x, y, verbose=0))


@pytest.mark.parametrize("network", ["a layer", "a sequence", "a functional model"])
@pytest.mark.few(1)
def test_identifiers_do_not_collide(network):
    class Parity(keras.layers.Embedding):
        """A table of two rows for any number."""

        def call(self, inputs):
            return super().call(inputs % 2)

        def compute_output_shape(self, shape):
            return (*shape, 2)

    lookup = Parity(2, 2)
    if network == "a sequence":
        lookup = keras.Sequential([lookup, keras.layers.Flatten()])
    elif network == "a functional model":
        inputs = keras.Input((1,), dtype="int32")
        lookup = keras.Model(inputs, keras.layers.Flatten()(lookup(inputs)))
    shape = (1, 1) if network == "a layer" else (1,)
    model = kb.models.ConditionalDensity(kl.ConditionalNormal(shape, lookup), seed=0)
    ids = np.array([[2**24], [2**24 + 1]])
    y = np.zeros((2, *shape), "float32")
    first, second = model.log_prob(ids, y)
    assert first != second
    model.compile("adam")
    model.fit(ids, y, epochs=1, verbose=0)
    even, odd = model.predict(ids, verbose=0).mean()
    assert keras.ops.convert_to_numpy(even != odd).any()


def test_pixels_of_8_bits_are_numbers_to_a_network():
    pixels = GENERATOR.integers(0, 256, (20, 4, 4, 1)).astype("uint8")
    network = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((1,), network), seed=0)
    found = [model.log_prob(pixels.astype(d), Y) for d in ("uint8", "int64", "float32", "float64")]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


class InProcesses(keras.utils.PyDataset):
    """Batches that other processes make."""

    def __len__(self):
        return len(X) // 8

    def __getitem__(self, index):
        return X[8 * index : 8 * index + 8]


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="Python warns of a fork of the threads of others"
)
def test_batches_of_other_processes_train_the_same(weights):
    found = []
    for settings in ({}, {"workers": 2, "use_multiprocessing": True, "max_queue_size": 2}):
        keras.utils.set_random_seed(0)
        model = vae()
        model.build((None, 3))
        model.compile("adam")
        model.fit(InProcesses(**settings), epochs=2, verbose=0)
        assert int(model.epochs_trained.value) == 2
        found.append(weights(model))
    np.testing.assert_array_equal(*found)
