import numpy as np
import pytest

from kelbo.datasets import Reading, load
from kelbo.datasets.origin import find_origin
from kelbo.errors import InputError

COUNT = np.arange(200)
# Of each kind: values, and whether float32 tells neighbours apart.
COLUMNS = (
    (1_700_000_000 + COUNT, False),  # seconds
    (1_700_000_000_000 + 60_000 * COUNT, False),  # minutes, in milliseconds
    (-1e9 - 1e-3 * COUNT, False),
    (1.0 + 1e-9 * COUNT, False),
    (1990 + COUNT // 10, True),  # years
    (1e9 + 1e8 * COUNT, True),
    (np.full(200, 1e9 + 1), True),  # says nothing
    (1e-30 * COUNT, True),
)


def test_columns_keep_their_digits(tmp_path):
    x = np.stack([values for values, _ in COLUMNS], axis=1)
    names = [f"c{i}" for i in range(len(COLUMNS))]
    rows = [",".join(names), *(",".join(map(repr, row)) for row in x.tolist())]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    np.save(tmp_path / "t.npy", x)
    for data in (load(tmp_path / "t.csv"), load(tmp_path / "t.npy")):
        assert (data.origin == 0).tolist() == [well for _, well in COLUMNS]
        again = data.in_units(data.x_train)
        most = np.where(data.origin == 0, np.abs(x).max(axis=0), np.ptp(x, axis=0))
        assert (np.abs(again - x).max(axis=0) <= 1e-7 * most).all()
        assert len(np.unique(data.x_train[:, 3])) == 200
        assert data.range == pytest.approx((x.min(), x.max()))
        assert sum("too few digits" in remark for remark in data.remarks) == 4


def test_nothing_is_subtracted_where_float32_will_do():
    assert find_origin(COUNT[:, None]) is None
    assert find_origin((1e9 + COUNT[:, None]).astype("float32")) is None  # nothing left to keep
    assert find_origin(np.full((3, 2, 2), 1e9) + np.arange(3)[:, None, None]) is None


def test_other_data_are_measured_from_the_same(tmp_path):
    np.save(tmp_path / "t.npy", 1e9 + COUNT[:, None])
    data = load(tmp_path / "t.npy", reading=Reading(origin=(1e9 - 1,)))
    np.testing.assert_array_equal(data.x_train[:, 0], 1 + COUNT)
    plain = load(tmp_path / "t.npy", reading=Reading().for_other_data(None))
    assert plain.origin is None
    with pytest.raises(InputError, match="origin: has 2 numbers"):
        load(tmp_path / "t.npy", reading=Reading(origin=(1e9, 0.0)))


def test_zeros_and_ones_far_from_zero_are_not_binary(tmp_path):
    np.save(tmp_path / "t.npy", 1e10 + COUNT[:, None] % 2)
    data = load(tmp_path / "t.npy")
    assert not data.is_binary
    assert data.range == (1e10, 1e10 + 1)
