import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from kelbo.errors import InputError
from kelbo.plots import reconstructions, samples

WINE = load_wine().data
WINE = (WINE - WINE.mean(axis=0)) / WINE.std(axis=0)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_images_become_a_grid():
    digits = load_digits().data[:16] / 16
    figure = samples(digits, event_shape=(8, 8), columns=4, title="Samples")
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (35, 35)
    assert figure.axes[0].get_title(loc="left") == "Samples"


def test_rows_become_lines_over_the_bands_of_the_data():
    generated = WINE[:60] + 0.1
    figure = samples(generated, reference=WINE, title="Wine")
    (axes,) = figure.axes
    wide, narrow = axes.collections
    for band, (low, high) in ((wide, (0.05, 0.95)), (narrow, (0.25, 0.75))):
        heights = band.get_paths()[0].vertices
        for feature in range(13):
            at = heights[heights[:, 0] == feature + 1, 1]
            assert at.min() == pytest.approx(np.quantile(WINE[:, feature], low))
            assert at.max() == pytest.approx(np.quantile(WINE[:, feature], high))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.median(WINE, axis=0))
    np.testing.assert_allclose(axes.lines[1].get_ydata(), generated[0])
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), np.median(generated, axis=0))
    assert len(axes.lines) == 42  # two medians and forty of the sixty rows
    assert axes.get_title(loc="left") == "Wine"
    assert legend(figure) == [
        "data, middle 90 %",
        "data, middle 50 %",
        "data, median",
        "generated",
        "generated, median",
    ]


def test_rows_without_data_to_compare():
    figure = samples(WINE[:5])
    assert not figure.axes[0].collections
    assert legend(figure) == ["generated", "generated, median"]


def test_pairs_become_a_scatter_plot():
    figure = samples(WINE[:50, :2], reference=WINE[:, :2])
    data, generated = figure.axes[0].collections
    np.testing.assert_array_equal(data.get_offsets(), WINE[:, :2])
    np.testing.assert_array_equal(generated.get_offsets(), WINE[:50, :2])


@pytest.mark.parametrize("shape", [(178,), (178, 1)])
def test_scalars_become_histograms_of_unit_area(shape):
    figure = samples(WINE[:, 0].reshape(shape) + 1, reference=WINE[:, 0].reshape(shape))
    assert legend(figure) == ["data", "generated"]
    bars = figure.axes[0].containers[0]
    assert sum(bar.get_width() * bar.get_height() for bar in bars) == pytest.approx(1.0)


def test_values_that_are_not_finite_are_refused():
    broken = WINE.copy()
    broken[3, 4] = np.nan
    with pytest.raises(InputError, match="values must be finite; 1 of 2314 values"):
        samples(broken)
    with pytest.raises(InputError, match="reference must be finite"):
        samples(WINE, reference=broken)


def test_a_reference_of_other_features_is_refused():
    with pytest.raises(InputError, match=r"reference must have shape \(m, 13\).*\(178, 12\)"):
        samples(WINE, reference=WINE[:, :12])


def test_values_that_do_not_fill_the_event_shape_are_refused():
    with pytest.raises(InputError, match=r"values must fill the event shape \(4, 4\)"):
        samples(WINE, event_shape=(4, 4))


def test_few_features_are_reconstructed_as_scatter_plots():
    figure = reconstructions(WINE[:, :4], WINE[:, :4] * 0.9)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"feature {i}" for i in range(1, 5)
    ]
    drawn = np.asarray(figure.axes[2].collections[0].get_offsets())
    np.testing.assert_allclose(drawn, np.stack([WINE[:, 2], WINE[:, 2] * 0.9], axis=1))


def test_many_features_are_reconstructed_as_lines():
    figure = reconstructions(WINE[:11], WINE[:11] * 0.9)
    assert len(figure.axes) == 9
    original, reconstruction = figure.axes[8].lines
    np.testing.assert_allclose(original.get_ydata(), WINE[8])
    np.testing.assert_allclose(reconstruction.get_ydata(), WINE[8] * 0.9)
    assert legend(figure) == ["original", "reconstruction"]


@pytest.mark.parametrize("features", [1, 2, 3, 5, 9, 10, 13])
@pytest.mark.parametrize("rows", [1, 2, 178])
def test_every_size_can_be_drawn(features, rows):
    data = WINE[:rows, :features]
    samples(data, reference=WINE[:, :features]).draw_without_rendering()
    reconstructions(data, data).draw_without_rendering()


def test_rows_that_are_not_finite_cannot_be_reconstructed():
    with pytest.raises(InputError, match="reconstructed must be finite; 13 of 52 values"):
        reconstructions(WINE[:4], np.where(np.arange(4)[:, None] == 1, np.nan, WINE[:4]))
