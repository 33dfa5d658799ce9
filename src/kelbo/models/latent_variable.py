"""What latent variable models share: an objective, its terms, and verbs that judge and use them."""

import abc
from collections.abc import Callable
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.keras_internals import unlocked
from kelbo.latent import LatentProblem, log_mean_weight
from kelbo.models.probabilistic import ProbabilisticModel, weighted
from kelbo.objectives import Objective
from kelbo.ops.floats import as_floats
from kelbo.parameters import whole_number
from kelbo.parts import is_shape, without_batch
from kelbo.training import map_rows


class LatentVariableModel(ProbabilisticModel):
    r"""A model $p(x, z)$ of examples and latent values, with a posterior $q(z \mid x)$.

    A subclass says what it knows of a batch in `problem`, of which kinds posterior and prior are in
    `kinds`, and what the prior is in `prior_given`; training by any objective, the metrics, the
    log-likelihood by importance sampling and all of `kelbo.evaluation` follow from these. Weights
    of its own are made in the constructor, and handed out by `only_of_model`; one that has layers
    builds them in `build_parts`. `objective` is among its `parts`; others are taken as they are
    unless `checked_parts` looks at them, and examples may have any shape unless `example_shape`
    says which.

    The metrics are, in nats per example, `loss` (what is minimised), `reconstruction` (the expected
    negative log-likelihood) and `kl`. Calling the model returns the terms of the objective as a
    dict of tensors, samples in front; `predict` returns them with the examples in front.

    Args:
        objective: What is minimised.
        seed: As in `ProbabilisticModel`.
        name: Name of the model.
        **parts: The other parts, by name, as `checked_parts` takes them.

    Raises:
        TypeError: `objective` is no objective.
    """

    def __init__(
        self, objective: Objective, seed: int | None = None, name: str | None = None, **parts: Any
    ):
        super().__init__(seed, name)
        for part, value in self.checked_parts(**parts).items():
            setattr(self, part, value)
        self._estimator_layers = []  # after the parts, wherever the objective comes from
        _require_objective(type(self).__name__, objective)
        self._take_objective(objective)
        # A schedule is a function of it; it is saved with the model.
        self._steps = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="training_steps"
        )
        self._reconstruction = keras.metrics.Mean(name="reconstruction")
        self._kl = keras.metrics.Mean(name="kl")

    def checked_parts(self, **parts: Any) -> dict[str, Any]:
        return parts

    @property
    def example_shape(self) -> tuple | None:
        """Shape of one example: what the model was built for, None before, if it may be any."""
        built_for = self.data_shape
        return built_for if built_for is None or is_shape(built_for) else built_for["x"]

    @abc.abstractmethod
    def problem(self, observed: Any, step: Any = None) -> LatentProblem:
        """What the model can say of a batch: inside of compiled code, or outside.

        Args:
            observed: Examples as `observed` returns them.
            step: How many training steps were done, for schedules; None outside of training.

        Returns:
            The problem, which computes what it is asked for.
        """

    @abc.abstractmethod
    def kinds(self) -> tuple[Distribution, Distribution]:
        """Distributions of the kinds of posterior and prior, for which nothing needs to be built.

        Returns:
            The posterior's, then the prior's.

        Raises:
            NotImplementedError: They are not known before the first step.
        """

    @abc.abstractmethod
    def prior_given(self, context: Any = None) -> Distribution:
        """The prior of a latent value, at the variables' present values.

        Args:
            context: What it is conditioned on, one for each example; None for nothing.

        Returns:
            A distribution, of batch shape () where there is no context.
        """

    def context_of_prior(self, observed: Any) -> Any:
        """What the prior depends on, of a batch: what `prior_given` is to be given for it.

        Args:
            observed: Examples, with their parts.

        Returns:
            A tensor, or a dict of them; None where the prior depends on nothing.
        """
        return None

    @property
    def only_of_model(self) -> list[keras.Variable]:
        """Variables that stand still where an objective trains the posterior alone."""
        return []

    def observed(self, x: Any, seed: Any, preprocess: bool = True) -> Any:
        """Examples as the densities are to see them: in floating point, after any preprocessing.

        Args:
            x: Examples, of shape (batch, *event shape).
            seed: Where the draws of a stochastic preprocessing come from.
            preprocess: Whether there is any preprocessing.

        Returns:
            A tensor, or a dict of them by part.
        """
        return self._floating(x)

    @property
    def needs_training_examples(self) -> bool:
        """Whether the objective has a term that stands once for the whole data set."""
        return any(term.of_data for term in self.objective.uses)

    @property
    def latent_shape(self) -> Any:
        """Shape of one latent value; a dict of shapes by name where it has parts."""
        return self.kinds()[1].event_shape

    @property
    def objective(self) -> Objective:
        """What is minimised. It may be set at any time, by a callback in the midst of a fit too.

        The optimizer goes on with its moments where the same variables train; where others do
        (`trains_model`, layers of an estimator), it starts anew with the settings it had.
        """
        return self._objective

    @objective.setter
    def objective(self, objective: Objective) -> None:
        _require_objective(type(self).__name__, objective)
        self.jax_state_sync()  # in a callback, the variables may be empty
        if self.compiled:
            self._check(objective)
        with unlocked(self):
            self._take_objective(objective)
        if self.built:
            self._build_estimator((None, *self.example_shape))
        self.renew(force=True)

    def _take_objective(self, objective):
        self._objective = objective
        self._estimator_layers.clear()  # Keras would keep what another list held before
        self._estimator_layers.extend(objective.estimator.layers)

    def build(self, input_shape: Any) -> None:
        """Builds the parts for data of this shape, by `build_parts`.

        Args:
            input_shape: Shape of a batch of examples, or of its parts by name.

        Raises:
            ValueError: A part cannot be built for them.
        """
        data_shape = self.shape_in_networks(input_shape)
        self.build_parts(data_shape)
        self._build_estimator(data_shape if is_shape(data_shape) else data_shape["x"])
        self.data_shape = without_batch(data_shape)
        self.built = True

    def build_parts(self, data_shape: Any) -> None:
        """Builds the parts that are layers, each by `build_part`; again after one was exchanged.

        Args:
            data_shape: Shape of a batch of examples, or of its parts by name; the size of the batch
                is None.

        Raises:
            ValueError: A part cannot be built for them.
        """

    def _build_estimator(self, input_shape):
        for layer in self._estimator_layers:
            if not layer.built:
                layer.build(input_shape)

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """What the objective trains: without the model's where it is not for them.

        An optimizer would move them otherwise, by momentum or weight decay.
        """
        fixed = self._fixed()
        return [v for v in super().trainable_variables if id(v) not in fixed]

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        """The others."""
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """Those of `trainable_variables` that are weights."""
        fixed = self._fixed()
        return [v for v in super().trainable_weights if id(v) not in fixed]

    @property
    def non_trainable_weights(self) -> list[keras.Variable]:
        """The other weights."""
        trainable = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trainable]

    def _fixed(self):
        if not hasattr(self, "_objective") or self.objective.trains_model:
            return set()
        return {id(v) for v in self.only_of_model}

    def _check(self, objective):
        """Refuses an objective that these parts cannot be trained by."""
        try:
            posterior, prior = self.kinds()
        except NotImplementedError:  # it will be seen in the first step
            return
        objective.check(posterior, prior)

    def check_parts(self) -> None:
        """Refuses an objective, or an estimator, that is not one for this posterior and prior."""
        self._check(self.objective)

    def call(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The terms that the objective uses, by name, samples in front."""
        step = None
        if training:
            step = ops.cast(self._steps, "float32")
            self._steps.assign(self._steps + 1)
        return self.terms(self.observed(x, self.seed_generator), self.seed_generator, step)

    def terms(self, observed: Any, seed: Any, step: Any = None) -> dict[str, Any]:
        """The terms of the objective, as its estimator makes them.

        Args:
            observed: Examples as `observed` returns them.
            seed: Where the draws come from.
            step: How many training steps were done, for schedules; None outside of training.

        Returns:
            Tensors by name, as `Objective.terms` says.
        """
        return self.objective.terms(self.problem(observed, step), seed)

    def loss_per_example(self, outputs: dict[str, Any]) -> Any:
        return self.objective.loss(outputs)

    def prediction(self, outputs: dict[str, Any]) -> dict[str, Any]:
        return self.objective.by_example(outputs)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Running means of loss, reconstruction and divergence, in nats per example."""
        metrics = self.objective.metrics(y_pred)
        for name, tracker in (("reconstruction", self._reconstruction), ("kl", self._kl)):
            tracker.update_state(weighted(metrics[name], sample_weight))
        return self.get_metrics_result()

    def log_weights(self, observed: Any) -> Callable[[int, Any], Any]:
        r"""Draws importance weights, $\log p(x, z) - \log q(z \mid x)$ at draws from the posterior.

        Args:
            observed: Examples as `observed` returns them.

        Returns:
            A function of (k, seeds) that returns k log weights per example, of shape (k, batch).
        """
        problem = self.problem(observed)

        def log_weights(count, seeds):
            z, log_posterior = problem.posterior.sample_and_log_prob((count,), seeds)
            terms = as_floats(problem.log_likelihood(z), problem.log_prior(z), log_posterior)
            return terms[0] + terms[1] - terms[2]

        return log_weights

    def log_likelihood(
        self,
        x: Any,
        samples: int = 1000,
        seed: int = 0,
        batch_size: int = 100,
        verbose: bool = False,
    ) -> Any:
        r"""Importance-sampled log-likelihood of each example, in nats.

        $$\log p(x) \approx \log \frac{1}{S} \sum_{s=1}^S
            \frac{p(x \mid z_s)\, p(z_s)}{q(z_s \mid x)}, \qquad z_s \sim q(z \mid x)$$

        A lower bound in expectation, tight as $S$ grows (Burda et al., 2016, eq. 8). The samples
        are streamed: memory does not grow with their number.

        Args:
            x: Examples, of shape (n, *event shape).
            samples: Number of samples $S$ per example.
            seed: Integer seed.
            batch_size: Examples per compiled call.
            verbose: Whether a progress bar is shown.

        Returns:
            A NumPy array of shape (n,).

        Raises:
            ValueError: `samples` or `batch_size` is not a whole number of at least 1, or x is empty
                or has another shape.
        """
        samples = whole_number("log_likelihood", "samples", samples)
        seed = ops.whole_seed(seed)

        def estimate(x, seed, index):
            seeds = ops.SeedSequence(seed).fold_in(index)
            log_weights = self.log_weights(self.observed(x, seeds))
            count = ops.shape(keras.tree.flatten(x)[0])[0]
            return log_mean_weight(log_weights, samples, count, seeds, self._precision)

        run = self.compiled_verb(f"log_likelihood {samples}", estimate)
        rows = self.examples(x)
        result = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size, verbose)
        return ops.convert_to_numpy(result)


def _require_objective(owner, objective):
    if not isinstance(objective, Objective):
        raise TypeError(
            f"{owner}: objective must be an object of kelbo.objectives, such as ELBO(), got "
            f"{objective!r}."
        )
