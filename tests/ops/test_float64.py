"""Every public function of `ops` keeps float64: a sweep, so that a new Keras cannot hide one."""

import inspect
import re
import threading
import warnings

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.ops.backends import backend

pytestmark = pytest.mark.core

_rng = np.random.default_rng(0)


def _tensor(array, dtype="float64"):
    return ops.convert_to_tensor(np.asarray(array, dtype=dtype))


def _random(*shape):
    return _tensor(_rng.uniform(0.2, 0.8, shape))


def _index(values):
    return _tensor(values, "int32")


def _x():
    return _tensor([0.21, 0.53, 0.34, 0.78])


def _m():
    return _tensor([[0.21, 0.53, 0.34], [0.1, 0.7, 0.3], [0.9, 0.2, 0.6]])


def _spd():
    return _tensor(np.eye(3) * 2.1 + 0.13)


# How to call the functions that take more than one or two vectors.
CALLS = {
    "adaptive_average_pool": lambda f: f(_random(1, 8, 8, 2), 2),
    "adaptive_max_pool": lambda f: f(_random(1, 8, 8, 2), 2),
    "add_to_diagonal": lambda f: f(_m(), 0.1),
    "arange": lambda f: f(_tensor(0.1), _tensor(3.0)),
    "arccosh": lambda f: f(_x() + 1.0),
    "argpartition": lambda f: f(_x(), 1),
    "array_split": lambda f: f(_x(), 2),
    "associative_scan": lambda f: f(ops.add, _x()),
    "average": lambda f: f(_x(), weights=_x()),
    "average_pool": lambda f: f(_random(1, 8, 8, 2), 2, 2),
    "batch_normalization": lambda f: f(
        _random(2, 3, 2), _tensor([0.1, 0.2]), _tensor([1.1, 1.0]), -1
    ),
    "betainc": lambda f: f(_x(), _x(), _x()),
    "gradient_tap": lambda f: f(_m(), 1),
    "log_normalized_bessel_ie": lambda f: f(_x(), 1.5),
    "values_and_gradients": lambda f: f(ops.square, _x()),
    "bincount": lambda f: f(_index([0, 1, 1, 2]), weights=_x()),
    "broadcast_to": lambda f: f(_x(), (2, 4)),
    "cast": lambda f: f(_x(), "float64"),
    "categorical_crossentropy": lambda f: f(_spd() / 2.5, _spd() / 2.5),
    "cdist": lambda f: f(_m(), _m() + 0.1),
    "cho_solve": lambda f: f(_spd(), _m()),
    "cholesky": lambda f: f(_spd()),
    "cholesky_append": lambda f: f(_spd(), 0.0 * _m(), _spd()),
    "cholesky_inverse": lambda f: f(_spd()),
    "cholesky_update": lambda f: f(_spd(), _m()),
    "clip": lambda f: f(_x(), 0.3, 0.5),
    "cond": lambda f: f(True, lambda: _x(), lambda: _x()),
    "conv": lambda f: f(_random(1, 4, 4, 2), _random(2, 2, 2, 3)),
    "conv_transpose": lambda f: f(_random(1, 4, 4, 2), _random(2, 2, 3, 2)),
    "corrcoef": lambda f: f(_m()),
    "cross": lambda f: f(_m(), ops.flip(_m(), 0)),
    "ctc_decode": lambda f: f(_random(1, 5, 4), _index([5])),
    "ctc_loss": lambda f: f(_index([[1, 2]]), _random(1, 5, 4), _index([2]), _index([5])),
    "depth_to_space": lambda f: f(_random(1, 2, 2, 4), 2),
    "depthwise_conv": lambda f: f(_random(1, 4, 4, 2), _random(2, 2, 2, 1)),
    "det": lambda f: f(_m()),
    "diag": lambda f: f(_m()),
    "diagonal": lambda f: f(_m()),
    "digitize": lambda f: f(_x(), np.array([0.3, 0.6])),
    "dot_product_attention": lambda f: f(*[_random(1, 3, 2, 4)] * 3),
    "dsplit": lambda f: f(_random(2, 2, 2), 2),
    "eig": lambda f: f(_m()),
    "eigh": lambda f: f(_spd()),
    "einsum": lambda f: f("i,i->i", _x(), _x()),
    "expand_dims": lambda f: f(_x(), 0),
    "extract_sequences": lambda f: f(_x(), 2, 1),
    "eye": lambda f: f(3, dtype="float64"),
    "fft": lambda f: f((_x(), _x())),
    "fft2": lambda f: f((_m(), _m())),
    "fill_triangular": lambda f: f(_tensor([0.1, 0.2, 0.3])),
    "fill_triangular_inverse": lambda f: f(_m()),
    "fold": lambda f: f(_random(1, 8, 9), (4, 4), (2, 2)),
    "fori_loop": lambda f: f(0, 3, lambda _, a: a + 1, _x()),
    "full": lambda f: f((2,), _tensor(0.1)),
    "full_like": lambda f: f(_x(), 0.1),
    "geomspace": lambda f: f(_tensor(1.1), _tensor(3.0), 5),
    "get_item": lambda f: f(_x(), 0),
    "hsplit": lambda f: f(_x(), 2),
    "identity": lambda f: f(3, dtype="float64"),
    "imag": lambda f: f(ops.view_as_complex(_m()[:, :2])),
    "ifft2": lambda f: f((_m(), _m())),
    "inv": lambda f: f(_spd()),
    "invert_monotone": lambda f: f(ops.square)(_x(), 0.0, 2.0),
    "irfft": lambda f: f((_x(), _x())),
    "istft": lambda f: f((_random(9, 9), _random(9, 9)), 16, 8, 16),
    "jvp": lambda f: f(lambda a: a * 2.0, (_x(),), (_x(),)),
    "layer_normalization": lambda f: f(_random(2, 4)),
    "ldexp": lambda f: f(_x(), _index([0, 1, 2, 3])),
    "linspace": lambda f: f(_tensor(0.1), _tensor(3.0), 5),
    "log_det_from_cholesky": lambda f: f(_spd()),
    "logdet": lambda f: f(_spd()),
    "logspace": lambda f: f(_tensor(0.1), _tensor(3.0), 5),
    "lstsq": lambda f: f(_spd(), _m()),
    "lu_factor": lambda f: f(_spd()),
    "map": lambda f: f(ops.square, _x()),
    "matrix_rank": lambda f: f(_m()),
    "max_pool": lambda f: f(_random(1, 8, 8, 2), 2, 2),
    "moments": lambda f: f(_x(), 0),
    "moveaxis": lambda f: f(_m(), 0, 1),
    "multi_hot": lambda f: f(_index([0, 1]), 3, dtype="float64"),
    "nanpercentile": lambda f: f(_x(), 30),
    "nanquantile": lambda f: f(_x(), 0.3),
    "normalize": lambda f: f(_m()),
    "one_hot": lambda f: f(_index([0, 1]), 3, dtype="float64"),
    "pad": lambda f: f(_x(), 1),
    "percentile": lambda f: f(_x(), 30),
    "pinv": lambda f: f(_m()),
    "psnr": lambda f: f(_x(), _x() * 0.9, 1.0),
    "qr": lambda f: f(_m()),
    "quantile": lambda f: f(_x(), 0.3),
    "rearrange": lambda f: f(_m(), "a b -> b a"),
    "repeat": lambda f: f(_x(), 2),
    "reshape": lambda f: f(_x(), (2, 2)),
    "rms_normalization": lambda f: f(_random(2, 4)),
    "roll": lambda f: f(_x(), 1),
    "rot90": lambda f: f(_m()),
    "saturate_cast": lambda f: f(_x(), "float64"),
    "scan": lambda f: f(lambda c, a: (c + a, c * a), _tensor(0.1), _x()),
    "scatter": lambda f: f(_index([[0], [1], [2], [3]]), _x(), (4,)),
    "scatter_update": lambda f: f(_x(), _index([[0], [1]]), _x()[:2] * 2),
    "segment_max": lambda f: f(_x(), _index([0, 0, 1, 1]), 2),
    "segment_min": lambda f: f(_x(), _index([0, 0, 1, 1]), 2),
    "segment_prod": lambda f: f(_x(), _index([0, 0, 1, 1]), 2),
    "segment_sum": lambda f: f(_x(), _index([0, 0, 1, 1]), 2),
    "select": lambda f: f([_x() > 0.5], [_x()], _x()),
    "separable_conv": lambda f: f(_random(1, 4, 4, 2), _random(2, 2, 2, 1), _random(1, 1, 2, 3)),
    "slice": lambda f: f(_x(), (0,), (2,)),
    "slice_update": lambda f: f(_x(), (0,), _x()[:2] * 2),
    "slogdet": lambda f: f(_spd()),
    "solve": lambda f: f(_spd(), _m()),
    "solve_triangular": lambda f: f(_spd(), _m()),
    "space_to_depth": lambda f: f(_random(1, 4, 4, 2), 2),
    "sparse_categorical_crossentropy": lambda f: f(_index([0, 1, 2]), _spd()),
    "split": lambda f: f(_x(), 2),
    "stft": lambda f: f(_random(64), 16, 8, 16),
    "svd": lambda f: f(_m()),
    "swapaxes": lambda f: f(_m(), 0, 1),
    "switch": lambda f: f(0, [lambda a: a], _x()),
    "take": lambda f: f(_x(), _index([0, 1])),
    "take_along_axis": lambda f: f(_x(), _index([0, 1]), 0),
    "tensordot": lambda f: f(_m(), _m()),
    "threshold": lambda f: f(_x(), 0.5, 0.1),
    "tile": lambda f: f(_x(), 2),
    "top_k": lambda f: f(_x(), 2),
    "trace": lambda f: f(_m()),
    "transpose": lambda f: f(_m()),
    "tri": lambda f: f(3, dtype="float64"),
    "tril": lambda f: f(_m()),
    "triu": lambda f: f(_m()),
    "unfold": lambda f: f(_random(1, 2, 4, 4), (2, 2)),
    "vectorized_map": lambda f: f(ops.square, _x()),
    "vectorize": lambda f: f(ops.square)(_x()),
    "view": lambda f: f(_x(), "float64"),
    "view_as_complex": lambda f: f(_m()[:, :2]),
    "view_as_real": lambda f: f(ops.view_as_complex(_m()[:, :2])),
    "vsplit": lambda f: f(_m()[:2], 2),
    "where": lambda f: f(_x() > 0.5, _x(), 0.1),
    "while_loop": lambda f: f(lambda a: ops.any(a < 1), lambda a: (a + 1.0,), (_x(),)),
}
for _name in ("empty", "ones", "zeros"):
    CALLS[_name] = lambda f: f((3,), dtype="float64")

