import numpy as np
import pytest

from kelbo.datasets import Dataset, split_indices


def _images(n, height=3, width=2):
    return np.arange(n * height * width, dtype=np.float32).reshape(n, height, width)


def test_properties_of_images_and_vectors():
    images = Dataset("a", _images(4))
    assert images.event_shape == (3, 2)
    assert images.is_image
    vectors = Dataset("b", _images(4).reshape(4, 6))
    assert vectors.event_shape == (6,)
    assert not vectors.is_image


def test_range_and_is_binary_see_the_test_part():
    zeros_and_ones = np.array([[0, 1], [1, 1]], np.float32)
    assert Dataset("a", zeros_and_ones).is_binary
    with_test = Dataset("a", zeros_and_ones, x_test=np.array([[0.5, -2]], np.float32))
    assert not with_test.is_binary
    assert with_test.range == (-2.0, 1.0)


def test_is_binary_sees_the_last_row_of_a_large_set():
    x = np.zeros((60000, 100), np.float32)
    assert Dataset("a", x).is_binary
    x[-1, -1] = 0.5
    assert not Dataset("a", x).is_binary


def test_is_frozen():
    data = Dataset("a", _images(4))
    with pytest.raises(AttributeError):
        data.name = "b"


def test_split_holds_out_without_loss_and_keeps_labels_with_their_examples():
    y = np.arange(20)
    x = np.repeat(y[:, None], 3, axis=1).astype(np.float32)
    data = Dataset("a", x, y, class_names=tuple(map(str, y)), source="here")
    split = data.split(0.25, seed=7)
    assert len(split.x_train) == 15
    assert len(split.x_test) == 5
    assert sorted([*split.y_train, *split.y_test]) == list(y)
    np.testing.assert_array_equal(split.x_train[:, 0], split.y_train)
    np.testing.assert_array_equal(split.x_test[:, 0], split.y_test)
    assert (split.name, split.source, split.class_names) == ("a", "here", data.class_names)
    again = data.split(0.25, seed=7)
    np.testing.assert_array_equal(split.y_test, again.y_test)
    assert not np.array_equal(split.y_test, data.split(0.25, seed=8).y_test)
    assert data.x_test is None


def test_split_of_unlabelled_data_has_no_labels():
    split = Dataset("a", _images(10)).split(0.5, seed=0)
    assert split.y_train is None
    assert split.y_test is None


def test_split_refuses_to_replace_a_test_part(refuses):
    data = Dataset("faces", _images(4), x_test=_images(2))
    refuses(lambda: data.split(0.5), "faces", "test part of 2", "split_indices")


@pytest.mark.parametrize(
    ("n", "fraction", "held_out"), [(1965, 0.1, 197), (100, 0.07, 7), (10, 0.1, 1), (2, 0.5, 1)]
)
def test_split_indices_counts(n, fraction, held_out):
    kept, out = split_indices(n, fraction, seed=3)
    assert len(out) == held_out
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, out])), np.arange(n))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(out) > 0).all()


def test_split_indices_is_a_random_draw_not_the_end():
    _, out = split_indices(1000, 0.1, seed=0)
    assert 400 < out.mean() < 600


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_split_indices_refuses_a_fraction_outside_0_1(fraction, refuses):
    refuses(lambda: split_indices(10, fraction), "between 0 and 1", f"{fraction:g}")


@pytest.mark.parametrize(("n", "fraction"), [(1, 0.5), (3, 0.9), (10, 1e-9)])
def test_split_indices_refuses_an_empty_part(n, fraction, refuses):
    refuses(lambda: split_indices(n, fraction), f"of {n} examples")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": _images(4), "y_train": np.arange(3)}, ["4 examples", "y_train has 3"]),
        ({"x_train": _images(4), "y_test": np.arange(3)}, ["no x_test"]),
        ({"x_train": _images(4), "x_test": _images(2, 4, 4)}, ["(4, 4)", "(3, 2)"]),
        ({"x_train": np.zeros(4, np.float32)}, ["(4,)", "(examples, 1)"]),
        ({"x_train": np.zeros((4, 2))}, ["float64", "float32"]),
        ({"x_train": _images(4), "y_train": np.zeros(4)}, ["float64", "whole number"]),
        ({"x_train": None}, ["no x_train"]),
        ({"x_train": _images(4), "feature_names": ("a",)}, ["1 feature names", "(3, 2)"]),
        ({"x_train": _images(4)[0], "feature_names": ("a",)}, ["1 feature names", "(2,)"]),
    ],
)
def test_refuses_arrays_that_do_not_fit_together(arrays, words, refuses):
    refuses(lambda: Dataset("mine", source="/data/mine.npz", **arrays), "/data/mine.npz", *words)
