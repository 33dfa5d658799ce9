"""What the ground floor needs of PyTorch."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import torch

from kelbo.ops.backends import torch_float64, torch_gamma
from kelbo.ops.backends.python_scan import python_scan, to_tensors

DOUBLE_DTYPES = frozenset(
    {torch.float64, torch.complex128, np.dtype("float64"), np.dtype("complex128")}
    | {"float64", "complex128"}
)

# The functions of `keras.ops` that turn float64 into float32, or go through float32 inside (seen
# in Keras 3.15).
DEMOTED_OPS = (
    "allclose",
    "arange",
    "arctan2",
    "average",
    "bincount",
    "ceil",
    "correlate",
    "cross",
    "ctc_decode",
    "ctc_loss",
    "cumprod",
    "cumsum",
    "divide_no_nan",
    "dot",
    "dot_product_attention",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "geomspace",
    "heaviside",
    "hypot",
    "inner",
    "isclose",
    "layer_normalization",
    "ldexp",
    "linspace",
    "logaddexp",
    "logaddexp2",
    "logspace",
    "matmul",
    "maximum",
    "mean",
    "median",
    "minimum",
    "nancumprod",
    "nancumsum",
    "nanmean",
    "nanmedian",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nanvar",
    "nextafter",
    "norm",
    "percentile",
    "prod",
    "quantile",
    "rms_normalization",
    "tensordot",
    "vander",
    "var",
    "vdot",
)
# Those that do so unless they are told the dtype.
DEMOTED_BY_DEFAULT_OPS = ("full",)
# Those that must be written anew.
REPLACED_OPS = {
    name: getattr(torch_float64, name)
    for name in ("associative_scan", "segment_max", "segment_min", "segment_prod", "segment_sum")
}
# Those that round a Python number to float32 beside a float64 tensor.
NUMBER_ROUNDING_OPS = (
    "add",
    "arctan2",
    "clip",
    "fmod",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "mod",
    "multiply",
    "nextafter",
    "power",
    "subtract",
    "where",
)

lgamma = torch.lgamma
digamma = torch.digamma
erfc = torch.special.erfc
normal_quantile = torch.special.ndtri
bessel_i0e = torch.special.i0e
bessel_i1e = torch.special.i1e
logcumsumexp = torch.logcumsumexp
gamma_slope = torch._standard_gamma_grad  # has no public name; what Gamma.rsample goes by
exact_gamma_slope = torch_gamma.exact_gamma_slope


def _generator(seed):
    """A generator of its own: PyTorch's global one stays as it was."""
    high, low = (int(word) for word in seed)
    return torch.Generator(device=seed.device).manual_seed((high << 31) | low)


def _drawn(sampler, seed, *parameters):
    if seed.device.type == "meta":  # only shapes are computed
        return torch.empty_like(parameters[-1])
    with torch.no_grad():
        return sampler(*parameters, generator=_generator(seed))


def gamma_above_one(seed: torch.Tensor, concentration: torch.Tensor) -> torch.Tensor:
    """Standard gamma draws of the shape of `concentration`, which is at least 1."""
    return _drawn(torch._standard_gamma, seed, concentration)


def poisson(seed: torch.Tensor, rate: torch.Tensor) -> torch.Tensor:
    """Poisson draws of the shape and dtype of `rate`."""
    return _drawn(_poisson, seed, rate)


def _poisson(rate, generator):
    # PyTorch's are 64-bit integers inside: so far out a normal draw has the same distribution.
    large = rate > 1e17
    spread = torch.randn(rate.shape, generator=generator, dtype=rate.dtype, device=rate.device)
    near = torch.poisson(torch.where(large, 0.0, rate), generator=generator)
    return torch.where(large, torch.round(rate + torch.sqrt(rate) * spread), near)


def binomial(seed: torch.Tensor, counts: torch.Tensor, probs: torch.Tensor) -> torch.Tensor:
    """Binomial draws of the shape and dtype of `counts` and `probs`, which share them."""
    return _drawn(torch.binomial, seed, counts, probs)


