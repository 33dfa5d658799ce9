"""Where a model puts its data in the latent space."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from numpy.typing import ArrayLike
from scipy.stats import gaussian_kde

from kelbo.errors import InputError
from kelbo.plots.arrays import as_rows
from kelbo.plots.classes import Classes, Quantity, as_labels
from kelbo.plots.style import (
    BLUE,
    INK,
    QUIET,
    WIDTH,
    class_colours,
    new_figure,
    remark,
    styled,
    unknown_glyphs_allowed,
)

_LEGEND_ROWS = 20
_MOST_IN_LEGEND = 60
_BINS = 60
_GRID = 200  # points along a side, where the prior is evaluated
_MASSES = (1 - np.exp(-0.5), 1 - np.exp(-2.0))  # within 1 and 2 standard deviations of a normal
_REACH = 8.0  # beyond it no prior of a latent number is looked for, unless points lie there
_FEW = 500  # so many points in one dimension are drawn one by one, too
_MOST_CLOUDS = 12
_SMALLEST_CLOUD = 30  # points; a name would cover most of a smaller one
_LONGEST = 12  # characters of a class name that is written into the cloud


@styled
def latent_space(
    z: ArrayLike,
    labels: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
    log_prior: Callable[[np.ndarray], np.ndarray] | None = None,
    prior_draws: ArrayLike | None = None,
    total: int | None = None,
) -> Figure:
    """Draws latent points, coloured by class where labels are given.

    One latent dimension becomes a histogram per class, two are drawn as they are, and more are
    projected on their first two principal components, whose share of the variance stands in the
    axis labels. Points are drawn in random order, so that no class hides another. Labels that are
    numbers with more than twenty different values are a quantity: they get a colour bar.

    The prior is drawn beneath: in two dimensions the borders of the smallest regions that hold
    39 % and 86 % of it (the circles of one and two standard deviations of a normal one), in one
    dimension its density. All points are drawn, and all lie within the axes.

    Args:
        z: latent points, most often posterior means, shape (n, d).
        labels: a class per point, integers or strings, shape (n,).
        class_names: the name of every class: the k-th for the integer label k, or one for each
            distinct label in sorted order.
        seed: of the drawing order.
        log_prior: the prior's log density at points of shape (m, d), up to a constant; used where
            d is 1 or 2.
        prior_draws: draws from the prior, shape (m, d); used where d is more, and to know how far
            it reaches.
        total: of how many points `z` is a part, to say so.

    Returns:
        A figure with one axes (two with a colour bar).

    Raises:
        InputError: z is not of shape (n, d), no point is finite, or labels or names do not match.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from kelbo import plots
        >>> digits = load_digits()
        >>> figure = plots.latent_space(digits.data, digits.target)
        >>> figure.axes[0].get_xlabel()
        'principal component 1 (15 % of variance)'
    """
    points = as_rows(z, "z")
    meaning = None if labels is None else as_labels(labels, class_names, len(points))
    finite = np.isfinite(points).all(axis=1)
    if not finite.any():
        raise InputError(f"z has no finite row among {len(points)}: there is nothing to draw.")
    points = points[finite]
    meaning = meaning and meaning.select(finite)
    draws = None if prior_draws is None else as_rows(prior_draws, "prior_draws")
    if points.shape[1] == 1:
        figure = _one_dimension(points[:, 0], meaning)
        if log_prior is not None:
            _prior_curve(figure.axes[0], log_prior)
    else:
        figure = _scatter(points, meaning, np.random.default_rng(seed), log_prior, draws)
    if total is not None and total > len(finite):
        remark(figure.axes[0], f"{len(finite)} of {total} points, drawn at random")
    lost = len(finite) - len(points)
    if lost:
        remark(figure.axes[0], f"{lost} of {len(finite)} points are not finite and not drawn")
    return figure


def principal_components(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects points on the two directions of largest variance.

    Args:
        points: shape (n, d), d at least 2.

    Returns:
        The projections, of shape (n, 2), and the share of the total variance that each explains.
        Signs are chosen so that the largest loading of each direction is positive.
    """
    centre, directions, shares = principal_directions(points)
    return (points - centre) @ directions, shares


