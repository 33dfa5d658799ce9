"""How a gamma variable moves with its concentration."""

from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.backends import backend
from kelbo.ops.series import polynomial
from kelbo.typing import Tensor

# Above this concentration an asymptotic series has the slope: the recurrences of the backends need
# ever more steps there, and lose digits (on TensorFlow all of them near the mode).
_LARGE = 200.0


def gamma_slope(concentration: Tensor, x: Tensor, exact: bool = False) -> Tensor:
    r"""The derivative of a standard gamma variable by its concentration, at a fixed probability.

    It is $dx / da = -(\partial P(a, x) / \partial a) / f(x; a)$, with f the density. It can be
    differentiated by x; its derivative by a is refused.

    Args:
        concentration: A positive tensor a.
        x: A positive tensor of the same shape and dtype.
        exact: Whether to full accuracy on PyTorch too, which costs eight incomplete gamma functions
            there; otherwise it has three digits, enough for draws.

    Returns:
        A tensor of the same shape.
    """
    large = concentration > _LARGE
    a, at = ops.where(large, 1.0, concentration), ops.where(large, 1.0, x)
    return ops.where(large, _slope_of_large(concentration, x), _SLOPE_OF_SMALL[exact](a, at))


def _refuse(a, x, slope):
    raise NotImplementedError(
        "A gamma variable can be differentiated by its concentration only once: what is made of "
        "one (draws and quantiles of Gamma, InverseGamma, Beta, Dirichlet or StudentT, the "
        "distribution function of Gamma) has no second derivative by it. Stop the gradient of one "
        "of the two by ops.stop_gradient, or take finite differences."
    )


def _by_x(a, x, slope):
    """From that of the quotient: the derivative of P by a is one of the density by x."""
    return backend.digamma(a) - ops.log(x) - slope * ((a - 1.0) / x - 1.0)


_SLOPE_OF_SMALL = {
    exact: with_derivatives(slope, [_refuse, _by_x])
    for exact, slope in ((False, backend.gamma_slope), (True, backend.exact_gamma_slope))
}


def log_gamma_slope(concentration: Tensor, log_x: Tensor, exact: bool = False) -> Tensor:
    r"""The derivative of the logarithm of a standard gamma variable by its concentration.

    Args:
        concentration: A positive tensor a.
        log_x: A tensor of the same shape and dtype.
        exact: As in `gamma_slope`.

    Returns:
        A tensor of the same shape.
    """
    # Near 0, P(a, x) is x^a / Γ(a + 1) (1 + O(x)).
    tiny = log_x < -15.0 if "32" in str(log_x.dtype) else log_x < -36.0
    a, at = ops.where(tiny, 1.0, concentration), ops.where(tiny, 0.0, log_x)
    x = ops.exp(at)
    near_zero = (backend.digamma(concentration + 1.0) - log_x) / concentration
    return ops.where(tiny, near_zero, gamma_slope(a, x, exact) / x)


def _slope_of_large(a, x):
    r"""The derivative dx / da at a fixed probability, for large a; its error is O(a^-2).

    From N. M. Temme, "Asymptotic inversion of incomplete gamma functions" (1992). With
    $\lambda = x / a = 1 + \mu$ and $\eta^2 / 2 = \mu - \log \lambda$, the probability depends on
    $\sqrt a (\eta - \log(f) / (\eta a))$ alone, where $f = \eta / \mu$; so
    $dx / da = \lambda \log(\lambda) / \mu - \lambda f'(\eta) / (2 a)$.
    """
    mu = ops.clip((x - a) / a, -0.999, 1e6)  # a draw is within 0.5 of it, but for the branch unused
    ratio = 1.0 + mu
    near = ops.abs(mu) < 0.1
    small, far = ops.where(near, mu, 0.1), ops.where(near, 0.1, mu)
    log_over_mu = ops.where(near, polynomial(small, _LOG1P), ops.log1p(far) / far)
    direct = (far * far - 2.0 * (1.0 + far) * (far - ops.log1p(far))) / (far * far * far)
    bend = ops.where(near, polynomial(small, _BEND), direct)
    return ratio * (log_over_mu - 0.5 * bend / a)


# The power series of log(1 + t) / t, and of f'(η) = -1/3 + t/6 - t²/10 + ...
_LOG1P = tuple((-1.0) ** k / (k + 1) for k in range(16))
_BEND = tuple(2.0 * (-1.0) ** k / (k * (k - 1)) for k in range(3, 17))
