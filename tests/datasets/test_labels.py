import numpy as np
import pytest

from kelbo.datasets.labels import encode_labels


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 0, 3], "uint8"),
        np.array([3.0, 0.0, 3.0]),
        np.array([[3], [0], [3]]),
        np.array(["3", "0", "3.0"]),
        np.array([b"3", b"0", b"3"]),
    ],
)
def test_whole_numbers_stay(y):
    encoded, test, names = encode_labels(y, None, "f")
    assert encoded.tolist() == [3, 0, 3]
    assert encoded.dtype == np.int64
    assert test is None
    assert names is None


def test_names_are_counted_over_train_and_test():
    train, test, names = encode_labels(np.array(["b", "c"]), np.array(["a", "c", "b"]), "f")
    assert names == ("a", "b", "c")
    assert train.tolist() == [1, 2]
    assert test.tolist() == [0, 2, 1]


def test_test_labels_alone():
    assert encode_labels(None, np.array(["b", "a"]), "f")[1].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("y_train", "y_test", "words"),
    [
        (np.array([0.0, 0.37]), None, ["label 1", "0.37"]),
        (np.array([0.0, np.nan]), None, ["label 1", "nan"]),
        (np.array(["1", "2.5"]), None, ["label 1", "2.5"]),
        (np.eye(3), None, ["(3, 3)", "one-hot"]),
        (np.array(1), None, ["()"]),
        (np.array(["a"]), np.array([1]), ["text and numbers"]),
        (np.array([1j]), None, ["complex"]),
    ],
)
def test_refuses_what_are_no_classes(y_train, y_test, words, refuses):
    refuses(lambda: encode_labels(y_train, y_test, "file.npz"), "file.npz", *words)
