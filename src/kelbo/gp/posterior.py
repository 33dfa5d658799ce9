"""A process, given data: what a model returns, and what predicts."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, MultivariateNormalFullCovariance, Normal
from kelbo.gp.inducing import Features
from kelbo.gp.inducing.observations import Observations
from kelbo.gp.kernels import Kernel
from kelbo.gp.kernels.kernel import as_inputs
from kelbo.gp.mean_functions import MeanFunction
from kelbo.gp.pathwise import FunctionDraws, draws_of_blocks, prior_values
from kelbo.gp.prediction import as_matrix, moments
from kelbo.gp.random_features import fourier
from kelbo.intake import as_array
from kelbo.parameters import whole_number
from kelbo.training import map_rows
from kelbo.typing import Tensor


class Posterior:
    r"""A Gaussian process, as far as data have told: $q(f) = \int p(f \mid u)\, q(u)\, du$.

    It keeps the factors that every prediction needs. Exact, collapsed, variational and orthogonally
    decoupled posteriors are of one form: whitened features $w_b \sim N(m_b, R_b R_b^\top)$ for each
    block of features, and a conditional given them.

    Made by the models of this package; kernel and features are those at the time, so a posterior
    is not for use after they have trained on.

    Args:
        kernel: The kernel.
        mean_function: The mean function.
        features: The features.
        factors: What `features.factors` returned.
        means: $m_b$, each of shape (latents, M).
        roots: $R_b$, each of shape (latents, M, r); None for a block that is known exactly.
        noise_variance: Variance of the noise of observations, or None.
        predictor: That of another posterior of the same kernel, mean function and kind of features,
            whose compiled code serves this one too; None for a new one.
    """

    def __init__(
        self,
        kernel: Kernel,
        mean_function: MeanFunction,
        features: Features,
        factors: Sequence[Tensor],
        means: Sequence[Tensor],
        roots: Sequence[Tensor | None],
        noise_variance: Tensor | None = None,
        predictor: "Predictor | None" = None,
    ):
        self.kernel, self.mean_function, self.features = kernel, mean_function, features
        self.factors, self.means, self.roots = list(factors), list(means), list(roots)
        self.noise_variance = noise_variance
        self.predictor = predictor or Predictor(kernel, mean_function, features)

    @property
    def dtype(self) -> str:
        """The dtype that it computes in."""
        return keras.backend.standardize_dtype(self.means[0].dtype)

    @property
    def latents(self) -> int:
        """Number of processes."""
        return self.means[0].shape[0]

    def moments_at(self, x: Any, full_covariance: bool = False) -> tuple[Tensor, Tensor]:
        r"""Mean and variance of $f$, within compiled code or outside.

        Args:
            x: Inputs, of shape (n, d).
            full_covariance: Whether covariances are computed as well.

        Returns:
            The mean, of shape (latents, n), and the variance, (latents, n), or the covariance,
            (latents, n, n).
        """
        return self.predictor(x, self.factors, self.means, self.roots, full_covariance)

    def given(
        self, x: Any, marginal: bool = False, observed: bool = False, batch_size: int = 4096
    ) -> Distribution:
        """The distribution of values of the process at inputs.

        Args:
            x: Inputs, of shape (n, d).
            marginal: Whether each value is taken by itself: a `Normal`, of which millions are
                cheap. Else they are a vector, with its covariance of shape (n, n).
            observed: Whether the noise of observations is added.
            batch_size: Inputs per compiled call, where they are taken by themselves.

        Returns:
            A multivariate normal of event shape (n,), or a `Normal` of batch shape (n,); with
            (latents,) in front where there are several processes.

        Raises:
            ValueError: x has another shape, or values that are not finite; `observed`, of a process
                whose noise is not normal.
        """
        x = self._inputs(x)
        noise = 0.0
        if observed:
            if self.noise_variance is None:
                raise ValueError(
                    "given: observed=True adds the noise of observations, which this process has "
                    "not: ask the model that it belongs to for its predictions."
                )
            noise = self.noise_variance
        if marginal:
            mean, variance = map_rows(lambda rows, _: self._run(rows, False), x, batch_size)
            mean, variance = ops.transpose(mean), ops.transpose(variance)
            normal = Normal(mean, ops.sqrt(variance + noise), validate=False)
            return normal[0] if self.latents == 1 else normal
        mean, covariance = self._run(x, True)
        covariance = ops.add_to_diagonal(covariance, noise)
        if self.latents == 1:
            mean, covariance = mean[0], covariance[0]
        return MultivariateNormalFullCovariance(mean, covariance, validate=False)

    def sample_functions(
        self, count: int = 1, seed: int = 0, features: int = 1024, how: str = "orthogonal"
    ) -> FunctionDraws:
        """Draws of the process as functions, which are evaluated anywhere, again and again.

        Unlike draws of `given(x)`, whose cost grows with the cube of the number of inputs, and
        which differ from call to call.

        Args:
            count: Number of draws.
            seed: Integer seed.
            features: Number of random features of the kernel.
            how: How they are drawn: see `gp.random_features.fourier`.

        Returns:
            A function of inputs (n, d), which returns values (count, n).

        Raises:
            TypeError: The kernel has no random features.
            ValueError: There are several processes.
            NotImplementedError: The posterior's features are no values at points.
        """
        count = whole_number("sample_functions", "count", count)
        if self.latents > 1:
            raise ValueError(
                f"sample_functions draws one process; this posterior has {self.latents}."
            )
        # Each use of the seed draws anew.
        seed = ops.whole_seed(seed) % 2**31
        seeds = keras.random.SeedGenerator(seed)
        phi = fourier(self.kernel, self.features.columns, features, how, seed)
        weights = keras.random.normal((count, phi.count), dtype=self.dtype, seed=seeds)

        def prior(x):
            return prior_values(phi, weights, x)

        at_prior = self.features.whitened_values(self.factors, prior, seeds)
        drawn = draws_of_blocks(self.means, self.roots, count, seeds)
        updates = [w - prior for w, prior in zip(drawn, at_prior, strict=True)]
        return FunctionDraws(
            self.kernel, self.mean_function, self.features, self.factors, phi, weights, updates
        )

    def condition(self, x: Any, y: Any, noise_variance: Any = None) -> "Posterior":
        r"""The posterior after further observations, without starting anew.

        Exact posteriors grow by rows, in $O(n^2 m)$; those of features follow by a low-rank update,
        in which the features stay the same: the exact answer where these are sufficient.

        Args:
            x: Inputs, of shape (m, d).
            y: Values, of shape (m,).
            noise_variance: Variance of their noise; None for that of the posterior.

        Returns:
            A new posterior; this one stays as it is.

        Raises:
            ValueError: x and y do not fit, no noise is known, there are several processes, or
                several blocks of features, which new data would tie together.
        """
        x, y = self._inputs(x), ops.cast(as_array(y, "y"), self.dtype)
        noise = self.noise_variance if noise_variance is None else noise_variance
        if noise is None:
            raise ValueError("condition: give the noise_variance of the observations.")
        if len(self.means) > 1 or self.latents > 1:
            raise ValueError(
                "condition takes one process with one block of features; this posterior has "
                f"{self.latents} processes and {len(self.means)} blocks."
            )
        if tuple(y.shape) != (x.shape[0],):
            raise ValueError(
                f"condition: x has {x.shape[0]} rows, so y must have the shape ({x.shape[0]},), "
                f"not {tuple(y.shape)}."
            )
        noise = ops.convert_to_tensor(noise, dtype=self.dtype)
        (a,) = self.features.projections(self.kernel, self.factors, x)
        left = y - self.predictor.mean_before(x) - ops.matmul(self.means[0], a)[0]
        grow = self._with_rows if self.roots[0] is None else self._with_precision
        return grow(x, a, left, noise)

    def _with_rows(self, x, a, left, noise):
        lower, observed_at = self.factors
        corner = ops.add_to_diagonal(self.kernel(x), noise)
        cross = ops.matmul(lower, a)
        longer = ops.cholesky_append(lower, cross, corner)
        count = lower.shape[-1]
        new = ops.solve_triangular(longer[count:, count:], left[:, None])[:, 0]
        all_x = ops.concatenate([observed_at, x], axis=0)
        return Posterior(
            self.kernel,
            self.mean_function,
            Observations(all_x, self.noise_variance),
            [longer, all_x],
            [ops.concatenate([self.means[0], new[None]], axis=1)],
            [None],
            self.noise_variance,
            self.predictor,
        )

    def _with_precision(self, _, a, left, noise):
        # With S = R R' and G = R' A: S' = R (I + G G' / s2)^-1 R'.
        root = as_matrix(self.roots[0])[0]
        explained = ops.matmul(ops.transpose(root), a) / ops.sqrt(noise)
        identity = ops.eye(root.shape[-1], dtype=root.dtype)
        factor = ops.cholesky_update(identity, explained)
        root = ops.transpose(ops.solve_triangular(factor, ops.transpose(root)))
        gain = ops.matmul(root, ops.matmul(ops.transpose(root), ops.matmul(a, left) / noise))
        return Posterior(
            self.kernel,
            self.mean_function,
            self.features,
            self.factors,
            [self.means[0] + gain[None]],
            [root[None]],
            self.noise_variance,
            self.predictor,
        )

    def _inputs(self, x):
        x = as_inputs(as_array(x, "x"), "x")
        return ops.cast(x, self.dtype)

    def _run(self, x, full_covariance):
        return self.predictor.run(x, self.factors, self.means, self.roots, full_covariance)


class Predictor:
    """Computes moments from the tensors of a posterior: compiled once, for all those of a model.

    Args:
        kernel: The kernel.
        mean_function: The mean function.
        features: The features.
    """

    def __init__(self, kernel: Kernel, mean_function: MeanFunction, features: Features):
        self.kernel, self.mean_function, self.features = kernel, mean_function, features
        self._compiled = {}

    def __call__(
        self,
        x: Tensor,
        factors: list[Tensor],
        means: list[Tensor],
        roots: list[Tensor | None],
        full_covariance: bool,
    ) -> tuple[Tensor, Tensor]:
        """The moments, as `Posterior.moments_at` says."""
        prior = self.kernel(x) if full_covariance else self.kernel.diagonal(x)
        projections = self.features.projections(self.kernel, factors, x)
        mean, variance = moments(prior, projections, means, roots, full_covariance)
        return mean + self.mean_before(x), variance

    def serves(self, kernel: Kernel, mean_function: MeanFunction, features: Features) -> bool:
        """Whether it computes the moments of a posterior that is made of these.

        Observations are among the tensors of a posterior: those of any data will do.
        """
        same = features is self.features or (
            isinstance(features, Observations) and isinstance(self.features, Observations)
        )
        return same and kernel is self.kernel and mean_function is self.mean_function

    def mean_before(self, x: Tensor) -> Tensor:
        """What the mean function says, with the processes in front."""
        mean = self.mean_function(x)
        return ops.transpose(mean) if len(mean.shape) == 2 else mean

    def run(
        self,
        x: Tensor,
        factors: list[Tensor],
        means: list[Tensor],
        roots: list[Tensor | None],
        full_covariance: bool,
    ) -> tuple[Tensor, Tensor]:
        """The same by compiled code; of values by themselves with the inputs in front."""
        if full_covariance not in self._compiled:

            def compute(x, factors, means, roots):
                mean, variance = self(x, factors, means, roots, full_covariance)
                if full_covariance:
                    return mean, variance
                return ops.transpose(mean), ops.transpose(variance)

            self._compiled[full_covariance] = ops.compile(compute)
        return self._compiled[full_covariance](x, factors, means, roots)
