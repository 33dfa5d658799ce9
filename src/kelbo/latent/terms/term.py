"""The base of all terms."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

from kelbo.distributions import Distribution
from kelbo.latent.problem import LatentProblem


class Term(abc.ABC):
    r"""A number, or several, that a model can say of each example and that an objective uses.

    A term is a class that is never made an object of: an objective lists it among its
    `weight_terms` or `regularizer_terms`, and finds its value by its name. Samples stand in front.

    Attributes:
        name: What the value is called: `terms["kl"]`.
        of_samples: Whether the value is of shape (samples, batch, ...), or (batch, ...).
        of_data: Whether the value is one number, in nats, that stands once for the whole data set
            (the divergence of weights, of inducing variables): objectives get it divided by the
            number of training examples.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.latent import KL, Term
        >>> from kelbo.objectives import ELBO
        >>> class SquaredLatent(Term):
        ...     name = "squared_latent"
        ...     @classmethod
        ...     def value(cls, problem, draws, seed):
        ...         return ops.mean(ops.sum(ops.square(draws["latent"]), axis=-1), axis=0)
        >>> class Shrunken(ELBO):
        ...     regularizer_terms = frozenset({KL, SquaredLatent})
        ...     def regularizer(self, terms):
        ...         return super().regularizer(terms) + 0.1 * terms["squared_latent"]
        >>> sorted(term.name for term in Shrunken().uses)
        ['kl', 'kl_at_draws', 'log_likelihood', 'squared_latent']
    """

    name: ClassVar[str]
    of_samples: ClassVar[bool] = False
    of_data: ClassVar[bool] = False

    @classmethod
    def is_needed(cls, posterior: Distribution, prior: Distribution) -> bool:
        """Whether the term is anything but 0 for such a posterior and prior.

        Args:
            posterior: The posterior, or a distribution of its kind.
            prior: The prior, or a distribution of its kind.

        Returns:
            The truth of it; where it is false the term is left out.
        """
        return True

    @classmethod
    def depends_on_draws(cls, posterior: Distribution, prior: Distribution) -> bool:
        """Whether the value depends on the latent values that were drawn.

        A regulariser of such terms is differentiated through them, which not all estimators do.

        Args:
            posterior: A distribution of the posterior's kind.
            prior: A distribution of the prior's kind.

        Returns:
            The truth of it; true unless a term says otherwise.
        """
        return True

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        """Whether the term exists for such a posterior and prior.

        Args:
            owner: The objective that uses it, for the error.
            posterior: A distribution of the posterior's kind.
            prior: A distribution of the prior's kind.

        Raises:
            ValueError: It does not; the message says what to take in its place.
        """
        return

    @classmethod
    @abc.abstractmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        """The value of the term.

        Args:
            problem: The densities at a batch of examples.
            draws: What the estimator made: at least "latent", the latent values, of shape
                (samples, batch, *event shape), or a dict of them by part.
            seed: Where further draws come from.

        Returns:
            A tensor of shape (samples, batch, ...) if `of_samples`, else (batch, ...), or () if
            `of_data`; or a dict of them by part.
        """
