import numpy as np
import pytest

from kelbo import ops
from kelbo.training import map_rows

pytestmark = pytest.mark.core


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 20])
@pytest.mark.parametrize("batch_size", [1, 4, 8, 100])
def test_all_rows_in_order(rows, batch_size):
    x = np.arange(rows * 2, dtype="float32").reshape(rows, 2)
    result = map_rows(lambda batch, index: ops.convert_to_tensor(batch) * 2, x, batch_size)
    np.testing.assert_array_equal(ops.convert_to_numpy(result), x * 2)


def test_few_shapes_are_seen():
    seen = set()

    def function(batch, index):
        seen.add(len(batch))
        return ops.convert_to_tensor(batch)

    for rows in range(1, 65):
        map_rows(function, np.zeros((rows, 2), "float32"), 16)
    assert seen == {1, 2, 4, 8, 16}


def test_nests_and_the_number_of_the_batch():
    x = {"a": np.zeros((5, 1)), "b": np.zeros((5, 3))}
    result = map_rows(lambda x, index: {"c": ops.convert_to_tensor(x["b"]) + index}, x, 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(result["c"])[:, 0], [0, 0, 1, 1, 2])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "2", True])
def test_the_size_of_a_batch_is_a_whole_number(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got"):
        map_rows(lambda x, index: x, np.zeros((3, 2)), batch_size)


def test_no_rows():
    with pytest.raises(ValueError, match="no rows"):
        map_rows(lambda x, index: x, np.zeros((0, 2)), 2)
