"""Sparse Gaussian processes as a Keras layer: the parts of deep ones, and of `SVGP`."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.gp.inducing import InducingFeatures, as_features
from kelbo.gp.kernels import Kernel
from kelbo.gp.mean_functions import MeanFunction, ZeroMean
from kelbo.gp.parameters import keep_precision, starting_at
from kelbo.gp.posterior import Posterior, Predictor
from kelbo.gp.prediction import as_matrix, divergence
from kelbo.layers.settled import Settled
from kelbo.layers.training_examples import training_examples
from kelbo.layers.weight_draws import current_weight_draws
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

COVARIANCES = ("full", "diagonal", "prior")
_PARTS = ("kernel", "inducing", "mean_function")


@registered
class GPLayer(Settled, keras.layers.Layer):
    r"""Independent sparse Gaussian processes of the inputs, with a variational posterior.

    $$f_l \sim \mathrm{GP}(m, k), \qquad q(f_l) = \int p(f_l \mid u_l)\, q(u_l)\, du_l, \qquad
      q(u_l) = N(m_l, R_l R_l^\top)$$

    Calling the layer draws the values of each process at each input, by themselves, so that in any
    Keras network it makes a deep Gaussian process that is trained by doubly stochastic variational
    inference (Salimbeni and Deisenroth, 2017). Its divergence from the prior stands once for all
    training examples: it is added as a loss of weight 1 / N, with the N that models of Kelbo know
    (as `layers.DenseVariational` does). The loss of the model must be a negative log likelihood in
    nats per example.

    Whitened, $u = L w$ and $q(w)$ is what is trained, which is easier; the model is the same.
    (Hensman, Matthews and Ghahramani, 2015, "Scalable variational Gaussian process
    classification".)

    Args:
        units: Number of processes.
        kernel: The kernel, which they share.
        inducing: Features of `kelbo.gp.inducing`, or an array of shape (M, d): where inducing
            points start. They share them.
        mean_function: Of `kelbo.gp.mean_functions`; None for the mean 0. Inner layers of a deep
            process want one that hands the inputs on, `mean_functions.propagating(x, units)`.
        whiten: Whether $q$ is one of whitened features.
        covariance: "full", "diagonal" (of $q$), or "prior" for a block whose covariance stays that
            of the prior; a tuple with one of them for each block of `OrthogonalFeatures`.
        initial_scale: What the standard deviations of whitened features start at; small ones in
            inner layers of deep processes (1e-5) make these nearly deterministic at the start.
        jitter: What is added to the diagonal of $K_{uu}$.
        seed: Integer seed of the draws, or None.
        dtype: What the layer computes in.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: An argument is not one of those above.

    Example:
        >>> import keras, numpy as np, kelbo as kb
        >>> from kelbo import gp
        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> layers = [
        ...     gp.layers.GPLayer(1, gp.kernels.RBF(), x[::10], initial_scale=1e-5,
        ...                       mean_function=gp.mean_functions.propagating(x, 1)),
        ...     gp.layers.GPLayer(1, gp.kernels.RBF(), x[::10]),
        ... ]
        >>> deep = kb.models.ConditionalDensity(
        ...     kb.gp.likelihoods.Gaussian(network=keras.Sequential(layers))
        ... )
        >>> deep.compile("adam")
        >>> history = deep.fit(x, np.sign(x[:, 0]), epochs=1, verbose=0)
    """

    def __init__(
        self,
        units: int,
        kernel: Kernel,
        inducing: InducingFeatures | ArrayLike,
        mean_function: MeanFunction | None = None,
        whiten: bool = True,
        covariance: str | Sequence[str] = "full",
        initial_scale: float = 1.0,
        jitter: float = 1e-6,
        seed: int | None = None,
        dtype: Any = "float64",
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, **kwargs)
        owner = type(self).__name__
        keep_precision(self)
        if not isinstance(kernel, Kernel):
            raise TypeError(f"{owner}: kernel must be one of kelbo.gp.kernels, got {kernel!r}.")
        self.units = whole_number(owner, "units", units)
        self.kernel, self.inducing = kernel, as_features(inducing)
        self.mean_function = mean_function or ZeroMean()
        self.whiten, self.jitter, self.seed = bool(whiten), float(jitter), seed
        self.initial_scale = float(initial_scale)
        self.covariance = covariance if isinstance(covariance, str) else tuple(covariance)
        blocks = self.inducing.blocks
        kinds = (covariance,) * len(blocks) if isinstance(covariance, str) else tuple(covariance)
        if len(kinds) != len(blocks) or any(kind not in COVARIANCES for kind in kinds):
            raise ValueError(
                f"{owner}: covariance must be one of {', '.join(map(repr, COVARIANCES))}, or a "
                f"tuple of them for {len(blocks)} blocks of features, got {covariance!r}."
            )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._predictor = Predictor(self.kernel, self.mean_function, self.inducing)
        self._kinds = kinds
        self.q_means = [
            self._variable(f"mean_{i}", np.zeros((self.units, m))) for i, m in enumerate(blocks)
        ]
        self.q_roots = [
            None if kind == "prior" else self._variable(f"root_{i}", self._first_root(m, kind))
            for i, (m, kind) in enumerate(zip(blocks, kinds, strict=True))
        ]

        for mean, root in zip(self.q_means, self.q_roots, strict=True):
            if root is not None:
                root.mean_beside = mean  # as `NaturalGradient` finds them

    def _first_root(self, m, kind):
        ones = np.ones((self.units, m))
        return self.initial_scale * (ones if kind == "diagonal" else ones[..., None] * np.eye(m))

    def _variable(self, name, start):
        return self.add_weight(
            shape=start.shape, initializer=starting_at(start), name=name, autocast=False
        )

    def build(self, input_shape: Any = None) -> None:
        """Builds kernel, mean function and features; all variables are there.

        Args:
            input_shape: Not used.
        """
        for part in (self.kernel, self.mean_function, self.inducing):
            if not part.built:
                part.build()
        self.built = True

    @property
    def needs_training_examples(self) -> bool:
        """Whether the divergence is weighted by the number of training examples: it is."""
        return True

    def whitened(self, factors: Sequence[Tensor], dtype: str) -> tuple[list, list]:
        r"""The distribution of whitened features.

        Args:
            factors: What the features' `factors` returned.
            dtype: Of the result.

        Returns:
            Means of shape (units, M), and lower triangular roots, (units, M, M), or diagonal ones,
            (units, M): a list of each, by block.
        """
        means, roots = [], []
        for lower, mean, root, kind in zip(factors, self.q_means, self.q_roots, self._kinds):  # noqa: B905
            mean = ops.cast(mean, dtype)
            if kind == "prior":  # that of whitened features, also where q is not one of them
                root = ops.ones_like(mean)
            else:
                root = ops.cast(root, dtype)
                root = ops.tril(root) if kind == "full" else root
                if not self.whiten:
                    root = ops.solve_triangular(lower, as_matrix(root))
            if not self.whiten:
                mean = ops.transpose(ops.solve_triangular(lower, ops.transpose(mean)))
            means.append(mean)
            roots.append(root)
        return means, roots

    def posterior(self) -> Posterior:
        """The processes at the present variables.

        Returns:
            A posterior that predicts, of this moment.
        """
        return self._posterior(self.compute_dtype)[0]

    def _posterior(self, dtype):
        """The posterior, and the divergence of it, from one factorisation."""
        factors = self.inducing.factors(self.kernel, self.jitter, dtype)
        means, roots = self.whitened(factors, dtype)
        kl = divergence(means, roots)
        posterior = Posterior(
            self.kernel,
            self.mean_function,
            self.inducing,
            factors,
            means,
            roots,
            predictor=self._predictor,
        )
        return posterior, kl

    def kl(self) -> Tensor:
        """The divergence of all processes from the prior, in nats: a scalar tensor."""
        return self._posterior(self.compute_dtype)[1]

    def moments(self, x: Any, full_covariance: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and variance of the processes, and their divergence from the prior, at once.

        Args:
            x: Inputs, of shape (n, d).
            full_covariance: Whether covariances are computed as well.

        Returns:
            The mean, of shape (units, n); the variance, (units, n), or covariance, (units, n, n);
            and the divergence, a scalar in nats.
        """
        x = ops.cast(x, self.compute_dtype)
        posterior, kl = self._posterior(self.compute_dtype)
        return (*posterior.moments_at(x, full_covariance), kl)

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """A draw of the processes at each input.

        Args:
            inputs: Tensor of shape (batch, d).
            training: Whether the model trains.

        Returns:
            A tensor of shape (batch, units).

        Raises:
            ValueError: It trains, and the model does not know its number of training examples.
        """
        mean, variance, kl = self.moments(inputs)
        count = training_examples()
        if count is not None:
            self.add_loss(kl / ops.cast(count, kl.dtype))
        elif training and current_weight_draws() is None:
            raise ValueError(
                "GPLayer asks the model for its number of training examples, which models of Kelbo "
                "know and this one does not: fit a kelbo.models.ConditionalDensity."
            )
        noise = keras.random.normal(
            ops.shape(mean), dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.transpose(mean + ops.sqrt(variance) * noise)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple:
        """The shape (batch, units)."""
        return (input_shape[0], self.units)

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> keras.KerasTensor:
        """Shape and dtype of the outputs.

        Args:
            inputs: A symbolic tensor.
            training: Not used.

        Returns:
            A symbolic tensor.
        """
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def serialized_parts(self) -> dict[str, Any]:
        """Kernel, features and mean function, as configurations hold them."""
        return {n: keras.saving.serialize_keras_object(getattr(self, n)) for n in _PARTS}

    @staticmethod
    def with_parts(config: dict[str, Any]) -> dict[str, Any]:
        """A configuration whose kernel, features and mean function are made again.

        Args:
            config: What holds `serialized_parts`.

        Returns:
            The same, with layers in it.
        """
        made = {name: keras.saving.deserialize_keras_object(config[name]) for name in _PARTS}
        return {**config, **made}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.serialized_parts(),
            "units": self.units,
            "whiten": self.whiten,
            "covariance": self.covariance,
            "initial_scale": self.initial_scale,
            "jitter": self.jitter,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "GPLayer":
        """The layer that `get_config` described."""
        return cls(**cls.with_parts(config))
