"""A dense layer with a distribution over its weights: Bayesian neural networks."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Normal
from kelbo.divergences import KL, Divergence
from kelbo.layers.training_examples import training_examples
from kelbo.layers.weight_draws import current_weight_draws
from kelbo.layers.weights import constrained_weight
from kelbo.parameters import constraints, whole_number
from kelbo.registration import registered

ESTIMATORS = ("reparameterized", "local_reparameterized", "flipout")
BIASES = ("deterministic", "variational", None)


@registered
class DenseVariational(keras.layers.Layer):
    r"""Dense layer whose weights have an independent normal posterior each.

    $$y = a(x W + b), \qquad W_{ij} \sim q(W_{ij}) = \mathcal{N}(m_{ij}, s_{ij}^2), \quad
      s_{ij} = \mathrm{softplus}(r_{ij})$$

    Mean and scale are trained by the negative evidence lower bound: the model's loss plus the
    divergence from the prior, which the layer adds by `add_loss`,

    $$\frac{1}{n} \sum_{i=1}^n -\log p(y_i \mid x_i, W) + w\, \mathrm{KL}(q(W) \Vert p(W)),
      \qquad w = \frac{1}{n}$$

    **The divergence stands once for all training examples.** Keras takes the mean of the loss over
    examples, not the sum, so the weight of the divergence is one over the number of training
    examples (not the size of a batch) for the sum of the two to be the bound, per example. Models
    of Kelbo know that number, and `kl_weight=None` reads it. A plain `keras.Model` does not: give
    `kl_weight=1 / len(x_train)` there (without it training is refused, and the losses of the layer
    are NaN outside of training). The loss itself must be a negative log likelihood in nats per
    example, with its noise.

    The estimators have the same mean and different noise:

    - "reparameterized": one $W = m + s \odot \epsilon$ for the whole batch (Blundell et al., 2015).
      The noise of all examples is the same, so a larger batch does not average it out.
    - "local_reparameterized": each output by itself, $\mathcal{N}(x m, x^2 s^2)$ (Kingma et al.,
      2015). Independent between examples; two matrix products.
    - "flipout": one $\epsilon$ for the batch, with random signs $\sigma, \rho$ for each example,
      $x m + ((x \odot \sigma)(s \odot \epsilon)) \odot \rho$ (Wen et al., 2018). Uncorrelated
      between examples; two matrix products.

    Weights are drawn at prediction too: the spread of repeated predictions is the epistemic
    uncertainty. `models.predict_draws` makes many in one compiled call.

    Sources: Blundell et al. (2015), "Weight uncertainty in neural networks"; Kingma, Salimans and
    Welling (2015), "Variational dropout and the local reparameterization trick"; Wen et al. (2018),
    "Flipout: efficient pseudo-independent weight perturbations on mini-batches".

    Args:
        units: Number of outputs.
        activation: Applied to the outputs: a name, a function or None.
        kl_weight: Factor $w$ of the divergence; None is 1 / number of training examples, as the
            model that is fitted knows it.
        prior: Distribution $p$ of each weight by itself, a number; None is the standard normal.
        estimator: See above.
        bias: "deterministic", "variational" (with a posterior and a divergence like the weights),
            or None for no bias.
        divergence: What is measured of posterior and prior. The default is the Kullback-Leibler
            divergence by its closed form; `divergences.MonteCarloKL()` takes any prior, such as the
            mixture of two normals of Blundell et al.
        initial_scale: What every $s$ starts at.
        kernel_initializer: How the means start.
        seed: Integer seed of the layer, or None.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: An argument is not one of those above, or the prior is not one of single
            numbers. When trained, if `kl_weight` is None and the model does not know the number.

    Example:
        >>> import keras, kelbo as kb
        >>> network = keras.Sequential([kb.layers.DenseVariational(32, "relu") for _ in range(2)])
        >>> model = kb.models.ConditionalDensity(kb.layers.ConditionalNormal((1,), network))
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        *,
        kl_weight: float | None = None,
        prior: Distribution | None = None,
        estimator: str = "local_reparameterized",
        bias: str | None = "deterministic",
        divergence: Divergence | None = None,
        initial_scale: float = 0.05,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # The divergence is computed in full precision; only the matrix products are cast.
        self.autocast = False
        self.units = whole_number("DenseVariational", "units", units)
        self.activation = keras.activations.get(activation)
        self.kl_weight = None if kl_weight is None else float(kl_weight)
        self.prior = Normal(0.0, 1.0) if prior is None else prior
        self.estimator = _one_of("estimator", estimator, ESTIMATORS)
        self.bias = _one_of("bias", bias, BIASES)
        self.divergence = KL() if divergence is None else divergence
        self.initial_scale = float(initial_scale)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        if self.kl_weight is not None and not 0 <= self.kl_weight < math.inf:
            raise ValueError(
                f"DenseVariational: kl_weight must be a number of at least 0, got {kl_weight!r}; "
                "None is 1 / number of training examples."
            )
        if not 0 < self.initial_scale < math.inf:
            raise ValueError(
                f"DenseVariational: initial_scale must be greater than 0, got {initial_scale!r}."
            )
        if self.prior.batch_shape or self.prior.event_shape:
            raise ValueError(
                "DenseVariational: the prior is one of each weight by itself: it needs a "
                f"distribution of batch shape () and event shape (), got {self.prior}."
            )

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates means and scales for inputs of size `input_shape[-1]`."""
        inputs = input_shape[-1]
        if inputs is None:
            raise ValueError(
                f"DenseVariational: the last axis of the input must be known, got {input_shape}."
            )
        self._mean = self._variable("kernel_mean", (inputs, self.units), self.kernel_initializer)
        self._scale = self._scale_weight("kernel_scale", (inputs, self.units))
        if self.bias is not None:
            self._bias_mean = self._variable("bias_mean", (self.units,), "zeros")
        if self.bias == "variational":
            self._bias_scale = self._scale_weight("bias_scale", (self.units,))
        self.built = True

    def _variable(self, name, shape, initializer):
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def _scale_weight(self, name, shape):
        return constrained_weight(
            self, name, shape, constraints.positive, initial=self.initial_scale
        )

    def posteriors(self) -> dict[str, Distribution]:
        """The posterior of each weight: "kernel", and "bias" where it is variational.

        Returns:
            A dict of normal distributions, of the batch shapes (inputs, units) and (units,).
        """
        found = {"kernel": self._posterior(self._mean, self._scale)}
        if self.bias == "variational":
            found["bias"] = self._posterior(self._bias_mean, self._bias_scale)
        return found

    def _posterior(self, mean, scale):
        return Normal(mean, scale(), validate=False)

    def kl(self) -> Any:
        """The divergence of all weights from the prior, summed, in nats: a scalar tensor."""
        return self._divergence_of(self.posteriors())

    def _divergence_of(self, posteriors):
        return sum(
            ops.sum(self.divergence(posterior, self.prior, seed=self.seed_generator))
            for posterior in posteriors.values()
        )

    @property
    def needs_training_examples(self) -> bool:
        """Whether the divergence is weighted by the number of training examples."""
        return self.kl_weight is None

    def _weighted_kl(self, posteriors, training):
        if self.kl_weight is not None:
            return self.kl_weight * self._divergence_of(posteriors)
        count = training_examples()
        if count is not None:
            kl = self._divergence_of(posteriors)
            return kl * (1.0 / ops.cast(count, kl.dtype))
        if training:
            raise ValueError(
                "DenseVariational(kl_weight=None) asks the model for its number of training "
                "examples, which models of Kelbo know and this one does not: give "
                "kl_weight=1 / len(x_train), or fit a kelbo.models.ConditionalDensity."
            )
        return ops.full((), math.nan)  # a prediction needs none; a loss must not lack it unseen

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Outputs for one draw of the weights (each example its own, as the estimator says).

        Args:
            inputs: Tensor of shape (batch, ..., inputs).
            training: Whether the model trains.

        Returns:
            A tensor of shape (batch, ..., units).

        Raises:
            ValueError: It trains, `kl_weight` is None, and the model does not know its number of
                training examples.
        """
        x = ops.cast(inputs, self.compute_dtype)
        posteriors = self.posteriors()
        draws = current_weight_draws()
        if draws is not None:
            return self.activation(self._of_drawn_networks(x, posteriors, draws))
        self.add_loss(self._weighted_kl(posteriors, training))
        compute = {
            "reparameterized": self._of_one_network,
            "local_reparameterized": self._of_drawn_outputs,
            "flipout": self._of_flipped_signs,
        }
        return self.activation(compute[self.estimator](x, posteriors))

    def _of_one_network(self, x, posteriors):
        kernel, bias = self._draw(posteriors, ())
        return self._plus(ops.matmul(x, kernel), bias)

    def _of_drawn_networks(self, x, posteriors, draws):
        kernels, biases = self._draw(posteriors, (draws,))
        parts = ops.reshape(x, (draws, -1, x.shape[-1]))
        outputs = ops.matmul(parts, kernels)
        if self.bias == "variational":
            biases = ops.expand_dims(biases, 1)
        outputs = self._plus(outputs, biases)
        return ops.reshape(outputs, (-1, *x.shape[1:-1], self.units))

    def _of_drawn_outputs(self, x, posteriors):
        mean = self._of_means(x)
        variance = ops.matmul(ops.square(x), self._cast(posteriors["kernel"].variance()))
        if "bias" in posteriors:
            variance = variance + self._cast(posteriors["bias"].variance())
        # The slope of the square root is infinite at 0, where an input of zeros is.
        is_zero = ops.equal(variance, 0)
        scale = ops.sqrt(ops.where(is_zero, ops.ones_like(variance), variance))
        scale = ops.where(is_zero, ops.zeros_like(scale), scale)
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + scale * noise

    def _of_flipped_signs(self, x, posteriors):
        mean = self._of_means(x)
        centered = {
            name: posterior.scale
            * keras.random.normal(
                posterior.batch_shape, dtype=posterior.dtype, seed=self.seed_generator
            )
            for name, posterior in posteriors.items()
        }
        perturbation = ops.matmul(x * self._signs(x), self._cast(centered["kernel"]))
        if "bias" in centered:
            perturbation = perturbation + self._cast(centered["bias"])
        return mean + perturbation * self._signs(mean)

    def _of_means(self, x):
        bias = None if self.bias is None else self._cast(self._bias_mean)
        return self._plus(ops.matmul(x, self._cast(self._mean)), bias)

    def _draw(self, posteriors, shape):
        """Draws of kernel and bias; the bias itself where it has no posterior."""
        drawn = {
            name: self._cast(posterior.sample(shape, seed=self.seed_generator))
            for name, posterior in posteriors.items()
        }
        bias = None if self.bias is None else self._cast(self._bias_mean)
        return drawn["kernel"], drawn.get("bias", bias)

    def _signs(self, like):
        uniform = keras.random.uniform(ops.shape(like), dtype="float32", seed=self.seed_generator)
        return 2.0 * ops.cast(uniform < 0.5, like.dtype) - 1.0

    def _plus(self, outputs, bias):
        return outputs if bias is None else outputs + bias

    def _cast(self, tensor):
        return ops.cast(tensor, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple:
        """The input's shape with `units` for its last axis."""
        return (*input_shape[:-1], self.units)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """Shape and dtype of the outputs.

        Args:
            inputs: A symbolic tensor.

        Returns:
            A symbolic tensor.
        """
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kl_weight": self.kl_weight,
            "prior": keras.saving.serialize_keras_object(self.prior),
            "estimator": self.estimator,
            "bias": self.bias,
            "divergence": keras.saving.serialize_keras_object(self.divergence),
            "initial_scale": self.initial_scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DenseVariational":
        """The layer that `get_config` described."""
        children = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("prior", "divergence")
        }
        return cls(**{**config, **children})


def _one_of(name, value, choices):
    if value not in choices:
        shown = ", ".join(map(repr, choices))
        raise ValueError(f"DenseVariational: {name} must be one of {shown}; got {value!r}.")
    return value
