"""Data that are no images: rows of features."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kelbo.plots.style import BLUE, QUIET, VERMILION, WIDTH, new_figure

_FEW_FEATURES = 9  # so many scatter plots fit one picture; with more, a row is read as a line
_LINES = 40  # more lines than this run together
_EXAMPLES = 9
_MOST_POINTS = 5000  # more points in one small scatter plot show nothing new


def generated_rows(values: np.ndarray, reference: np.ndarray | None) -> Figure:
    """Rows that a model generated, beside rows of data where there are some.

    Args:
        values: shape (n, d).
        reference: shape (m, d), or None.

    Returns:
        For d = 1 two histograms, for d = 2 two scatter plots on the same axes, else a line per
        generated row over the quantile bands of the data.
    """
    features = values.shape[1]
    figure = new_figure(WIDTH, 5.0 if features == 2 else 4.0)
    axes = figure.add_subplot()
    if features == 1:
        _histograms(axes, values, reference)
    elif features == 2:
        _scatter(axes, values, reference)
    else:
        _lines(axes, values, reference)
    figure.legend(loc="outside right upper", markerscale=2)
    return figure


def reconstructed_rows(originals: np.ndarray, reconstructed: np.ndarray) -> Figure:
    """Rows of data and what a model makes of them.

    Args:
        originals: shape (n, d).
        reconstructed: shape (n, d).

    Returns:
        Up to nine features: for each, a scatter plot of reconstruction against original with the
        line on which they agree. More features: for each of the first nine examples, both as
        lines.
    """
    if originals.shape[1] <= _FEW_FEATURES:
        return _feature_panels(originals, reconstructed)
    return _example_panels(originals, reconstructed)


def _histograms(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    drawn = [values] if reference is None else [values, reference]
    bins = np.histogram_bin_edges(np.concatenate(drawn), bins="auto")
    if len(bins) > 101:
        bins = np.linspace(bins[0], bins[-1], 101)
    if reference is not None:
        axes.hist(reference[:, 0], bins, density=True, color="#c9ced4", label="data")
    axes.hist(
        values[:, 0], bins, density=True, histtype="step", color=BLUE, lw=1.6, label="generated"
    )
    axes.set_xlabel("value")
    axes.set_ylabel("density")


def _scatter(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    style = {"s": 8, "linewidths": 0, "rasterized": True}
    if reference is not None:
        axes.scatter(*reference[:_MOST_POINTS].T, color="#9aa3ad", alpha=0.5, label="data", **style)
    axes.scatter(*values[:_MOST_POINTS].T, color=BLUE, alpha=0.6, label="generated", **style)
    axes.set_xlabel("feature 1")
    axes.set_ylabel("feature 2")


def _lines(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    feature = np.arange(1, values.shape[1] + 1)
    if reference is not None:
        quantiles = np.quantile(reference, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        for low, high, colour, share in ((0, 4, "#e7eaed", 90), (1, 3, "#c9ced4", 50)):
            axes.fill_between(
                feature,
                quantiles[low],
                quantiles[high],
                color=colour,
                lw=0,
                label=f"data, middle {share} %",
            )
        axes.plot(feature, quantiles[2], color=QUIET, lw=1.6, label="data, median")
    shown = values[:_LINES]
    lines = axes.plot(feature, shown.T, color=BLUE, lw=0.7, alpha=max(0.25, 1 / len(shown)))
    lines[0].set_label("generated" if len(shown) > 1 else "generated row")
    axes.plot(feature, np.median(values, axis=0), color=BLUE, label="generated, median")
    _feature_axis(axes, len(feature))
    axes.set_ylabel("value")


def _feature_panels(originals: np.ndarray, reconstructed: np.ndarray) -> Figure:
    features = originals.shape[1]
    figure, panels = _panels(features, square=True)
    for index, axes in enumerate(panels):
        x, y = originals[:_MOST_POINTS, index], reconstructed[:_MOST_POINTS, index]
        axes.axline((x[0], x[0]), slope=1, color="#9aa3ad", lw=1)
        axes.scatter(x, y, s=8, color=BLUE, alpha=0.5, linewidths=0, rasterized=True)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(f"feature {index + 1}")
    figure.supxlabel("original", fontsize=9)
    figure.supylabel("reconstruction", fontsize=9)
    return figure


def _example_panels(originals: np.ndarray, reconstructed: np.ndarray) -> Figure:
    count = min(len(originals), _EXAMPLES)
    figure, panels = _panels(count, square=False)
    feature = np.arange(1, originals.shape[1] + 1)
    for index, axes in enumerate(panels):
        axes.plot(feature, originals[index], color="#9aa3ad", label="original")
        axes.plot(feature, reconstructed[index], color=VERMILION, lw=1, label="reconstruction")
        axes.set_title(f"example {index + 1}")
        _feature_axis(axes, len(feature), label=False)
    figure.supxlabel("feature", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _panels(count: int, *, square: bool) -> tuple[Figure, Sequence[Axes]]:
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    width = min(WIDTH, 5.0 * columns)
    figure = new_figure(width, 0.6 + rows * (width / columns if square else 1.9))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=not square, sharey=not square)
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, list(grid.flat[:count])


def _feature_axis(axes: Axes, features: int, *, label: bool = True) -> None:
    axes.set_xlim(1, features)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    if label:
        axes.set_xlabel("feature")