_BACKEND = keras.backend.backend()
_INTEGERS = "it takes integers"
SKIPPED = {
    **{
        name: _INTEGERS
        for name in keras.ops.__dict__
        if name.startswith("bitwise_") or name in ("left_shift", "right_shift", "gcd", "lcm")
    },
    **dict.fromkeys(
        ("bartlett", "blackman", "hamming", "hanning", "kaiser"),
        "it takes a length, and makes a floatx window",
    ),
    "CholeskyError": "it is no function",
    "SeedSequence": "it is no function",
    "compile": "it returns a function",
    "enable_float64": "it takes nothing",
    "custom_gradient": "it returns a function",
    "value_and_grad": "it returns a function",
    "gradients_of_each": "it returns a function",
    "map_tensors": "it takes a function",
    "update_if": "it takes a function, and returns nothing",
    "in_top_k": "it returns booleans",
    "ctc_loss": "TensorFlow has it in float32 only, and JAX has float32 masks in it",
    **({"dot_product_attention": "softmax in float32 is its design"} if _BACKEND == "jax" else {}),
    "unravel_index": _INTEGERS,
    "whole_seed": _INTEGERS,
    "vectorize": "it does not exist on TensorFlow",
}


def _public_functions():
    return sorted(
        name
        for name, value in vars(ops).items()
        if callable(value) and not name.startswith("_") and not inspect.ismodule(value)
    )


