"""Mixtures of one family."""

from kelbo import ops
from kelbo.bijectors.image import holds_all, over_axes
from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.combinators.mixing import Mixing, as_weights
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Constraint, broadcast_shapes
from kelbo.registration import registered


@registered
class MixtureSameFamily(Mixing):
    r"""A mixture whose components are one batch of distributions.

    $$p(x) = \sum_{k=1}^{K} \pi_k\, p_k(x)$$

    The last axis of the batch of components is the one that is mixed. The density is a stable
    log-sum-exp. A draw takes one from each component and keeps one of them: no loop, K times the
    random numbers. Draws carry no gradient (`reparameterized` is false), and there is no closed
    form of quantile, mode, entropy and divergences.

    (McLachlan and Peel, 2000, "Finite mixture models", ch. 1.)

    Args:
        mixture_distribution: The weights $\pi$, a `Categorical` over K classes.
        components_distribution: The components, of a batch shape that ends in K. The other axes
            broadcast against the batch shape of the weights.

    Raises:
        ValueError: The last batch axis of the components is not of K entries, or the shapes do not
            broadcast.

    Example:
        >>> from kelbo.distributions import Categorical, MixtureSameFamily, Normal
        >>> weights = Categorical(probs=[0.25, 0.75])
        >>> float(MixtureSameFamily(weights, Normal([-4.0, 4.0], 1.0)).mean())
        2.0
    """

    def __init__(self, mixture_distribution: Categorical, components_distribution: Distribution):
        weights = as_weights("MixtureSameFamily", mixture_distribution)
        classes, batch = weights.logits.shape[-1], components_distribution.batch_shape
        if not batch or batch[-1] != classes:
            raise ValueError(
                f"MixtureSameFamily: the weights are of {classes} components, but the batch shape "
                f"{batch} of {components_distribution!r} does not end in {classes}."
            )
        try:
            self._batch_shape = broadcast_shapes(weights.batch_shape, batch[:-1])
        except ValueError:
            raise ValueError(
                f"MixtureSameFamily: the batch shape {weights.batch_shape} of the weights does not "
                f"broadcast against {batch[:-1]}, that of the components without their last axis."
            ) from None
        self.dtype = max(weights.dtype, components_distribution.dtype)
        self.mixture_distribution = weights.astype(self.dtype)
        self.components_distribution = components_distribution.astype(self.dtype)
        self._event_shape = components_distribution.event_shape

    def _arguments(self, parameters):
        return {
            "mixture_distribution": self.mixture_distribution,
            "components_distribution": self.components_distribution,
        }

    def _sliced(self, index):
        components = self.components_distribution._sliced(index.with_axes_behind(1))
        return MixtureSameFamily(self.mixture_distribution._sliced(index), components)

    def _lacks_axes(self, index):
        components = self.components_distribution._lacks_axes(index.with_axes_behind(1))
        return components or self.mixture_distribution._lacks_axes(index)

    @property
    def support(self) -> Constraint:
        """What lies in the support of a component."""
        components = self.components_distribution
        inner, rank = components.support, len(self.event_shape)
        if holds_all(inner) or isinstance(getattr(type(components), "support", None), Constraint):
            return inner  # the same for all components
        return Constraint(
            f"{inner.rule}, by one of the components",
            lambda x: ops.any(
                over_axes(inner.contains(self._expand(x)), rank - inner.event_rank), axis=-1
            ),
            event_rank=rank,
            is_discrete=inner.is_discrete,
            manifold=inner.manifold,
        )

    @property
    def regular_support(self) -> Constraint:
        components = self.components_distribution
        if components.regular_support is components.support:
            return self.support
        return components.regular_support

    def _reference(self):
        components = self.components_distribution._shape_of_sample(())
        axis = len(components) - len(self.event_shape) - 1
        without = ops.zeros(components[:axis] + components[axis + 1 :], dtype=self.dtype)
        return without + self._after_batch(self.mixture_distribution._reference())

    def _expand(self, value):
        """The values, with an axis for the components."""
        rank = len(self.event_shape)
        if len(value.shape) < rank:
            value = ops.broadcast_to(value, self._shape_of_sample(())[-rank:])
        return ops.expand_dims(value, -1 - rank)

    def _sample_each(self, shape, seed):
        components, rank = self.components_distribution, len(self.event_shape)
        size = components.batch_shape[-1]
        if components.batch_shape[:-1] != self.batch_shape:
            components = Expanded(components, (*self._shape_of_sample(())[: -rank or None], size))
        leading = shape[: len(shape) - rank]
        return components._sample((*leading, size, *shape[len(leading) :]), seed)

    def _of_each(self, method, *value):
        return getattr(self.components_distribution, method)(*map(self._expand, value))
