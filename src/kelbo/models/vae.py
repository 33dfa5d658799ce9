"""The variational autoencoder."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.intake import as_parts
from kelbo.latent import LatentProblem
from kelbo.latent.entries import masked
from kelbo.layers import Conditional, ConditionalJoint, Flow, Prior, VampPrior
from kelbo.layers.frozen import frozen, stopped_log_prob
from kelbo.models.expectation import mean_or_estimate
from kelbo.models.latent_variable import LatentVariableModel
from kelbo.models.observed import with_zeros
from kelbo.models.probabilistic import as_rows
from kelbo.networks import as_network, build_network
from kelbo.objectives import ELBO, Objective
from kelbo.parameters import whole_number
from kelbo.parts import (
    has_parts,
    is_shape,
    map_parts,
    map_shapes,
    named_parts,
    require_same_parts,
    shapes_of,
    with_batch,
    without_batch,
)
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

    The data are x alone, or a dict of parts:

    - "x", the examples;
    - "context", what prior, likelihood and posterior are conditioned on (labels, say), a tensor or
      a dict of them: a conditional VAE (Sohn, Lee and Yan, 2015). The posterior's context is the
      dict of the data, the likelihood's `{"z": z, "context": context}`, and that of a prior which
      is a conditional the context;
    - "mask", which entries of x are observed, 1 or True, of a shape that broadcasts to that of x:
      the likelihood, whose entries must be independent, ignores the others.

    A hierarchy of latent values has parts: prior and posterior are `layers.ConditionalJoint` layers
    (or `distributions.Joint`) of the same names, and the likelihood's context is a dict of these.

    Args:
        prior: Distribution $p(z)$ of one latent value; or, to train it too, a layer: a `Flow`
            without context, a `LearnedNormal` or `LearnedMixture`, a `ConditionalJoint`, or a
            `VampPrior`, which gets the posterior from the model. A conditional of the context.
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
        TypeError: The prior is no distribution and no layer that makes one, likelihood or posterior
            is no conditional, or the preprocessing no layer.
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
    data_parts = ("context", "mask")

    def __init__(
        self,
        prior: Distribution | Conditional | Prior | VampPrior,
        likelihood: Conditional,
        posterior: Conditional,
        objective: Objective | None = None,
        preprocessing: keras.layers.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
    ):
        super().__init__(
            ELBO() if objective is None else objective,
            seed,
            name,
            prior=prior,
            likelihood=likelihood,
            posterior=posterior,
            preprocessing=preprocessing,
        )

    def checked_parts(
        self, *, prior: Any, likelihood: Any, posterior: Any, preprocessing: Any
    ) -> dict[str, Any]:
        if not isinstance(prior, Distribution | Conditional | Prior | VampPrior):
            raise TypeError(
                "VAE: prior must be a distribution, or a layer that makes one: a Flow, "
                "LearnedNormal, LearnedMixture, ConditionalJoint or VampPrior, or a conditional of "
                f"the context; got a {type(prior).__name__}."
            )
        for role, part in (("likelihood", likelihood), ("posterior", posterior)):
            if not isinstance(part, Conditional):
                raise TypeError(
                    f"VAE: {role} must be a conditional of kelbo.layers, such as "
                    f"ConditionalNormal(event_shape, network), got a {type(part).__name__}."
                )
        if map_shapes(tuple, prior.event_shape) != map_shapes(tuple, posterior.event_shape):
            raise ValueError(
                f"The prior is over latent values of shape {prior.event_shape} but the "
                f"posterior is over {posterior.event_shape}: give both the same event shape."
            )
        taken = [name for name in _names_of_parts(prior) if name in ("x", *self.data_parts)]
        if taken:
            raise ValueError(
                f"VAE: a part of the latent value is called {taken[0]!r}, which is the name of a "
                "part of the data: call it otherwise, z1 say."
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

    def build_parts(self, data_shape: Any) -> None:
        x_shape, context_shape, _ = _split(data_shape)
        event_shape = x_shape[1:]
        if event_shape != self.likelihood.event_shape:
            raise ValueError(
                f"The examples have the shape {event_shape} but the likelihood is over values of "
                f"shape {self.likelihood.event_shape}: reshape the data, or give the likelihood "
                "the event shape of an example."
            )
        self._build_prior(data_shape, context_shape)
        observed = build_network("VAE", self.preprocessing, x_shape, "preprocessing")[1:]
        if observed != event_shape:
            raise ValueError(
                f"VAE: preprocessing makes values of shape {observed} of examples of shape "
                f"{event_shape}; it must keep their shape: put what changes it into the data."
            )
        self.build_part(self.posterior, data_shape)
        latent_shape = with_batch(map_shapes(tuple, self.prior.event_shape))
        self.build_part(self.likelihood, _beside(latent_shape, context_shape))

    def _build_prior(self, data_shape, context_shape):
        if isinstance(self.prior, VampPrior) and not is_shape(data_shape):
            raise ValueError(
                "VAE: a VampPrior learns examples that are one tensor, but the data have the parts "
                f"{', '.join(data_shape)}: take another prior, a conditional of the context, say."
            )
        if not self._trains_prior or self.prior.built:
            return
        if isinstance(self.prior, Conditional):
            is_free = isinstance(self.prior, Flow | ConditionalJoint)
            if context_shape is None and not is_free:
                raise ValueError(
                    f"VAE: the prior is a conditional, a {type(self.prior).__name__}, but the data "
                    'have no part "context" that it could depend on: fit({"x": x, "context": c}).'
                )
            self.prior.build(context_shape)
        else:
            self.prior.build(data_shape if self._given_to_prior else None)

    def observed(self, x: Any, seed: Any, preprocess: bool = True) -> Any:
        # What lies beside x may be identifiers, which a network looks up.
        networks = (self.posterior, self.likelihood) if isinstance(x, Mapping) else ()
        data = self._floating(x, *networks)
        if isinstance(data, Mapping):
            data = {**data, "x": super()._floating(data["x"])}
        if self.preprocessing is None or not preprocess:
            return data
        takes_seed = "seed" in inspect.signature(self.preprocessing.call).parameters
        given = {"seed": seed} if takes_seed else {}
        if isinstance(data, Mapping):
            return with_zeros({**data, "x": self.preprocessing(data["x"], **given)})
        return self.preprocessing(data, **given)

    def problem(self, observed: Any, step: Any = None) -> LatentProblem:
        x, context, mask = _split(observed)
        parameters = self.posterior(observed)
        prior = self.prior_given(context)
        trains_model = self.objective.trains_model

        def likelihood(z):
            return self.likelihood.given(_beside(z, context))

        def log_likelihood(z):
            if mask is None:
                return likelihood(z).log_prob(x)
            return masked(likelihood(z), mask, "VAE: a mask").log_prob(x)

        def stopped_log_likelihood(z):
            with frozen(self.likelihood):
                return log_likelihood(z)

        def stopped_log_prior(z):
            if not self._trains_prior:
                return prior.log_prob(z)
            with frozen(self.prior, *self._given_to_prior):
                return self.prior_given(context).log_prob(z)

        def dream(seed):
            z = prior.sample(() if prior.batch_shape else ops.shape(x)[:1], seed)
            made = likelihood(z).sample(seed=seed)
            # A network sees of a dream what it sees of an example.
            return z, with_zeros({**observed, "x": made}) if has_parts(observed) else made

        return LatentProblem(
            observed=observed,
            posterior=self.posterior.distribution(**parameters),
            prior=prior,
            log_likelihood=log_likelihood if trains_model else stopped_log_likelihood,
            stopped_log_likelihood=stopped_log_likelihood,
            log_prior=prior.log_prob if trains_model else stopped_log_prior,
            stopped_log_posterior=stopped_log_prob(self.posterior, parameters),
            dream=dream,
            posterior_given=self.posterior.given,
            step=step,
            training_examples=self.training_examples,
        )

    @property
    def _trains_prior(self):
        return not isinstance(self.prior, Distribution)

    @property
    def _given_to_prior(self):
        """What the prior is made of beside its own variables: the posterior, or nothing."""
        return (self.posterior,) if isinstance(self.prior, VampPrior) else ()

    def prior_given(self, context: Any = None) -> Distribution:
        if not self._trains_prior:
            return self.prior
        if isinstance(self.prior, Conditional):
            # One that was built without a context has none, whatever the data have.
            return self.prior.given(None if self.prior.context_shape is None else context)
        return self.prior.given(*self._given_to_prior)

    def context_of_prior(self, observed: Any) -> Any:
        depends = isinstance(self.prior, Conditional) and self.prior.context_shape is not None
        return _split(observed)[1] if depends else None

    @property
    def scoring_part(self) -> Conditional | None:
        """The likelihood; None where a preprocessing decides what it gets to see."""
        return self.likelihood if self.preprocessing is None else None

    def check_values(self, x: Any, y: Any, weights: Any) -> None:
        """Refuses what cannot be scored, and contexts that a network's tables do not hold."""
        super().check_values(x, y, weights)
        self._require_known_numbers("x", x)

    def examples(self, x: Any) -> Any:
        x = super().examples(x)
        self._require_known_numbers("x", x)
        return x

    def _require_known_numbers(self, name, data):
        """Refuses data that a network looks up in a table which does not hold them."""
        if not isinstance(data, Mapping):
            return
        owner = type(self).__name__
        self.posterior.check_numbers(owner, name, data)
        if "context" in data:
            self._require_known_contexts(f'{name}["context"]', data["context"])

    def _require_known_contexts(self, name, context):
        owner = type(self).__name__
        if isinstance(self.prior, Conditional):
            self.prior.check_numbers(owner, name, context)
        unknown = dict.fromkeys(_names_of_parts(self.prior) or ("z",))
        self.likelihood.check_numbers(
            owner, "the likelihood's context", {**unknown, "context": context}
        )

    def encode(self, x: Any, batch_size: int = 512, seed: int = 0) -> Distribution:
        """The posterior $q(z | x)$ of each example, as one distribution.

        Args:
            x: Examples, of shape (n, *event shape), or a dict of the parts of the data.
            batch_size: Examples per compiled call.
            seed: For a stochastic `preprocessing`.

        Returns:
            A distribution of batch shape (n,).
        """

        def posterior(x, seed, index):
            return self.posterior.given(self.observed(x, ops.SeedSequence(seed).fold_in(index)))

        seed, run = ops.whole_seed(seed), self.compiled_verb("encode", posterior)
        return map_rows(lambda batch, i: run(batch, seed, i), self.examples(x), batch_size)

    def decode(self, z: Any, batch_size: int = 512, context: Any = None) -> Distribution:
        """The likelihood $p(x | z)$ of each latent value, as one distribution.

        Args:
            z: Latent values, of shape (n, *latent shape), or a dict of them by part.
            batch_size: Values per compiled call.
            context: The context of each, where the data have one.

        Returns:
            A distribution of batch shape (n,).
        """
        self._build_with(context)
        run = self.compiled_verb("decode", lambda rows: self.likelihood.given(rows))
        rows = _beside(self._latent_rows(z), self._context_rows("decode", context))
        return map_rows(lambda batch, _: run(batch), rows, batch_size)

    def _build_with(self, context):
        """Builds the model for data with such a context, if it is not built."""
        if self.built:
            return
        shape = with_batch(self.example_shape)
        if context is not None:
            shapes = shapes_of(as_parts(context, "context"))
            shape = {"x": shape, "context": with_batch(without_batch(shapes))}
        self.build(shape)

    def _latent_rows(self, z):
        shapes = self.prior.event_shape
        if not isinstance(shapes, Mapping):
            z = as_rows(z, shapes, "z")
            self._require_finite("z", z)
            return z
        given = sorted(z) if isinstance(z, Mapping) else type(z).__name__
        if given != sorted(shapes):
            raise ValueError(
                f"{type(self).__name__}: z must be a dict of latent values by part, one for each "
                f"of {', '.join(shapes)}; got {given}."
            )
        rows = {name: as_rows(z[name], shape, f'z["{name}"]') for name, shape in shapes.items()}
        for name, values in rows.items():
            self._require_finite(f'z["{name}"]', values)
        return rows

    def _context_rows(self, verb, context):
        """The contexts of a verb, checked; None where the model has none."""
        shapes = None if is_shape(self.data_shape) else self.data_shape.get("context")
        owner = f"{type(self).__name__}.{verb}"
        if shapes is None:
            if context is not None:
                raise ValueError(
                    f"{owner} was given a context, but the data of the model have none: leave it "
                    "out."
                )
            return None
        if context is None:
            raise ValueError(
                f"{owner} needs the context of each value, for the data of the model have a part "
                '"context": context=... of as many rows.'
            )
        context = as_parts(context, "context")
        require_same_parts(owner, "context", shapes_of(context), shapes)
        rows = map_parts(lambda part, shape: as_rows(part, shape, "context"), context, shapes)
        for name, part in named_parts("context", rows):
            self._require_finite(name, part)
        self._require_known_contexts("context", rows)
        return rows

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
            likelihood = self.likelihood.given(_beside(z, _split(observed)[1]))
            return mean_or_estimate(likelihood, seeds)

        seed, run = ops.whole_seed(seed), self.compiled_verb("reconstruct", mean)
        result = map_rows(lambda batch, i: run(batch, seed, i), self.examples(x), batch_size)
        return ops.convert_to_numpy(result)

    def sample(
        self,
        n: int,
        seed: int | None = None,
        mean: bool = True,
        batch_size: int = 512,
        context: Any = None,
    ) -> Any:
        """New examples, from latent values drawn from the prior.

        Args:
            n: How many.
            seed: Integer seed; None draws one.
            mean: Whether the likelihood's mean at each latent value is returned (the smooth
                picture that is usually shown; the average of 100 draws where it has no closed
                form) or a draw from the likelihood, noise included.
            batch_size: Examples per compiled call.
            context: The context of each example, of shape (n, *context shape), or a dict of parts
                of it, where the data have one.

        Returns:
            A NumPy array of shape (n, *event shape).

        Raises:
            ValueError: `n` or `batch_size` is not a whole number of at least 1, or there are not n
                contexts where the model needs them.
        """
        self._build_with(context)
        n = whole_number("sample", "n", n)
        seed = ops.whole_seed(seed)
        context = self._context_rows("sample", context)
        if context is not None and {len(part) for part in keras.tree.flatten(context)} != {n}:
            raise ValueError(
                f"{type(self).__name__}.sample: n is {n}, but the context has "
                f"{len(keras.tree.flatten(context)[0])} rows: give one for each example."
            )
        z = self._draw_from_prior(n, seed, batch_size, context)

        def draw(rows, seed, index):
            likelihood, seeds = (
                self.likelihood.given(rows),
                ops.SeedSequence(seed).fold_in(index + 1),
            )
            return mean_or_estimate(likelihood, seeds) if mean else likelihood.sample(seed=seeds)

        run, rows = self.compiled_verb(f"sample {mean}", draw), _beside(z, context)
        return ops.convert_to_numpy(map_rows(lambda z, i: run(z, seed, i), rows, batch_size))

    def _draw_from_prior(self, n, seed, batch_size, context):
        if not self._trains_prior:
            return self.prior.sample((n,), seed=seed)
        if context is None or not isinstance(self.prior, Conditional):
            return self.compiled_draws(
                "prior",
                n,
                batch_size,
                lambda n, seeds: self.prior_given().sample((n,), seeds),
                seed,
            )

        def draw(context, seed, index):
            prior, seeds = self.prior_given(context), ops.SeedSequence(seed).fold_in(index)
            count = ops.shape(keras.tree.flatten(context)[0])[:1]
            return prior.sample(() if prior.batch_shape else count, seeds)

        run = self.compiled_verb("prior of contexts", draw)
        return map_rows(lambda rows, i: run(rows, seed, i), context, batch_size)


def _names_of_parts(prior):
    """Names of the parts of a latent value, or none."""
    return tuple(prior.event_shape) if isinstance(prior.event_shape, Mapping) else ()


def _split(data):
    """Examples, context and mask of data; what is not there is None."""
    if not isinstance(data, Mapping):
        return data, None, None
    return data["x"], data.get("context"), data.get("mask")


def _beside(latent, context):
    """What the likelihood is given: latent values, or their shapes, and the context."""
    if context is None:
        return latent
    parts = latent if isinstance(latent, Mapping) else {"z": latent}
    return {**parts, "context": context}
