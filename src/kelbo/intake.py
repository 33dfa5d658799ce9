"""The one door for data: whatever a person may hand in, as a plain array by position, checked.

Arrays, nested lists, data frames and columns of pandas and polars, memory maps and the tensors of
every backend go through; what cannot be taken as it stands (sparse matrices, masked values, text,
ragged lists, several arrays in one) is refused in one sentence that says what to do. No library is
imported in order to recognise what it makes.
"""

import contextlib
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from os import PathLike
from typing import Any

import keras
import numpy as np

from kelbo.ops.backends import backend

_FLOATS_OF_64_BITS_AT_MOST = 8
# Floating-point types that NumPy does not know by itself, and shows as raw bytes.
_MORE_FLOATS = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


def as_array(data: Any, name: str = "x") -> Any:
    """What was handed in, as an array of numbers whose rows go by position.

    Nothing is copied that need not be: a NumPy array, a memory map and a tensor of the backend
    that runs come back as they are.

    Args:
        data: Array, nested list of numbers, data frame or column, or tensor of any backend.
        name: Name of the argument, for errors.

    Returns:
        A NumPy array, or a tensor of the backend that runs, of at least one axis.

    Raises:
        ValueError: It is nothing that stands for one array of real numbers, or values are missing.

    Example:
        >>> from kelbo.intake import as_array
        >>> as_array([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    array = _converted(data, name)
    kind = _kind(array)
    if kind == "O":
        array = _from_objects(array, name)
    elif kind in _REFUSED_KINDS:
        raise ValueError(f"{name} holds {_REFUSED_KINDS[kind]}")
    if len(array.shape) == 0:
        raise ValueError(f"{name} is a single number; expected an array with a row per example.")
    return _readable(array, name) if isinstance(array, np.ndarray) else array


def as_parts(data: Any, name: str = "x") -> Any:
    """The data of a model: one array, or a dict of arrays, its parts, nested or not.

    Args:
        data: What `as_array` takes, or a dict (any mapping) of it.
        name: Name of the argument, for errors, in which a part is `x["context"]`, say.

    Returns:
        An array or tensor, or a dict of them; see `as_array`.

    Raises:
        ValueError: It, or a part of it, is nothing that stands for one array of real numbers.

    Example:
        >>> from kelbo.intake import as_parts
        >>> {name: part.shape for name, part in as_parts({"x": [[1, 2]], "context": [3]}).items()}
        {'x': (1, 2), 'context': (1,)}
    """
    if not isinstance(data, Mapping):
        return as_array(data, name)
    if not data:
        raise ValueError(f"{name} is an empty {type(data).__name__}; expected arrays by name.")
    for key in data:
        if not isinstance(key, str):
            raise ValueError(f"{name} has a part that is called {key!r}; expected a name, a str.")
    return {key: as_parts(part, f'{name}["{key}"]') for key, part in data.items()}


_REFUSED_KINDS = {
    "c": "complex numbers; expected real ones: give real and imaginary parts as columns, say.",
    "U": "text; expected numbers: encode categories as whole numbers or as indicators.",
    "S": "text; expected numbers: encode categories as whole numbers or as indicators.",
    "M": "dates; expected numbers: take the time since a date, in days say.",
    "m": "durations; expected numbers: divide them by a unit, a day say.",
    "V": "records with named fields; expected one array of numbers: "
    "numpy.lib.recfunctions.structured_to_unstructured makes one.",
}


def is_array_like(data: Any) -> bool:
    """Whether `as_array` is for it: it is no iterator and nothing that yields batches.

    Args:
        data: What was handed in.

    Returns:
        True for data that are there as a whole, good or bad; False for what is read batch by batch.

    Example:
        >>> from kelbo.intake import is_array_like
        >>> is_array_like([1.0, 2.0]), is_array_like(iter([1.0, 2.0]))
        (True, False)
    """
    if isinstance(data, keras.utils.PyDataset):
        return False
    if hasattr(data, "__next__"):
        return _is_of_numbers(data)
    return not _is_made_by(data, ("DatasetV2", "DataLoader", "MapDataset", "IterDataset")) and not (
        hasattr(data, "get_jax_iterator") and hasattr(data, "get_numpy_iterator")
    )


def _converted(data, name):
    if keras.ops.is_tensor(data) or isinstance(data, np.ndarray):
        _refuse_sparse(data, name)
        return _unmasked(data, name) if isinstance(data, np.ma.MaskedArray) else data
    if isinstance(data, keras.Variable):
        return data.value
    _refuse_what_is_no_array(data, name)
    _refuse_sparse(data, name)
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        return _from_frame(data, name)
    if hasattr(data, "to_numpy") and (hasattr(data, "dtype") or hasattr(data, "null_count")):
        return _from_column(data, name)
    if hasattr(data, "detach") and hasattr(data, "cpu"):
        return _from_torch(data)
    if isinstance(data, list | tuple):
        data = [_element(value, name) for value in data]
    return _by_numpy(data, name)


def _by_numpy(data, name):
    try:
        array = np.asarray(data)
        if array.dtype == object and array.ndim == 0:
            raise TypeError("it takes it for one object")
        return array
    except (ValueError, TypeError, RuntimeError) as error:
        if "inhomogeneous" in str(error) and isinstance(data, list | tuple):
            raise ValueError(
                f"{name} is a list of entries of different lengths; expected one array of equal "
                "rows: pad them, or give what belongs to another argument there."
            ) from None
        reason = "its entries differ in length" if "inhomogeneous" in str(error) else error
        raise ValueError(
            f"{name} is a {_full_name(data)}, of which NumPy makes no array ({reason}); expected "
            "an array of numbers."
        ) from None


def _element(value, name):
    """An entry of a list, which may be a tensor or a column."""
    is_plain = isinstance(value, Real | Decimal | str | list | tuple | np.ndarray | None)
    return value if is_plain and not isinstance(value, np.ma.MaskedArray) else _entry(value, name)


def _entry(value, name):
    if isinstance(value, Mapping):
        raise ValueError(
            f"{name} is a list of {type(value).__name__} objects; expected rows of numbers."
        )
    if not hasattr(value, "__len__") and not hasattr(value, "shape"):
        return value  # a date, say: what it is, is told with all others
    return np.asarray(keras.ops.convert_to_numpy(_converted(value, f"an entry of {name}")))


def _refuse_what_is_no_array(data, name):
    if data is None:
        raise ValueError(f"{name} is None; expected an array of numbers.")
    if isinstance(data, keras.KerasTensor):
        raise ValueError(f"{name} is a symbolic tensor, without values; expected an array.")
    if isinstance(data, str | bytes | PathLike):
        raise ValueError(
            f"{name} is the text {str(data)!r:.40}; expected an array of numbers: load the file "
            "first."
        )
    if isinstance(data, Mapping):
        names = ", ".join(map(str, list(data)[:5]))
        raise ValueError(
            f"{name} is a {type(data).__name__} of several arrays ({names:.60}); expected one "
            "array: give one of them, or join them along the last axis with numpy.concatenate."
        )
    if _is_of_numbers(data):
        raise ValueError(
            f"{name} is a {_full_name(data)}, which yields number by number; expected an array: "
            "give the one that it was made of."
        )
    if not is_array_like(data):
        raise ValueError(
            f"{name} is a {_full_name(data)}, which is read batch by batch; expected an array: "
            "join its batches with numpy.concatenate, or call this for each of them."
        )
    if hasattr(data, "collect") and hasattr(data, "collect_schema"):
        raise ValueError(f"{name} is a lazy frame; expected its values: give {name}.collect().")
    if callable(data) and not hasattr(data, "__array__"):
        raise ValueError(f"{name} is a function or class; expected what it returns: call it.")


def _refuse_sparse(data, name):
    module, kind = type(data).__module__, type(data).__name__
    layout = str(getattr(data, "layout", ""))
    if module.startswith(("scipy.sparse", "sparse.")):
        dense = f"{name}.toarray()" if hasattr(data, "toarray") else f"{name}.todense()"
    elif module.startswith("jax.experimental.sparse"):
        dense = f"{name}.todense()"
    elif layout.startswith("torch.sparse"):
        dense = f"{name}.to_dense()"
    elif kind == "SparseTensor":
        dense = f"tf.sparse.to_dense({name})"
    elif kind == "RaggedTensor":
        dense = f"{name}.to_tensor()"
    else:
        return
    raise ValueError(
        f"{name} is a {_full_name(data)}, which is not stored as a whole; expected a dense array: "
        f"give {dense}, or, where that does not fit into memory, a keras.utils.PyDataset whose "
        "batches are dense."
    )


def _unmasked(data, name):
    masked = int(np.ma.count_masked(data))
    if masked:
        raise ValueError(
            f"{name} is a masked array, and {masked} of its {data.size} values are masked; "
            f"expected values throughout: fill them, {name}.filled(value), or leave those rows out."
        )
    return data.data


def _from_frame(frame, name):
    """The values of a data frame, column by column, in the type that holds all of them."""
    labels = list(getattr(frame, "column_names", frame.columns))
    select = getattr(frame, "iloc", None)
    columns = [select[:, i] if select is not None else frame[:, i] for i in range(len(labels))]
    if not columns:
        raise ValueError(f"{name} is a data frame without columns; expected at least one.")
    arrays = [
        _from_column(column, f"column {label!r} of {name}")
        for label, column in zip(labels, columns, strict=True)
    ]
    for label, array in zip(labels, arrays, strict=True):
        if array.ndim != 1:
            raise ValueError(
                f"column {label!r} of {name} holds arrays; expected a number in each cell."
            )
    joined = np.empty((len(frame), len(arrays)), np.result_type(*arrays))
    for i, array in enumerate(arrays):
        joined[:, i] = array
    return joined


def _from_column(column, name):
    missing = _count_missing(column)
    if missing:
        raise ValueError(
            f"{name} lacks {missing} of {len(column)} values; expected a number in each row: fill "
            "them, or drop those rows."
        )
    if str(getattr(column, "dtype", "")) in ("category", "Categorical", "Enum"):
        raise ValueError(f"{name} holds {_REFUSED_KINDS['U']}")
    array = _by_numpy(column.to_numpy() if hasattr(column, "dtype") else column, name)
    kind = _kind(array)
    if kind == "O":
        return _from_objects(array, name)
    if kind in _REFUSED_KINDS:
        raise ValueError(f"{name} holds {_REFUSED_KINDS[kind]}")
    return array


def _count_missing(column):
    """How many entries say that they are missing; NaN, which is a number, does not."""
    if hasattr(column, "null_count"):  # polars, pyarrow
        count = column.null_count
        return int(count() if callable(count) else count)
    if hasattr(column, "isna") and not isinstance(column.dtype, np.dtype):  # pandas
        return int(column.isna().sum())
    return 0


def _from_torch(tensor):
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":  # NumPy has no such type
        tensor = tensor.float()
    return tensor.numpy()


def _from_objects(array, name):
    """An array of numbers that are Python objects."""
    for value in array.flat:
        if value is None:
            raise ValueError(f"{name} holds None; expected a number in each place: fill them.")
        if isinstance(value, np.ndarray | list):
            raise ValueError(f"{name} holds arrays; expected a number in each place.")
        if not isinstance(value, Real | Decimal):
            raise ValueError(
                f"{name} holds objects that are no numbers, such as {value!r:.40} (a "
                f"{type(value).__name__}); expected numbers: encode or drop what is none."
            )
    if all(isinstance(value, Integral) for value in array.flat):
        with contextlib.suppress(OverflowError):
            return array.astype("int64")
    try:
        return array.astype("float64")
    except (OverflowError, ValueError) as error:  # 10**400; the NaN that a Decimal signals
        raise ValueError(f"{name} holds a number that float64 cannot hold: {error}.") from None


def _readable(array, name):
    """The array in a type that the backends can hold, its values as they were."""
    if type(array) is not np.ndarray and not isinstance(array, np.memmap):
        array = np.asarray(array)  # a matrix has two axes even in its rows
    dtype = array.dtype
    if dtype.kind == "f" and dtype.itemsize > _FLOATS_OF_64_BITS_AT_MOST:
        with np.errstate(over="ignore"):  # infinite, which who asked for it refuses
            return array.astype("float64")
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    if dtype.kind in "iu" and dtype.itemsize == 8 and array.size:
        return _in_whole_numbers_of(array, name)
    return array


def _in_whole_numbers_of(array, name):
    """64 bits, or what the backend has in their place, where that holds all values."""
    signed = "int64" if backend.float64_enabled() else "int32"
    if array.dtype == signed:
        return array
    limits = np.iinfo(signed)
    if array.dtype == "int64":
        least, greatest = int(array.min()), int(array.max())
    else:
        least, greatest = 0, int(array.max())
    if least < limits.min or greatest > limits.max:
        worst = greatest if greatest > limits.max else least
        raise ValueError(
            f"{name} holds the whole number {worst}, and {keras.backend.backend()} keeps "
            f"{np.dtype(signed).itemsize * 8} bits: give {name} as floating point, or, where "
            "each must be told from the next, enable 64 bits (jax_enable_x64) or renumber them."
        )
    return array.astype("int64") if array.dtype == "uint64" else array


def _kind(array):
    """The letter of NumPy for the kind of numbers of an array or tensor."""
    if isinstance(array, np.ndarray):
        is_float = array.dtype.kind == "V" and array.dtype.name in _MORE_FLOATS
        return "f" if is_float else array.dtype.kind
    try:
        dtype = keras.backend.standardize_dtype(array.dtype)
    except ValueError:
        dtype = str(array.dtype)
    return "c" if "complex" in dtype else "U" if "string" in dtype else "f"


def _is_made_by(data, names):
    return any(
        kind.__name__ in names
        and kind.__module__.startswith(("tensorflow.", "torch.utils.data", "grain"))
        for kind in type(data).__mro__
    )


def _is_of_numbers(data):
    """An iterator of NumPy over the numbers of an array, not over batches."""
    return isinstance(data, np.nditer | np.flatiter | np.ndenumerate)


def _full_name(data):
    kind = type(data)
    package = kind.__module__.partition(".")[0]
    of_library = package in ("jax", "numpy", "pandas", "polars", "scipy", "tensorflow", "torch")
    return f"{package} {kind.__name__}" if of_library else kind.__name__
