"""What the ground floor needs of JAX."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kelbo.ops.backends import jax_normal, jax_random

DOUBLE_DTYPES = frozenset({np.dtype("float64"), np.dtype("complex128"), "float64", "complex128"})

# The functions of `keras.ops` that turn float64 into float32, or go through float32 inside (seen
# in Keras 3.15).
DEMOTED_OPS = (
    "angle",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "average",
    "ceil",
    "cos",
    "cosh",
    "ctc_decode",
    "ctc_loss",
    "dot_product_attention",
    "floor",
    "layer_normalization",
    "logaddexp",
    "logaddexp2",
    "mean",
    "norm",
    "polar",
    "rms_normalization",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
    "var",
)
# Those that do so unless they are told the dtype.
DEMOTED_BY_DEFAULT_OPS = ("full",)
# Those that must be written anew.
REPLACED_OPS = {}
# Those that round a Python number to float32 beside a float64 tensor.
NUMBER_ROUNDING_OPS = ()

lgamma = jax.lax.lgamma
digamma = jax.lax.digamma
erfc = jax.lax.erfc
normal_quantile = jax_normal.normal_quantile
bessel_i0e = jax.lax.bessel_i0e
bessel_i1e = jax.lax.bessel_i1e
gamma_slope = exact_gamma_slope = jax.lax.random_gamma_grad
gamma_above_one = jax_random.gamma_above_one
poisson = jax_random.poisson
binomial = jax_random.binomial


@jax.custom_jvp
def ratio(x: jax.Array, y: jax.Array) -> jax.Array:
    """X / y. JAX' own derivative by y holds y ** -2, which may be infinite."""
    return x / y


ratio.defjvps(
    # Not by division: of a quotient over y XLA makes one over y * y.
    lambda tangent, value, x, y: tangent * (1.0 / y),
    lambda tangent, value, x, y: -(value * (1.0 / y)) * tangent,
)


@contextlib.contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Nothing: all draws have seeds of their own here."""
    yield


def float64_enabled() -> bool:
    """Whether JAX makes float64 arrays at all (`jax_enable_x64`)."""
    return bool(jax.config.jax_enable_x64)


def enable_float64() -> None:
    """Lets JAX make float64 arrays, from now on and in the whole process."""
    if not float64_enabled():  # also within jax.enable_x64(), which ends by itself
        jax.config.update("jax_enable_x64", True)


def as_tensor(x: jax.Array) -> jax.Array:
    """The argument itself."""
    return x


def known_truth(x: jax.Array) -> bool | None:
    """The truth of a boolean scalar, or None while a compiled function is being traced."""
    try:
        return bool(x)
    except jax.errors.ConcretizationTypeError:
        return None


def logcumsumexp(x: jax.Array, axis: int) -> jax.Array:
    """The logarithm of the cumulative sum of exponentials."""
    return jax.lax.cumlogsumexp(x, axis=axis % x.ndim)


def with_derivatives(function: Callable, derivatives: Sequence[Callable | None]) -> Callable:
    """The elementwise `function`, differentiated by the rules given: see `ops.derivatives`."""
    differentiable = jax.custom_jvp(function)

    def rule(primals, tangents):
        value = differentiable(*primals)
        total = jnp.zeros_like(value)
        for tangent, derivative in zip(tangents, derivatives, strict=True):
            # What is constant costs nothing: its derivative is not computed.
            if type(tangent) is not jax.custom_derivatives.SymbolicZero:
                total = total + derivative(*primals, value) * tangent
        return value, total

    differentiable.defjvp(rule, symbolic_zeros=True)
    return jax.jit(differentiable)  # else an eager call would be compiled op by op


def with_pullback(forward: Callable, pullback: Callable) -> Callable:
    """The function that `forward` computes, differentiated by `pullback`: see `ops.pullbacks`."""
    function = jax.custom_vjp(lambda *args: forward(*args)[0])
    function.defvjp(forward, pullback)
    return function


def factor_with_retries(a: jax.Array, jitter: float, max_tries: int) -> jax.Array:
    """The Cholesky factor after as little jitter as it takes, NaN where none is enough."""
    return _jitted_factor(a, jitter, max_tries)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _retrying_factor(a, jitter, max_tries):
    scale = jnp.mean(jnp.diagonal(a, axis1=-2, axis2=-1), axis=-1)[..., None, None]
    identity = jnp.eye(a.shape[-1], dtype=a.dtype)

    def factor(level):
        return jax.lax.linalg.cholesky(a + level * scale * identity, symmetrize_input=False)

    def failed(lower):
        return ~jnp.all(jnp.isfinite(lower), axis=(-2, -1))[..., None, None]

    def unfinished(state):
        tries, lower = state
        return (tries < max_tries) & jnp.any(failed(lower))

    def retry(state):
        tries, lower = state
        level = jnp.asarray(jitter, a.dtype) * 10.0 ** tries.astype(a.dtype)
        return tries + 1, jnp.where(failed(lower), factor(level), lower)

    first = jax.lax.linalg.cholesky(a, symmetrize_input=False)
    return jax.lax.while_loop(unfinished, retry, (jnp.zeros((), "int32"), first))[1]


# Jitted, so that an eager call does not trace the loop anew.
_jitted_factor = jax.jit(_retrying_factor, static_argnums=(1, 2))


@_retrying_factor.defjvp
def _retrying_factor_jvp(jitter, max_tries, primals, tangents):
    # dL = L Phi(L^-1 dA L^-T), Phi the lower triangle with its diagonal halved. It needs the factor
    # and nothing of the loop that found it: one factorisation serves the value and the gradient.
    (a,), (a_dot,) = primals, tangents
    lower = _jitted_factor(a, jitter, max_tries)
    solve = partial(jax.lax.linalg.triangular_solve, lower, lower=True)
    whitened = solve(solve(a_dot, left_side=False, transpose_a=True), left_side=True)
    halved = jnp.tril(whitened) * (1.0 - 0.5 * jnp.eye(a.shape[-1], dtype=a.dtype))
    return lower, jnp.matmul(lower, halved, precision=jax.lax.Precision.HIGHEST)


def solve_triangular(a: jax.Array, b: jax.Array, lower: bool, transpose: bool) -> jax.Array:
    """Solve a x = b, or a' x = b, with broadcast batch axes; `b` is a matrix."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return jax.lax.linalg.triangular_solve(
        jnp.broadcast_to(a, batch + a.shape[-2:]),
        jnp.broadcast_to(b, batch + b.shape[-2:]),
        left_side=True,
        lower=lower,
        transpose_a=transpose,
    )


