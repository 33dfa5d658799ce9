import numpy as np
import pytest

from kelbo.errors import InputError
from kelbo.plots.arrays import as_events, as_images, as_numbers, as_rows


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float16, np.float32, np.float64])
def test_numbers_become_floats_and_keep_their_values(dtype):
    array = as_numbers(np.array([0, 1], dtype), "x")
    assert array.dtype in (np.float32, np.float64)
    assert array.tolist() == [0.0, 1.0]


MASKED = np.ma.masked_greater(np.arange(3.0), 1.0)


@pytest.mark.parametrize("values", [["a", "b"], [[1, 2], [3]], np.array([1j]), {"a": 1}, MASKED])
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(InputError, match=r"^x (holds|is) .*; expected"):
        as_numbers(values, "x")


def test_rows_take_a_vector_as_one_column():
    assert as_rows([1.0, 2.0], "z").shape == (2, 1)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (2, 3, 4)])
def test_rows_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"shape \(n, d\)") as caught:
        as_rows(np.zeros(shape), "z")
    assert f"got shape {shape}" in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "event", "expected"),
    [
        ((3, 64), (8, 8), (3, 8, 8)),
        ((3, 8, 8), None, (3, 8, 8)),
        ((3, 8, 8), (64,), (3, 64)),
        ((3,), None, (3, 1)),
        ((3,), (), (3, 1)),
    ],
)
def test_events_take_their_shape_in_row_major_order(shape, event, expected):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    events = as_events(values, event, "x")
    assert events.shape == expected
    np.testing.assert_array_equal(events.ravel(), values.ravel())


@pytest.mark.parametrize(("shape", "event"), [((3, 63), (8, 8)), ((3, 8, 8), (8,)), ((0, 4), (2,))])
def test_events_that_do_not_fit_are_refused(shape, event):
    with pytest.raises(InputError, match="x must") as caught:
        as_events(np.zeros(shape), event, "x")
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 4, 5), (2, 4, 5)),
        ((2, 4, 5, 1), (2, 4, 5)),
        ((2, 4, 5, 3), (2, 4, 5, 3)),
        ((2, 1, 4, 5), (2, 4, 5)),
        ((2, 3, 4, 5), (2, 4, 5, 3)),
        ((2, 3, 4, 3), (2, 3, 4, 3)),  # ambiguous: channels last
    ],
)
def test_images_lose_a_single_channel(shape, expected):
    assert as_images(np.zeros(shape), "images").shape == expected


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5, 2), (0, 4, 5), (2, 0, 5), (1, 2, 3, 4, 5)])
def test_images_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"\(n, H, W\).*got shape") as caught:
        as_images(np.zeros(shape), "images")
    assert str(caught.value).endswith(f"got shape {shape}.")


def test_channels_first_are_the_same_image():
    image = np.random.default_rng(0).random((2, 4, 5, 3))
    first = as_images(np.moveaxis(image, -1, 1), "images")
    np.testing.assert_array_equal(first, as_images(image, "images"))


def test_images_are_clipped_not_rescaled():
    faint = np.array([[[-0.5, 0.1], [0.2, 1.5]]])
    np.testing.assert_allclose(as_images(faint, "images"), [[[0.0, 0.1], [0.2, 1.0]]])


def test_bytes_are_refused_and_binary_integers_taken():
    with pytest.raises(InputError, match=r"integers up to 255: divide bytes by 255"):
        as_images(np.full((1, 2, 2), 255, np.uint8), "images")
    assert as_images(np.ones((1, 2, 2), np.uint8), "images").max() == 1.0


def test_images_that_are_not_finite_are_counted():
    images = np.zeros((2, 2, 2))
    images[0, 0] = np.nan, np.inf
    with pytest.raises(InputError, match="2 of 8 values are NaN or infinite"):
        as_images(images, "images")