def _call(name):
    function = getattr(ops, name)
    if name in CALLS:
        return CALLS[name](function)
    failures = []
    for arguments in ((_x(),), (_x(), _x() + 0.1), ([_x(), _x()],)):
        try:
            return function(*arguments)
        except Exception as failure:
            failures.append(f"{type(failure).__name__}: {failure}")
    raise AssertionError(
        f"ops.{name} is new to this test: say in CALLS how to call it, or in SKIPPED why not.\n"
        + "\n".join(failures)
    )


def _leaves(result):
    for leaf in keras.tree.flatten(result):
        if hasattr(leaf, "dtype"):
            name = keras.backend.standardize_dtype(leaf.dtype)
            if "float" in name or "complex" in name:
                yield name, leaf


def _trace(name):
    """On JAX, the program that a call makes, as text; None where it must be run to be known.

    Reading it takes no compilation, and shows the dtypes inside as well.
    """
    if keras.backend.backend() != "jax":
        return None
    import jax

    try:
        return str(jax.make_jaxpr(lambda: [leaf for _, leaf in _leaves(_call(name))])())
    except Exception:
        return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in _public_functions() if name not in SKIPPED])
def test_a_function_of_float64_is_float64(name, float64):
    trace = _trace(name)
    if trace is not None:
        narrow = re.findall(r".*\b(?:f32|f16|bf16|c64)\[.*", trace)
        assert not narrow, f"ops.{name} goes through 32 bits:\n" + "\n".join(narrow)
        return
    for dtype, leaf in _leaves(_call(name)):
        values = np.asarray(keras.ops.convert_to_numpy(leaf))
        assert dtype in ("float64", "complex128"), f"ops.{name} gives {dtype} for float64"
        parts = np.concatenate([np.real(values).ravel(), np.imag(values).ravel()])
        parts = parts[np.isfinite(parts) & (parts != np.round(parts * 4) / 4)]
        if len(parts):
            narrow = parts.astype("float32").astype("float64")
            assert (narrow != parts).any(), f"ops.{name} computes in float32 inside"


