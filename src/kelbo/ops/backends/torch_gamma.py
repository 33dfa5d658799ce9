"""How a gamma variable moves with its concentration, to full accuracy on PyTorch."""

import torch

from kelbo.ops.backends.differences import STEPS, WEIGHTS

_SHARE = 1e-3  # of the concentration; in units of its standard deviation for large ones


@torch.no_grad()
def exact_gamma_slope(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The derivative of a standard gamma draw x by its concentration, at a fixed probability.

    PyTorch's own has three digits, which is enough for draws. This is of the logarithm of the mass
    on one side, the smaller one, which is nearly linear in the concentration.
    """
    at, point = a.double(), x.double()
    step = _SHARE * at / (1.0 + at.sqrt())
    is_left = torch.special.gammainc(at, point) < 0.5

    def mass(a):
        below, above = torch.special.gammainc(a, point), torch.special.gammaincc(a, point)
        return torch.where(is_left, below, above)

    rise = sum(w * mass(at + k * step).log() for k, w in zip(STEPS, WEIGHTS, strict=True)) / step
    log_density = (at - 1.0) * point.log() - point - torch.lgamma(at)
    change = rise * torch.where(is_left, -1.0, 1.0) * (mass(at).log() - log_density).exp()
    # So far out that there is no mass in numbers.
    return torch.where(change.isfinite(), change.to(a.dtype), torch._standard_gamma_grad(a, x))
