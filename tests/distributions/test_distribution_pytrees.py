"""What every distribution is made of: it goes through compiled functions, loops and batches."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import SphericalUniform
from kelbo.training import map_rows

from .table import CASES, ONE_OF_EACH

pytestmark = pytest.mark.core

# Without tensors there is nothing to stack.
STACKED = [case for case in CASES if case.family is not SphericalUniform]


def numbers(nest):
    return keras.tree.map_structure(ops.convert_to_numpy, nest)


def assert_like(d, expected, batch_shape):
    assert type(d) is type(expected)
    assert d.dtype == expected.dtype
    assert (d.batch_shape, d.event_shape) == (batch_shape, expected.event_shape), repr(d)
    assert list(d.tensors()) == list(expected.tensors())


def stacks(cases, dtype):
    """Tensors of what was given, carried by a scan, stacked, and put out by a scan over that."""

    def compute():
        given = {case.name: case.make(dtype, validate=False) for case in cases}
        carried, stacked = ops.scan(lambda ds, _: (ds, ds), given, length=3)
        _, again = ops.scan(lambda c, row: (c, row), ops.zeros(()), stacked)
        for name, d in given.items():
            assert_like(carried[name], d, d.batch_shape)
            assert_like(stacked[name], d, (3, *d.batch_shape))
            assert_like(again[name], d, (3, *d.batch_shape))
        return [
            {name: list(d.tensors().values()) for name, d in ds.items()}
            for ds in (given, carried, stacked, again)
        ]

    # In one program: what each operation costs by itself is its compilation.
    return numbers(ops.compile(compute)())


@pytest.mark.parametrize(
    "cases",
    [ONE_OF_EACH[::7], pytest.param(STACKED, marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_each_is_carried_stacked_and_gone_along(cases, quick_compilation):
    assert_stacks([case for case in cases if case in STACKED], "float32")


def test_in_float64_too(quick_compilation, float64):
    assert_stacks([case for case in ONE_OF_EACH[::11] if case in STACKED], "float64")


def assert_stacks(cases, dtype):
    given, carried, stacked, again = stacks(cases, dtype)
    for name, tensors in given.items():
        for i, tensor in enumerate(tensors):
            np.testing.assert_array_equal(carried[name][i], tensor, err_msg=name)
            np.testing.assert_array_equal(stacked[name][i], np.stack([tensor] * 3), err_msg=name)
            np.testing.assert_array_equal(again[name][i], stacked[name][i], err_msg=name)


def test_batches_go_through_map_rows():
    given = [d for d in (case.make() for case in ONE_OF_EACH[::30]) if d.batch_shape]
    assert given
    for d in given:
        joined = map_rows(lambda rows, index: {"d": rows}, d, batch_size=2)["d"]
        assert_like(joined, d, d.batch_shape)
        for name, expected in numbers(d.tensors()).items():
            tensor = numbers(joined.tensors()[name])
            np.testing.assert_array_equal(*np.broadcast_arrays(tensor, expected))
