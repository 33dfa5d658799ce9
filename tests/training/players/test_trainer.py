"""Models with several players: whose gradient moves whom, and what the trainer promises."""

import os
import re
import signal
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import ops
from kelbo.training import Checkpoint, NonFiniteLossError, Players, PlayersTrainer

from .games import GAN, Duel, network, ring

pytestmark = pytest.mark.core

ON_JAX = keras.backend.backend() == "jax"
X = np.ones((12, 1), "float32")


def sgd(rate=0.1, **options):
    return keras.optimizers.SGD(rate, **options)


def duel(steps=None, optimizers=None, **options):
    model = Duel(**options)
    model.compile(Players(optimizers or {"a": sgd(), "b": sgd()}, steps=steps))
    return model


def numbers(model):
    return [float(keras.ops.convert_to_numpy(v.value)) for v in (model.a, model.b)]


def make_gan(rate=1e-3, **options):
    keras.utils.set_random_seed(3)
    gan = GAN(keras.layers.Dense(2), network(1), seed=1, **options)
    optimizers = {
        "generator": keras.optimizers.Adam(rate, beta_1=0.5),
        "discriminator": keras.optimizers.RMSprop(rate),
    }
    gan(np.zeros((2, 2), "float32"))
    gan.compile(Players(optimizers, steps={"discriminator": 3}))
    return gan


def state(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable.value) for variable in variables]


def moves_by_hand(count, steps):
    """Whether each player moves in each batch: as many times a round as it has steps."""
    longest = max(steps.values())
    return [
        {p: (i % longest + 1) * n // longest > i % longest * n // longest for p, n in steps.items()}
        for i in range(count)
    ]


@pytest.mark.parametrize("fused", [True, False] if ON_JAX else [False])
@pytest.mark.parametrize("steps", [{}, {"b": 3}, {"a": 3, "b": 2}], ids=str)
@pytest.mark.few(3)
def test_each_player_follows_its_own_loss_as_often_as_it_moves(fused, steps):
    model = duel(steps)
    model.fused = fused
    history = model.fit(X, batch_size=2, epochs=2, verbose=0).history
    a, b, losses = 1.0, 0.5, []
    for moves in moves_by_hand(12, {"a": 1, "b": 1, **steps}):
        losses.append(a * b)
        # All who move do so at once, from the same values.
        a, b = a - 0.1 * b * moves["a"], b + 0.1 * a * moves["b"]
    np.testing.assert_allclose(numbers(model), [a, b], rtol=1e-5)
    means = np.mean(np.reshape(losses, (2, 6)), axis=1)
    assert history.keys() == {"a_loss", "b_loss"}
    np.testing.assert_allclose(history["a_loss"], means, rtol=1e-5)
    np.testing.assert_allclose(history["b_loss"], -means, rtol=1e-5)


@pytest.mark.slow
def test_each_optimizer_keeps_its_own_settings():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.01])
    losses = lambda a, b, x: {"a": a**2 * x, "b": b**2 * x}  # noqa: E731
    averaged = {"use_ema": True, "ema_momentum": 0.5}
    optimizers = {
        "a": sgd(rate, clipvalue=0.5, weight_decay=0.1),
        "b": sgd(0.2, loss_scale_factor=64.0, **averaged),
    }
    model = duel({"b": 2}, optimizers, losses=losses)
    model.fit(X, batch_size=2, epochs=1, verbose=0)
    a, b, average = 1.0, 0.5, None
    for step in range(3):  # of six batches
        a *= 1.0 - 0.1 * (at := 0.1 if step <= 2 else 0.01)
        a -= at * min(2.0 * a, 0.5)
    for _ in range(6):
        b -= 0.2 * 2.0 * b
        average = b if average is None else 0.5 * average + 0.5 * b
    counts = [int(model.optimizer[player].iterations.value) for player in ("a", "b")]
    assert counts == [3, 6]
    assert numbers(model)[1] == pytest.approx(average, rel=1e-5)
    assert numbers(model)[0] == pytest.approx(a, rel=1e-3)


def test_the_gradient_of_a_penalty_is_that_of_its_closed_form():
    """That of Gulrajani et al. (2017, eq. 3), of D(x) = b x^2 / 2 at a x: (|a b x| - 1)^2."""

    def losses(a, b, x):
        _, slopes = ops.values_and_gradients(lambda x: 0.5 * b * x**2, a * x)
        return {"a": 0.0 * slopes, "b": (ops.abs(slopes) - 1.0) ** 2}

    x = np.array([[1.0], [2.0], [-3.0]], "float32")
    model = duel(losses=losses, a=1.5, b=0.5)
    model.fit(x, batch_size=3, epochs=1, verbose=0)
    size = np.abs(1.5 * x)
    slope = np.mean(2.0 * (0.5 * size - 1.0) * size)
    np.testing.assert_allclose(numbers(model), [1.5, 0.5 - 0.1 * slope], rtol=1e-5)


