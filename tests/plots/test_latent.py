import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.contour import QuadContourSet
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from kelbo.errors import InputError
from kelbo.plots import latent_space
from kelbo.plots.latent import principal_components
from kelbo.plots.style import PALETTE

DIGITS = load_digits()
PLANE = PCA(2).fit_transform(DIGITS.data)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_two_dimensions_are_drawn_as_they_are_with_the_colour_of_their_class():
    figure = latent_space(PLANE, DIGITS.target)
    (axes,) = figure.axes
    (points,) = axes.collections
    drawn = np.asarray(points.get_offsets())
    colours = points.get_facecolors()[:, :3]
    by_row = dict(zip(map(tuple, drawn), map(tuple, colours), strict=True))
    for row, digit in zip(PLANE, DIGITS.target, strict=True):
        assert by_row[tuple(row)] == to_rgba(PALETTE[digit])[:3]
    assert legend(figure) == list("0123456789")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$z_1$", "$z_2$")
    assert axes.get_aspect() == 1.0
    assert points.get_rasterized()


def test_points_are_drawn_in_an_order_that_the_seed_decides():
    def offsets(seed):
        return np.asarray(latent_space(PLANE, seed=seed).axes[0].collections[0].get_offsets())

    np.testing.assert_array_equal(offsets(1), offsets(1))
    assert not np.array_equal(offsets(1), offsets(2))
    assert not np.array_equal(offsets(1), PLANE)
    np.testing.assert_array_equal(np.sort(offsets(1), axis=0), np.sort(PLANE, axis=0))


def test_crowds_get_small_translucent_dots():
    generator = np.random.default_rng(0)
    few = latent_space(generator.normal(size=(100, 2))).axes[0].collections[0]
    many = latent_space(generator.normal(size=(20_000, 2))).axes[0].collections[0]
    assert many.get_sizes()[0] < few.get_sizes()[0]
    assert many.get_alpha() < few.get_alpha()
    assert len(many.get_offsets()) == 20_000


def test_the_name_of_a_class_stands_at_the_median_of_its_points():
    figure = latent_space(PLANE, DIGITS.target, [f"digit {k}" for k in range(10)])
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    np.testing.assert_allclose(
        texts["digit 3"], np.median(PLANE[DIGITS.target == 3], axis=0), rtol=1e-12
    )


def test_no_name_is_written_over_another():
    points = np.random.default_rng(0).normal(size=(300, 2))
    classes = np.repeat(["oak", "elm", "ash"], [120, 100, 80])
    points[classes == "ash"] += 9
    figure = latent_space(points, classes)
    assert [text.get_text() for text in figure.axes[0].texts] == ["ash", "oak"]
    assert legend(figure) == ["ash", "elm", "oak"]


def test_a_cloud_of_few_points_is_not_hidden_by_its_name():
    points = np.random.default_rng(0).normal(size=(60, 2))
    few = latent_space(points, np.repeat(["oak", "elm"], [40, 20]))
    assert not few.axes[0].texts
    assert legend(few) == ["elm", "oak"]


def test_the_name_of_a_class_may_hold_dollars():
    figure = latent_space(PLANE, DIGITS.target > 4, ["below $5", "$5_$ and $above_$"])
    figure.draw_without_rendering()
    assert legend(figure) == [r"below \$5", r"\$5_\$ and \$above_\$"]


def test_more_dimensions_are_projected_and_the_variance_is_said():
    figure = latent_space(DIGITS.data, DIGITS.target)
    shares = 100 * PCA(2).fit(DIGITS.data).explained_variance_ratio_
    axes = figure.axes[0]
    assert axes.get_xlabel() == f"principal component 1 ({shares[0]:.0f} % of variance)"
    assert axes.get_ylabel() == f"principal component 2 ({shares[1]:.0f} % of variance)"


def test_principal_components_are_those_of_scikit_learn():
    ours, shares = principal_components(DIGITS.data)
    reference = PCA(2).fit(DIGITS.data)
    np.testing.assert_allclose(shares, reference.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(ours), np.abs(reference.transform(DIGITS.data)), atol=1e-8)


def test_points_that_coincide_have_no_variance_to_explain():
    figure = latent_space(np.ones((5, 3)))
    assert figure.axes[0].get_xlabel() == "principal component 1 (0 % of variance)"
    figure.draw_without_rendering()


def test_one_dimension_is_a_histogram_per_class():
    figure = latent_space(PLANE[:, 0], DIGITS.target)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == list("0123456789")
    assert len(axes.patches) == 10
    counts = [patch.get_data().values - patch.get_data().baseline for patch in axes.patches]
    shares = np.array([np.sum(heights) for heights in counts])
    np.testing.assert_allclose(shares / shares.sum(), np.bincount(DIGITS.target) / len(PLANE))