class _RecordingScope(keras.StatelessScope):
    """A stateless scope that knows which variables changed, and sees through to an outer scope."""

    def __init__(self, state_mapping: Any) -> None:
        # What layers add as losses is read within, as the values that they change are.
        super().__init__(state_mapping, collect_losses=True)
        self.changed = {}

    def add_update(self, update: Any) -> None:
        super().add_update(update)
        self.changed[id(update[0])] = update[0]

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value


def is_out_of_memory(error: BaseException) -> bool:
    """Whether XLA could not allocate; what it raises depends on where it found out."""
    said = ("RESOURCE_EXHAUSTED", "Out of memory allocating")
    kinds = (RuntimeError, ValueError)
    return isinstance(error, kinds) and any(words in str(error) for words in said)


# Whether loops take and return registered pytrees as they take tensors.
LOOPS_TAKE_PYTREES = True


def register_pytree(kind: type) -> None:
    """Makes all of JAX take a class of `ops.pytrees.Pytree` apart."""

    def with_names(value):
        tensors, structure = value._taken_apart()
        keys = map(jax.tree_util.GetAttrKey, value._names_of(structure))
        return list(zip(keys, tensors, strict=True)), structure

    jax.tree_util.register_pytree_with_keys(
        kind, with_names, kind._put_together, lambda value: value._taken_apart()
    )


def scan(
    f: Callable, init: Any, xs: Any, length: int, reverse: bool, unroll: int | bool
) -> tuple[Any, Any]:
    """`jax.lax.scan`."""
    return jax.lax.scan(f, init, xs, length=length, reverse=reverse, unroll=unroll)