def test_what_layers_add_belongs_to_the_loss_of_their_owner():
    class Adding(keras.layers.Dense):
        def call(self, x):
            value = super().call(x)
            self.add_loss(10.0 * ops.mean(value))
            return value

    class Pair(Duel):
        def __init__(self):
            super().__init__(b=0.5, regularizer=keras.regularizers.L2(2.0))
            self.dense = Adding(1, kernel_initializer="ones", use_bias=False)

        def players(self):
            return {"a": [self.a, self.dense], "b": self.b}

        def call(self, x):
            return {"a": self.a * self.dense(x)[:, 0], "b": self.b * x[:, 0]}

    pair = Pair()
    pair.compile(Players({"a": sgd(), "b": sgd()}))
    expected = {"a_loss": 11.0, "b_loss": 1.0}
    assert pair.evaluate(X, verbose=0, return_dict=True) == pytest.approx(expected)
    history = pair.fit(X, batch_size=12, verbose=0).history
    assert {name: value for name, (value,) in history.items()} == pytest.approx(expected)
    np.testing.assert_allclose(numbers(pair), [0.9, 0.5 - 0.1 * (1.0 + 4.0 * 0.5)], rtol=1e-5)
    assert float(pair.dense.kernel.value[0, 0]) == pytest.approx(1.0 - 0.1 * 11.0, rel=1e-5)


def test_weights_of_examples_weigh_every_loss():
    model = duel()
    x, weights = np.array([[1.0], [5.0]], "float32"), np.array([3.0, 0.0], "float32")
    logs = model.evaluate(x, sample_weight=weights, verbose=0, return_dict=True)
    assert logs == pytest.approx({"a_loss": 0.75, "b_loss": -0.75})


def test_an_example_may_have_parts():
    class Conditional(Duel):
        def call(self, x):
            return super().call(x["x"] * x["context"])

    model = Conditional()
    model.compile(Players({"a": sgd(), "b": sgd()}))
    x = {"x": X, "context": np.full((12, 1), 3.0, "float32")}
    (loss,) = model.fit(x, batch_size=12, verbose=0).history["a_loss"]
    assert loss == pytest.approx(1.5)
    np.testing.assert_allclose(numbers(model), [1.0 - 0.1 * 1.5, 0.5 + 0.1 * 3.0], rtol=1e-5)


@pytest.mark.slow
def test_a_layer_that_drops_out_does_so_in_training_alone():
    class Dropping(Duel):
        def __init__(self):
            super().__init__()
            self.dropout = keras.layers.Dropout(0.5, seed=0)

        def call(self, x):
            return super().call(self.dropout(x))

    model = Dropping()
    model.compile(Players({"a": sgd(0.0), "b": sgd(0.0)}))
    x = np.square(np.arange(12, dtype="float32"))[:, None]
    expected = pytest.approx(0.5 * x.mean(), rel=1e-5)
    assert model.train_on_batch(x, return_dict=True)["a_loss"] != expected
    assert model.evaluate(x, verbose=0, return_dict=True)["a_loss"] == expected


