"""Draws from discrete posteriors in the forms that their gradient estimators need.

Each function looks through `Independent` to the Bernoulli or one-hot distribution inside.
"""

from collections.abc import Callable
from typing import Any

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    Joint,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from kelbo.latent.entries import inside
from kelbo.latent.parts import parts_of
from kelbo.ops.seeds import several_seeds


def require_discrete(name: str, posterior: Distribution, families: tuple[type, ...]) -> None:
    """Checks that an estimator for discrete posteriors has one.

    Args:
        name: Of the estimator.
        posterior: What was given; of a `Joint`, each part is asked for.
        families: The distributions that it knows.

    Raises:
        ValueError: It is none of them.
    """
    for part, distribution in parts_of(posterior).items():
        if not isinstance(inside(distribution), families):
            known = " or ".join(family.__name__ for family in families)
            of_part = f" the part {part!r}," if part else ""
            raise ValueError(
                f'The estimator "{name}" is for posteriors that are {known} distributions (or '
                f"Independent of them), not for{of_part} {distribution!r}."
            )


def require_whole(name: str, posterior: Distribution) -> None:
    """Checks that a latent value has no parts.

    Args:
        name: Of the estimator that knows of no parts.
        posterior: What was given.

    Raises:
        ValueError: It is a `Joint`.
    """
    if isinstance(posterior, Joint):
        raise ValueError(
            f'The estimator "{name}" is for a latent value without parts, not for {posterior!r}. '
            f'Take one per part, {{{posterior.names[0]!r}: "score_function", ...}}, or another.'
        )


def _wrapped(distribution: Distribution, change: Callable[[Distribution], Distribution]):
    if isinstance(distribution, Joint):
        return distribution.with_each(lambda part: _wrapped(part, change))
    if isinstance(distribution, Independent):
        rank = distribution.reinterpreted_batch_rank
        return Independent(_wrapped(distribution.distribution, change), rank)
    return change(distribution)


def relaxed(distribution: Distribution, temperature: Any) -> Distribution:
    """The relaxation of a discrete distribution: the same logits, values between 0 and 1.

    Args:
        distribution: Bernoulli or one-hot, or Independent or a `Joint` of them.
        temperature: Positive; towards 0 the draws become those of the distribution.

    Returns:
        A distribution over values of the same shape.

    Example:
        >>> from kelbo.distributions import Bernoulli
        >>> from kelbo.estimators.discrete import relaxed
        >>> relaxed(Bernoulli(logits=0.0), 0.5).reparameterized
        True
    """

    def change(discrete):
        is_bernoulli = isinstance(discrete, Bernoulli)
        family = RelaxedBernoulli if is_bernoulli else RelaxedOneHotCategorical
        return family(temperature, logits=discrete.logits, validate=False)

    return _wrapped(distribution, change)


def straight_through(distribution: Distribution, sample_shape: tuple, seed: Any) -> Any:
    """Draws whose gradient is that of the probabilities.

    Args:
        distribution: Bernoulli or one-hot, or Independent of them.
        sample_shape: Shape of the set of draws.
        seed: Where they come from.

    Returns:
        A tensor of shape (*sample shape, *batch shape, *event shape).
    """
    draws, probs = distribution.sample(sample_shape, seed), inside(distribution).probs
    return ops.stop_gradient(draws) + (probs - ops.stop_gradient(probs))


def harden(distribution: Distribution, values: Any) -> Any:
    """The discrete value nearest to a relaxed one.

    Args:
        distribution: Bernoulli or one-hot, or Independent of them.
        values: Numbers between 0 and 1.

    Returns:
        A tensor of their shape.
    """
    if isinstance(inside(distribution), Bernoulli):
        return ops.cast(values > 0.5, values.dtype)
    most = ops.argmax(values, axis=-1)
    return ops.one_hot(most, values.shape[-1], axis=-1, dtype=values.dtype)


def coupled_draws(
    distribution: Distribution, samples: int, temperature: float, seed: Any
) -> tuple[Any, Any, Any]:
    """Discrete draws, their relaxation, and a relaxed draw given the discrete one.

    (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein, 2017, "REBAR", appendix 7.4 and 7.5.)

    Args:
        distribution: Bernoulli or one-hot, or Independent of them.
        samples: How many.
        temperature: Of the relaxation.
        seed: Where they come from.

    Returns:
        Three tensors of shape (samples, *batch shape, *event shape). Gradients by the logits flow
        through the two relaxed ones.
    """
    seeds, discrete = several_seeds(seed), inside(distribution)
    logits = discrete.logits
    shape = (samples, *ops.shape(logits))
    u = ops.random.uniform_open(shape, discrete.dtype, seeds)
    v = ops.random.uniform_open(shape, discrete.dtype, seeds)
    if isinstance(discrete, Bernoulli):
        noise = ops.log(u) - ops.log1p(-u)
        b = ops.stop_gradient(ops.cast(logits + noise > 0, discrete.dtype))
        # v, squeezed into the part of the unit interval where the draw is b.
        never = 1.0 - discrete.probs + ops.zeros_like(v)
        again = ops.where(b > 0, never + v * (1.0 - never), v * never)
        tiny = 1e-7
        again = ops.clip(again, tiny, 1.0 - tiny)
        conditional = logits + ops.log(again) - ops.log1p(-again)
        relaxed_of = lambda x: ops.sigmoid(x / temperature)  # noqa: E731
        return b, relaxed_of(logits + noise), relaxed_of(conditional)
    log_probs = ops.log_softmax(logits, axis=-1)
    gumbels = log_probs - ops.log(-ops.log(u))
    chosen = ops.argmax(gumbels, axis=-1)
    b = ops.one_hot(chosen, shape[-1], axis=-1, dtype=discrete.dtype)
    # The largest of all Gumbel variables does not depend on which one it is.
    exponentials = -ops.log(v)
    top = ops.sum(b * exponentials, axis=-1, keepdims=True)
    below = -ops.log(exponentials * ops.exp(-log_probs) + top)
    conditional = ops.where(b > 0, -ops.log(top), below)
    relaxed_of = lambda x: ops.softmax(x / temperature, axis=-1)  # noqa: E731
    return b, relaxed_of(gumbels), relaxed_of(conditional)
