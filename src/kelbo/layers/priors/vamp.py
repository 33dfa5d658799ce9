"""The variational mixture of posteriors prior."""

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Categorical, Distribution, Expanded, MixtureSameFamily
from kelbo.intake import as_array
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.settled import Settled
from kelbo.layers.weights import constrained_weight
from kelbo.parameters import constraints, whole_number, whole_sizes
from kelbo.registration import registered

# How far apart pseudo-inputs start that all start at the mean of the data.
_SPREAD = 0.01
# How near to their bounds pseudo-inputs may start, as a share of the interval.
_MARGIN = 0.01


@registered
class VampPrior(Settled, keras.layers.Layer):
    r"""The mixture of the posteriors of K pseudo-inputs, which train with the model.

    $$p(z) = \frac{1}{K} \sum_{k=1}^K q(z \mid u_k)$$

    The variational mixture of posteriors of Tomczak and Welling (2018, "VAE with a VampPrior"): it
    is as the best prior, the mean of the posteriors of all data, with $u_k$ in place of the data.

    The layer owns the pseudo-inputs alone. The posterior is that of the model, which hands it over,
    `given(posterior)`: it is one layer, in memory and in the file. There is no closed divergence:
    `ELBO(kl="monte_carlo")`, or a bound of importance weights. Each step, K more examples go
    through the posterior's network. Pseudo-inputs are what the posterior sees: `preprocessing` is
    not applied to them.

    Args:
        event_shape: Shape of one latent value.
        pseudo_inputs: Number $K$.
        initial: Where they start: "random" (uniform between the bounds; without bounds, standard
            normal); an array of the shape of one example, the mean of the data, around which they
            start; or one of K examples. Once the layer is built it is not
            kept: the pseudo-inputs are weights.
        bounds: Lowest and highest value of an entry of the data, between which a sigmoid keeps
            the pseudo-inputs; None for no bounds.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `pseudo_inputs` is not a whole number of at least 1, the bounds are no interval,
            or, when the layer is built, `initial` has another shape than the examples.

    Example:
        >>> import keras
        >>> from kelbo.layers import ConditionalNormal, VampPrior
        >>> posterior = ConditionalNormal((2,), keras.layers.Dense(16, "relu"))
        >>> prior = VampPrior((2,), pseudo_inputs=50, bounds=(0.0, 1.0))
        >>> prior.build((None, 64))
        >>> prior.given(posterior).sample((5,), seed=0).shape
        (5, 2)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        pseudo_inputs: int = 500,
        initial: Any = "random",
        bounds: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.event_shape = whole_sizes("VampPrior", "event_shape", event_shape)
        self.count = whole_number("VampPrior", "pseudo_inputs", pseudo_inputs)
        if isinstance(initial, str) and initial != "random":
            raise ValueError(f'VampPrior: initial must be "random" or an array, got {initial!r}.')
        if not isinstance(initial, str):
            initial = as_array(initial, "VampPrior: initial")
            initial = ops.convert_to_numpy(initial).astype("float32")
        self._initial = initial
        self.bounds = None if bounds is None else _as_bounds(bounds)
        self.example_shape = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the pseudo-inputs; once.

        Args:
            input_shape: Shape of a batch of examples.

        Raises:
            ValueError: `initial` has another shape than an example, or than K of them.
        """
        if self.built:
            return
        self.example_shape = tuple(input_shape)[1:]
        start = self._start()
        within = constraints.real if self.bounds is None else constraints.interval(*self.bounds)
        self._pseudo_inputs = constrained_weight(
            self, "pseudo_inputs", start.shape, within, initial=start
        )
        self._initial = "random"  # an array may be large, and has served
        self.built = True

    def _start(self):
        shape = (self.count, *self.example_shape)
        # Keras' own seeds, by which a model is made again, seed this one too.
        generator = np.random.default_rng(random.randrange(2**31))
        if isinstance(self._initial, str):
            if self.bounds is None:
                return generator.normal(size=shape)
            return self._within_bounds(generator.uniform(_MARGIN, 1.0 - _MARGIN, shape))
        if self._initial.shape not in (shape, shape[1:]):
            raise ValueError(
                f"VampPrior: initial has the shape {self._initial.shape}; it must be that of an "
                f"example, {shape[1:]}, or of one for each pseudo-input, {shape}."
            )
        values = np.broadcast_to(self._initial, shape)
        if self._initial.shape != shape:
            values = values + generator.normal(0.0, _SPREAD, shape)
        if self.bounds is not None:
            low, high = self.bounds
            share = np.clip((values - low) / (high - low), _MARGIN, 1.0 - _MARGIN)
            values = self._within_bounds(share)
        return values

    def _within_bounds(self, share):
        low, high = self.bounds
        return low + (high - low) * share

    @property
    def pseudo_inputs(self) -> Any:
        """The pseudo-inputs, of shape (K, *example shape)."""
        return self._pseudo_inputs()

    def given(self, posterior: Conditional) -> Distribution:
        r"""The mixture.

        Args:
            posterior: The conditional $q(z \mid x)$ of the model.

        Returns:
            A `MixtureSameFamily` of batch shape ().

        Raises:
            ValueError: The layer has not been built: the shape of an example is not known.
        """
        if not self.built:
            raise ValueError(
                "VampPrior: the pseudo-inputs have no shape yet: call build((None, *shape of an "
                "example)) first, as the model does."
            )
        return _mixture(posterior.given(self.pseudo_inputs), self.count)

    def call(self, *inputs: Any) -> Any:
        """Nothing: the prior is what `given(posterior)` returns.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "VampPrior is not called on tensors: give it to models.VAE(prior=...), or take its "
            "distribution, prior.given(posterior)."
        )

    def template(self, posterior: Conditional) -> Distribution:
        """A distribution of the same kind: it tells what the prior can do.

        Args:
            posterior: The conditional of the model.

        Returns:
            A mixture of the posterior's template.
        """
        return _mixture(Expanded(posterior.template(), (2,)), 2)

    def get_config(self) -> dict[str, Any]:
        awaited = {} if isinstance(self._initial, str) else {"initial": self._initial.tolist()}
        return {
            **super().get_config(),
            **awaited,
            "event_shape": self.event_shape,
            "pseudo_inputs": self.count,
            "bounds": self.bounds,
        }


def _mixture(components, count):
    weights = Categorical(logits=ops.zeros((count,), dtype=components.dtype), validate=False)
    return MixtureSameFamily(weights, components)


def _as_bounds(bounds):
    bounds = tuple(float(end) for end in bounds)
    if len(bounds) != 2 or not -np.inf < bounds[0] < bounds[1] < np.inf:
        raise ValueError(
            "VampPrior: bounds must be the lowest and the highest value of an entry, such as "
            f"(0.0, 1.0), got {bounds}."
        )
    return bounds