def value_and_grad(
    function: Callable[[], tuple[Any, Any]], variables: Sequence[keras.Variable]
) -> tuple[Any, Any, list[jax.Array]]:
    """The value and auxiliary output of `function()`, and the gradients of the value."""
    touched = []

    def of_values(values):
        with _RecordingScope(list(zip(variables, values, strict=True))) as scope:
            value, auxiliary = function()
        touched[:] = scope.changed.values()
        return value, (auxiliary, [scope.get_current_value(variable) for variable in touched])

    current = [variable.value for variable in variables]
    (value, (auxiliary, state)), gradients = jax.value_and_grad(of_values, has_aux=True)(current)
    for variable, new in zip(touched, state, strict=True):
        variable.assign(new)
    return value, auxiliary, gradients


def gradients_of_each(
    function: Callable[[], tuple[list[Any], Any]],
    groups: Sequence[Sequence[keras.Variable]],
    wanted: Sequence[jax.Array | None],
) -> tuple[list[Any], Any, list[list[jax.Array]]]:
    """The values and auxiliary output of `function()`, and gradients: see `ops.autodiff`."""
    variables = [variable for group in groups for variable in group]
    touched = []

    def of_values(values):
        with _RecordingScope(list(zip(variables, values, strict=True))) as scope:
            outputs, auxiliary = function()
        touched[:] = scope.changed.values()
        return outputs, (auxiliary, [scope.get_current_value(variable) for variable in touched])

    current = [variable.value for variable in variables]
    outputs, slopes, (auxiliary, state) = jax.linearize(of_values, current, has_aux=True)
    for variable, new in zip(touched, state, strict=True):
        variable.assign(new)

    def gradient(index, start, stop):
        # Of a map that has this output alone: what leads to the others is not gone through, where
        # `jax.vjp` would go through it with zeros.
        transposed = jax.linear_transpose(lambda tangents: slopes(tangents)[index], current)
        return transposed(jnp.ones_like(outputs[index]))[0][start:stop]

    gradients, start = [], 0
    for index, (group, is_wanted) in enumerate(zip(groups, wanted, strict=True)):
        stop = start + len(group)
        found = partial(gradient, index, start, stop)
        zeros = partial(lambda values: [jnp.zeros_like(v) for v in values], current[start:stop])
        gradients.append(found() if is_wanted is None else jax.lax.cond(is_wanted, found, zeros))
        start = stop
    return outputs, auxiliary, gradients


def update_if(
    condition: jax.Array, update: Callable[[], Any], variables: Sequence[keras.Variable]
) -> None:
    """Runs `update` where the condition holds: see `ops.autodiff`."""

    def updated(values):
        with _RecordingScope(list(zip(variables, values, strict=True))) as scope:
            update()
        known = {id(variable) for variable in variables}
        others = [v.path for key, v in scope.changed.items() if key not in known]
        if others:
            raise ValueError(f"update_if: the update also changes {', '.join(others)}: list them.")
        return [scope.get_current_value(variable) for variable in variables]

    current = [variable.value for variable in variables]
    new = jax.lax.cond(condition, updated, lambda values: values, current)
    for variable, value in zip(variables, new, strict=True):
        variable.assign(value)


def values_and_gradients(fn: Callable, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The values `fn(x)`, and the gradient of their sum."""

    def total(x):
        values = fn(x)
        return jnp.sum(values), values

    (_, values), gradient = jax.value_and_grad(total, has_aux=True)(x)
    return values, gradient


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def gradient_tap(value: jax.Array, rank: int) -> tuple[jax.Array, jax.Array]:
    """The value, and zeros whose gradients weight its own: see `ops.gradient_tap`."""
    return value, jnp.zeros((*value.shape[:rank], 2), value.dtype)


def _gradient_tap_forward(value, rank):
    return gradient_tap(value, rank), None


def _gradient_tap_backward(rank, _, upstream):
    of_value, of_tap = upstream
    a, b = of_tap[..., 0], of_tap[..., 1]
    ratio = jnp.where(b == 0, 0.0, a / jnp.where(b == 0, 1.0, b))
    return (_once(of_value * ratio.reshape(ratio.shape + (1,) * (of_value.ndim - rank))),)


@jax.custom_vjp
def _once(gradient):
    """A gradient that is not differentiated again."""
    return gradient


def _refuse(_, upstream):
    raise NotImplementedError("A gradient through ops.gradient_tap has no derivative of its own.")


_once.defvjp(lambda gradient: (gradient, None), _refuse)
gradient_tap.defvjp(_gradient_tap_forward, _gradient_tap_backward)