def test_one_dimension_without_labels_is_a_histogram():
    axes = latent_space(PLANE[:, :1]).axes[0]
    assert sum(patch.get_height() for patch in axes.patches) == len(PLANE)


def test_numbers_of_many_values_get_a_colour_bar():
    brightness = DIGITS.data.mean(axis=1)
    figure = latent_space(PLANE, brightness, seed=3)
    assert len(figure.axes) == 2
    assert not figure.legends
    points = figure.axes[0].collections[0]
    order = np.random.default_rng(3).permutation(len(PLANE))
    np.testing.assert_array_equal(points.get_array(), brightness[order])


def test_one_dimension_against_a_quantity():
    brightness = DIGITS.data.mean(axis=1)
    (axes,) = latent_space(PLANE[:, 0], brightness).axes
    drawn = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_array_equal(drawn, np.stack([PLANE[:, 0], brightness], axis=1))


def test_many_classes_get_columns_of_legend_and_very_many_a_remark():
    labels = np.array([f"class {i % 30:02d}" for i in range(len(PLANE))])
    assert len(legend(latent_space(PLANE, labels))) == 30
    labels = np.array([f"class {i % 70:02d}" for i in range(len(PLANE))])
    figure = latent_space(PLANE, labels)
    assert not figure.legends
    assert [text.get_text() for text in figure.axes[0].texts] == ["70 classes, too many to name"]


def test_points_that_are_not_finite_are_left_out_and_counted():
    points = PLANE.copy()
    points[:3, 1] = np.nan, np.inf, -np.inf
    figure = latent_space(points, DIGITS.target)
    assert len(figure.axes[0].collections[0].get_offsets()) == len(PLANE) - 3
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert f"3 of {len(PLANE)} points are not finite and not drawn" in texts


def normal(z):
    return -0.5 * np.sum(np.square(z), axis=1)


def radii(axes):
    (contour,) = [c for c in axes.collections if isinstance(c, QuadContourSet)]
    return [np.hypot(*path.vertices.T) for path in contour.get_paths()]


def test_a_normal_prior_is_circles_of_one_and_two_standard_deviations():
    figure = latent_space(np.array([[0.1, 0.2], [0.0, 9.0]]), log_prior=normal,
                          prior_draws=np.random.default_rng(0).normal(size=(500, 2)))  # fmt: skip
    axes = figure.axes[0]
    outer, inner = radii(axes)
    np.testing.assert_allclose(outer, 2.0, atol=0.06)
    np.testing.assert_allclose(inner, 1.0, atol=0.06)
    assert axes.get_ylim()[1] >= 9.0  # no point is outside
    assert "the prior's regions of 39 %" in axes.texts[-1].get_text()


def test_the_prior_is_seen_where_the_codes_are_elsewhere():
    draws = np.random.default_rng(0).normal(size=(500, 2))
    axes = latent_space(np.full((5, 2), 7.0), log_prior=normal, prior_draws=draws).axes[0]
    assert axes.get_xlim()[0] <= -2.0
    assert axes.get_xlim()[1] >= 7.0


def test_the_prior_of_more_dimensions_is_projected_as_the_points_are():
    generator = np.random.default_rng(0)
    points = 4 + generator.normal(size=(200, 5))
    draws = generator.normal(size=(2000, 5))
    outer, _ = radii(latent_space(points, prior_draws=draws).axes[0])
    assert np.median(outer) > 2.5  # its centre is not that of the points


def test_the_prior_of_one_dimension_is_a_line_and_few_points_are_strokes():
    axes = latent_space(PLANE[:50, 0] / 20, log_prior=normal).axes[0]
    strokes, line = axes.lines
    assert len(strokes.get_xdata()) == 50
    x, y = line.get_data()
    assert abs(x[np.argmax(y)]) < 0.05
    assert axes.get_xlim()[0] <= -2.9


def test_a_flat_prior_has_no_border():
    figure = latent_space(PLANE, log_prior=lambda z: np.zeros(len(z)), prior_draws=PLANE)
    assert len(figure.axes[0].collections) == 1


def test_a_part_of_the_points_is_said_below_other_remarks():
    points = PLANE.copy()
    points[0] = np.nan
    (text,) = latent_space(points, total=5000).axes[0].texts
    assert text.get_text().splitlines() == [
        f"{len(PLANE)} of 5000 points, drawn at random",
        f"1 of {len(PLANE)} points are not finite and not drawn",
    ]


def test_nothing_finite_is_refused():
    with pytest.raises(InputError, match="no finite row among 4"):
        latent_space(np.full((4, 2), np.nan))


def test_a_wrong_shape_is_refused():
    with pytest.raises(InputError, match=r"z must have shape \(n, d\).*got shape \(2, 3, 4\)"):
        latent_space(np.zeros((2, 3, 4)))
