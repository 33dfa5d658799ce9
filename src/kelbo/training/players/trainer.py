"""Training of models whose players have losses of their own."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from kelbo import ops
from kelbo.keras_internals import symbolic_build
from kelbo.training.loop import FusedTrainer
from kelbo.training.players.optimizer import Players
from kelbo.training.weights import weighted

# Arguments of `compile` that are about one loss for the whole model.
_OF_ONE_LOSS = ("loss", "loss_weights", "metrics", "weighted_metrics")


@dataclass
class Trackers:
    """The mean loss of each player; Keras does not look into a plain object."""

    metrics: dict[str, keras.metrics.Mean] = field(default_factory=dict)


class PlayersTrainer(FusedTrainer):
    """Mixin for `keras.Model`: a model of several players, each with a loss of its own.

    The model says in `players` which layers each player owns, and in `loss_per_example(outputs)`
    what each loses, of what `call` returned: by the name of each player a tensor of shape (batch,),
    or a scalar for the whole batch. All layers are called in `call`.

    In a step the model is called once; then each player's variables follow the gradient of that
    player's loss alone, by its optimizer among `Players`, which the model is compiled with.
    Whatever else a variable leads to, no gradient has to be stopped for it. All that `FusedTrainer`
    promises holds. The losses are reported by name, as `generator_loss`; there is no `loss`, for
    the sum of what opponents lose means nothing. What layers add as losses of their own
    (regularisers, `add_loss`) is added to the loss of the player who owns them.

    A penalty on a gradient is computed in `call`, by `ops.values_and_gradients`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo import ops
        >>> from kelbo.training import Players, PlayersTrainer
        >>> class GAN(PlayersTrainer, keras.Model):
        ...     def __init__(self, generator, discriminator, seed=0):
        ...         super().__init__()
        ...         self.generator, self.discriminator = generator, discriminator
        ...         self.seed = seed
        ...         self.noise = keras.random.SeedGenerator(seed)
        ...         self.init_trainer()
        ...
        ...     def players(self):
        ...         return {"generator": self.generator, "discriminator": self.discriminator}
        ...
        ...     def call(self, x):
        ...         noise = keras.random.normal((ops.shape(x)[0], 2), seed=self.noise)
        ...         return {
        ...             "real": self.discriminator(x)[:, 0],
        ...             "fake": self.discriminator(self.generator(noise))[:, 0],
        ...         }
        ...
        ...     def loss_per_example(self, outputs):
        ...         real, fake = outputs["real"], outputs["fake"]
        ...         return {
        ...             "generator": ops.softplus(-fake),
        ...             "discriminator": ops.softplus(-real) + ops.softplus(fake),
        ...         }
        >>> network = lambda units: keras.Sequential(
        ...     [keras.layers.Dense(16, "relu"), keras.layers.Dense(units)])
        >>> gan = GAN(network(2), network(1))
        >>> gan.compile(Players({"generator": "adam", "discriminator": "adam"}))
        >>> x = np.random.default_rng(0).normal(size=(100, 2)).astype("float32")
        >>> history = gan.fit(x, epochs=2, verbose=0)
        >>> sorted(history.history)
        ['discriminator_loss', 'generator_loss']
    """

    def init_trainer(self) -> None:
        super().init_trainer()
        self.trackers = Trackers()

    def players(self) -> dict[str, Any]:
        """Who plays, and with what: the model writes this.

        Returns:
            By the name of each player a layer or variable of the model, or a list of such. Every
            trainable variable must belong to one of them, and to no other.
        """
        raise NotImplementedError(f"{type(self).__name__} must say who owns what, in players().")

    def player_variables(self) -> dict[str, list[keras.Variable]]:
        """The trainable variables of each player.

        Returns:
            A list for each player, in the order of `players()`.

        Raises:
            ValueError: A variable of the model belongs to no player, or to two.
        """
        owned, owner = {}, {}
        for player, parts in self._parts_of_players().items():
            variables = {id(v): v for part in parts for v in _variables(part) if v.trainable}
            for key, variable in variables.items():
                if key in owner:
                    raise ValueError(
                        f"{type(self).__name__}: {variable.path} belongs to two players, "
                        f"{owner[key]} and {player}; it can follow the loss of one alone. Name its "
                        "layer once in players(), and add what it should learn to that loss."
                    )
                owner[key] = player
            owned[player] = list(variables.values())
        lost = [v.path for v in self.trainable_variables if id(v) not in owner]
        if lost:
            raise ValueError(
                f"{type(self).__name__}: {', '.join(lost)} belong to no player, and would never be "
                "trained: name their layers in players(), or set their trainable to False."
            )
        return owned

    def _parts_of_players(self):
        return {
            player: list(parts) if isinstance(parts, list | tuple) else [parts]
            for player, parts in self.players().items()
        }

    @property
    def loss_names(self) -> tuple[str, ...]:
        return tuple(f"{player}_loss" for player in self.players())

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The players' losses, and further metrics of the model."""
        # Keras' own is of one loss.
        further = [metric for metric in super().metrics if metric.name != "loss"]
        trackers = getattr(self, "trackers", None)
        return [*(trackers.metrics.values() if trackers else ()), *further]

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Configures training, as `keras.Model.compile`: `Players` are all that is needed.

        Raises:
            ValueError: The constructor did not prepare the model for training; the optimizer is not
                `Players` with one for each player; a loss or metrics are given: each player has a
                loss of its own; the model computes in float16.
        """
        self.require_prepared()
        owner, names = type(self).__name__, list(self.players())
        given = inspect.signature(keras.Model.compile).bind(self, *args, **kwargs).arguments
        optimizer = given.get("optimizer")
        if not isinstance(optimizer, Players) or set(optimizer.names) != set(names):
            example = ", ".join(f'"{name}": "adam"' for name in names)
            had = optimizer.names if isinstance(optimizer, Players) else repr(optimizer)
            raise ValueError(
                f"{owner}.compile takes an optimizer for each of its players; got {had}: compile("
                f"kelbo.training.Players({{{example}}}))."
            )
        of_one_loss = [name for name in _OF_ONE_LOSS if given.get(name)]
        if of_one_loss:
            raise ValueError(
                f"{owner}.compile takes no {of_one_loss[0]}: each player has a loss of its own, "
                "which the model writes in loss_per_example."
            )
        if self.dtype_policy.name == "mixed_float16" and given.get("auto_scale_loss", True):
            raise ValueError(
                f"{owner} computes in float16, where Keras scales the loss of a whole model as it "
                "goes: use mixed_bfloat16, which needs no scale, or give optimizers a "
                "loss_scale_factor and compile with auto_scale_loss=False."
            )
        if list(self.trackers.metrics) != names:
            self.trackers.metrics = {
                player: keras.metrics.Mean(name)
                for player, name in zip(names, self.loss_names, strict=True)
            }
        if not hasattr(self, "loss_per_example"):
            raise ValueError(
                f"{owner} does not say what each player loses: write loss_per_example(self, "
                "outputs), which takes what call returned and returns a loss by player."
            )
        optimizer.know_owners(self.player_variables)
        super().compile(*args, **kwargs)

    def train_step(self, *args: Any) -> Any:
        """One step, as Keras' trainers call it: (data), or (state, data) on JAX."""
        return self._run_step(self._play, args, with_optimizer=True)

    def test_step(self, *args: Any) -> Any:
        """One step of an evaluation; see `train_step`."""
        return self._run_step(self._judge, args, with_optimizer=False)

    def _run_step(self, step, args, with_optimizer):
        if len(args) == 1:
            return step(*args)
        state, data = args
        return self.run_on_state(lambda: step(data), state, with_optimizer)

    def _play(self, data):
        if not self.optimizer.built:  # on TensorFlow, Keras leaves it to the first trace
            symbolic_build(self, data)
        x, _, weights = keras.utils.unpack_x_y_sample_weight(data)

        def forward():
            outputs = self(x, training=True)
            losses = self._losses_by_player(outputs, weights)
            scaled = self.optimizer.scale_losses(losses)
            return [scaled[player] for player in losses], (losses, outputs)

        variables = self.player_variables()
        moves = self.optimizer.moves()
        _, (losses, outputs), gradients = ops.gradients_of_each(
            forward, list(variables.values()), [moves[player] for player in variables]
        )
        self.optimizer.move(dict(zip(variables, gradients, strict=True)))
        return self._track(losses, data, outputs)

    def _judge(self, data):
        x, _, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        return self._track(self._losses_by_player(outputs, weights), data, outputs)

    def _track(self, losses, data, outputs):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        examples = ops.shape(keras.tree.flatten(x)[0])[0]
        for player, loss in losses.items():
            self.trackers.metrics[player].update_state(loss, sample_weight=examples)
        return self.compute_metrics(x, y, outputs, weights)

    def _losses_by_player(self, outputs, weights):
        """The mean loss of each player over the batch, with what its layers add."""
        owner, per_example = type(self).__name__, self.loss_per_example(outputs)
        parts = self._parts_of_players()
        if not isinstance(per_example, Mapping) or set(per_example) != set(parts):
            had = list(per_example) if isinstance(per_example, Mapping) else type(per_example)
            raise ValueError(
                f"{owner}.loss_per_example returns {had}; expected a dict with the loss of each "
                f"player: {', '.join(parts)}."
            )
        losses, added = {}, 0
        for player, owned in parts.items():
            loss = _in_full(per_example[player])
            if len(loss.shape) > 1 or (weights is not None and not len(loss.shape)):
                raise ValueError(
                    f"{owner}: the loss of {player} has the shape {tuple(loss.shape)}; expected "
                    "(batch,), a number for each example"
                    + ("." if weights is not None else ", or one number for the whole batch.")
                )
            loss = ops.mean(weighted(loss, weights))
            further = [extra for part in owned for extra in _added_losses(part)]
            for extra in further:
                loss = loss + ops.sum(ops.cast(extra, loss.dtype))
            losses[player], added = loss, added + len(further)
        if added != len(self.losses):
            raise ValueError(
                f"{owner}: a layer that belongs to no player adds a loss (add_loss, or a "
                "regulariser), which would be nobody's: name it in players()."
            )
        return losses

    def check_targets(self, y: Any) -> None:
        if y is not None:
            raise ValueError(
                f"{type(self).__name__} is given y, which no player sees: what belongs to an "
                "example is a part of its x."
            )


def _variables(part):
    return [part] if isinstance(part, keras.Variable) else part.trainable_variables


def _added_losses(part):
    if not isinstance(part, keras.Variable):
        return part.losses
    return [] if part.regularizer is None else [part.regularizer(part.value)]


def _in_full(loss):
    """In float32 at least: a mean over a batch is a sum of many terms."""
    loss = ops.convert_to_tensor(loss)
    is_half = keras.backend.standardize_dtype(loss.dtype) in ("float16", "bfloat16")
    return ops.cast(loss, "float32") if is_half else loss
