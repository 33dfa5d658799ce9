"""An optimizer that is made of one optimizer for each player."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras

from kelbo import ops
from kelbo.keras_internals import trained_variables
from kelbo.parameters import whole_number
from kelbo.registration import registered


@dataclass
class _Player:
    """One of them; Keras does not look into a plain object."""

    name: str
    optimizer: keras.optimizers.Optimizer
    steps: int
    variables: list[keras.Variable] = field(default_factory=list)


@registered
class Players(keras.optimizers.Optimizer):
    """One optimizer for each player of a model: for `compile` of a `PlayersTrainer`.

    Each variable is moved by the optimizer of the player that owns it. Learning rates and their
    schedules, clipping, weight decay and moving averages (`use_ema`) are each optimizer's own; it
    counts its own steps.

    A round has as many batches as the largest of `steps` says. In each, a player moves in as many
    of them as its number of steps, evenly spread, the last among them: with
    `steps={"discriminator": 5}` the discriminator moves in every batch, and the generator in every
    fifth (Arjovsky, Chintala and Bottou, 2017, "Wasserstein generative adversarial networks",
    algorithm 1). All who move in a batch do so at once, by gradients at the same values. The
    gradients of those who do not are not computed.

    Args:
        optimizers: Optimizer by the name of the player: an object or a name that Keras knows.
        steps: Steps per round by the name of the player; 1 for those that are not named.
        name: Name of the optimizer.

    Raises:
        TypeError: `optimizers` is no mapping.
        ValueError: There is no player, what is given for one is no optimizer, one optimizer is
            given twice, `steps` names another player or holds no whole number above 0, or an
            optimizer scales its loss as it goes.

    Example:
        >>> import keras
        >>> from kelbo.training import Players
        >>> players = Players(
        ...     {"generator": keras.optimizers.Adam(1e-4), "discriminator": "adam"},
        ...     steps={"discriminator": 5},
        ... )
        >>> players.steps
        {'generator': 1, 'discriminator': 5}
        >>> float(players["generator"].learning_rate) < 2e-4
        True
    """

    def __init__(
        self,
        optimizers: Mapping[str, Any],
        steps: Mapping[str, int] | None = None,
        name: str = "players",
    ):
        super().__init__(learning_rate=0.0, name=name)  # a number that nothing reads
        steps = dict(steps or {})
        _check(optimizers, steps)
        self._players = [
            _Player(player, _optimizer(player, given), steps.get(player, 1))
            for player, given in optimizers.items()
        ]
        if len({id(player.optimizer) for player in self._players}) < len(self._players):
            raise ValueError(
                "Players: one optimizer is given to two players; it would mix their steps. Give "
                "each its own."
            )
        self._owners = None

    @property
    def names(self) -> list[str]:
        """Names of the players."""
        return [player.name for player in self._players]

    @property
    def steps(self) -> dict[str, int]:
        """Steps per round by player."""
        return {player.name: player.steps for player in self._players}

    def __getitem__(self, player: str) -> keras.optimizers.Optimizer:
        """The optimizer of a player."""
        return {each.name: each.optimizer for each in self._players}[player]

    @property
    def variables(self) -> list[keras.Variable]:
        """The count of batches, and the variables of all optimizers."""
        return [
            *super().variables,
            *(v for each in self._players for v in each.optimizer.variables),
        ]

    @property
    def learning_rate(self) -> Any:
        """There is none: each player has its own."""
        raise ValueError(
            "Players has no learning rate of its own: take that of a player, as in "
            f"model.optimizer[{self.names[0]!r}].learning_rate. In place of callbacks that set "
            "learning_rate, give its optimizer a keras.optimizers.schedules.LearningRateSchedule."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        _ = self.learning_rate

    def know_owners(self, owners: Callable[[], Mapping[str, Sequence[keras.Variable]]]) -> None:
        """Says whose the variables are; a model does at its `compile`.

        Args:
            owners: Returns the trainable variables of each player, by its name.
        """
        self._owners = owners

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the variables of all optimizers.

        Args:
            variables: The trainable variables of the model.

        Raises:
            ValueError: It is not known whose they are.
        """
        if self.built:
            return
        if self._owners is None:
            raise ValueError(
                "Players does not know whose the variables are: it is for models that are a "
                "kelbo.training.PlayersTrainer, which say so at compile."
            )
        owned = self._owners()
        for player in self._players:
            player.variables = list(owned[player.name])
            if player.variables:
                player.optimizer.build(player.variables)
        super().build(list(variables))

    def moves(self) -> dict[str, Any]:
        """Whether each player moves in this batch: None where it always does, else a boolean."""
        longest = max(player.steps for player in self._players)
        batch = self.iterations.value % longest
        return {
            player.name: None
            if player.steps == longest
            else (batch + 1) * player.steps // longest > batch * player.steps // longest
            for player in self._players
        }

    def scale_losses(self, losses: Mapping[str, Any]) -> dict[str, Any]:
        """Losses by player, scaled as each optimizer wants (`loss_scale_factor`)."""
        return {
            player.name: player.optimizer.scale_loss(losses[player.name])
            for player in self._players
        }

    def move(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """Moves the players whose turn it is, and counts the batch.

        Args:
            gradients: By player, for each of its variables.
        """
        moves = self.moves()
        for player in self._players:
            if not player.variables:
                continue
            step = partial(player.optimizer.apply, gradients[player.name], player.variables)
            if moves[player.name] is None:
                step()
            else:
                changed = [*player.variables, *player.optimizer.variables]
                ops.update_if(moves[player.name], step, changed)
        self.iterations.assign_add(1)

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> None:
        """Moves the players by gradients of all variables, as `keras.optimizers.Optimizer.apply`.

        Args:
            grads: Gradients, each of its owner's loss.
            trainable_variables: The variables, all that the optimizer was built with; None for
                these in that order.
        """
        variables = list(trainable_variables or trained_variables(self))
        if not self.built:
            self.build(variables)
        by_variable = {id(v): gradient for v, gradient in zip(variables, grads, strict=True)}
        self.move({p.name: [by_variable[id(v)] for v in p.variables] for p in self._players})

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Gives variables the moving averages of optimizers that keep such, at the end of a fit."""
        for player in self._players:
            if player.variables:
                player.optimizer.finalize_variable_values(player.variables)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer is made of."""
        return {
            "optimizers": {
                player.name: keras.saving.serialize_keras_object(player.optimizer)
                for player in self._players
            },
            "steps": self.steps,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Players":
        """The optimizer that `get_config` described."""
        optimizers = {
            player: keras.saving.deserialize_keras_object(given, custom_objects)
            for player, given in config["optimizers"].items()
        }
        return cls(**{**config, "optimizers": optimizers})


def _check(optimizers, steps):
    if not isinstance(optimizers, Mapping):
        raise TypeError(
            f"Players: optimizers must be a dict of an optimizer for each player; got "
            f'{optimizers!r}: for example {{"generator": "adam", "discriminator": "adam"}}.'
        )
    if not optimizers:
        raise ValueError("Players: optimizers is empty; it takes an optimizer for each player.")
    others = sorted(set(steps) - set(optimizers))
    if others:
        raise ValueError(
            f"Players: steps names {', '.join(others)}; the players are {', '.join(optimizers)}."
        )
    for player, count in steps.items():
        steps[player] = whole_number("Players", f"steps[{player!r}]", count)


def _optimizer(player, given):
    optimizer = keras.optimizers.get(given)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(
            f"Players: the optimizer of {player} is {given!r}; expected an optimizer or the name "
            f'of one, such as "adam". A player that is to stand still has frozen layers: '
            "trainable = False."
        )
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            f"Players: the optimizer of {player} is a LossScaleOptimizer, which Keras applies to a "
            "whole model: use mixed_bfloat16, which needs no scale, or give the optimizer a "
            "loss_scale_factor."
        )
    return optimizer
