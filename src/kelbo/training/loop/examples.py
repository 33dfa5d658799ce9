"""How many examples a model is trained on: counted, kept in its weights, told to its layers."""

from typing import Any

from kelbo.keras_internals import layers_within, own_variables
from kelbo.layers.training_examples import known_training_examples
from kelbo.parameters import whole_number


class CountsExamples:
    """Mixin for the trainer: the weight `training_examples`, known while a loss is computed."""

    def train_step(self, *args: Any) -> Any:
        """One step of training, as Keras does it; layers may ask for `training_examples`."""
        with known_training_examples(self.training_examples):
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """One step of an evaluation; see `train_step`."""
        with known_training_examples(self.training_examples):
            return super().test_step(*args)

    def _know_examples(self, count=None):
        """Sets the number of training examples, or looks whether it is known where it is needed."""
        if count is not None:
            self.training_examples.assign(whole_number("fit", "examples", count))
            return
        asking = [
            each for each in layers_within(self) if getattr(each, "needs_training_examples", False)
        ]
        if not asking:
            return
        self.jax_state_sync()  # in a callback, the variables may be empty
        if int(self.training_examples.value) < 1:
            raise ValueError(
                f"{type(asking[0]).__name__} {asking[0].name!r} needs the number of training "
                f"examples, which this {type(self).__name__} does not know: no fit of arrays came "
                "before, and data that come batch by batch are not counted. Give it to fit, as in "
                "fit(data, examples=60000), or to the model, which keeps it: "
                "model.training_examples.assign(60000)."
            )

    def load_own_variables(self, store: Any) -> None:
        """Loads the model's own weights, as Keras does; older files hold no number of examples."""
        own = own_variables(self)
        if len(store.keys()) == len(own) - 1:
            own = [variable for variable in own if variable is not self.training_examples]
            for place, variable in enumerate(own):
                variable.assign(store[f"{place}"])
            return
        super().load_own_variables(store)
