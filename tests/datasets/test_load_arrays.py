import io
import zipfile

import numpy as np
import pytest

from kelbo.datasets import load


def _save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_npz_with_train_and_test(tmp_path):
    x = np.arange(24, dtype=np.uint8).reshape(4, 3, 2) * 10
    path = _save(
        tmp_path / "set.npz",
        x_train=x,
        y_train=np.array([1, 0, 1, 2], np.uint8),
        x_test=x[:2],
        y_test=np.array([1, 0], np.uint8),
        other=np.zeros(1),
    )
    data = load(path)
    assert (data.name, data.source) == ("set", str(path))
    np.testing.assert_allclose(data.x_train, x / 255, rtol=1e-6)
    np.testing.assert_allclose(data.x_test, x[:2] / 255, rtol=1e-6)
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.y_train.tolist() == [1, 0, 1, 2]
    assert data.y_test.tolist() == [1, 0]
    assert data.class_names is None


def test_npz_with_x_and_named_classes(tmp_path):
    path = _save(tmp_path / "set.npz", x=np.ones((2, 3)), y=np.array(["dog", "cat"]))
    data = load(str(path))
    assert data.y_train.tolist() == [1, 0]
    assert data.class_names == ("cat", "dog")
    assert data.x_test is None


def test_npz_of_a_regression(tmp_path):
    path = _save(tmp_path / "set.npz", x=np.ones((2, 3)), y=np.array([3.0, 0.25]))
    data = load(path)
    assert data.y_train is None
    assert data.remarks == ("left out: y holds measured values such as 0.25",)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_of_a_single_unnamed_array(tmp_path, save):
    save(tmp_path / "one.npz", np.full((2, 3), 7))
    np.testing.assert_array_equal(load(tmp_path / "one.npz").x_train, np.full((2, 3), 7))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [[0, 1]]),
        (np.array([[0, 255]], np.int64), [[0, 255]]),
        (np.array([[-1.5, 2.5]], np.float64), [[-1.5, 2.5]]),
        (np.array([[-1.5, 2.5]], ">f8"), [[-1.5, 2.5]]),
        (np.array([[True, False]]), [[1, 0]]),
    ],
)
def test_npy_types_and_scales(tmp_path, given, expected):
    np.save(tmp_path / "x.npy", given)
    data = load(tmp_path / "x.npy")
    assert data.x_train.dtype == np.float32
    np.testing.assert_array_equal(data.x_train, np.array(expected, np.float32))


def _truncated(name, array, keep):
    def write(path):
        buffer = io.BytesIO()
        (np.save if name.endswith("npy") else np.savez_compressed)(buffer, array)
        path.write_bytes(buffer.getvalue()[: int(keep * buffer.tell())])

    return pytest.param(name, write, "damaged", id=f"{name}-{keep}")


def _damaged_member(path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.random.default_rng(0).random((50, 50)))
    content = bytearray(buffer.getvalue())
    content[5000:5100] = bytes(100)
    path.write_bytes(content)


def _encrypted_flag(path):
    buffer = io.BytesIO()
    np.savez(buffer, x=np.ones((2, 2)))
    with zipfile.ZipFile(buffer) as archive:
        offset = archive.start_dir
    content = bytearray(buffer.getvalue())
    content[offset + 8] |= 1
    content[6] |= 1
    path.write_bytes(content)


_RANDOM = np.random.default_rng(0).random((100, 10))


@pytest.mark.parametrize(
    ("name", "write", "word"),
    [
        _truncated("x.npy", _RANDOM, 0.5),
        _truncated("x.npz", _RANDOM, 0.5),
        _truncated("x.npz", _RANDOM, 0.99),
        ("x.npz", lambda path: path.write_bytes(b""), "damaged"),
        ("x.npy", lambda path: path.write_bytes(b""), "damaged"),
        ("x.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "damaged"),
        ("x.npz", lambda path: path.write_text("hello"), "pickles are never loaded"),
        ("x.npz", _damaged_member, "damaged"),
        ("x.npz", _encrypted_flag, "encrypted"),
        ("x.npy", lambda path: np.save(path, np.array([{}], object)), "never loaded"),
        ("x.npz", lambda path: np.savez(path, x=np.array([{}], object)), "never loaded"),
        ("x.npz", lambda path: path.write_bytes(_npy_bytes()), "rename it to .npy"),
        ("x.npy", lambda path: path.write_bytes(_npz_bytes()), "rename it to .npz"),
        ("x.npz", lambda path: np.savez(path), "no array"),
        ("x.npz", lambda path: np.savez(path, a=np.ones(2), b=np.ones(2)), "holds a, b"),
        ("x.npz", lambda path: np.savez(path, y=np.ones(2)), "holds y"),
        ("x.npz", lambda path: np.savez(path, x_test=np.ones((2, 2))), "holds x_test"),
        ("x.txt", lambda path: path.write_text("1,2"), "'.txt'"),
        ("x", lambda path: path.write_text("1,2"), "folder of images"),
    ],
)
def test_refuses_unreadable_files(tmp_path, name, write, word, refuses):
    write(tmp_path / name)
    refuses(lambda: load(tmp_path / name), tmp_path / name, word)


def _npy_bytes():
    buffer = io.BytesIO()
    np.save(buffer, np.ones((2, 2)))
    return buffer.getvalue()


def _npz_bytes():
    buffer = io.BytesIO()
    np.savez(buffer, np.ones((2, 2)))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.array(3.0)}, ["single number"]),
        ({"x": np.ones(3)}, ["(3,)", "(examples, 1)"]),
        ({"x": np.ones((0, 3))}, ["empty"]),
        ({"x": np.array([[1, np.nan]])}, ["1 NaN", "(0, 1)"]),
        ({"x": np.array([[1, 1e300]])}, ["1e+300 at (0, 1)", "float32", "3.4e+38", "rescale"]),
        ({"x": np.ones((2, 2)), "x_test": np.array([[np.inf, 0]])}, ["x_test", "1 infinite"]),
        ({"x": np.array([["a"]])}, ["real numbers"]),
        ({"x": np.ones((3, 2)), "y": np.arange(2)}, ["3 examples", "y_train has 2"]),
        ({"x": np.ones((3, 2)), "y": np.eye(3)}, ["one-hot"]),
        ({"x": np.ones((3, 2)), "x_test": np.ones((3, 4))}, ["(4,)", "(2,)"]),
        ({"x": np.ones((3, 2)), "y_test": np.ones(3)}, ["no x_test"]),
        ({"x": np.ones((3, 2), np.uint8), "x_test": np.ones((3, 2))}, ["uint8", "float64"]),
    ],
)
def test_refuses_arrays_that_are_no_data_set(tmp_path, arrays, words, refuses):
    path = _save(tmp_path / "x.npz", **arrays)
    refuses(lambda: load(path), path, *words)
