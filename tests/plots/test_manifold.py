import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_digits

from kelbo.errors import InputError
from kelbo.plots import manifold, manifold_grid


@pytest.mark.parametrize("size", [1, 2, 15])
def test_points_are_quantiles_of_the_standard_normal(size):
    points = manifold_grid(size).reshape(size, size, 2)
    quantiles = norm.ppf((np.arange(size) + 0.5) / size)
    np.testing.assert_allclose(points[:, :, 0], np.tile(quantiles, (size, 1)), atol=1e-6)
    np.testing.assert_allclose(
        points[:, :, 1], np.tile(quantiles[::-1, None], (1, size)), atol=1e-6
    )


def test_the_first_row_is_the_top_of_the_picture():
    points = manifold_grid(5)
    assert points.shape == (25, 2)
    assert points.dtype == np.float32
    assert (points[:5, 1] == points[:, 1].max()).all()
    assert (np.diff(points[:5, 0]) > 0).all()


def test_a_mosaic_with_thin_gaps_whose_ticks_are_latent_values():
    images = load_digits().images[:225] / 16
    figure = manifold(images, 15)
    (axes,) = figure.axes
    mosaic = np.asarray(axes.images[0].get_array())
    assert mosaic.shape == (134, 134)
    np.testing.assert_allclose(mosaic[9:17, 18:26], images[17], rtol=1e-6)
    values = norm.ppf((np.arange(15) + 0.5) / 15)
    for ticks, labels, upwards in (
        (axes.get_xticks(), axes.get_xticklabels(), False),
        (axes.get_yticks(), axes.get_yticklabels(), True),
    ):
        assert len(ticks) == 7
        for tick, label in zip(ticks, labels, strict=True):
            index = round((tick - 3.5) / 9)
            value = values[14 - index if upwards else index]
            assert float(label.get_text().replace("\N{MINUS SIGN}", "-")) == pytest.approx(
                value, abs=0.005
            )
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$z_1$", "$z_2$")


@pytest.mark.parametrize("size", [1, 2])
def test_small_grids(size):
    figure = manifold(np.zeros((size * size, 6, 4, 1)), size)
    assert len(figure.axes[0].get_xticks()) == size
    figure.draw_without_rendering()


def test_a_wrong_number_of_images_is_refused():
    with pytest.raises(InputError, match=r"\(9, H, W\) for a grid of 3 x 3; got shape \(8, 2, 2\)"):
        manifold(np.zeros((8, 2, 2)), 3)


@pytest.mark.parametrize("make", [manifold_grid, lambda size: manifold(np.zeros((1, 2, 2)), size)])
def test_a_size_below_one_is_refused(make):
    with pytest.raises(InputError, match="size must be at least 1; got 0"):
        make(0)