def ratio(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """X / y, whose derivative by y is here -(x / y) / y as it stands."""
    return x / y


@contextlib.contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Within, draws that take no seed follow this one; Keras' `Dropout` makes such."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def float64_enabled() -> bool:
    """Whether float64 tensors exist: always, on PyTorch."""
    return True


def enable_float64() -> None:
    """Nothing: PyTorch makes float64 tensors always."""


def as_tensor(x: torch.Tensor) -> torch.Tensor:
    """The argument itself."""
    return x


def known_truth(x: torch.Tensor) -> bool | None:
    """The truth of a boolean scalar, or None where only shapes are computed or under `vmap`."""
    try:
        return bool(x)
    except RuntimeError:
        return None


def with_derivatives(function: Callable, derivatives: Sequence[Callable | None]) -> Callable:
    """The elementwise `function`, differentiated by the rules given: see `ops.derivatives`."""

    class Differentiable(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *args: Any) -> torch.Tensor:
            value = function(*args)
            ctx.save_for_backward(*args, value)
            return value

        @staticmethod
        def backward(ctx: Any, upstream: torch.Tensor) -> tuple:
            saved = ctx.saved_tensors
            return tuple(
                upstream * rule(*saved) if rule and wanted else None
                for rule, wanted in zip(derivatives, ctx.needs_input_grad, strict=True)
            )

    return Differentiable.apply


def with_pullback(forward: Callable, pullback: Callable) -> Callable:
    """The function that `forward` computes, differentiated by `pullback`: see `ops.pullbacks`."""

    class Differentiable(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *args: Any) -> Any:
            value, ctx.residuals = forward(*args)
            ctx.is_tuple = isinstance(value, tuple)
            return value

        @staticmethod
        def backward(ctx: Any, *upstream: torch.Tensor) -> tuple:
            cotangents = pullback(ctx.residuals, upstream if ctx.is_tuple else upstream[0])
            return tuple(_Once.apply(cotangent) for cotangent in cotangents)

    return lambda *args: Differentiable.apply(*args)


def factor_with_retries(a: torch.Tensor, jitter: float, max_tries: int) -> torch.Tensor:
    """The Cholesky factor after as little jitter as it takes, NaN where none is enough."""
    lower, failed = _factor_or_nan(a)
    if known_truth(failed.any()) is False:
        return lower
    scale = torch.diagonal(a, dim1=-2, dim2=-1).detach().mean(-1)[..., None, None]
    unit = scale * torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    level = torch.zeros_like(scale)
    with torch.no_grad():
        for retry in range(max_tries):
            if known_truth(failed.any()) is False:
                break
            level = torch.where(failed, torch.full_like(level, jitter * 10.0**retry), level)
            failed = _factor_or_nan(a + level * unit)[1]
    return _factor_or_nan(a + level * unit)[0]


def _factor_or_nan(a):
    lower, status = torch.linalg.cholesky_ex(a)
    finite = torch.isfinite(lower).all(-1).all(-1)
    failed = ((status > 0) | ~finite)[..., None, None]
    return torch.where(failed, torch.full_like(lower, torch.nan), lower), failed


def solve_triangular(
    a: torch.Tensor, b: torch.Tensor, lower: bool, transpose: bool
) -> torch.Tensor:
    """Solve a x = b, or a' x = b, with broadcast batch axes; `b` is a matrix."""
    if transpose:
        a, lower = a.mT, not lower
    return torch.linalg.solve_triangular(a, b, upper=not lower)


# Whether loops take and return registered pytrees as they take tensors.
LOOPS_TAKE_PYTREES = False


def register_pytree(kind: type) -> None:
    """Nothing: a class of `ops.pytrees.Pytree` goes through eager code as it is."""


def scan(
    f: Callable, init: Any, xs: Any, length: int, reverse: bool, unroll: int | bool
) -> tuple[Any, Any]:
    """`jax.lax.scan`, as a Python loop."""
    return python_scan(
        f, to_tensors(init), to_tensors(xs), length, reverse, lambda x: torch.stack(list(x))
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch could not allocate; on the CPU that is a RuntimeError like any other."""
    said = ("can't allocate memory", "not enough memory")
    return isinstance(error, torch.cuda.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in said)
    )


def value_and_grad(
    function: Callable[[], tuple[Any, Any]], variables: Sequence[keras.Variable]
) -> tuple[Any, Any, list[torch.Tensor]]:
    """The value and auxiliary output of `function()`, and the gradients of the value."""
    again = torch.is_grad_enabled()  # then what is returned may be differentiated in its turn
    values = [variable.value for variable in variables]
    # A variable that is not trainable records no gradient unless it is asked to.
    silent = [value for value in values if not value.requires_grad]
    try:
        for value in silent:
            value.requires_grad_(True)
        with torch.enable_grad():
            value, auxiliary = function()
            if value.requires_grad and values:
                gradients = torch.autograd.grad(
                    value, values, allow_unused=True, create_graph=again
                )
            else:
                gradients = [None] * len(values)
    finally:
        for tensor in silent:
            tensor.requires_grad_(False)
    gradients = [
        torch.zeros_like(at) if gradient is None else gradient
        for gradient, at in zip(gradients, values, strict=True)
    ]
    if again:
        return value, auxiliary, gradients
    auxiliary = keras.tree.map_structure(
        lambda x: x.detach() if isinstance(x, torch.Tensor) else x, auxiliary
    )
    return value.detach(), auxiliary, gradients


def gradients_of_each(
    function: Callable[[], tuple[list[Any], Any]],
    groups: Sequence[Sequence[keras.Variable]],
    wanted: Sequence[torch.Tensor | None],
) -> tuple[list[Any], Any, list[list[torch.Tensor]]]:
    """The values and auxiliary output of `function()`, and gradients: see `ops.autodiff`."""
    with torch.enable_grad():
        outputs, auxiliary = function()
    gradients = []
    for output, group, is_wanted in zip(outputs, groups, wanted, strict=True):
        at = [variable.value for variable in group]
        found = [None] * len(at)
        if at and output.requires_grad and (is_wanted is None or bool(is_wanted)):
            found = torch.autograd.grad(output, at, allow_unused=True, retain_graph=True)
        gradients.append(
            [torch.zeros_like(v) if g is None else g for g, v in zip(found, at, strict=True)]
        )
    detach = partial(
        keras.tree.map_structure, lambda x: x.detach() if isinstance(x, torch.Tensor) else x
    )
    return detach(outputs), detach(auxiliary), gradients


def update_if(
    condition: torch.Tensor, update: Callable[[], Any], variables: Sequence[keras.Variable]
) -> None:
    """Runs `update` where the condition holds: see `ops.autodiff`."""
    if bool(condition):
        update()


def values_and_gradients(fn: Callable, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The values `fn(x)`, and the gradient of their sum."""
    again = torch.is_grad_enabled()
    recorded = again and x.requires_grad
    with torch.enable_grad():
        # A tensor of its own: what `fn` reads of `x` besides is held fixed.
        at = x.view_as(x) if recorded else x.detach().requires_grad_(True)
        values = fn(at)
        gradient = None
        if values.requires_grad:
            (gradient,) = torch.autograd.grad(
                values.sum(), [at], allow_unused=True, create_graph=again
            )
    gradient = torch.zeros_like(x) if gradient is None else gradient
    if recorded or (again and _has_other_leaves(values, at)):
        return values, gradient
    return values.detach(), gradient.detach()


def _has_other_leaves(values, leaf):
    """Whether the values have a gradient by any other tensor than this leaf."""
    nodes, seen = [values.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None and variable is not leaf:
            return True
        nodes += [following for following, _ in node.next_functions]
    return False


class _GradientTap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.rank = rank
        return value.view_as(value), value.new_zeros((*value.shape[:rank], 2))

    @staticmethod
    def backward(ctx: Any, of_value: torch.Tensor, of_tap: torch.Tensor) -> tuple:
        a, b = of_tap[..., 0], of_tap[..., 1]
        ratio = torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))
        gradient = of_value * ratio.reshape(ratio.shape + (1,) * (of_value.ndim - ctx.rank))
        return _Once.apply(gradient), None


class _Once(torch.autograd.Function):
    """A gradient that is not differentiated again; `once_differentiable` would give zeros."""

    @staticmethod
    def forward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError(
            "This gradient is given by a rule (that of ops.gradient_tap, or of a pullback), which "
            "has no derivative of its own: differentiate it once."
        )


def gradient_tap(value: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The value, and zeros whose gradients weight its own: see `ops.gradient_tap`."""
    return _GradientTap.apply(value, rank)
