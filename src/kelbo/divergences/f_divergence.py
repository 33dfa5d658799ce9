"""f-divergences from samples, and their variational bound."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.divergences.divergence import Divergence, draws_to_compare
from kelbo.divergences.f_functions import CsiszarFunction
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import Tensor

# Beyond, u itself cannot be held in float32.
_LARGEST_LOG_RATIO = 80.0


@registered
class FDivergence(Divergence):
    r"""Estimate of an f-divergence from samples, for any pair of distributions.

    $$D_f(p, q) = \mathbb{E}_q\Big[f\Big(\frac{p(x)}{q(x)}\Big)\Big]
        \approx \frac{1}{S} \sum_{s=1}^S f\Big(\frac{p(x_s)}{q(x_s)}\Big), \qquad x_s \sim q$$

    (Csiszár, 1963; Ali and Silvey, 1966.) Unbiased; so is its gradient where q is `reparameterized`
    (elsewhere the part that goes through the draws is missing). Its variance may be infinite: that
    of `f.Pearson()` is where the fourth power of $p / q$ has no mean.

    Args:
        f: A convex function, one of `kelbo.divergences.f`.
        samples: Number of samples $S$.

    Raises:
        ValueError: `f` is no such function, or `samples` no whole number of at least 1.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import FDivergence, f
        >>> divergence = FDivergence(f.KLForward(), samples=10_000)  # KL(p || q)
        >>> abs(float(divergence(Normal(0.0, 1.0), Normal(1.0, 1.0), seed=0)) - 0.5) < 0.05
        True
    """

    def __init__(self, f: CsiszarFunction, samples: int = 1):
        self.f = as_function("FDivergence", f)
        self.samples = whole_number("FDivergence", "samples", samples)

    def __call__(self, q: Distribution, p: Distribution, seed: Any = None) -> Tensor:
        q, p, x = draws_to_compare(q, p, self.samples, seed)
        return ops.mean(self.f.of_log(p.log_prob(x) - q.log_prob(x)), axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"f": keras.saving.serialize_keras_object(self.f), "samples": self.samples}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FDivergence":
        """The divergence that `get_config` described."""
        return cls(keras.saving.deserialize_keras_object(config["f"]), config["samples"])

    def __repr__(self) -> str:
        return f"FDivergence(f={self.f!r}, samples={self.samples!r})"


def dual_bound(f: CsiszarFunction, log_ratio_at_p: Tensor, log_ratio_at_q: Tensor) -> Tensor:
    r"""Lower bound on an f-divergence from draws of both distributions and a guess of their ratio.

    $$D_f(p, q) \ge \mathbb{E}_p\big[f'(r)\big] - \mathbb{E}_q\big[f^*(f'(r))\big],
        \qquad f^*(f'(r)) = r f'(r) - f(r)$$

    for any positive function $r$, tight where $r = p / q$ (Nguyen, Wainwright and Jordan, 2010,
    "Estimating divergence functionals and the likelihood ratio by convex risk minimization";
    Nowozin, Cseke and Tomioka, 2016, "f-GAN"). No density is needed, nor the conjugate in closed
    form. It can be maximised by $r$: at its maximum a network gives the log ratio. Log ratios
    beyond 80 count as 80.

    Args:
        f: A convex function, one of `kelbo.divergences.f`.
        log_ratio_at_p: $\log r(x)$ at draws $x \sim p$: a tensor of any shape.
        log_ratio_at_q: $\log r(x)$ at draws $x \sim q$: a tensor of any shape.

    Returns:
        A number.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.divergences import dual_bound, f
        >>> p, q = Normal(1.0, 1.0), Normal(0.0, 1.0)  # p / q = exp(x - 1 / 2)
        >>> at_p, at_q = (x.sample((20_000,), seed=0) - 0.5 for x in (p, q))
        >>> round(float(dual_bound(f.KLForward(), at_p, at_q)), 1)
        0.5
    """
    at_p, at_q = (
        ops.clip(log_ratio, -_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO)
        for log_ratio in (log_ratio_at_p, log_ratio_at_q)
    )
    derivative = f.slope(at_p) * ops.exp(-at_p)
    return ops.mean(derivative) - ops.mean(f.slope(at_q) - f.of_log(at_q))


def as_function(owner: str, f: Any) -> CsiszarFunction:
    """Checks an argument that must be a convex function.

    Args:
        owner: Name of the class that has the argument, for the error.
        f: What was given.

    Returns:
        It.

    Raises:
        ValueError: It is none.

    Example:
        >>> from kelbo.divergences.f_divergence import as_function
        >>> from kelbo.divergences.f_functions import Pearson
        >>> as_function("FDivergence", Pearson())
        Pearson()
    """
    if not isinstance(f, CsiszarFunction):
        raise ValueError(
            f"{owner}: f must be a function of kelbo.divergences.f, such as f.JensenShannon(), "
            f"got {f!r}."
        )
    return f
