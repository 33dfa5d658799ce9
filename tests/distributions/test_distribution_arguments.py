"""What parameters may be: their forms, their dtypes, and the errors for bad ones."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Independent,
    MultivariateNormalTriL,
    Normal,
)

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

LOC, SCALE = [[0.5], [-1.0]], [1.0, 2.0, 4.0]
FORMS = {
    "lists": lambda x: x,
    "numpy float32": lambda x: np.asarray(x, "float32"),
    "tensors": lambda x: ops.convert_to_tensor(x),
    "variables": lambda x: keras.Variable(x),
    "half precision": lambda x: ops.cast(ops.convert_to_tensor(x), "bfloat16"),
    "numpy half precision": lambda x: np.asarray(x, "float16"),
}


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_parameters_agree(form):
    d = Normal(form(LOC), form(SCALE))
    assert (d.dtype, d.batch_shape, d.event_shape) == ("float32", (2, 3), ())
    np.testing.assert_array_equal(numbers(d.mean()), np.broadcast_to(LOC, (2, 3)))
    np.testing.assert_array_equal(numbers(d.stddev()), np.broadcast_to(SCALE, (2, 3)))


def test_python_and_numpy_numbers_are_parameters_and_integers_become_floats():
    for loc in (2, 2.0, np.int64(2), np.float32(2), True + 1, np.array(2)):
        d = Normal(loc, 1)
        assert (d.dtype, d.batch_shape) == ("float32", ())
        assert float(d.mean()) == 2.0
    assert numbers(Bernoulli(probs=np.array([True, False])).mean()).tolist() == [1.0, 0.0]


def test_half_precision_is_refused_where_it_is_asked_for():
    with pytest.raises(ValueError, match=r"^Normal: dtype must be") as error:
        Normal(0.0, 1.0, dtype="float16")
    assert "float32" in str(error.value)


def test_float64_follows_from_tensors_and_arrays(float64):
    wide, narrow = np.ones(2), np.ones(2, "float32")
    assert Normal(wide, 1.0).dtype == "float64"
    assert Normal(ops.convert_to_tensor(wide), narrow).dtype == "float64"
    assert Normal(ops.convert_to_tensor(narrow), wide).dtype == "float32"  # tensors decide
    assert Normal(0.0, 1.0).dtype == keras.config.floatx()
    assert Normal(0.0, 1.0, dtype="float64").dtype == "float64"
    assert Normal.standard((2,), dtype="float64").dtype == "float64"


def test_python_numbers_keep_their_digits_in_float64(float64):
    d = Normal(0.1, 0.3, dtype="float64")
    expected = -0.5 * (0.6 / 0.3) ** 2 - np.log(0.3) - 0.5 * np.log(2 * np.pi)
    assert float(d.log_prob(0.7)) == pytest.approx(expected, rel=1e-14)
    assert float(ContinuousBernoulli(logits=0.0, dtype="float64").cdf(0.1)) == 0.1


def test_float64_where_jax_makes_none():
    if keras.backend.backend() != "jax":
        pytest.skip("the other backends always make float64")
    with pytest.raises(ValueError, match="jax_enable_x64"):
        Normal(0.0, 1.0, dtype="float64")
    saved = {"loc": 0.0, "scale": 1.0, "dtype": "float64"}
    assert Normal.from_config(saved).dtype == "float32"
    assert Normal(np.zeros(2), 1.0).dtype == "float32"


def test_a_variable_is_read_once():
    loc = keras.Variable([1.0, 2.0])
    d = Normal(loc, 1.0)
    loc.assign([5.0, 6.0])
    np.testing.assert_array_equal(numbers(d.mean()), [1.0, 2.0])


def test_astype(float64):
    for d in (Normal([0.1], 1.0), Independent(Bernoulli(probs=[0.1]))):
        wide = d.astype("float64")
        assert type(wide) is type(d)
        assert wide.dtype == "float64"
        assert wide.event_shape == d.event_shape
        assert d.astype("float32") is d
        np.testing.assert_array_equal(numbers(wide.mean()), numbers(d.mean()))


def test_standard_normal():
    for shape, event_shape in (((), ()), (3, (3,)), ([2, 3], (2, 3))):
        d = Normal.standard(shape)
        assert (d.batch_shape, d.event_shape) == ((), event_shape)
        assert (numbers(d.mean()) == 0).all()
        assert (numbers(d.variance()) == 1).all()


def test_repr():
    d = Independent(Normal(np.zeros((4, 2), "float32"), 1.0), 1)
    inner = "Normal(batch_shape=(4, 2), event_shape=(), dtype=float32)"
    assert repr(d) == f"Independent({inner}, 1)"


_EYE = np.eye(2)
BAD_VALUES = {
    "negative scale": (
        lambda **k: Normal(0.0, [1.0, -2.0], **k),
        "Normal: scale must be greater than 0 and finite, .* shape (2,), ranges from -2 to 1",
    ),
    "zero scale": (lambda **k: Normal(0.0, 0.0, **k), "Normal: scale must be greater .* is 0"),
    "infinite scale": (lambda **k: Normal(0.0, np.inf, **k), "Normal: scale .* is inf"),
    "nan": (lambda **k: Normal(np.nan, 1.0, **k), "Normal: loc must be a finite .* is NaN"),
    "some nan": (
        lambda **k: Normal([np.nan, 3.0, 4.0], 1.0, **k),
        "Normal: loc must be a finite real number, .* ranges from 3 to 4 with 1 NaN of 3",
    ),
    "probability over 1": (
        lambda **k: Bernoulli(probs=[0.5, 1.5], **k),
        "Bernoulli: probs must be between 0 and 1, .* ranges from 0.5 to 1.5",
    ),
    "infinite logits": (lambda **k: Bernoulli(logits=np.inf, **k), "Bernoulli: logits .* is inf"),
    "probability 1": (
        lambda **k: ContinuousBernoulli(probs=[0.5, 1.0], **k),
        "ContinuousBernoulli: probs must be greater than 0 and less than 1, .* from 0.5 to 1",
    ),
    "nan logits": (lambda **k: ContinuousBernoulli(logits=np.nan, **k), "logits must be .* is NaN"),
    "not lower triangular": (
        lambda **k: MultivariateNormalTriL([0.0, 0.0], [[1.0, 7.0], [0.0, 1.0]], **k),
        "MultivariateNormalTriL: scale_tril must be a lower-triangular matrix .* above it is 7",
    ),
    "diagonal not positive": (
        lambda **k: MultivariateNormalTriL([0.0, 0.0], [[[1.0, 0], [0, -3.0]]] * 3, **k),
        "MultivariateNormalTriL: .* its diagonal, of shape (3, 2), ranges from -3 to 1",
    ),
    "nan in a factor": (
        lambda **k: MultivariateNormalTriL([0.0, 0.0], [[1.0, 0.0], [np.nan, 1.0]], **k),
        "MultivariateNormalTriL: scale_tril must be .* below it is NaN",
    ),
    "nan in a vector": (
        lambda **k: MultivariateNormalTriL([[0.0, np.nan]], _EYE, **k),
        "MultivariateNormalTriL: loc must be a vector of finite real numbers, .* 1 NaN of 2",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


BAD_ARGUMENTS = {
    "no parameter": (
        lambda: Bernoulli(),
        "Bernoulli: give exactly one of logits and probs; got none",
    ),
    "both parameters": (
        lambda: ContinuousBernoulli(logits=0.0, probs=0.5),
        "ContinuousBernoulli: give exactly one of logits and probs; got logits and probs",
    ),
    "None": (lambda: Normal(None, 1.0), "Normal: loc is None"),
    "a word": (
        lambda: Normal("a", 1.0),
        "Normal: loc must be a real number, or a tensor, an array or a list .* got 'a'.",
    ),
    "words with a dtype": (
        lambda: Normal(0.0, ["a", "b"], dtype="float32"),
        "Normal: scale must be a real number, .* got ['a', 'b'].",
    ),
    "an array of words": (
        lambda: Normal(np.array(["a"]), 1.0),
        "Normal: loc must be a real number, .* got array(['a'], dtype='<U1').",
    ),
    "rows of two lengths": (
        lambda: Normal([[1.0], [1.0, 2.0]], 1.0),
        "Normal: loc must be .* with rows of one length, got [[1.0], [1.0, 2.0]].",
    ),
    "a complex number": (lambda: Normal(1j, 1.0), "Normal: loc must be a real .* got 1j."),
    "None among numbers": (
        lambda: Normal([None, 1.0], 1.0),
        "Normal: loc must be a real number, .* got [None, 1.0].",
    ),
    "shapes": (
        lambda: Normal(np.zeros(3), np.ones((2, 2))),
        "Normal: the shapes of the parameters do not broadcast: loc (3,), scale (2, 2)",
    ),
    "number for a vector": (
        lambda: MultivariateNormalTriL(0.0, _EYE),
        "MultivariateNormalTriL: loc has the shape (); it must be a vector",
    ),
    "vector for a matrix": (
        lambda: MultivariateNormalTriL([0.0, 0.0], [1.0, 1.0]),
        "MultivariateNormalTriL: scale_tril has the shape (2,); it must be a square matrix",
    ),
    "not square": (
        lambda: MultivariateNormalTriL([0.0, 0.0], np.ones((3, 2))),
        "MultivariateNormalTriL: scale_tril has the shape (3, 2); it must be a square matrix",
    ),
    "sizes": (
        lambda: MultivariateNormalTriL(np.zeros((5, 3)), _EYE),
        "MultivariateNormalTriL: loc has 3 entries, in the shape (5, 3), but scale_tril is 2 x 2",
    ),
    "one entry for two": (
        lambda: MultivariateNormalTriL([0.0], _EYE),
        "MultivariateNormalTriL: loc has 1 entries, in the shape (1,), but scale_tril is 2 x 2",
    ),
    "batches": (
        lambda: MultivariateNormalTriL(np.zeros((5, 2)), np.stack([_EYE] * 3)),
        "MultivariateNormalTriL: the shapes of the parameters do not broadcast: loc (5, 2), scale",
    ),
    "symbolic": (
        lambda: Normal(keras.Input((3,)), 1.0),
        "Normal: loc is a symbolic KerasTensor. .* make them inside the call()",
    ),
    "symbolic with a dtype": (
        lambda: Normal(0.0, keras.Input((3,)), dtype="float32"),
        "Normal: scale is a symbolic KerasTensor",
    ),
    "too few axes": (
        lambda: Independent(Normal(np.zeros(3), 1.0), 2),
        "Independent: reinterpreted_batch_rank=2, but the batch shape (3,) has 1 axes",
    ),
    "negative rank": (lambda: Independent(Normal(0.0, 1.0), -1), "Independent: .*=-1, but"),
}


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)


@pytest.mark.usefixtures("quick_compilation", "in_a_graph")
def test_compiled_code_checks_shapes_but_no_values():
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch runs eagerly: values are known")
    captured = ops.convert_to_tensor([-1.0, 1.0])

    def score(scale):
        inside = Normal(ops.zeros((2,)), captured).log_prob(0.0)  # concrete, amid traced ones
        return inside + Normal(0.0, scale).log_prob(0.0)

    assert np.isnan(numbers(ops.compile(score)(np.array([-1.0, -1.0], "float32")))).all()
    with pytest.raises(ValueError, match="do not broadcast"):
        ops.compile(lambda scale: Normal(ops.zeros((3,)), scale).mean())(np.ones(2, "float32"))