# fmt: off
ARITHMETIC = [
    "add", "subtract", "multiply", "divide", "divide_no_nan", "true_divide", "power", "maximum",
    "minimum", "fmax", "fmin", "mod", "fmod", "floor_divide", "arctan2", "logaddexp",
    "logaddexp2", "hypot", "heaviside", "nextafter", "xlogy", "xlog1py", "betaln",
]
# fmt: on


def _dtype(call):
    """The dtype of what `call()` gives; on JAX without compiling and running it."""
    if keras.backend.backend() == "jax":
        import jax

        return str(jax.eval_shape(call).dtype)
    return keras.backend.standardize_dtype(call().dtype)


@pytest.mark.parametrize("scalar", [2, 0.3])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_a_python_number_does_not_narrow(name, scalar, float64):
    function = getattr(ops, name)
    assert _dtype(lambda: function(_x(), scalar)) == "float64"
    assert _dtype(lambda: function(scalar, _x())) == "float64"
    assert _dtype(lambda: function(_x(), _x()[:1])) == "float64"


def test_a_python_number_keeps_its_digits(float64):
    number, calls = 0.3, {name: getattr(ops, name) for name in ARITHMETIC}
    calls["where"] = lambda x, y: ops.where(x > 10.0, x, y)
    calls["clip"] = lambda x, y: ops.clip(x, y, 2.0)
    calls["clip above"] = lambda x, y: ops.clip(x, 0.0, x_max=y)
    x, exact = _x(), ops.convert_to_tensor(number, dtype="float64")
    for name, function in calls.items():
        found, expected = (ops.convert_to_numpy(function(x, y)) for y in (number, exact))
        np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.parametrize("name", ["matmul", "maximum", "add", "logaddexp", "arctan2", "dot"])
def test_the_wider_tensor_decides(name, float64):
    function = getattr(ops, name)
    assert _dtype(lambda: function(_m(), ops.cast(_m(), "float32"))) == "float64"


# fmt: off
REDUCTIONS = [
    "sum", "mean", "prod", "var", "std", "max", "min", "amax", "amin", "logsumexp", "median",
    "average", "norm", "cumsum", "cumprod", "nansum", "nanmean", "nanmax", "nanmin", "nanstd",
    "nanvar", "nanprod", "nanmedian", "softmax", "log_softmax", "sort", "ptp",
]
# fmt: on


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_along_an_axis(name, float64):
    if not hasattr(ops, name):
        pytest.skip(f"this Keras has no {name}")
    assert _dtype(lambda: getattr(ops, name)(_m(), axis=1)) == "float64"


# Numbers that are one in float32.
_CLOSE = [1.0, 1.0 + 1e-12, 1.0 - 1e-12]


COMPARISONS = {
    "argmax": (lambda x: ops.argmax(x), 1),
    "argmin": (lambda x: ops.argmin(x), 2),
    "nanargmax": (lambda x: ops.nanargmax(x), 1),
    "nanargmin": (lambda x: ops.nanargmin(x), 2),
    "argsort": (lambda x: ops.argsort(x), [2, 0, 1]),
    "argpartition": (lambda x: ops.argpartition(x, 0)[0], 2),
    "top_k": (lambda x: ops.top_k(x, 1)[1], [1]),
    "searchsorted": (lambda x: ops.searchsorted(ops.sort(x), x), [1, 2, 0]),
    "digitize": (lambda x: ops.digitize(x, np.array([1.0 - 5e-13, 1.0 + 5e-13])), [1, 2, 0]),
    "equal": (lambda x: ops.equal(x, 1.0), [True, False, False]),
    "not_equal": (lambda x: ops.not_equal(x, 1.0), [False, True, True]),
    "less": (lambda x: ops.less(x, 1.0), [False, False, True]),
    "less_equal": (lambda x: ops.less_equal(x, 1.0), [True, False, True]),
    "greater": (lambda x: ops.greater(x, 1.0), [False, True, False]),
    "greater_equal": (lambda x: ops.greater_equal(x, 1.0), [True, True, False]),
    "isclose": (lambda x: ops.isclose(x, 1.0, rtol=1e-14, atol=1e-14), [True, False, False]),
    "allclose": (lambda x: ops.allclose(x, 1.0, rtol=1e-14, atol=1e-14), False),
    "isin": (lambda x: ops.isin(x, x[:1]), [True, False, False]),
    "sign": (lambda x: ops.sign(x - 1.0), [0.0, 1.0, -1.0]),
    "unique": (lambda x: ops.unique(x), sorted(_CLOSE)),
    "max": (lambda x: ops.max(x) - 1.0 > 0, True),
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_see_what_float32_cannot(name, float64):
    if name not in dir(ops):
        pytest.skip(f"this Keras has no {name}")
    call, expected = COMPARISONS[name]
    result = call(_tensor(_CLOSE))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), expected)


