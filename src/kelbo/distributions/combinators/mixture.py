"""Mixtures of different families."""

import functools
from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.image import over_axes
from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.combinators.mixing import Mixing, as_weights
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Constraint, broadcast_shapes
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Mixture(Mixing):
    r"""A mixture of distributions that may be of different families.

    $$p(x) = \sum_{k=1}^{K} \pi_k\, p_k(x)$$

    Where all components are of one family, `MixtureSameFamily` does with one call what is done
    here one component after another. Draws carry no gradient (`reparameterized` is false), and
    there is no closed form of quantile, mode, entropy and divergences.

    (McLachlan and Peel, 2000, "Finite mixture models", ch. 1.)

    Args:
        mixture_distribution: The weights $\pi$, a `Categorical` over K classes.
        components: K distributions of one event shape, all continuous or all discrete. Their batch
            shapes broadcast against that of the weights.

    Raises:
        ValueError: There are not K components, their event shapes differ, their batch shapes do
            not broadcast, or not all are discrete, or continuous, or on one surface.

    Example:
        >>> from kelbo.distributions import Categorical, Laplace, Mixture, Normal
        >>> weights = Categorical(probs=[0.9, 0.1])
        >>> float(Mixture(weights, [Normal(0.0, 1.0), Laplace(5.0, 2.0)]).mean())
        0.5
    """

    def __init__(self, mixture_distribution: Categorical, components: Sequence[Distribution]):
        weights, components = as_weights("Mixture", mixture_distribution), list(components)
        classes = weights.logits.shape[-1]
        if len(components) != classes:
            raise ValueError(
                f"Mixture: the weights are of {classes} components, but there are "
                f"{len(components)} in the list."
            )
        shapes = sorted({c.event_shape for c in components})
        if len(shapes) > 1:
            raise ValueError(
                "Mixture: the components must have one event shape, but have "
                f"{' and '.join(map(str, shapes))}."
            )
        kinds = sorted({c.support.kind for c in components})
        if len(kinds) > 1:
            raise ValueError(
                f"Mixture: some components are {' and some are '.join(kinds)}; their densities "
                "cannot be added."
            )
        batches = [weights.batch_shape, *(c.batch_shape for c in components)]
        try:
            self._batch_shape = broadcast_shapes(*batches)
        except ValueError:
            raise ValueError(
                "Mixture: the batch shapes of the weights and of the components do not broadcast: "
                f"{', '.join(map(str, batches))}."
            ) from None
        self.dtype = max(weights.dtype, *(c.dtype for c in components))
        self.mixture_distribution = weights.astype(self.dtype)
        self.components = [c.astype(self.dtype) for c in components]
        self._event_shape = shapes[0]

    def _arguments(self, parameters):
        return {
            "mixture_distribution": self.mixture_distribution,
            "components": self.components,
        }

    @property
    def support(self) -> Constraint:
        """What lies in the support of a component."""
        supports, rank = [c.support for c in self.components], len(self.event_shape)
        if all(support is supports[0] for support in supports):
            return supports[0]

        def contains(x: ArrayLike) -> Tensor:
            inside = [over_axes(s.contains(x), rank - s.event_rank) for s in supports]
            return functools.reduce(ops.logical_or, inside)

        return Constraint(
            ", or ".join(dict.fromkeys(s.rule for s in supports)),
            contains,
            event_rank=rank,
            is_discrete=supports[0].is_discrete,
            manifold=supports[0].manifold,
        )

    def _reference(self):
        shapes = [c._shape_of_sample(()) for c in self.components]
        weights = self._after_batch(self.mixture_distribution._reference())
        return sum((ops.zeros(shape, dtype=self.dtype) for shape in shapes), start=weights)

    def _sample_each(self, shape, seed):
        rank = len(self.event_shape)
        batch = self._shape_of_sample(())[: -rank or None]
        spread = [
            c if c.batch_shape == self.batch_shape else Expanded(c, batch) for c in self.components
        ]
        return _stack([c._sample(shape, seed) for c in spread], -1 - rank)

    def _of_each(self, method, *value):
        axis = -1 - (0 if value else len(self.event_shape))
        return _stack([getattr(c, method)(*value) for c in self.components], axis)


def _stack(tensors, axis):
    if len({tuple(x.shape) for x in tensors}) > 1:
        zero = sum(ops.zeros_like(x) for x in tensors)
        tensors = [x + zero for x in tensors]
    return ops.stack(tensors, axis=axis)
