"""What the ground floor needs of TensorFlow."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kelbo.ops.backends import tensorflow_tracing
from kelbo.ops.backends.python_scan import python_scan, row, to_tensors

DOUBLE_DTYPES = frozenset(
    {tf.float64, tf.complex128, np.dtype("float64"), np.dtype("complex128")}
    | {"float64", "complex128"}
)

# The functions of `keras.ops` that turn float64 into float32 (seen in Keras 3.15): none here,
DEMOTED_OPS = ()
# and those that do so unless they are told the dtype.
DEMOTED_BY_DEFAULT_OPS = ("full", "geomspace")


def _digitize(x, bins):
    x = tf.convert_to_tensor(x)
    bins = tf.convert_to_tensor(bins, x.dtype)
    return tf.reshape(tf.searchsorted(bins, tf.reshape(x, [-1]), side="right"), tf.shape(x))


# Those that must be written anew: TensorFlow's `Bucketize` holds its boundaries in float32.
REPLACED_OPS = {"digitize": _digitize}
# Those that round a Python number to float32 beside a float64 tensor.
NUMBER_ROUNDING_OPS = ("arctan2", "fmod", "hypot", "logaddexp", "logaddexp2", "mod", "nextafter")

lgamma = tf.math.lgamma
digamma = tf.math.digamma
erfc = tf.math.erfc
normal_quantile = tf.math.ndtri
bessel_i0e = tf.math.bessel_i0e
bessel_i1e = tf.math.bessel_i1e


def gamma_slope(a: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The derivative of a standard gamma draw x by its concentration, at a fixed probability."""
    return _gamma_slope(a, x)


exact_gamma_slope = gamma_slope


@tf.custom_gradient
def _gamma_slope(a, x):
    def unknown(upstream):
        # TensorFlow knows no derivative of it, and asks for one whenever a function that holds it
        # is differentiated, by x alone too: NaN, where it is used.
        return (tf.fill(tf.shape(upstream), tf.constant(np.nan, upstream.dtype)),) * 2

    return tf.raw_ops.RandomGammaGrad(alpha=a, sample=x), unknown


def gamma_above_one(seed: tf.Tensor, concentration: tf.Tensor) -> tf.Tensor:
    """Standard gamma draws of the shape of `concentration`, which is at least 1."""
    drawn = tf.random.stateless_gamma(
        tf.shape(concentration), seed=seed, alpha=concentration, dtype=concentration.dtype
    )
    return tf.ensure_shape(drawn, concentration.shape)