@pytest.mark.parametrize("name", ["cos", "tanh", "var", "norm", "floor", "cumsum", "median"])
def test_a_variable_counts_as_a_tensor(name, float64):
    variable = keras.Variable(np.array([0.1, 0.7]), dtype="float64")
    assert _dtype(lambda: getattr(ops, name)(variable)) == "float64"


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sin", np.sin),
        ("arctan", np.arctan),
        ("tanh", np.tanh),
        ("var", np.var),
        ("norm", np.linalg.norm),
        ("average", np.average),
        ("sinc", np.sinc),
        ("cumsum", np.cumsum),
        ("median", np.median),
    ],
)
def test_values_are_right_to_the_last_digits(name, reference, float64):
    result = keras.ops.convert_to_numpy(getattr(ops, name)(_x()))
    np.testing.assert_allclose(
        result, reference(np.array([0.21, 0.53, 0.34, 0.78])), rtol=4e-15, atol=0
    )


def test_float32_stays_float32(float64):
    x = ops.cast(_x(), "float32")
    for name in ("cos", "var", "norm", "tanh", "floor"):
        assert keras.backend.standardize_dtype(getattr(ops, name)(x).dtype) == "float32"


@pytest.mark.parametrize("name", ["logaddexp", "arctan2"])
def test_a_numpy_array_does_not_widen_a_tensor(name, float64):
    if name not in backend.DEMOTED_OPS:
        pytest.skip("Keras itself is asked on this backend")
    result = getattr(ops, name)(ops.cast(_x(), "float32"), np.full(4, 0.1))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"


def test_symbolic_tensors_go_to_keras_as_they_are(float64):
    symbol = keras.KerasTensor((None, 3), dtype="float64")
    for name in ("cos", "maximum", "norm"):
        arguments = (symbol, symbol) if name == "maximum" else (symbol,)
        ours, theirs = getattr(ops, name)(*arguments), getattr(keras.ops, name)(*arguments)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)


def test_keras_itself_is_left_as_it_was(float64):
    narrow = {"jax": "cos", "torch": "cumsum"}.get(keras.backend.backend())
    if narrow is None:
        pytest.skip("Keras keeps float64 on TensorFlow")
    expected = keras.backend.standardize_dtype(getattr(keras.ops, narrow)(_x()).dtype)
    seen = []

    def inside(carry, x):
        other = threading.Thread(target=lambda: seen.append(keras.backend.result_type("float64")))
        other.start()
        other.join()
        return x

    ops.float64._kept(inside)(_x(), _x())
    assert seen == [keras.backend.result_type("float64")]
    after = keras.backend.standardize_dtype(getattr(keras.ops, narrow)(_x()).dtype)
    assert after == expected


@pytest.fixture
def floatx64(float64):
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ops.zeros((2,)),
        lambda: ops.ones((2,)),
        lambda: ops.full((2,), 0.1),
        lambda: ops.eye(2),
        lambda: ops.arange(0.0, 3.0),
        lambda: ops.linspace(0.0, 1.0, 3),
        lambda: ops.logspace(0.0, 1.0, 3),
        lambda: ops.geomspace(1.0, 2.0, 3),
        lambda: ops.lgamma(3),
    ],
    ids=["zeros", "ones", "full", "eye", "arange", "linspace", "logspace", "geomspace", "lgamma"],
)
def test_defaults_follow_floatx(make, floatx64):
    assert keras.backend.standardize_dtype(make().dtype) == "float64"


def test_without_float64_nothing_is_asked_for_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ops.cos(np.array([0.1, 0.2])).shape == (2,)
        assert float(ops.full((1,), 0.5)[0]) == 0.5
