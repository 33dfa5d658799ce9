"""The variational autoencoder."""

import inspect
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, kl_divergence
from kelbo.estimators import LatentProblem
from kelbo.layers import Conditional, Flow, Prior, VampPrior
from kelbo.layers.frozen import frozen
from kelbo.models.aggregate import kl_per_dimension, log_aggregate_posterior
from kelbo.models.expectation import mean_or_estimate
from kelbo.models.importance import log_mean_weight
from kelbo.models.probabilistic import ProbabilisticModel, as_rows, weighted
from kelbo.networks import as_network, build_network
from kelbo.objectives import ELBO, LatentTerms, Objective
from kelbo.ops.floats import as_floats
from kelbo.parameters import PACKAGE, whole_number
from kelbo.training import map_rows


@keras.saving.register_keras_serializable(package=PACKAGE)
class VAE(ProbabilisticModel):
    r"""Variational autoencoder: a latent variable model and its amortised posterior.

    $$p(x, z) = p(z)\, p(x \mid z), \qquad q(z \mid x) \approx p(z \mid x)$$

    (Kingma and Welling, 2014; Rezende et al., 2014.) Any prior, likelihood and posterior compose;
    the objective says which bound is trained. It may be set at any time, and so may the parts
    (`vae.posterior = ...`): the new one is built, and where other variables train, the optimizer
    starts anew with the settings it had.

    `compile` it with an optimizer alone and `fit` it on x alone. The metrics are, in nats per
    example, `loss` (what is minimised), `reconstruction` (the expected negative log-likelihood)
    and `kl`. Calling the model, or `predict`, returns the terms of the objective as a dict of
    tensors with the batch first.

    Args:
        prior: Distribution $p(z)$ of one latent value; or, to train it too, a layer: a `Flow`
            without context, a `LearnedNormal` or `LearnedMixture`, or a `VampPrior`, which gets the
            posterior from the model.
        likelihood: Conditional $p(x \mid z)$, over values of the shape of one example.
        posterior: Conditional $q(z \mid x)$, over values of the prior's event shape.
        objective: What is minimised; `ELBO()` by default.
        preprocessing: A layer that is applied to x before anything else, in training and in every
            verb, and keeps its shape: `StochasticBinarization`, say, or `keras.layers.Rescaling`.
            Where its `call` has an argument `seed`, it gets the seeds of the model or the verb.
            What it returns is what the likelihood scores.
        seed: Integer that decides the order of examples and all noise; not the initial weights,
            which belong to the layers: `keras.utils.set_random_seed`, called before these are
            made, decides them, and the seed too where it is None.
        name: Name of the model.

    Raises:
        TypeError: The prior is no distribution and no layer that makes one without a context,
            likelihood or posterior is no conditional, or the preprocessing no layer.
        ValueError: The latent shapes of prior and posterior differ, or, when the model is built,
            the likelihood's event shape is not that of an example.

    Example:
        >>> import keras, kelbo as kb
        >>> x = kb.datasets.load("digits").x_train.reshape(-1, 64)
        >>> def dense(): return keras.layers.Dense(64, "relu")
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalContinuousBernoulli((64,), dense()),
        ...     posterior=kb.layers.ConditionalNormal((2,), dense()),
        ... )
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=1, batch_size=100, verbose=0)
        >>> vae.sample(3, seed=0).shape
        (3, 64)
    """

    parts = ("prior", "likelihood", "posterior", "objective", "preprocessing")

    def __init__(
        self,
        prior: Distribution | Flow | Prior | VampPrior,
        likelihood: Conditional,
        posterior: Conditional,
        objective: Objective | None = None,
        preprocessing: keras.layers.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
    ):
        super().__init__(seed, name)
        parts = self.checked_parts(
            prior=prior, likelihood=likelihood, posterior=posterior, preprocessing=preprocessing
        )
        for part, value in parts.items():
            setattr(self, part, value)
        self._estimator_layers = []
        objective = ELBO() if objective is None else objective
        _require_objective(objective)
        self._take_objective(objective)
        # A schedule is a function of it; it is saved with the model.
        self._steps = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="training_steps"
        )
        self._reconstruction = keras.metrics.Mean(name="reconstruction")
        self._kl = keras.metrics.Mean(name="kl")

    def checked_parts(
        self, *, prior: Any, likelihood: Any, posterior: Any, preprocessing: Any
    ) -> dict[str, Any]:
        if not isinstance(prior, Distribution | Flow | Prior | VampPrior):
            raise TypeError(
                "VAE: prior must be a distribution, or a layer that makes one without a context "
                f"(Flow, LearnedNormal, LearnedMixture, VampPrior), got a {type(prior).__name__}."
            )
        for role, part in (("likelihood", likelihood), ("posterior", posterior)):
            if not isinstance(part, Conditional):
                raise TypeError(
                    f"VAE: {role} must be a conditional of kelbo.layers, such as "
                    f"ConditionalNormal(event_shape, network), got a {type(part).__name__}."
                )
        if tuple(prior.event_shape) != posterior.event_shape:
            raise ValueError(
                f"The prior is over latent values of shape {tuple(prior.event_shape)} but the "
                f"posterior is over {posterior.event_shape}: give both the same event shape."
            )
        if isinstance(prior, Distribution) and prior.batch_shape != ():
            raise ValueError(
                f"VAE: prior must be one distribution, of batch shape (), got {prior!r}: "
                "Independent(prior, rank) makes the last axes of its batch part of the event."
            )
        return {
            "prior": prior,
            "likelihood": likelihood,
            "posterior": posterior,
            "preprocessing": as_network("VAE", preprocessing, "preprocessing"),
        }

    @property
    def example_shape(self) -> tuple:
        """Shape of one example."""
        return self.likelihood.event_shape

    @property
    def objective(self) -> Objective:
        """What is minimised. It may be set at any time, by a callback in the midst of a fit too.

        The optimizer goes on with its moments where the same variables train; where others do
        (`trains_model`, layers of an estimator), it starts anew with the settings it had.
        """
        return self._objective

    @objective.setter
    def objective(self, objective: Objective) -> None:
        _require_objective(objective)
        self.jax_state_sync()  # in a callback, the variables may be empty
        if self.compiled:
            self._check(objective)
        with self._unlocked():
            self._take_objective(objective)
        if self.built:
            self._build_estimator((None, *self.example_shape))
        self.renew(force=True)

    def _take_objective(self, objective):
        self._objective = objective
        self._estimator_layers.clear()  # Keras would keep what another list held before
        self._estimator_layers.extend(objective.estimator.layers)

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """What the objective trains: without prior and likelihood where it is not for them.

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
        of_model = [self.likelihood, self.prior] if self._trains_prior else [self.likelihood]
        of_posterior = {id(v) for v in self.posterior.variables}
        return {id(v) for part in of_model for v in part.variables} - of_posterior

    def _check(self, objective):
        """Refuses an objective that these parts cannot be trained by."""
        try:
            posterior = self.posterior.template()
            prior = self.prior.template(*self._given_to_prior) if self._trains_prior else self.prior
        except NotImplementedError:  # it will be seen in the first step
            return
        objective.check(posterior, prior)

    def check_parts(self) -> None:
        """Refuses an objective, or an estimator, that is not one for this posterior and prior."""
        self._check(self.objective)

    def build(self, input_shape: Any) -> None:
        """Builds posterior and likelihood for examples of shape `input_shape[1:]`."""
        event_shape = tuple(input_shape[1:])
        input_shape = (None, *event_shape)  # Keras may have built it on two rows
        if event_shape != self.likelihood.event_shape:
            raise ValueError(
                f"The examples have the shape {event_shape} but the likelihood is over values of "
                f"shape {self.likelihood.event_shape}: reshape the data, or give the likelihood "
                "the event shape of an example."
            )
        if self._trains_prior and not self.prior.built:
            self.prior.build(input_shape if self._given_to_prior else None)
        observed = build_network("VAE", self.preprocessing, input_shape, "preprocessing")[1:]
        if observed != event_shape:
            raise ValueError(
                f"VAE: preprocessing makes values of shape {observed} of examples of shape "
                f"{event_shape}; it must keep their shape: put what changes it into the data."
            )
        self._build_part(self.posterior, input_shape)
        self._build_part(self.likelihood, (None, *self.prior.event_shape))
        self._build_estimator(input_shape)
        self.built = True

    def _build_estimator(self, input_shape):
        for layer in self._estimator_layers:
            if not layer.built:
                layer.build(input_shape)

    def call(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The terms that the objective uses, each of shape (batch, samples) or (batch,)."""
        step = None
        if training:
            step = ops.cast(self._steps, "float32")
            self._steps.assign(self._steps + 1)
        return self.terms(self._observed(x, self.seed_generator), self.seed_generator, step)

    def _observed(self, x, seed):
        x = self._floating(x)
        if self.preprocessing is None:
            return x
        takes_seed = "seed" in inspect.signature(self.preprocessing.call).parameters
        return self.preprocessing(x, seed=seed) if takes_seed else self.preprocessing(x)

    def terms(self, x: Any, seed: Any, step: Any = None) -> dict[str, Any]:
        """The terms of the objective, as the estimator makes them.

        Args:
            x: Examples after any `preprocessing`, of shape (batch, *event shape).
            seed: Where the draws come from.
            step: How many training steps were done, for schedules; None outside of training.

        Returns:
            Tensors with the batch first, by the names of `LatentTerms`.
        """
        objective = self.objective
        problem = self._problem(x, step)
        terms = objective.estimator.terms(problem, objective, seed)
        for name in objective.uses - terms.keys():
            terms[name] = self._further_term(name, problem, terms["latent"], seed)
        terms = {n: t for n, t in terms.items() if n in objective.uses | {"step", "surrogate"}}
        return dict(zip(terms, as_floats(*terms.values()), strict=True))  # of one precision

    def _problem(self, x, step):
        parameters = self.posterior(x)
        prior = self._prior_distribution()
        trains_model = self.objective.trains_model

        def log_likelihood(z):
            return self.likelihood.given(z).log_prob(x)

        def stopped_log_likelihood(z):
            with frozen(self.likelihood):
                return log_likelihood(z)

        def stopped_log_prior(z):
            if not self._trains_prior:
                return prior.log_prob(z)
            with frozen(self.prior, *self._given_to_prior):
                return self._prior_distribution().log_prob(z)

        def stopped_log_posterior(z):
            stopped = {name: ops.stop_gradient(value) for name, value in parameters.items()}
            with frozen(self.posterior):
                return self.posterior.distribution(**stopped).log_prob(z)

        return LatentProblem(
            observed=x,
            posterior=self.posterior.distribution(**parameters),
            prior=prior,
            log_likelihood=log_likelihood if trains_model else stopped_log_likelihood,
            stopped_log_likelihood=stopped_log_likelihood,
            log_prior=prior.log_prob if trains_model else stopped_log_prior,
            stopped_log_posterior=stopped_log_posterior,
            step=step,
        )

    def _further_term(self, name, problem, latent, seed):
        """A term that is no part of the log weights, with the batch first."""
        z = ops.transpose(latent, (1, 0, *range(2, len(latent.shape))))
        posterior, prior = problem.posterior, problem.prior
        if name == "kl":
            return kl_divergence(posterior, prior)
        if name == "kl_per_dimension":
            return kl_per_dimension(posterior, prior)
        if name == "prior_draws":
            draws = prior.sample(ops.shape(z)[:2], seed)
            return ops.transpose(draws, (1, 0, *range(2, len(latent.shape))))
        if name == "log_posterior_of_dreams":
            return self._log_posterior_of_dreams(ops.shape(latent)[0], prior, seed)
        further = {
            "log_posterior": posterior.log_prob,
            "log_prior": problem.log_prior,
            "log_aggregate": lambda z: log_aggregate_posterior(posterior, z),
            "log_aggregate_marginals": lambda z: log_aggregate_posterior(posterior, z, True),
        }
        return ops.transpose(further[name](z))

    def _log_posterior_of_dreams(self, count, prior, seed):
        z = ops.stop_gradient(prior.sample((count,), seed))
        dreams = ops.stop_gradient(self.likelihood.given(z).sample(seed=seed))
        return self.posterior.given(dreams).log_prob(z)

    @property
    def _trains_prior(self):
        return not isinstance(self.prior, Distribution)

    @property
    def _given_to_prior(self):
        """What the prior is made of beside its own variables: the posterior, or nothing."""
        return (self.posterior,) if isinstance(self.prior, VampPrior) else ()

    def _prior_distribution(self):
        return self.prior.given(*self._given_to_prior) if self._trains_prior else self.prior

    def loss_per_example(self, outputs: dict[str, Any]) -> Any:
        return self.objective.loss(LatentTerms(**outputs))

    @property
    def scoring_part(self) -> Conditional | None:
        """The likelihood; None where a preprocessing decides what it gets to see."""
        return self.likelihood if self.preprocessing is None else None

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Running means of loss, reconstruction and divergence, in nats per example."""
        metrics = self.objective.metrics(LatentTerms(**y_pred))
        for name, tracker in (("reconstruction", self._reconstruction), ("kl", self._kl)):
            tracker.update_state(weighted(metrics[name], sample_weight))
        return self.get_metrics_result()

    def encode(self, x: Any, batch_size: int = 512, seed: int = 0) -> Distribution:
        """The posterior $q(z | x)$ of each example, as one distribution.

        Args:
            x: Examples, of shape (n, *event shape).
            batch_size: Examples per compiled call.
            seed: For a stochastic `preprocessing`.

        Returns:
            A distribution of batch shape (n,).
        """

        def parameters(x, seed, index):
            return self.posterior(self._observed(x, ops.SeedSequence(seed).fold_in(index)))

        seed, run = ops.whole_seed(seed), self._compiled("encode", parameters)
        return self.posterior.distribution(
            **map_rows(lambda batch, i: run(batch, seed, i), self._examples(x), batch_size)
        )

    def decode(self, z: Any, batch_size: int = 512) -> Distribution:
        """The likelihood $p(x | z)$ of each latent value, as one distribution.

        Args:
            z: Latent values, of shape (n, *latent shape).
            batch_size: Values per compiled call.

        Returns:
            A distribution of batch shape (n,).
        """
        self._require_built()
        run = self._compiled("decode", lambda z: self.likelihood(z))
        z = as_rows(z, self.prior.event_shape, "z")
        self._require_finite("z", z)
        return self.likelihood.distribution(**map_rows(lambda batch, _: run(batch), z, batch_size))

    def reconstruct(self, x: Any, batch_size: int = 512, seed: int = 0) -> Any:
        """Mean of the likelihood at the mean of the posterior: x, through the latent space.

        A mean without a closed form (that of a flow) is the average of 100 draws.

        Args:
            x: Examples, of shape (n, *event shape).
            batch_size: Examples per compiled call.
            seed: For a stochastic `preprocessing`.

        Returns:
            A NumPy array of the shape of `x`.
        """

        def mean(x, seed, index):
            seeds = ops.SeedSequence(seed).fold_in(index)
            observed = self._observed(x, seeds)
            z = mean_or_estimate(self.posterior.given(observed), seeds)
            return mean_or_estimate(self.likelihood.given(z), seeds)

        seed, run = ops.whole_seed(seed), self._compiled("reconstruct", mean)
        result = map_rows(lambda batch, i: run(batch, seed, i), self._examples(x), batch_size)
        return ops.convert_to_numpy(result)

    def sample(
        self, n: int, seed: int | None = None, mean: bool = True, batch_size: int = 512
    ) -> Any:
        """New examples, from latent values drawn from the prior.

        Args:
            n: How many.
            seed: Integer seed; None draws one.
            mean: Whether the likelihood's mean at each latent value is returned (the smooth
                picture that is usually shown; the average of 100 draws where it has no closed
                form) or a draw from the likelihood, noise included.
            batch_size: Examples per compiled call.

        Returns:
            A NumPy array of shape (n, *event shape).

        Raises:
            ValueError: `n` or `batch_size` is not a whole number of at least 1.
        """
        self._require_built()
        n = whole_number("sample", "n", n)
        seed = ops.whole_seed(seed)
        z = self._draw_from_prior(n, seed, batch_size)

        def draw(z, seed, index):
            likelihood, seeds = self.likelihood.given(z), ops.SeedSequence(seed).fold_in(index + 1)
            return mean_or_estimate(likelihood, seeds) if mean else likelihood.sample(seed=seeds)

        run = self._compiled(f"sample {mean}", draw)
        return ops.convert_to_numpy(map_rows(lambda z, i: run(z, seed, i), z, batch_size))

    def _draw_from_prior(self, n, seed, batch_size):
        if not self._trains_prior:
            return self.prior.sample((n,), seed=seed)

        def draw(count, seeds):
            return self._prior_distribution().sample((count,), seed=seeds)

        return self._compiled_draws("prior", n, batch_size, draw, seed)

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
            log_weights = self._log_weights(self._observed(x, seeds))
            return log_mean_weight(log_weights, samples, ops.shape(x)[0], seeds, self._precision)

        run = self._compiled(f"log_likelihood {samples}", estimate)
        rows = self._examples(x)
        result = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size, verbose)
        return ops.convert_to_numpy(result)

    def _log_weights(self, observed):
        """A function of (k, seeds) that draws k log importance weights per example."""
        posterior = self.posterior.given(observed)

        def log_weights(count, seeds):
            z, log_posterior = posterior.sample_and_log_prob((count,), seeds)
            log_likelihood = self.likelihood.given(z).log_prob(observed)
            log_prior = self._prior_distribution().log_prob(z)
            terms = as_floats(log_likelihood, log_prior, log_posterior)
            return terms[0] + terms[1] - terms[2]

        return log_weights


def _require_objective(objective):
    if not isinstance(objective, Objective):
        raise TypeError(
            f"VAE: objective must be an object of kelbo.objectives, such as ELBO(), got "
            f"{objective!r}."
        )