def poisson(seed: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """Poisson draws of the shape and dtype of `rate`."""
    drawn = tf.random.stateless_poisson(tf.shape(rate), seed=seed, lam=rate, dtype=rate.dtype)
    return tf.ensure_shape(drawn, rate.shape)


def binomial(seed: tf.Tensor, counts: tf.Tensor, probs: tf.Tensor) -> tf.Tensor:
    """Binomial draws of the shape and dtype of `counts` and `probs`, which share them."""
    drawn = tf.random.stateless_binomial(
        tf.shape(probs), seed=seed, counts=counts, probs=probs, output_dtype=probs.dtype
    )
    return tf.ensure_shape(drawn, probs.shape)


def ratio(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """X / y, whose derivative by y is here -(x / y) / y as it stands."""
    return x / y


@contextlib.contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Nothing: all draws have seeds of their own here."""
    yield


def float64_enabled() -> bool:
    """Whether float64 tensors exist: always, on TensorFlow."""
    return True


def enable_float64() -> None:
    """Nothing: TensorFlow makes float64 tensors always."""


def as_tensor(x: tf.Tensor | tf.Variable) -> tf.Tensor:
    """The value of a `tf.Variable`, which Keras takes for a tensor and which has no `ndim`."""
    return tf.convert_to_tensor(x)


def known_truth(x: tf.Tensor) -> bool | None:
    """The truth of a boolean scalar, or None while a graph is being traced."""
    return bool(x) if hasattr(x, "numpy") else None


def logcumsumexp(x: tf.Tensor, axis: int) -> tf.Tensor:
    """The logarithm of the cumulative sum of exponentials."""
    return tf.math.cumulative_logsumexp(x, axis=axis)


def _traced(function):
    """The function as a graph for each rank: no loop runs op by op, and users need not trace it."""
    graphs = {}

    def call(*args):
        rank = args[-1].shape.rank
        if rank not in graphs:
            graphs[rank] = tf.function(function, autograph=False, reduce_retracing=True)
        return graphs[rank](*args)

    return call


def with_derivatives(function: Callable, derivatives: Sequence[Callable | None]) -> Callable:
    """The elementwise `function`, differentiated by the rules given: see `ops.derivatives`."""
    value_of, *rules = (rule and _traced(rule) for rule in (function, *derivatives))

    def known(value):
        """The function where its value is known, so that the rules may be differentiated too."""

        def zero(rule, args, index):
            # Of one argument each: a tape asks only for the rules of those that it watches.
            @tf.custom_gradient
            def of_one(arg):
                def gradient(upstream):
                    # Not `value` itself, which a tape takes for a constant.
                    return upstream * rule(*args, known(value)(*args))

                return tf.zeros_like(value), gradient

            return of_one(args[index])

        def differentiable(*args):
            zeros = [zero(rule, args, i) for i, rule in enumerate(rules) if rule]
            return tf.add_n([value, *zeros])

        return differentiable

    def differentiable(*args):
        fixed = [tf.stop_gradient(arg) for arg in args]
        return known(tf.ensure_shape(value_of(*fixed), args[-1].shape))(*args)

    return differentiable


def with_pullback(forward: Callable, pullback: Callable) -> Callable:
    """The function that `forward` computes, differentiated by `pullback`: see `ops.pullbacks`."""

    @tf.custom_gradient
    def function(*args):
        value, residuals = forward(*args)

        def gradient(*upstream):
            cotangents = pullback(residuals, upstream if isinstance(value, tuple) else upstream[0])
            return [_once(cotangent) for cotangent in cotangents]

        return value, gradient

    return lambda *args: function(*map(tf.convert_to_tensor, args))


def factor_with_retries(a: tf.Tensor, jitter: float, max_tries: int) -> tf.Tensor:
    """The Cholesky factor after as little jitter as it takes, NaN where none is enough."""
    lower, failed = _factor_or_nan(a)
    if max_tries == 0 or known_truth(tf.reduce_any(failed)) is False:
        return lower
    fixed = tf.stop_gradient(a)
    scale = tf.reduce_mean(tf.linalg.diag_part(fixed), axis=-1)[..., None, None]
    unit = scale * tf.eye(tf.shape(a)[-1], dtype=a.dtype)

    def unfinished(retry, level, failed):
        return (retry < max_tries) & tf.reduce_any(failed)

    def try_again(retry, level, failed):
        next_level = tf.constant(jitter, a.dtype) * 10.0 ** tf.cast(retry, a.dtype)
        level = tf.where(failed, next_level, level)
        return retry + 1, level, _factor_or_nan(fixed + level * unit)[1]

    start = (tf.constant(0), tf.zeros_like(scale), failed)
    _, level, _ = tf.while_loop(unfinished, try_again, start, maximum_iterations=max_tries)
    return _factor_or_nan(a + tf.stop_gradient(level) * unit)[0]


def _factor_or_nan(a):
    # A failed factor holds NaN on its diagonal and, outside XLA, uninitialised memory above it.
    lower = tf.linalg.cholesky(a)
    finite = tf.math.is_finite(tf.linalg.band_part(lower, -1, 0))
    failed = ~tf.reduce_all(finite, axis=(-2, -1))[..., None, None]
    return tf.where(failed, tf.constant(np.nan, a.dtype), lower), failed


def solve_triangular(a: tf.Tensor, b: tf.Tensor, lower: bool, transpose: bool) -> tf.Tensor:
    """Solve a x = b, or a' x = b, with broadcast batch axes; `b` is a matrix."""
    return tf.linalg.triangular_solve(a, b, lower=lower, adjoint=transpose)


register_pytree = tensorflow_tracing.register_pytree
# Whether loops take and return registered pytrees as they take tensors.
LOOPS_TAKE_PYTREES = False


def scan(
    f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: int | bool
) -> tuple[Any, Any]:
    """`jax.lax.scan`: a Python loop in eager mode, a `tf.while_loop` in a graph."""
    if tf.executing_eagerly():
        return python_scan(f, to_tensors(init), to_tensors(xs), length, reverse, tf.stack)
    return _graph_scan(f, to_tensors(init), to_tensors(xs), length, reverse)


def _graph_scan(f, init, xs, length, reverse):
    # A trace that is thrown away tells what one step puts out: `keras.ops.scan` does without, and
    # is wrong wherever the outputs are not shaped and nested as the carry is.
    step = tf.function(lambda carry, x: f(carry, x)[1], autograph=False)
    rows = keras.tree.map_structure(
        lambda x: None if x is None else tf.TensorSpec(x.shape[1:], x.dtype), xs
    )
    carries = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), init)
    outputs = step.get_concrete_function(carries, rows).structured_outputs
    arrays = [
        tf.TensorArray(spec.dtype, size=length, element_shape=spec.shape)
        for spec in keras.tree.flatten(outputs)
        if spec is not None
    ]

    def advance(count, carry, arrays):
        i = length - 1 - count if reverse else count
        new_carry, output = f(carry, row(xs, i))
        new_carry = keras.tree.map_structure(
            lambda new, old: tf.ensure_shape(tf.convert_to_tensor(new, old.dtype), old.shape),
            new_carry,
            carry,
        )
        leaves = [leaf for leaf in keras.tree.flatten(output) if leaf is not None]
        written = [array.write(i, leaf) for array, leaf in zip(arrays, leaves, strict=True)]
        return count + 1, new_carry, written

    _, carry, arrays = tf.while_loop(
        lambda count, *_: count < length,
        advance,
        (tf.constant(0), init, arrays),
        maximum_iterations=length,
    )
    stacked = iter([array.stack() for array in arrays])
    return carry, keras.tree.map_structure(
        lambda spec: None if spec is None else next(stacked), outputs
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether TensorFlow could not allocate."""
    return isinstance(error, tf.errors.ResourceExhaustedError)


def value_and_grad(
    function: Callable[[], tuple[Any, Any]], variables: Sequence[keras.Variable]
) -> tuple[Any, Any, list[tf.Tensor]]:
    """The value and auxiliary output of `function()`, and the gradients of the value."""
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        value, auxiliary = function()
    gradients = tape.gradient(value, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    # The gradient of a gather is a set of indexed slices: give the dense tensor.
    return value, auxiliary, [tf.convert_to_tensor(gradient) for gradient in gradients]


def gradients_of_each(
    function: Callable[[], tuple[list[Any], Any]],
    groups: Sequence[Sequence[keras.Variable]],
    wanted: Sequence[tf.Tensor | None],
) -> tuple[list[Any], Any, list[list[tf.Tensor]]]:
    """The values and auxiliary output of `function()`, and gradients: see `ops.autodiff`."""
    values = [[variable.value for variable in group] for group in groups]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(values)
        outputs, auxiliary = function()

    def gradient(output, at):
        found = tape.gradient(output, at, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(each) for each in found]

    gradients = []
    for output, at, is_wanted in zip(outputs, values, wanted, strict=True):
        found = partial(gradient, output, at)
        zeros = partial(lambda at: [tf.zeros_like(value) for value in at], at)
        gradients.append(found() if is_wanted is None else tf.cond(is_wanted, found, zeros))
    return outputs, auxiliary, gradients


def update_if(
    condition: tf.Tensor, update: Callable[[], Any], variables: Sequence[keras.Variable]
) -> None:
    """Runs `update` where the condition holds: see `ops.autodiff`."""

    def run():
        update()
        return True

    tf.cond(condition, run, lambda: False)


def values_and_gradients(fn: Callable, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The values `fn(x)`, and the gradient of their sum."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        values = fn(x)
    gradient = tape.gradient(values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return values, tf.convert_to_tensor(gradient)


def gradient_tap(value: tf.Tensor, rank: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The value, and zeros whose gradients weight its own: see `ops.gradient_tap`."""

    @tf.custom_gradient
    def tapped(value):
        tap = tf.zeros(tf.concat([tf.shape(value)[:rank], [2]], 0), value.dtype)
        tap = tf.ensure_shape(tap, (*value.shape[:rank], 2))

        def gradient(of_value, of_tap):
            ratio = tf.math.divide_no_nan(of_tap[..., 0], of_tap[..., 1])
            shape = tf.concat([tf.shape(ratio), [1] * (len(value.shape) - rank)], 0)
            return _once(of_value * tf.reshape(ratio, shape))

        return (tf.identity(value), tap), gradient

    return tapped(tf.identity(value))  # of a variable, what it holds now


@tf.custom_gradient
def _once(gradient):
    """A gradient that is not differentiated again."""

    def refuse(upstream):
        raise NotImplementedError(
            "This gradient is given by a rule (that of ops.gradient_tap, or of a pullback), which "
            "has no derivative of its own: differentiate it once."
        )

    return tf.identity(gradient), refuse
