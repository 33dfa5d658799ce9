import numpy as np
import pytest
from sklearn.datasets import load_digits

from kelbo.errors import InputError
from kelbo.plots import image_grid, manifold, reconstructions
from kelbo.plots.images import tile

DIGITS = load_digits().images / 16


def picture(figure):
    (axes,) = figure.axes
    (image,) = axes.images
    return np.asarray(image.get_array())


def test_tiles_lie_row_by_row_with_white_between_and_after():
    images = np.zeros((5, 2, 3)) + np.arange(5)[:, None, None] / 10
    mosaic, across, down = tile(images, columns=3, gap=1)
    assert mosaic.shape == (5, 11)
    np.testing.assert_array_equal(mosaic[0], [0, 0, 0, 1, 0.1, 0.1, 0.1, 1, 0.2, 0.2, 0.2])
    np.testing.assert_array_equal(mosaic[2], np.ones(11))
    np.testing.assert_array_equal(mosaic[3], [0.3, 0.3, 0.3, 1, 0.4, 0.4, 0.4, 1, 1, 1, 1])
    assert across.tolist() == [1, 5, 9]
    assert down.tolist() == [0.5, 3.5]


def test_pairs_of_rows_stand_apart():
    _, _, down = tile(np.zeros((4, 2, 2)), columns=1, gap=1, pair_gap=5)
    assert np.diff(down).tolist() == [3, 8, 3]


def test_a_grid_is_one_image_on_the_full_scale():
    figure = image_grid(DIGITS[:6] * 0.1, columns=3)
    mosaic = picture(figure)
    assert mosaic.shape == (17, 26)
    np.testing.assert_allclose(mosaic[:8, :8], DIGITS[0] * 0.1, rtol=1e-6)
    np.testing.assert_allclose(mosaic[9:, 18:], DIGITS[5] * 0.1, rtol=1e-6)
    image = figure.axes[0].images[0]
    assert image.get_clim() == (0.0, 1.0)
    assert image.get_cmap().name == "gray"


def test_values_are_clipped():
    mosaic = picture(image_grid(np.array([[[-1.0, 2.0]]])))
    np.testing.assert_array_equal(mosaic, [[0.0, 1.0]])


def test_colours_stay_colours():
    images = np.random.default_rng(0).uniform(size=(4, 6, 5, 3))
    mosaic = picture(image_grid(images, columns=2))
    assert mosaic.shape == (13, 11, 3)
    np.testing.assert_allclose(mosaic[7:, 6:], images[3], rtol=1e-6)


@pytest.mark.parametrize(
    ("count", "height", "width", "columns"),
    [(100, 28, 28, 10), (60, 28, 20, 10), (64, 28, 20, 8), (37, 28, 28, 6), (1, 8, 8, 1)],
)
def test_a_grid_is_about_square_by_default(count, height, width, columns):
    mosaic = picture(image_grid(np.zeros((count, height, width))))
    gap = max(1, round(min(height, width) / 12))
    assert mosaic.shape[1] == columns * (width + gap) - gap


def test_more_columns_than_images_make_one_row():
    assert picture(image_grid(DIGITS[:3], columns=10)).shape == (8, 26)


def test_a_title_is_shown():
    assert image_grid(DIGITS[:2], title="Samples").axes[0].get_title(loc="left") == "Samples"


def test_rows_have_names():
    figure = image_grid(DIGITS[:6], row_names=["a", "b $c$"])
    assert picture(figure).shape == (17, 26)
    labels = figure.axes[0].get_yticklabels()
    assert [(label.get_text(), label.get_position()[1]) for label in labels] == [
        ("a", 3.5),
        (r"b \$c\$", 12.5),
    ]
    for count, columns in ((5, None), (6, 2)):
        with pytest.raises(InputError, match=f"row_names must name the rows .* for {count} images"):
            image_grid(DIGITS[:count], columns=columns, row_names=["a", "b"])


@pytest.mark.parametrize("columns", [0, -1])
def test_no_column_is_refused(columns):
    with pytest.raises(InputError, match=f"columns must be at least 1; got {columns}"):
        image_grid(DIGITS[:2], columns=columns)


def test_rows_are_no_images():
    with pytest.raises(InputError, match=r"images must have shape \(n, H, W\).*shape \(5, 64\)"):
        image_grid(np.zeros((5, 64)))


def test_reconstructions_stand_below_their_originals():
    below = DIGITS[:13] * 0.5
    figure = reconstructions(DIGITS[:13], below)
    mosaic = picture(figure)
    np.testing.assert_allclose(mosaic[:8, 9:17], DIGITS[1], rtol=1e-6)
    np.testing.assert_allclose(mosaic[9:17, 9:17], below[1], rtol=1e-6)
    second_pair = 2 * 9 + 3
    np.testing.assert_allclose(mosaic[second_pair : second_pair + 8, 18:26], DIGITS[12], rtol=1e-6)
    np.testing.assert_allclose(
        mosaic[second_pair + 9 : second_pair + 17, 18:26], below[12], rtol=1e-6
    )
    assert (mosaic[second_pair:, 27:] == 1.0).all()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["original", "reconstruction"] * 2
    assert figure.axes[0].get_yticks().tolist() == [3.5, 12.5, 24.5, 33.5]


def test_flat_images_are_reconstructed_as_images():
    flat = DIGITS[:4].reshape(4, 64)
    assert picture(reconstructions(flat, flat, event_shape=(8, 8))).shape == (17, 35)


def test_reconstructions_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"originals, \(4, 8, 8\); got shape \(3, 8, 8\)"):
        reconstructions(DIGITS[:4], DIGITS[:3])


def test_reconstructions_need_a_column():
    with pytest.raises(InputError, match="columns must be at least 1"):
        reconstructions(DIGITS[:4], DIGITS[:4], columns=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: image_grid(DIGITS[:37], columns=10, title="A title with a descender: gjp"),
        lambda: image_grid(np.zeros((3, 40, 8)), columns=1),
        lambda: image_grid(DIGITS[:12], row_names=["species Mmm, width 10", "a", "W" * 40]),
        lambda: reconstructions(DIGITS[:13], DIGITS[:13]),
        lambda: reconstructions(DIGITS[:1], DIGITS[:1]),
        lambda: manifold(DIGITS[:225], 15),
        lambda: manifold(np.zeros((225, 28, 20)), 15),
    ],
)
def test_no_label_is_cut_off(make):
    figure = make()
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()  # inches
    assert 0 <= box.x0 < box.x1 <= width
    assert 0 <= box.y0 < box.y1 <= height
