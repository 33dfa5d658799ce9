import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from kelbo.errors import InputError
from kelbo.plots import reconstructions, samples

NAMES = load_wine().feature_names
RAW = load_wine().data  # of very different scales: hue is about 1, proline goes up to 1680
WINE = (RAW - RAW.mean(axis=0)) / RAW.std(axis=0)


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
@pytest.mark.few(3)
def test_every_size_can_be_drawn(features, rows):
    data = WINE[:rows, :features]
    samples(data, reference=WINE[:, :features]).draw_without_rendering()
    reconstructions(data, data).draw_without_rendering()


def test_rows_that_are_not_finite_cannot_be_reconstructed():
    with pytest.raises(InputError, match="reconstructed must be finite; 13 of 52 values"):
        reconstructions(WINE[:4], np.where(np.arange(4)[:, None] == 1, np.nan, WINE[:4]))


def ticks(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def test_rows_with_names_have_a_line_of_the_chart_for_each_feature():
    generated = WINE[:60] + 0.1
    figure = samples(generated, reference=WINE, feature_names=NAMES)
    (axes,) = figure.axes
    assert ticks(axes) == NAMES
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top
    assert axes.get_xlabel() == "value"
    for bars, (low, high) in zip(axes.containers, ((0.05, 0.95), (0.25, 0.75)), strict=True):
        for bar, values in zip(bars, WINE.T, strict=True):
            ends = bar.get_x(), bar.get_x() + bar.get_width()
            np.testing.assert_allclose(ends, np.quantile(values, [low, high]))
    median, strokes, of_generated = axes.lines
    np.testing.assert_allclose(median.get_xdata(), np.median(WINE, axis=0))
    np.testing.assert_allclose(strokes.get_xdata().reshape(60, 13), generated)
    np.testing.assert_array_equal(strokes.get_ydata().reshape(60, 13)[7], np.arange(13))
    np.testing.assert_allclose(of_generated.get_xdata(), np.median(generated, axis=0))
    assert legend(figure) == [
        "data, middle 90 %",
        "data, middle 50 %",
        "data, median",
        "generated",
        "generated, median",
    ]


def test_one_or_two_features_have_their_names_at_the_axes():
    assert samples(WINE[:, 0], feature_names=["hue"]).axes[0].get_xlabel() == "hue"
    axes = samples(WINE[:, :2], feature_names=["hue", "ash"]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("hue", "ash")


@pytest.mark.parametrize("names", [None, NAMES])
def test_features_of_different_scales_have_axes_of_their_own_in_their_units(names):
    figure = samples(RAW[:5] + 1.0, reference=RAW, feature_names=names)
    assert len(figure.axes) == 13
    for i, axes in enumerate(figure.axes):
        median, strokes, of_generated = axes.lines
        np.testing.assert_allclose(strokes.get_xdata(), RAW[:5, i] + 1.0)
        np.testing.assert_allclose(median.get_xdata(), np.median(RAW[:, i]))
        np.testing.assert_allclose(of_generated.get_xdata(), np.median(RAW[:5, i] + 1.0))
    assert figure.axes[12].get_title(loc="left") == ("proline" if names else "feature 13")
    assert legend(figure)[0] == "data, middle 90 %"
    figure = reconstructions(RAW[:6], RAW[:6] * 0.9, feature_names=names, reference=RAW)
    assert len(figure.axes) == 13
    drawn = np.asarray(figure.axes[12].collections[0].get_offsets())
    np.testing.assert_allclose(drawn, np.stack([RAW[:6, 12], RAW[:6, 12] * 0.9], axis=1))


def test_of_very_many_scales_the_first_forty_are_drawn_and_it_is_said():
    wide = np.tile(RAW, 4)
    for figure in (samples(wide[:5], reference=wide), reconstructions(wide[:5], wide[:5])):
        assert len(figure.axes) == 40
        assert figure.get_suptitle() == "the first 40 of 52 features"


def test_reconstructions_with_names_are_points_beside_them():
    figure = reconstructions(WINE[:6], WINE[:6] * 0.9, feature_names=NAMES, reference=WINE)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"example {i}" for i in range(1, 5)
    ]
    assert ticks(figure.axes[0]) == NAMES
    original, reconstruction = figure.axes[3].lines
    np.testing.assert_allclose(original.get_xdata(), WINE[3])
    np.testing.assert_allclose(reconstruction.get_xdata(), WINE[3] * 0.9)
    assert legend(figure) == ["original", "reconstruction"]


def test_few_features_are_reconstructed_under_their_names():
    names = ["price in $ or $", "  two\n words ", "n" * 40]
    figure = reconstructions(WINE[:, :3], WINE[:, :3], feature_names=names)
    figure.draw_without_rendering()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        r"price in \$ or \$",
        "two words",
        "n" * 27 + "…",
    ]


def test_more_names_than_can_be_read_leave_lines():
    wide = np.tile(WINE, 4)
    names = [f"column {i}" for i in range(52)]
    assert samples(wide, feature_names=names).axes[0].get_xlabel() == "feature"
    assert len(reconstructions(wide, wide, feature_names=names).axes) == 9


def test_names_that_do_not_match_are_refused():
    with pytest.raises(InputError, match=r"feature_names .* got 12 names for 13 features"):
        samples(WINE, feature_names=NAMES[1:])
    with pytest.raises(InputError, match=r"feature_names .* got 13 names for 4 features"):
        reconstructions(WINE[:, :4], WINE[:, :4], feature_names=NAMES)


@pytest.mark.parametrize("features", [1, 2, 3, 9, 13, 40])
@pytest.mark.parametrize("rows", [1, 178])
@pytest.mark.few(4)
def test_no_name_is_cut_off(features, rows):
    data = np.tile(RAW, 4)[:rows, :features]
    names = [f"a long name of column {i + 1}" for i in range(features)]
    for figure in (
        samples(data, feature_names=names),
        reconstructions(data, data * 1.1, feature_names=names),
    ):
        figure.draw_without_rendering()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
        titles = [axes._left_title for axes in figure.axes]
        boxes = [title.get_window_extent() for title in titles if title.get_text()]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[:i])


def test_large_data_are_compared_by_some_of_their_rows():
    data = np.repeat(np.arange(120_000.0)[:, None], 3, axis=1)
    axes = samples(data[:2], reference=data, feature_names=["a", "b", "c"]).axes[0]
    bar = axes.containers[0][0]
    assert bar.get_width() == pytest.approx(0.9 * 120_000, rel=1e-3)