@pytest.mark.slow
def test_a_player_that_is_frozen_stays_as_it_is():
    gan, x = make_gan(), ring(60)[0]
    gan.fit(x, batch_size=20, verbose=0)
    before = gan.generator.get_weights()
    gan.generator.trainable = False
    discriminator = gan.discriminator.get_weights()
    gan.fit(x, batch_size=20, verbose=0)
    for old, new in zip(before, gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(discriminator[0], gan.discriminator.get_weights()[0])


class PressCtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C at a batch."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 4 and int(self.model.epochs_trained.value) == 1:
            os.kill(os.getpid(), signal.SIGINT)


# By default where the loop is that of Keras; that of JAX is tested with one loss by default.
@(pytest.mark.slow if ON_JAX else pytest.mark.core)
def test_stopped_and_resumed_it_ends_with_the_same_bits(tmp_path):
    x, settings = ring(100)[0], {"batch_size": 10, "verbose": 0}

    def run(epochs, path, *callbacks, model=None, start=0):
        model = model or make_gan()
        model.steps_per_execution = 2 if ON_JAX else 1
        history = model.fit(
            x, epochs=epochs, initial_epoch=start, callbacks=[*callbacks, path], **settings
        )
        return model, history.history

    whole, expected = run(3, Checkpoint(tmp_path / "whole.npz"))
    # A round of three batches goes on across epochs of ten, and where the fit was stopped.
    with pytest.raises(KeyboardInterrupt):
        run(3, Checkpoint(tmp_path / "half.npz"), PressCtrlC())
    keras.utils.set_random_seed(99)
    resumed, checkpoint = make_gan(), Checkpoint(tmp_path / "half.npz")
    start = checkpoint.restore(resumed)
    assert start == 1
    resumed, history = run(3, checkpoint, model=resumed, start=start)
    for one, other in zip(state(resumed), state(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    assert history == expected
    assert history.keys() == {"generator_loss", "discriminator_loss"}


@pytest.mark.slow
def test_saved_and_loaded_it_goes_on_as_it_would_have(tmp_path):
    gan, x = make_gan(), ring(50)[0]
    gan.fit(x, batch_size=10, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.optimizer.steps == {"generator": 1, "discriminator": 3}
    for model in (gan, loaded):
        model.fit(x, batch_size=10, epochs=2, verbose=0)
    for one, other in zip(state(gan), state(loaded), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("fused", [True, False] if ON_JAX else [False])
def test_the_player_whose_loss_is_not_finite_is_named(fused):
    def losses(a, b, x):
        return {"a": a * x, "b": b * ops.log(x)}

    x = np.ones((12, 1), "float32")
    x[7] = 0.0
    model = duel(losses=losses)
    model.fused = fused
    with pytest.raises(
        NonFiniteLossError, match=r"The b loss became NaN .* epoch 1 at step 4"
    ) as e:
        model.fit(x, batch_size=2, shuffle=False, verbose=0)
    assert e.value.loss == "b_loss"
    assert str(e.value).startswith("The b loss became NaN")
    with pytest.raises(NonFiniteLossError, match="The b loss"):
        duel(losses=losses).train_on_batch(x)


@pytest.mark.slow
def test_callbacks_find_the_losses_by_name(tmp_path):
    model = duel(losses=lambda a, b, x: {"a": a**2 * x, "b": -b * x})
    stopping = keras.callbacks.EarlyStopping("val_b_loss", patience=0, mode="max")
    csv = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = model.fit(X, validation_data=X, epochs=5, verbose=0, callbacks=[stopping, csv])
    assert len(history.history["val_b_loss"]) == 2
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert header == "epoch,a_loss,b_loss,val_a_loss,val_b_loss"


class Nobodys(Duel):
    """A variable that belongs to no player."""

    def players(self):
        return {"a": self.a, "b": []}


class Shared(Duel):
    """A variable that belongs to both."""

    def players(self):
        return {"a": self.a, "b": [self.b, self.a]}


class NobodysLoss(Duel):
    """A layer that belongs to no player adds a loss."""

    def __init__(self):
        super().__init__()
        self.activity = keras.layers.ActivityRegularization(l1=1.0)

    def call(self, x):
        return super().call(self.activity(x))


class Silent(PlayersTrainer, keras.Model):
    """Nothing is said of what players lose."""

    def __init__(self):
        super().__init__()
        self.seed = 0
        self.init_trainer()

    def players(self):
        return {"a": [], "b": []}


class Unprepared(Duel):
    """What the trainer asks of a constructor is forgotten, or not."""

    def __init__(self, seed=None, init=False):
        keras.Model.__init__(self)
        self.a, self.b = (self.add_weight(shape=(), name=name) for name in "ab")
        if seed is not None:
            self.seed = seed
        if init:
            self.init_trainer()


BOTH = {"a": "sgd", "b": "sgd"}
MISTAKES = {
    "one optimizer": (lambda: Duel().compile("adam"), 'Players\\({"a": "adam", "b": "adam"}\\)'),
    "another player": (lambda: Duel().compile(Players({"a": "sgd", "c": "sgd"})), "got .'a', 'c'"),
    "nothing to lose": (lambda: Silent().compile(Players(BOTH)), "write loss_per_example"),
    "a loss": (lambda: Duel().compile(Players(BOTH), loss="mse"), "loss_per_example"),
    "no owner": (lambda: train(Nobodys()), "b belong to no player"),
    "two owners": (lambda: train(Shared()), "a belongs to two players, a and b"),
    "nobody's loss": (lambda: train(NobodysLoss()), "a layer that belongs to no player adds"),
    "targets": (lambda: train(Duel(), X), "is given y"),
    "no loss": (lambda: train(Duel(lambda a, b, x: {"a": a * x})), "expected a dict with the loss"),
    "a column": (
        lambda: train(Duel(lambda a, b, x: {"a": a * x[:, None], "b": b * x})),
        "the loss of a has the shape .*, 1\\); expected \\(batch,\\)",
    ),
    "a weighted number": (
        lambda: train(Duel(lambda a, b, x: {"a": a, "b": b * x}), sample_weight=np.ones(12)),
        "the loss of a has the shape \\(\\)",
    ),
    "a rate of all": (
        lambda: train(Duel(), callbacks=[keras.callbacks.LearningRateScheduler(lambda i: 0.1)]),
        "no learning rate of its own",
    ),
    "a rate of all, by a loss": (
        lambda: train(Duel(), callbacks=[keras.callbacks.ReduceLROnPlateau("a_loss", mode="min")]),
        "no learning rate of its own",
    ),
    "no trainer": (
        lambda: Unprepared(seed=1).compile(Players(BOTH)),
        r"Unprepared is not prepared .*, calls self.init_trainer\(\)",
    ),
    "no seed": (lambda: Unprepared(init=True).compile(Players(BOTH)), "sets self.seed, an integer"),
    "neither": (lambda: Unprepared().compile(Players(BOTH)), "an integer and calls"),
}


def train(model, y=None, **options):
    model.compile(Players(BOTH))
    model.fit(X, y, verbose=0, **options)


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.few(3)
def test_mistakes_are_named(mistake):
    run, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        run()


@pytest.mark.slow
def test_float16_is_refused_and_bfloat16_is_not():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ValueError, match="mixed_bfloat16"):
            Duel().compile(Players(BOTH))
        keras.config.set_dtype_policy("mixed_bfloat16")
        gan = make_gan(penalty=0.0)
        gan.fit(ring(40)[0], batch_size=20, verbose=0)
        logs = gan.evaluate(ring(40)[0], verbose=0, return_dict=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert 0.3 < logs["generator_loss"] < 1.5


@pytest.mark.slow
def test_a_model_with_a_bound_may_be_one_of_the_players(digits):
    class WithRatio(PlayersTrainer, kb.models.VAE):
        """A VAE, and what tells its codes from those of the prior."""

        def __init__(self, ratio, **parts):
            super().__init__(**parts)
            self.ratio = ratio

        def players(self):
            return {"model": [self.posterior, self.likelihood], "ratio": self.ratio}

        def call(self, x):
            code = self.posterior.given(x).sample(seed=self.seed_generator)
            prior = keras.random.normal(ops.shape(code), seed=self.seed_generator)
            ratios = {"code": self.ratio(code)[:, 0], "prior": self.ratio(prior)[:, 0]}
            return {"terms": super().call(x), **ratios}

        def loss_per_example(self, outputs):
            ratio = ops.softplus(-outputs["code"]) + ops.softplus(outputs["prior"])
            return {"model": super().loss_per_example(outputs["terms"]), "ratio": ratio}

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return super().compute_metrics(x, y, y_pred["terms"], sample_weight)

    model = WithRatio(
        network(1),
        prior=kb.distributions.Normal.standard((2,)),
        likelihood=kb.layers.ConditionalContinuousBernoulli((64,)),
        posterior=kb.layers.ConditionalNormal((2,)),
        seed=1,
    )
    model.compile(Players({"model": "adam", "ratio": "adam"}, {"ratio": 2}))
    history = model.fit(digits, batch_size=100, epochs=2, verbose=0).history
    assert history.keys() == {"model_loss", "ratio_loss", "reconstruction", "kl"}
    assert history["model_loss"][1] < history["model_loss"][0]
    assert history["model_loss"][1] == pytest.approx(
        history["reconstruction"][1] + history["kl"][1], rel=1e-4
    )


@pytest.mark.slow
@pytest.mark.skipif(not ON_JAX, reason="the same Python runs 2400 steps")
def test_a_gan_finds_all_eight_modes_of_a_ring():
    keras.utils.set_random_seed(0)
    x, centres = ring(5120)
    networks = [
        keras.Sequential(
            [*(keras.layers.Dense(64, "relu") for _ in range(2)), keras.layers.Dense(n)]
        )
        for n in (2, 1)
    ]
    gan = GAN(*networks, latent=4)
    adam = {player: keras.optimizers.Adam(1e-3, beta_1=0.5) for player in gan.players()}
    gan.compile(Players(adam))
    gan.fit(x, batch_size=128, epochs=60, verbose=0)
    noise = np.random.default_rng(1).normal(size=(4000, 4)).astype("float32")
    draws = keras.ops.convert_to_numpy(gan.generator(noise))
    distances = np.linalg.norm(draws[:, None] - centres, axis=-1)
    near = distances.min(axis=1) < 0.4
    shares = np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(draws)
    assert near.mean() > 0.75
    assert shares.min() > 0.04


@pytest.mark.slow
def test_the_code_of_the_page_runs():
    page = (Path(__file__).parents[3] / "docs" / "players.md").read_text()
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code.replace("epochs=60", "epochs=2"), names)
    (callback,) = re.findall(r"`(EarlyStopping\(.*?\))`", page)
    stopping = eval(f"keras.callbacks.{callback}", names)
    names["gan"].fit(names["x"], validation_split=0.1, callbacks=[stopping], verbose=0)
    assert stopping.best is not None
    assert names["history"].history.keys() == {"generator_loss", "discriminator_loss"}
    assert tuple(names["draws"].shape) == (1000, 2)
