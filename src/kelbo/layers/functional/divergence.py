"""A divergence that a functional model adds to its loss."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Independent, Normal
from kelbo.divergences import KL, Divergence
from kelbo.layers.precision import to_full_precision
from kelbo.registration import registered


@registered
class KLDivergence(keras.layers.Layer):
    r"""Passes mean and log-variance through, and adds a divergence from the prior to the loss.

    $$\frac{w}{B} \sum_{b=1}^B D\left(\mathcal{N}(\mu_b, \sigma_b^2) \,\Vert\, p\right)$$

    in nats per example: summed over the latent axes, averaged over the batch. Add a
    reconstruction loss that is summed over pixels in the same way, and the whole is the negative
    evidence lower bound.

    Args:
        prior: Distribution $p$ of one latent value; None is the standard normal.
        divergence: What is measured; a `kelbo.divergences.Divergence`. The default is the
            Kullback-Leibler divergence by its closed form.
        weight: Factor $w$.
        seed: Seed for a divergence that draws samples.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import keras
        >>> from kelbo.layers import KLDivergence
        >>> x = keras.Input((64,))
        >>> mean, log_variance = keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)
        >>> mean, log_variance = KLDivergence()([mean, log_variance])
    """

    def __init__(
        self,
        prior: Distribution | None = None,
        divergence: Divergence | None = None,
        weight: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # The layer has no weights and passes its inputs through: in half precision too, it keeps
        # them as they are and computes the divergence in float32.
        self.autocast = False
        self.prior = prior
        self.divergence = KL() if divergence is None else divergence
        self.weight = weight
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: list[Any]) -> list[Any]:
        """Adds the mean divergence of the batch to the losses.

        Args:
            inputs: [mean, log-variance], each of shape (batch, *event shape).

        Returns:
            The inputs.
        """
        loc, log_variance = inputs
        event_shape = tuple(loc.shape[1:])
        normal = Normal(loc, ops.exp(0.5 * to_full_precision(log_variance)), validate=False)
        posterior = Independent(normal, len(event_shape))
        prior = Normal.standard(event_shape) if self.prior is None else self.prior
        divergence = self.divergence(posterior, prior, seed=self.seed_generator)
        self.add_loss(self.weight * ops.mean(divergence))
        return [loc, log_variance]

    def compute_output_spec(self, inputs: list[Any]) -> list[Any]:
        """The inputs' own shapes and dtypes.

        Args:
            inputs: Two symbolic tensors.

        Returns:
            Two symbolic tensors.
        """
        return [keras.KerasTensor(x.shape, x.dtype) for x in inputs]

    def compute_output_shape(self, input_shape: list[Any]) -> list[Any]:
        """The inputs' own shapes."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        prior = self.prior and keras.saving.serialize_keras_object(self.prior)
        return {
            **super().get_config(),
            "prior": prior,
            "divergence": keras.saving.serialize_keras_object(self.divergence),
            "weight": self.weight,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KLDivergence":
        """The layer that `get_config` described."""
        children = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("prior", "divergence")
            if config[name] is not None
        }
        return cls(**{**config, **children})
