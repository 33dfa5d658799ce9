"""The variational autoencoder."""

import inspect
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.latent import LatentProblem
from kelbo.layers import Conditional, Flow, Prior, VampPrior
from kelbo.layers.frozen import frozen
from kelbo.models.expectation import mean_or_estimate
from kelbo.models.latent_variable import LatentVariableModel
from kelbo.models.probabilistic import as_rows
from kelbo.networks import as_network, build_network
from kelbo.objectives import ELBO, Objective
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.training import map_rows


@registered
class VAE(LatentVariableModel):
    r"""Variational autoencoder: a latent variable model and its amortised posterior.

    $$p(x, z) = p(z)\, p(x \mid z), \qquad q(z \mid x) \approx p(z \mid x)$$

    (Kingma and Welling, 2014; Rezende et al., 2014.) Any prior, likelihood and posterior compose;
    the objective says which bound is trained. It may be set at any time, and so may the parts
    (`vae.posterior = ...`): the new one is built, and where other variables train, the optimizer
    starts anew with the settings it had.

    `compile` it with an optimizer alone and `fit` it on x alone. The metrics are, in nats per
    example, `loss` (what is minimised), `reconstruction` (the expected negative log-likelihood)
    and `kl`. Calling the model returns the terms of the objective as a dict of tensors, samples in
    front; `predict` returns them with the examples in front.

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
        super().__init__(ELBO() if objective is None else objective, seed, name)
        parts = self.checked_parts(
            prior=prior, likelihood=likelihood, posterior=posterior, preprocessing=preprocessing
        )
        for part, value in parts.items():
            setattr(self, part, value)

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
    def only_of_model(self) -> list[keras.Variable]:
        of_model = [self.likelihood, self.prior] if self._trains_prior else [self.likelihood]
        of_posterior = {id(v) for v in self.posterior.variables}
        return [v for part in of_model for v in part.variables if id(v) not in of_posterior]

    def kinds(self) -> tuple[Distribution, Distribution]:
        prior = self.prior.template(*self._given_to_prior) if self._trains_prior else self.prior
        return self.posterior.template(), prior

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

    def observed(self, x: Any, seed: Any, preprocess: bool = True) -> Any:
        x = self._floating(x)
        if self.preprocessing is None or not preprocess:
            return x
        takes_seed = "seed" in inspect.signature(self.preprocessing.call).parameters
        return self.preprocessing(x, seed=seed) if takes_seed else self.preprocessing(x)

    def problem(self, observed: Any, step: Any = None) -> LatentProblem:
        x, parameters = observed, self.posterior(observed)
        prior = self.prior_given()
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
                return self.prior_given().log_prob(z)

        def stopped_log_posterior(z):
            stopped = {name: ops.stop_gradient(value) for name, value in parameters.items()}
            with frozen(self.posterior):
                return self.posterior.distribution(**stopped).log_prob(z)

        def dream(seed):
            z = self.prior_given().sample(ops.shape(x)[:1], seed)
            return z, self.likelihood.given(z).sample(seed=seed)

        return LatentProblem(
            observed=observed,
            posterior=self.posterior.distribution(**parameters),
            prior=prior,
            log_likelihood=log_likelihood if trains_model else stopped_log_likelihood,
            stopped_log_likelihood=stopped_log_likelihood,
            log_prior=prior.log_prob if trains_model else stopped_log_prior,
            stopped_log_posterior=stopped_log_posterior,
            dream=dream,
            posterior_given=self.posterior.given,
            step=step,
        )

    @property
    def _trains_prior(self):
        return not isinstance(self.prior, Distribution)

    @property
    def _given_to_prior(self):
        """What the prior is made of beside its own variables: the posterior, or nothing."""
        return (self.posterior,) if isinstance(self.prior, VampPrior) else ()

    def prior_given(self, context: Any = None) -> Distribution:
        return self.prior.given(*self._given_to_prior) if self._trains_prior else self.prior

    @property
    def scoring_part(self) -> Conditional | None:
        """The likelihood; None where a preprocessing decides what it gets to see."""
        return self.likelihood if self.preprocessing is None else None

    def encode(self, x: Any, batch_size: int = 512, seed: int = 0) -> Distribution:
        """The posterior $q(z | x)$ of each example, as one distribution.

        Args:
            x: Examples, of shape (n, *event shape).
            batch_size: Examples per compiled call.
            seed: For a stochastic `preprocessing`.

        Returns:
            A distribution of batch shape (n,).
        """

        def posterior(x, seed, index):
            return self.posterior.given(self.observed(x, ops.SeedSequence(seed).fold_in(index)))

        seed, run = ops.whole_seed(seed), self.compiled_verb("encode", posterior)
        return map_rows(lambda batch, i: run(batch, seed, i), self.examples(x), batch_size)

    def decode(self, z: Any, batch_size: int = 512) -> Distribution:
        """The likelihood $p(x | z)$ of each latent value, as one distribution.

        Args:
            z: Latent values, of shape (n, *latent shape).
            batch_size: Values per compiled call.

        Returns:
            A distribution of batch shape (n,).
        """
        self.require_built()
        run = self.compiled_verb("decode", lambda z: self.likelihood.given(z))
        z = as_rows(z, self.prior.event_shape, "z")
        self._require_finite("z", z)
        return map_rows(lambda batch, _: run(batch), z, batch_size)

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
            observed = self.observed(x, seeds)
            z = mean_or_estimate(self.posterior.given(observed), seeds)
            return mean_or_estimate(self.likelihood.given(z), seeds)

        seed, run = ops.whole_seed(seed), self.compiled_verb("reconstruct", mean)
        result = map_rows(lambda batch, i: run(batch, seed, i), self.examples(x), batch_size)
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
        self.require_built()
        n = whole_number("sample", "n", n)
        seed = ops.whole_seed(seed)
        z = self._draw_from_prior(n, seed, batch_size)

        def draw(z, seed, index):
            likelihood, seeds = self.likelihood.given(z), ops.SeedSequence(seed).fold_in(index + 1)
            return mean_or_estimate(likelihood, seeds) if mean else likelihood.sample(seed=seeds)

        run = self.compiled_verb(f"sample {mean}", draw)
        return ops.convert_to_numpy(map_rows(lambda z, i: run(z, seed, i), z, batch_size))

    def _draw_from_prior(self, n, seed, batch_size):
        if not self._trains_prior:
            return self.prior.sample((n,), seed=seed)

        def draw(count, seeds):
            return self.prior_given().sample((count,), seed=seeds)

        return self._compiled_draws("prior", n, batch_size, draw, seed)
