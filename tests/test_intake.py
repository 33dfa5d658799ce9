"""The door for data: what goes through, by position and unchanged, and what is refused, and how."""

import collections
import datetime
import decimal
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import intake
from kelbo.intake import as_array, is_array_like

pytestmark = pytest.mark.core

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
ORDER = np.random.default_rng(1).permutation(20)


def lib(name):
    return pytest.importorskip(name)


def _memory_map(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def _padded_rows(x, _):
    wide = np.zeros((len(x), 8), x.dtype)
    wide[:, ::2][:, : x.shape[1]] = x
    return wide[:, ::2][:, : x.shape[1]]


# Each makes of an array the same numbers in another container.
CONTAINERS = {
    "list": lambda x, _: x.tolist(),
    "tuple of rows": lambda x, _: tuple(x),
    "list of tensors": lambda x, _: [keras.ops.convert_to_tensor(row) for row in x],
    "float64": lambda x, _: x.astype("float64"),
    "long double": lambda x, _: x.astype("longdouble"),
    "big-endian": lambda x, _: x.astype(">f4"),
    "objects": lambda x, _: x.astype(object),
    "decimals": lambda x, _: [[decimal.Decimal(float(v)) for v in row] for row in x],
    "reversed memory": lambda x, _: x[::-1].copy()[::-1],
    "columns of a wider array": _padded_rows,
    "read-only": lambda x, _: np.lib.stride_tricks.as_strided(x, writeable=False),
    "memory map": _memory_map,
    "masked array without a mask": lambda x, _: np.ma.array(x),
    "pandas, permuted index": lambda x, _: lib("pandas").DataFrame(x, index=ORDER[: len(x)]),
    "pandas, gaps in the index": lambda x, _: lib("pandas").DataFrame(
        x, index=7 * np.arange(len(x))
    ),
    "pandas, nullable types": lambda x, _: lib("pandas").DataFrame(x).convert_dtypes(),
    "polars": lambda x, _: lib("polars").DataFrame(x, orient="row"),
    "arrow table": lambda x, _: lib("pyarrow").table({f"c{i}": x[:, i] for i in range(x.shape[1])}),
    "tensor of the backend": lambda x, _: keras.ops.convert_to_tensor(x),
    "jax": lambda x, _: lib("jax.numpy").asarray(x),
    "torch": lambda x, _: lib("torch").tensor(x, requires_grad=True),
    "tensorflow": lambda x, _: lib("tensorflow").constant(x),
    "variable": lambda x, _: keras.Variable(x),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_same_numbers_by_position(container, tmp_path):
    found = as_array(CONTAINERS[container](X, tmp_path))
    assert isinstance(found, np.ndarray) or keras.ops.is_tensor(found)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found).astype("float32"), X)


COLUMNS = {
    "pandas series": lambda x: lib("pandas").Series(x, index=ORDER),
    "polars series": lambda x: lib("polars").Series(x),
    "arrow array": lambda x: lib("pyarrow").array(x),
    "decimals of arrow": lambda x: lib("pyarrow").array([decimal.Decimal(float(v)) for v in x]),
    "decimals of polars": lambda x: lib("polars").Series([decimal.Decimal(float(v)) for v in x]),
    "range and list": lambda x: x.tolist(),
    "deque": collections.deque,
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_has_one_axis(column):
    found = as_array(COLUMNS[column](X[:, 0]))
    np.testing.assert_array_equal(np.asarray(found, "float32"), X[:, 0])


def test_nothing_is_copied_that_need_not_be(tmp_path):
    for given in (X, X[:, ::2], keras.ops.convert_to_tensor(X), _memory_map(X, tmp_path)):
        assert as_array(given) is given


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
)
def test_whole_numbers_stay_whole(dtype):
    found = as_array(np.array([[1, 0], [3, 2]]).astype(dtype))
    assert found.dtype.kind in "biu"
    np.testing.assert_array_equal(found, np.array([[1, 0], [3, 2]]).astype(dtype))