def principal_directions(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean of points, and the two directions in which they vary most.

    Args:
        points: shape (n, d), d at least 2.

    Returns:
        The mean, of shape (d,), the directions as columns, of shape (d, 2), and the share of the
        total variance that each explains.
    """
    centre = points.mean(axis=0)
    centred = points - centre
    variances, directions = np.linalg.eigh(centred.T @ centred / len(points))
    top = directions[:, [-1, -2]]
    top = top * np.sign(top[np.abs(top).argmax(axis=0), [0, 1]])
    total = variances.sum()
    shares = variances[[-1, -2]] / total if total > 0 else np.zeros(2)
    return centre, top, shares.clip(0, 1)


def _of_rows(log_density):
    return lambda rows: log_density(rows.T)


def _prior_regions(
    axes: Axes, log_prior: Callable[[np.ndarray], np.ndarray], reach: np.ndarray
) -> None:
    """The borders of the prior's smallest regions of a given mass, on a grid over all of it."""
    low, high = reach.min(axis=0), reach.max(axis=0)
    margin = 0.1 * (high - low) + 1e-6
    sides = [np.linspace(a - m, b + m, _GRID) for a, b, m in zip(low, high, margin, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    values = np.asarray(log_prior(grid.reshape(-1, 2)), "float64").reshape(_GRID, _GRID)
    density = np.exp(values - np.nanmax(values))
    density = np.where(np.isfinite(density), density, 0.0)
    ordered = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(ordered) / ordered.sum()
    levels = [ordered[np.searchsorted(mass, share)] for share in _MASSES]
    if not 0 < levels[1] < levels[0]:  # a flat prior has no such borders
        return
    axes.contour(
        *sides, density, levels=levels[::-1], colors=QUIET, linewidths=1.0,
        linestyles=["dashed", "solid"], zorder=0.5,
    )  # fmt: skip
    inside = np.argwhere(density >= levels[1])
    corners = np.stack([sides[0][inside[:, 1]], sides[1][inside[:, 0]]], axis=-1)
    axes.update_datalim(corners)
    axes.autoscale_view()
    remark(axes, "grey: the prior's regions of 39 % (solid) and 86 % (dashed)")


def _prior_curve(axes: Axes, log_prior: Callable[[np.ndarray], np.ndarray]) -> None:
    """The prior's density, as high as the picture, over the points and what it reaches itself."""
    low, high = axes.get_xlim()
    wide = np.linspace(min(low, -_REACH), max(high, _REACH), 4 * _GRID)
    values = np.asarray(log_prior(wide[:, None]), "float64")
    density = np.nan_to_num(np.exp(values - np.nanmax(values)))
    bottom, top = axes.get_ylim()
    axes.plot(wide, bottom + 0.92 * (top - bottom) * density, color=QUIET, lw=1.0, zorder=3)
    shown = wide[density > 1e-2]
    axes.set_xlim(min(low, shown.min()), max(high, shown.max()))
    axes.set_ylim(bottom, top)
    remark(axes, "grey line: the prior's density, at its own scale")


def _scatter(
    points: np.ndarray,
    meaning: Classes | Quantity | None,
    generator: np.random.Generator,
    log_prior: Callable[[np.ndarray], np.ndarray] | None,
    draws: np.ndarray | None,
) -> Figure:
    figure = new_figure(WIDTH, 6.2)
    axes = figure.add_subplot()
    if points.shape[1] == 2:
        axes.set_xlabel("$z_1$")
        axes.set_ylabel("$z_2$", rotation=0, labelpad=8)
    else:
        centre, directions, shares = principal_directions(points)
        points = (points - centre) @ directions
        draws = None if draws is None else (draws - centre) @ directions
        log_prior = None if draws is None else gaussian_kde(draws.T).logpdf
        # The estimate takes points in columns.
        log_prior = log_prior and _of_rows(log_prior)
        axes.set_xlabel(f"principal component 1 ({100 * shares[0]:.0f} % of variance)")
        axes.set_ylabel(f"principal component 2 ({100 * shares[1]:.0f} % of variance)")
    order = generator.permutation(len(points))
    drawn = axes.scatter(*points[order].T, **_dots(len(points)), **_colours(meaning, order))
    axes.set_aspect("equal", adjustable="datalim")
    if log_prior is not None:
        _prior_regions(axes, log_prior, points if draws is None else np.vstack([points, draws]))
    if isinstance(meaning, Quantity):
        bar = figure.colorbar(drawn, ax=axes, label="label", shrink=0.6)
        bar.solids.set_alpha(1.0)
        bar.outline.set_visible(False)
    elif meaning is not None:
        _legend(figure, meaning)
        _name_clouds(figure, points, meaning)
    return figure


def _dots(count: int) -> dict[str, float | bool]:
    """Dots that shrink and turn translucent as their number grows."""
    return {
        "s": float(np.clip(40_000 / count, 3, 20)),
        "alpha": float(np.clip(5_000 / count, 0.5, 0.9)),
        "linewidths": 0,
        "rasterized": True,
    }


def _colours(meaning: Classes | Quantity | None, order: np.ndarray) -> dict[str, object]:
    match meaning:
        case Classes():
            colours = np.array([to_rgb(colour) for colour in class_colours(len(meaning.names))])
            return {"c": colours[meaning.codes[order]]}
        case Quantity():
            return {"c": meaning.values[order], "cmap": "viridis"}
    return {"color": BLUE}


def _legend(figure: Figure, classes: Classes) -> None:
    present = classes.present()
    if len(present) > _MOST_IN_LEGEND:
        remark(figure.axes[0], f"{len(present)} classes, too many to name")
        return
    colours = class_colours(len(classes.names))
    figure.legend(
        handles=[
            Line2D([], [], ls="", marker="o", ms=6, color=colours[k], label=classes.names[k])
            for k in present
        ],
        loc="outside right center",
        ncols=-(-len(present) // _LEGEND_ROWS),
        handletextpad=0.2,
    )


def _name_clouds(figure: Figure, points: np.ndarray, classes: Classes) -> None:
    """Writes each class over the median of its points, for whom colours alone do not tell.

    None where a class has few points, which its name would hide; and none over another.
    """
    present = classes.present()
    counts = np.bincount(classes.codes)[present]
    if (
        len(present) > _MOST_CLOUDS
        or max(len(classes.names[k]) for k in present) > _LONGEST
        or counts.min() < _SMALLEST_CLOUD
    ):
        return
    texts = [_cloud_name(figure.axes[0], points, classes, k) for k in present]
    with unknown_glyphs_allowed():
        figure.draw_without_rendering()  # where a text lies is known once axes have their place
        boxes = {text: text.get_window_extent() for text in texts}
    kept: list[Text] = []
    for index in np.argsort(-counts, kind="stable"):
        text = texts[index]
        if any(boxes[text].overlaps(boxes[other]) for other in kept):
            text.remove()
        else:
            kept.append(text)


def _cloud_name(axes: Axes, points: np.ndarray, classes: Classes, k: int) -> Text:
    return axes.text(
        *np.median(points[classes.codes == k], axis=0),
        classes.names[k],
        ha="center",
        va="center",
        fontsize=11,
        fontweight="bold",
        color=INK,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def _one_dimension(values: np.ndarray, meaning: Classes | Quantity | None) -> Figure:
    if isinstance(meaning, Quantity):
        figure = new_figure(WIDTH, 4.0)
        axes = figure.add_subplot()
        axes.scatter(values, meaning.values, color=BLUE, **_dots(len(values)))
        axes.set_ylabel("label")
    elif meaning is None:
        figure = new_figure(WIDTH, 3.0)
        axes = figure.add_subplot()
        axes.hist(values, bins=_BINS, color=BLUE)
        axes.set_ylabel("points")
    else:
        figure = _ridges(values, meaning)
    if meaning is None and len(values) <= _FEW:
        figure.axes[0].plot(
            values, np.zeros(len(values)), "|", color=INK, ms=8, mew=0.6, clip_on=False
        )
    figure.axes[0].set_xlabel("$z$")
    return figure


def _ridges(values: np.ndarray, classes: Classes) -> Figure:
    """A histogram per class on its own line, the largest bin of all at full height."""
    present = classes.present()
    colours = class_colours(len(classes.names))
    edges = np.histogram_bin_edges(values, bins=_BINS)
    counts = [np.histogram(values[classes.codes == k], edges)[0] for k in present]
    scale = 0.92 / max(map(np.max, counts))
    figure = new_figure(WIDTH, min(1.0 + 0.45 * len(present), 12.0))
    axes = figure.add_subplot()
    for line, (k, heights) in enumerate(zip(present, counts, strict=True)):
        axes.stairs(heights * scale - line, edges, baseline=-line, fill=True, color=colours[k])
    axes.set_yticks(-np.arange(len(present)), [classes.names[k] for k in present])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(present) + 0.92, 1.0)
    return figure
