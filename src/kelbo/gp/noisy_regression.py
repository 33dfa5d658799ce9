"""What regression models with normal noise share: fits, posterior, verbs, files."""

import abc
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.errors import InputError
from kelbo.gp.inducing import Features
from kelbo.gp.kernels import Kernel
from kelbo.gp.mean_functions import MeanFunction, ZeroMean
from kelbo.gp.parameters import FLOOR, keep_precision, require_dtype
from kelbo.gp.posterior import Posterior, Predictor
from kelbo.gp.restarts import best_of_restarts
from kelbo.intake import as_array, is_array_like
from kelbo.layers.weights import constrained_weight, log_prior
from kelbo.models.probabilistic import ProbabilisticModel, as_rows
from kelbo.parameters import constraints
from kelbo.training.quasi_newton import Minimum
from kelbo.typing import ArrayLike, Tensor

_OF_POSTERIOR = "posterior_"


class NoisyRegression(ProbabilisticModel):
    r"""A Gaussian process and normal noise, $y = f(x) + \epsilon$, $\epsilon \sim N(0, \sigma^2)$.

    A subclass says what is maximised in `evidence`, and what the data tell in `statistics`.

    Args:
        kernel: The kernel, of `kelbo.gp.kernels`.
        mean_function: Of `kelbo.gp.mean_functions`; None for the mean 0.
        noise_variance: $\sigma^2$, where it starts.
        noise_prior: A distribution of $\sigma^2$ for fits to the mode, or None.
        jitter: What is added to the diagonal of the covariance of features.
        dtype: "float64", or "float32" where speed counts more than digits.
        seed: As in `ProbabilisticModel`.
        name: Name of the model.
    """

    scored = "y"

    def __init__(
        self,
        kernel: Kernel,
        mean_function: MeanFunction | None = None,
        noise_variance: ArrayLike = 1.0,
        noise_prior: Distribution | None = None,
        jitter: float = 0.0,
        dtype: str = "float64",
        seed: int | None = None,
        name: str | None = None,
        **parts: Any,
    ):
        super().__init__(seed, name)
        require_dtype(type(self).__name__, dtype)
        self.dtype_policy = keras.DTypePolicy(dtype)
        keep_precision(self)
        given = {"kernel": kernel, "mean_function": mean_function or ZeroMean(), **parts}
        for part, value in self.checked_parts(**given).items():
            setattr(self, part, value)
        self.jitter = float(jitter)
        self.noise_start, self.noise_prior = float(noise_variance), noise_prior
        self.noise_variance = constrained_weight(
            self,
            "noise_variance",
            (),
            constraints.positive,
            initial=self.noise_start,
            floor=FLOOR,
            prior=noise_prior,
        )
        self.minimum = None
        self._kept = self._posterior = self._predictor = None

    def checked_parts(self, *, kernel: Any, mean_function: Any, **others: Any) -> dict[str, Any]:
        owner = type(self).__name__
        if not isinstance(kernel, Kernel):
            raise TypeError(f"{owner}: kernel must be one of kelbo.gp.kernels, got {kernel!r}.")
        if not isinstance(mean_function, MeanFunction):
            raise TypeError(
                f"{owner}: mean_function must be one of kelbo.gp.mean_functions, got "
                f"{mean_function!r}."
            )
        return {"kernel": kernel, "mean_function": mean_function, **others}

    @property
    def posterior(self) -> Posterior | None:
        """The process given the data of the last fit; None before."""
        if self._posterior is None and self._kept is not None:
            self._posterior = self.posterior_of(self._kept.statistics)
        return self._posterior

    def predictor_of(self, features: Features) -> Predictor:
        """What computes the moments of posteriors: compiled once, however often data are taken in.

        Args:
            features: The features of a posterior.

        Returns:
            The one of the posterior before, if kernel, mean function and features are the same.
        """
        parts = self.kernel, self.mean_function, features
        if self._predictor is None or not self._predictor.serves(*parts):
            self._predictor = Predictor(*parts)
        return self._predictor

    @property
    def _precision(self):
        return self.compute_dtype

    @property
    def example_shape(self) -> tuple | None:
        return self.data_shape

    def build(self, input_shape: Any) -> None:
        """Keeps the number of columns.

        Args:
            input_shape: Shape (n, d) of the inputs.
        """
        self.data_shape = tuple(input_shape[1:])
        for part in self.parts:
            getattr(self, part).build()
        self.built = True

    @abc.abstractmethod
    def evidence(self, x: Tensor, y: Tensor) -> Tensor:
        """What a fit maximises, in nats: the log marginal likelihood, or a bound of it.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,).

        Returns:
            A scalar tensor.
        """

    @abc.abstractmethod
    def statistics(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """What the posterior needs of the data, at the present parameters.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,).

        Returns:
            Tensors by name: what files keep.
        """

    @abc.abstractmethod
    def posterior_of(self, statistics: dict[str, Tensor]) -> Posterior:
        """The posterior that these statistics say, at the present parameters.

        Args:
            statistics: What `statistics` returned.

        Returns:
            The posterior.
        """

    def loss_of(self, x: Tensor, y: Tensor) -> Tensor:
        """What a fit minimises: the evidence and the log prior of parameters, per example, negated.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,).

        Returns:
            A scalar tensor, in nats per example.
        """
        total = self.evidence(x, y) + ops.cast(log_prior(self), x.dtype)
        return -total / ops.cast(ops.shape(x)[0], x.dtype)

    def call(self, x: Any, training: bool | None = None) -> dict[str, Tensor]:
        """Mean and variance of f for each x: of the posterior, or of the prior before and in a fit.

        Args:
            x: Inputs, of shape (n, d).
            training: Whether it is a step of training.

        Returns:
            A dict of "mean" and "variance", tensors of shape (n,).
        """
        x = self._floating(x)
        if training or self.posterior is None:
            return {"mean": self.mean_function(x), "variance": self.kernel.diagonal(x)}
        mean, variance = self.posterior.moments_at(x)
        return {"mean": mean[0], "variance": variance[0]}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of all data at once: see `loss_of`."""
        return self.loss_of(self._floating(x), ops.reshape(self._floating(y), (-1,)))

    def loss_per_example(self, outputs: Any) -> Any:
        """Refused: the values of a process depend on each other."""
        raise NotImplementedError("The loss of a Gaussian process is one of all data together.")

    def check_targets(self, y: Any) -> None:
        """Refuses a missing y, and one that is not a number for each example."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} learns f(x) from y: it needs y as well, as in fit(x, y)."
            )
        if len(y.shape) == 2 and y.shape[1] == 1:
            return
        as_rows(y, (), "y")

    def data(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Inputs and values as tensors that belong together, their shapes and values checked.

        Args:
            x: Inputs, of shape (n, d); see `kelbo.intake`.
            y: Values, of shape (n,) or (n, 1).

        Returns:
            Tensors of shape (n, d) and (n,), in the dtype of the model.

        Raises:
            ValueError: A shape is another one, they differ in number, or values are not finite.
        """
        x, y, _ = self._arrays(x, y)
        if len(x.shape) != 2:
            raise ValueError(
                f"x has the shape {tuple(x.shape)}; expected (n, d), a row for each input: one "
                "column is x.reshape(-1, 1)."
            )
        if not self.built:
            self.build(tuple(x.shape))
        return ops.cast(x, self.compute_dtype), ops.reshape(ops.cast(y, self.compute_dtype), (-1,))

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        max_iterations: int = 1000,
        restarts: int = 0,
        verbose: Any = "auto",
        **kwargs: Any,
    ) -> Any:
        """Fits the parameters to data, and keeps the posterior.

        A model that is not compiled is fitted by L-BFGS with exact gradients, to the mode where
        parameters have priors, else to the maximum of the evidence. One that is compiled with an
        optimizer takes its steps, each with all data (`epochs`, `callbacks` and the like go to
        `keras.Model.fit`).

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).
            max_iterations: Of L-BFGS, at the most.
            restarts: How often it starts again from other parameters, drawn from their priors, or
                about the present ones where they have none; the best end counts.
            verbose: 0 for silence.
            **kwargs: Passed to `keras.Model.fit`, of a model that is compiled.

        Returns:
            Keras' `History`; its `history["loss"]` is in nats per example.

        Raises:
            ValueError: The data are not what the model takes, or the loss is not finite before.
            KeyboardInterrupt: Ctrl-C; parameters are the best so far.
        """
        inputs, values = self.data(x, y)
        if self.compiled:
            history = super().fit(
                inputs, values, batch_size=len(values), verbose=verbose, shuffle=False, **kwargs
            )
        else:
            if kwargs:
                raise ValueError(
                    f"{type(self).__name__}.fit: {next(iter(kwargs))} is for fits by an optimizer "
                    'of Keras: compile("adam") first. Without it, L-BFGS takes max_iterations and '
                    "restarts."
                )
            history = self._fit_by_lbfgs(inputs, values, max_iterations, restarts, verbose)
        self._condition(inputs, values)
        return history

    def _fit_by_lbfgs(self, x, y, max_iterations, restarts, verbose):
        history = keras.callbacks.History()
        history.set_model(self)
        history.on_train_begin()
        if self.trainable_variables:
            bar = (
                keras.utils.Progbar(None, stateful_metrics=["loss"], unit_name="iteration")
                if verbose
                else None
            )

            def show(iteration, loss):
                if bar is not None:
                    bar.update(iteration, [("loss", loss)])

            self.minimum: Minimum = best_of_restarts(
                self, self.loss_of, (x, y), max_iterations, restarts, show
            )
            for i, loss in enumerate(self.minimum.history):
                history.on_epoch_end(i, {"loss": float(loss)})
        self.training_examples.assign(len(y))
        return history

    def evaluate(self, x: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """The loss of data, all at once, in nats per example: `keras.Model.evaluate`."""
        if is_array_like(x) and not kwargs.get("batch_size"):
            kwargs["batch_size"] = len(as_array(x))
        return super().evaluate(x, y, **kwargs)

    def condition(self, x: Any, y: Any) -> Posterior:
        """Takes data in at the present parameters, without a fit.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n,) or (n, 1).

        Returns:
            The posterior, which the model keeps.

        Raises:
            ValueError: The data are not what the model takes.
        """
        return self._condition(*self.data(x, y))

    def _condition(self, x, y):
        found = self.compiled_verb("statistics", self.statistics)(x, y)
        self._kept, self._posterior = _Kept(found), None
        return self.posterior

    def given(
        self, x: Any, marginal: bool = False, observed: bool = False, batch_size: int = 4096
    ) -> Distribution:
        """The distribution of f at inputs, given the data of the last fit.

        Args:
            x: Inputs, of shape (n, d).
            marginal: Whether each value is taken by itself, a `Normal`; else they are a
                multivariate normal with all covariances.
            observed: Whether it is of observations: with the noise.
            batch_size: Inputs per compiled call, where they are taken by themselves.

        Returns:
            A distribution; see `Posterior.given`.

        Raises:
            InputError: There was no fit.
            ValueError: x has another shape, or values that are not finite.
        """
        if self.posterior is None:
            raise InputError(
                f"{type(self).__name__}: there are no data yet: fit(x, y) before given(x), or "
                "condition(x, y) to keep the parameters as they are."
            )
        x = as_array(x, "x")
        self.check_examples(x)
        self._require_finite("x", x)
        return self.posterior.given(x, marginal, observed, batch_size)

    def get_config(self) -> dict[str, Any]:
        prior = self.noise_prior and keras.saving.serialize_keras_object(self.noise_prior)
        return {
            **super().get_config(),
            "noise_variance": self.noise_start,
            "noise_prior": prior,
            "jitter": self.jitter,
            "dtype": self.compute_dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NoisyRegression":
        """The model that `get_config` described."""
        prior = config.get("noise_prior")
        prior = prior and keras.saving.deserialize_keras_object(prior)
        return super().from_config({**config, "noise_prior": prior})

    def save_own_variables(self, store: Any) -> None:
        """Saves the model's own weights, and what its posterior needs of the data."""
        super().save_own_variables(store)
        for name, value in (self._kept.statistics if self._kept else {}).items():
            store[_OF_POSTERIOR + name] = ops.convert_to_numpy(value)

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved."""
        stored = {name: store[name] for name in store.keys()}  # noqa: SIM118
        names = [name for name in stored if name.startswith(_OF_POSTERIOR)]
        super().load_own_variables({n: v for n, v in stored.items() if n not in names})
        if names:
            # The posterior is made when it is asked for: other layers are loaded after this one.
            found = {n.removeprefix(_OF_POSTERIOR): np.asarray(stored[n]) for n in names}
            self._kept, self._posterior = _Kept(found), None


@dataclass(frozen=True)
class _Kept:
    """What a posterior needs of the data; Keras does not look into a plain object."""

    statistics: dict[str, Any]
