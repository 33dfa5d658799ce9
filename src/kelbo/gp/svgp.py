"""Sparse variational Gaussian processes: any likelihood, minibatches."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.gp.expectations import expected_log_likelihood, predictive
from kelbo.gp.inducing import InducingFeatures
from kelbo.gp.kernels import Kernel
from kelbo.gp.layers import GPLayer
from kelbo.gp.likelihoods import Likelihood
from kelbo.gp.mean_functions import MeanFunction
from kelbo.gp.parameters import require_dtype
from kelbo.gp.posterior import Posterior
from kelbo.intake import as_array
from kelbo.layers import Conditional
from kelbo.layers.training_examples import training_examples
from kelbo.layers.weights import log_prior
from kelbo.models.probabilistic import ProbabilisticModel, as_rows
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.training import map_rows
from kelbo.typing import ArrayLike, Tensor

# Product rules have points ** latents nodes: with more processes than this, draws are cheaper.
_LATENTS_BY_QUADRATURE = 2


@registered
class SVGP(ProbabilisticModel):
    r"""A Gaussian process with any likelihood, by variational inference on minibatches.

    $$\text{loss} = -\frac{1}{n} \sum_{i=1}^n \mathbb{E}_{q(f_i)} \log p(y_i \mid f_i)
      + \frac{1}{N} \mathrm{KL}(q(u) \Vert p(u)), \qquad q(f) = \int p(f \mid u)\, q(u)\, du$$

    in nats per example: a bound of $-\log p(y) / N$. `compile` it with an optimizer and `fit` it on
    x and y. A file of it holds no training data. (Hensman, Fusi and Lawrence, 2013, "Gaussian
    processes for big data", eq. 4; Hensman, Matthews and Ghahramani, 2015, "Scalable variational
    Gaussian process classification".)

    Args:
        kernel: The kernel, of `kelbo.gp.kernels`; likelihoods of several processes share it.
        likelihood: One of `gp.likelihoods`, or any conditional of `kelbo.layers` whose context are
            the values of the processes.
        inducing: Features of `kelbo.gp.inducing`, or an array of shape (M, d): where inducing
            points start.
        mean_function: Of `kelbo.gp.mean_functions`; None for the mean 0.
        whiten: Whether $q$ is one of whitened features, $u = L w$.
        covariance: "full", "diagonal" or "prior", as in `gp.layers.GPLayer`.
        latents: Number of processes, for a conditional that does not say it.
        points: Nodes of Gauss-Hermite quadrature for each process.
        samples: Draws in the place of nodes; None for nodes, but of more than two processes, of
            which 20 draws are taken.
        jitter: What is added to the diagonal of $K_{uu}$.
        dtype: "float64", or "float32" where speed counts more than digits.
        seed: As in `ProbabilisticModel`.
        name: Name of the model.

    Raises:
        TypeError: `likelihood` is no conditional.
        ValueError: An argument is not one of those above.

    Example:
        >>> import numpy as np
        >>> from kelbo import gp
        >>> x = np.linspace(-3, 3, 100)[:, None]
        >>> y = (np.sin(2 * x[:, 0]) > 0).astype("float64")
        >>> model = gp.SVGP(gp.kernels.RBF(), gp.likelihoods.Bernoulli(), inducing=x[::10])
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=2, batch_size=50, verbose=0)
        >>> model.given(x, observed=True).mean().shape
        (100,)
    """

    parts = ("likelihood",)
    scored = "y"

    def __init__(
        self,
        kernel: Kernel,
        likelihood: Conditional,
        inducing: InducingFeatures | ArrayLike,
        mean_function: MeanFunction | None = None,
        whiten: bool = True,
        covariance: str | Sequence[str] = "full",
        latents: int | None = None,
        points: int = 20,
        samples: int | None = None,
        jitter: float = 1e-6,
        dtype: str = "float64",
        seed: int | None = None,
        name: str | None = None,
    ):
        super().__init__(seed, name)
        require_dtype("SVGP", dtype)
        self.dtype_policy = keras.DTypePolicy(dtype)
        self.likelihood = self.checked_parts(likelihood=likelihood)["likelihood"]
        if latents is None:
            latents = likelihood.latents if isinstance(likelihood, Likelihood) else 1
        self.process = GPLayer(
            latents,
            kernel,
            inducing,
            mean_function,
            whiten=whiten,
            covariance=covariance,
            jitter=jitter,
            dtype=dtype,
        )
        self.points = whole_number("SVGP", "points", points)
        if samples is None and latents > _LATENTS_BY_QUADRATURE:
            samples = 20
        self.samples = samples if samples is None else whole_number("SVGP", "samples", samples)

    def checked_parts(self, *, likelihood: Any) -> dict[str, Any]:
        if not isinstance(likelihood, Conditional):
            raise TypeError(
                "SVGP: likelihood must be one of gp.likelihoods, or a conditional of kelbo.layers, "
                f"got {likelihood!r}."
            )
        return {"likelihood": likelihood}

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return self.process.kernel

    @property
    def inducing(self) -> InducingFeatures:
        """The inducing features."""
        return self.process.inducing

    @property
    def mean_function(self) -> MeanFunction:
        """The mean function."""
        return self.process.mean_function

    @property
    def scoring_part(self) -> Conditional:
        """The likelihood."""
        return self.likelihood

    @property
    def _precision(self):
        return self.compute_dtype

    @property
    def example_shape(self) -> tuple | None:
        return self.data_shape

    @property
    def needs_training_examples(self) -> bool:
        """Whether the loss has a term that stands once for the whole data: the divergence."""
        return True

    def build(self, input_shape: Any) -> None:
        """Builds process and likelihood.

        Args:
            input_shape: Shape (n, d) of the inputs.
        """
        self.data_shape = tuple(input_shape[1:])
        self.process.build()
        self.build_part(self.likelihood, (None, self.process.units))
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> dict[str, Tensor]:
        """Mean and variance of the processes at each x, and their divergence from the prior.

        Args:
            x: Inputs, of shape (n, d).
            training: Whether it is a step of training.

        Returns:
            A dict of "mean" and "variance", of shape (n, latents), and "kl", of shape (n,), the
            same number for each example, in nats.
        """
        mean, variance, kl = self.process.moments(self._floating(x))
        mean, variance = ops.transpose(mean), ops.transpose(variance)
        return {"mean": mean, "variance": variance, "kl": kl + ops.zeros_like(mean[:, 0])}

    def check_targets(self, y: Any) -> None:
        """Refuses a missing y, and one whose shape is not the likelihood's event shape."""
        if y is None:
            raise ValueError("SVGP learns p(y | x): it needs y as well, as in fit(x, y).")
        if not (self.likelihood.event_shape == () and tuple(y.shape[1:]) == (1,)):
            as_rows(y, self.likelihood.event_shape, "y")

    def check_values(self, x: Any, y: Any, weights: Any) -> None:
        """Refuses values that are not finite, and those that have no density."""
        super().check_values(x, None if y is None else self._targets(y), weights)

    def _targets(self, y):
        return ops.reshape(y, (-1, *self.likelihood.event_shape))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean negative expected log-likelihood, the divergence per example, and priors."""
        loss = super().compute_loss(x, y, (y_pred, y), sample_weight, training)
        global_terms = y_pred["kl"][0] - ops.cast(log_prior(self), loss.dtype)
        return loss + global_terms / ops.cast(training_examples(), loss.dtype)

    def loss_per_example(self, outputs: tuple[dict[str, Any], Any]) -> Any:
        """Negative expected log-likelihood in nats per example.

        Args:
            outputs: What `call` returned, and y.

        Returns:
            A tensor of shape (batch,).
        """
        found, y = outputs
        return -expected_log_likelihood(
            self.likelihood,
            found["mean"],
            found["variance"],
            self._targets(self._floating(y)),
            self.points,
            self.samples,
            self.seed_generator,
        )

    def bound(self, x: Any, y: Any, batch_size: int = 4096, seed: int = 0) -> float:
        r"""The evidence lower bound of all data, in nats: $\sum_i \mathbb{E} \log p - \mathrm{KL}$.

        Args:
            x: Inputs, of shape (n, d).
            y: Values, of shape (n, *event shape).
            batch_size: Examples per compiled call.
            seed: Integer seed, where there are draws.

        Returns:
            A number.

        Raises:
            ValueError: The data are not what the model takes.
        """
        x, y, _ = self._arrays(x, y)
        self.require_built(x)
        y = self._targets(y)

        def compute(x, y, seed, index):
            mean, variance, _ = self.process.moments(self._floating(x))
            return expected_log_likelihood(
                self.likelihood,
                ops.transpose(mean),
                ops.transpose(variance),
                self._floating(y),
                self.points,
                self.samples,
                ops.SeedSequence(seed).fold_in(index).next() if self.samples else None,
            )

        run = self.compiled_verb("bound", compute)
        rows = map_rows(lambda rows, i: run(*rows, ops.whole_seed(seed), i), (x, y), batch_size)
        kl = self.compiled_verb("kl", self.process.kl)()
        return float(np.sum(ops.convert_to_numpy(rows), dtype="float64")) - float(kl)

    @property
    def posterior(self) -> Posterior:
        """The processes at the present variables: what predicts."""
        return self.process.posterior()

    def given(
        self,
        x: Any,
        marginal: bool = False,
        observed: bool = False,
        batch_size: int = 4096,
    ) -> Distribution:
        """The distribution of f at inputs, or of observations.

        Args:
            x: Inputs, of shape (n, d).
            marginal: Whether each value is taken by itself, a `Normal`; else they are a
                multivariate normal with all covariances.
            observed: Whether it is of observations y, each by itself: in closed form for normal
                noise, else a mixture over nodes of f.
            batch_size: Inputs per compiled call, where they are taken by themselves.

        Returns:
            A distribution: of f as `Posterior.given` says; of y with the batch shape (n,).

        Raises:
            ValueError: x has another shape, or values that are not finite.
        """
        x = as_array(x, "x")
        self.check_examples(x)
        self._require_finite("x", x)
        self.require_built(x)
        if not observed:
            return self.posterior.given(x, marginal, batch_size=batch_size)

        def compute(x):
            mean, variance, _ = self.process.moments(self._floating(x))
            return ops.transpose(mean), ops.transpose(variance)

        run = self.compiled_verb("moments", compute)
        mean, variance = map_rows(lambda rows, _: run(rows), x, batch_size)
        return predictive(self.likelihood, mean, variance, self.points, self.samples)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.process.serialized_parts(),
            "whiten": self.process.whiten,
            "covariance": self.process.covariance,
            "latents": self.process.units,
            "points": self.points,
            "samples": self.samples,
            "jitter": self.process.jitter,
            "dtype": self.compute_dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SVGP":
        """The model that `get_config` described."""
        return super().from_config(GPLayer.with_parts(config))
