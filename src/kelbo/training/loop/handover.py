"""State between the model and the compiled loop on JAX, with little Python in between.

Keras hands the state over at the beginning and the end of every epoch: it walks through all layers
to list the variables, checks and converts every value, resets the metrics one by one and computes
their results outside of compiled code. That takes over a millisecond, as long as a whole epoch of
a small model. Here the lists are made once per fit and the values attached as they are.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from kelbo.keras_internals import StateOfSteps, attach

_KINDS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


@dataclass
class Remembered:
    """What is remembered for the time of one fit; Keras does not look into a plain object."""

    variables: dict[str, list[keras.Variable]] | None = None
    metrics_at_reset: list[Any] | None = None
    logs_are_results: bool = False


class Handover(StateOfSteps):
    """Mixin for `keras.Model` on JAX: Keras' methods of handing state over, made cheap.

    Outside of `cheap_handover`, Keras' own methods run. The model sets `remembered` to
    `Remembered()` in its constructor.
    """

    @contextlib.contextmanager
    def cheap_handover(self) -> Iterator[None]:
        """Remembers the model's variables for the time of one fit or evaluation."""
        nested = self.remembered.variables is not None
        if not nested:
            self._remember()
        try:
            yield
        finally:
            if not nested:
                self.remembered = Remembered()

    def _remember(self):
        self.remembered.variables = self._variables_by_kind()

    def _variables_by_kind(self):
        optimizer = getattr(self, "optimizer", None)  # a model that predicts may have none
        return {
            "trainable_variables": list(self.trainable_variables),
            "non_trainable_variables": list(self.non_trainable_variables),
            "optimizer_variables": list(optimizer.variables) if optimizer else [],
            "metrics_variables": list(self.metrics_variables),
        }

    def remember_variables(self) -> None:
        """Lists the variables again where they are remembered: the model has got others."""
        if self.remembered.variables is not None:
            self._remember()
            self.remembered.metrics_at_reset = None

    def run_on_state(self, step: Callable[[], Any], state: Any, with_optimizer: bool) -> Any:
        """Runs what reads and assigns variables as Keras' steps run on JAX: state in, state out.

        Args:
            step: Takes nothing and returns logs.
            state: Values of the variables, as Keras hands them to a train or test step.
            with_optimizer: Whether those of the optimizer are among them.

        Returns:
            The logs, and the state after the step.
        """
        by_kind = self.remembered.variables or self._variables_by_kind()
        kinds = [kind for kind in _KINDS if with_optimizer or kind != "optimizer_variables"]
        pairs = [
            pair
            for kind, values in zip(kinds, state, strict=True)
            for pair in zip(by_kind[kind], values, strict=True)
        ]
        with keras.StatelessScope(pairs, collect_losses=True) as scope:
            logs = step()
        return logs, tuple([scope.get_current_value(v) for v in by_kind[kind]] for kind in kinds)

    def state_of_step(self, wanted: tuple[bool, ...]) -> tuple:
        by_kind = self.remembered.variables
        if by_kind is None:
            return super().state_of_step(wanted)
        return tuple(
            [variable.value for variable in by_kind[kind]]
            for kind, is_wanted in zip(_KINDS, wanted, strict=True)
            if is_wanted
        )

    def jax_state_sync(self) -> None:
        """Attaches the state of the last compiled call to the model's variables.

        Until then they are empty, within an epoch on JAX. It does nothing on other backends.
        """
        state = self.state_to_attach()
        if state is None:
            return
        if self.remembered.variables is None:
            super().jax_state_sync()
        else:
            for kind in _KINDS:
                _attach_all(self.remembered.variables[kind], state.get(kind) or [])
            self.state_is_attached()

    def reset_metrics(self) -> None:
        """Sets all metrics back to where they start."""
        by_kind = self.remembered.variables
        if by_kind is None or self.remembered.metrics_at_reset is None:
            super().reset_metrics()
        if by_kind is not None:
            variables = by_kind["metrics_variables"]
            if self.remembered.metrics_at_reset is None:
                self.remembered.metrics_at_reset = [variable.value for variable in variables]
            _attach_all(variables, self.remembered.metrics_at_reset)

    def forget_reset(self) -> None:
        """Says that Keras' own loop runs, which gives the metrics' memory away."""
        self.remembered.metrics_at_reset = None
        self.remembered.logs_are_results = False

    def logs_of_epoch(self, logs: Any) -> Any:
        # The last step of the loop has computed just that.
        return logs if self.remembered.logs_are_results else super().logs_of_epoch(logs)


def _attach_all(variables, values):
    for variable, value in zip(variables, values, strict=False):
        attach(variable, value)