def test_columns_of_several_types_meet_in_one_that_holds_all():
    pandas = lib("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1e-9]})
    np.testing.assert_array_equal(as_array(frame), [[1, 1, 0.5], [2, 0, 1e-9]])
    assert as_array(frame[["a", "b"]]).dtype.kind == "i"


def test_whole_numbers_beyond_what_the_backend_holds():
    given = np.array([2**40, 1])
    if keras.backend.backend() == "jax":
        with pytest.raises(ValueError, match=rf"holds the whole number {2**40}, and jax keeps 32"):
            as_array(given)
    else:
        assert as_array(given).tolist() == [2**40, 1]
    with pytest.raises(ValueError, match=r"holds the whole number 18446744073709551615, and"):
        as_array(np.array([2**64 - 1], "uint64"))


def _frame(**columns):
    return lib("pandas").DataFrame(columns)


REFUSED = {
    "None": (lambda: None, "x is None"),
    "a number": (lambda: 3.0, "x is a single number"),
    "dict": (lambda: {"a": X, "b": X}, r"x is a dict of several arrays \(a, b\).*concatenate"),
    "several arrays in a list": (lambda: [X, X[:, :2]], "different lengths"),
    "ragged": (lambda: [[1.0], [1.0, 2.0]], "different lengths.*pad"),
    "list of dicts": (lambda: [{"a": 1}], "list of dict objects"),
    "text": (lambda: "data.csv", "the text 'data.csv'.*load the file"),
    "list of text": (lambda: ["a", "b"], "x holds text"),
    "text among objects": (lambda: np.array([1.0, "a"], object), "no numbers, such as 'a'"),
    "None in a list": (lambda: [1.0, None], "holds None.*fill"),
    "complex": (lambda: X + 1j, "x holds complex numbers"),
    "complex tensor": (lambda: keras.ops.convert_to_tensor(X + 1j), "x holds complex numbers"),
    "dates": (lambda: np.array(["2020-01-01"], "datetime64[D]"), "x holds dates"),
    "records": (lambda: np.zeros(3, [("a", "f4"), ("b", "i4")]), "named fields.*unstructured"),
    "masked": (lambda: np.ma.masked_greater(X, 1.0), r"of its 60 values are masked.*filled"),
    "scipy matrix": (lambda: lib("scipy.sparse").csr_matrix(X), r"csr_matrix.*x\.toarray\(\)"),
    "scipy array": (lambda: lib("scipy.sparse").coo_array(X), r"coo_array.*x\.toarray\(\)"),
    "jax sparse": (
        lambda: lib("jax.experimental.sparse").BCOO.fromdense(X),
        r"BCOO.*x\.todense\(\)",
    ),
    "torch sparse": (lambda: lib("torch").tensor(X).to_sparse(), r"x\.to_dense\(\)"),
    "tf sparse": (lambda: lib("tensorflow").sparse.from_dense(X), r"tf\.sparse\.to_dense\(x\)"),
    "tf ragged": (lambda: lib("tensorflow").ragged.constant([[1.0], []]), r"x\.to_tensor\(\)"),
    "text in a frame": (lambda: _frame(a=[1.0], b=["u"]), "column 'b' of x holds.*'u'"),
    "categories in a frame": (
        lambda: _frame(a=[1.0], b=lib("pandas").Categorical([3])),
        "column 'b' of x holds text.*encode categories",
    ),
    "missing in a frame": (
        lambda: _frame(a=[1.0], b=lib("pandas").array([None], "Int64")),
        "column 'b' of x lacks 1 of 1 values",
    ),
    "missing in polars": (lambda: lib("polars").DataFrame({"a": [1.0, None]}), "lacks 1 of 2"),
    "missing in arrow": (lambda: lib("pyarrow").array([1, None]), "lacks 1 of 2"),
    "lists in cells": (lambda: lib("polars").Series([[1, 2], [3, 4]]), "holds arrays"),
    "groups": (lambda: _frame(a=[1.0, 2.0], b=[1, 2]).groupby("b"), "pandas DataFrameGroupBy, of"),
    "a set": (lambda: {1.0, 2.0}, "x is a set, of which NumPy makes no array"),
    "an iterator of numbers": (lambda: np.nditer(X), "numpy nditer, which yields number by number"),
    "a flat iterator": (lambda: X.flat, "numpy flatiter, which yields number by number"),
    "list of dates": (lambda: [datetime.date(2020, 1, 1)], r"no numbers, such as datetime\.date"),
    "huge": (lambda: [10**400], "float64 cannot hold"),
    "lazy frame": (lambda: lib("polars").LazyFrame({"a": [1.0]}), r"lazy frame.*collect\(\)"),
    "empty frame": (lambda: _frame(), "without columns"),
    "function": (lambda: lambda: X, "is a function or class.*call it"),
    "generator": (lambda: (x for x in X), "generator, which is read batch by batch"),
    "symbolic": (lambda: keras.Input((3,)), "symbolic tensor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_that_says_what_to_do(case):
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        as_array(make())
    assert "\n" not in str(caught.value)


def test_the_sentence_names_the_argument():
    with pytest.raises(ValueError, match="sample_weight is a dict"):
        as_array({}, "sample_weight")


def test_what_comes_batch_by_batch_is_told_from_arrays():
    class Dataset(keras.utils.PyDataset):
        pass

    for stream in (Dataset(), iter([1]), zip([1], [2], strict=True)):
        assert not is_array_like(stream)
    for array in (X, [1.0], {"a": X}, None, keras.ops.convert_to_tensor(X)):
        assert is_array_like(array)


def test_libraries_are_not_imported_to_recognise_their_data():
    text = Path(intake.__file__).read_text()
    for name in ("pandas", "polars", "scipy", "torch", "tensorflow", "jax"):
        assert f"import {name}" not in text


def test_evaluation_takes_frames_too():
    features = _frame(a=X[:, 0], b=X[:, 1])
    expected = kb.evaluation.frechet_distance(X[:, :2], X[:, :2] + 1)
    assert kb.evaluation.frechet_distance(features, features + 1) == expected
