"""Data that are no images: rows of features."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kelbo.plots.features import feature_labels, share_a_scale
from kelbo.plots.style import BLUE, INK, QUIET, VERMILION, WIDTH, new_figure

_FEW_FEATURES = 9  # so many scatter plots fit one picture; with more, a row is read as a line
_MOST_NAMES = 40  # so many names can be read one below the other
_MOST_PANELS = 40  # features of their own scale that one picture shows
_STRIPS, _WIDEST = 4, 5  # panels side by side, strips and squares
_ROOM_OF_STRIPS = 24  # characters of a name
# Up to so many panels: steps between ticks, size and characters of a name.
_ROOM_OF_PANELS = ((4, 7, 9, 28), (9, 4, 9, 28), (16, 3, 8, 20), (_MOST_PANELS, 2, 8, 13))
_LINES = 40  # more lines than this run together
_EXAMPLES = 9
_MOST_STROKES = 200
_TABLE_EXAMPLES = 4  # of examples that need room for the names of their features
_MOST_POINTS = 5000  # more points in one small scatter plot show nothing new
_MOST_ROWS = 50_000
_WIDE_BAND, _BAND, _DATA = "#e7eaed", "#c9ced4", "#9aa3ad"
_BANDS = ((0, 4, _WIDE_BAND, 90), (1, 3, _BAND, 50))  # of `_quantiles`: low, high, colour, share


def generated_rows(
    values: np.ndarray, reference: np.ndarray | None, names: Sequence[str] | None = None
) -> Figure:
    """Rows that a model generated, beside rows of data where there are some.

    Args:
        values: shape (n, d).
        reference: shape (m, d), or None.
        names: the names of the d features, or None.

    Returns:
        For d = 1 two histograms, for d = 2 two scatter plots on the same axes. For more features
        the quantile bands of the data with the generated rows on them: a line of the chart for
        each feature where up to forty have names, else a line of the picture for each row. Where
        features are of very different scales, the first forty have each an axis of their own.
    """
    reference = None if reference is None else _thinned(reference)
    features = values.shape[1]
    labels = feature_labels(names, features)
    if features > 2 and not share_a_scale(values if reference is None else reference):
        return _own_axes(values, reference, names)
    if names is not None and 2 < features <= _MOST_NAMES:
        return _ranges(values, reference, labels)
    figure = new_figure(WIDTH, 5.0 if features == 2 else 4.0)
    axes = figure.add_subplot()
    if features == 1:
        _histograms(axes, values, reference)
        axes.set_xlabel("value" if names is None else labels[0])
    elif features == 2:
        _scatter(axes, values, reference)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
    else:
        _lines(axes, values, reference)
    figure.legend(loc="outside right upper", markerscale=2)
    return figure


def reconstructed_rows(
    originals: np.ndarray,
    reconstructed: np.ndarray,
    reference: np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """Rows of data and what a model makes of them.

    Args:
        originals: shape (n, d).
        reconstructed: shape (n, d).
        reference: data that say whether features share a scale, shape (m, d); None for the
            originals.
        names: the names of the d features, or None.

    Returns:
        Up to nine features, or the first forty of very different scales: for each, a scatter plot
        of reconstruction against original with the line on which they agree. More features: for
        each of the first examples, both as points beside the names of up to forty features, else
        both as lines.
    """
    features = originals.shape[1]
    labels = feature_labels(names, features)
    if features <= _FEW_FEATURES or not share_a_scale(
        originals if reference is None else _thinned(reference)
    ):
        return _feature_panels(originals, reconstructed, names)
    if names is not None and features <= _MOST_NAMES:
        return _paired_points(originals, reconstructed, labels)
    return _example_panels(originals, reconstructed)


def _histograms(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    drawn = [values] if reference is None else [values, reference]
    bins = np.histogram_bin_edges(np.concatenate(drawn), bins="auto")
    if len(bins) > 101:
        bins = np.linspace(bins[0], bins[-1], 101)
    if reference is not None:
        axes.hist(reference[:, 0], bins, density=True, color=_BAND, label="data")
    axes.hist(
        values[:, 0], bins, density=True, histtype="step", color=BLUE, lw=1.6, label="generated"
    )
    axes.set_ylabel("density")


def _scatter(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    style = {"s": 8, "linewidths": 0, "rasterized": True}
    if reference is not None:
        axes.scatter(*reference[:_MOST_POINTS].T, color=_DATA, alpha=0.5, label="data", **style)
    axes.scatter(*values[:_MOST_POINTS].T, color=BLUE, alpha=0.6, label="generated", **style)


def _thinned(reference: np.ndarray) -> np.ndarray:
    """Evenly spaced rows of very large data: their quantiles need no more."""
    return reference[:: math.ceil(len(reference) / _MOST_ROWS)]


def _quantiles(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)


def _ranges(values: np.ndarray, reference: np.ndarray | None, labels: Sequence[str]) -> Figure:
    """A line per feature: the bands of the data, and every generated value as a stroke."""
    figure = new_figure(WIDTH, _table_height(len(labels)))
    axes = figure.add_subplot()
    _strokes(axes, values, reference)
    _name_lines(axes, labels)
    axes.set_xlabel("value")
    _legend_of_strokes(figure, axes)
    return figure


def _own_axes(
    values: np.ndarray, reference: np.ndarray | None, names: Sequence[str] | None
) -> Figure:
    """The same for features of very different scales: each in its own units on its own axis."""
    features = values.shape[1]
    count = min(features, _MOST_PANELS)
    columns = min(_STRIPS, count)
    labels = feature_labels(names, features, _ROOM_OF_STRIPS)
    rows = math.ceil(count / columns)
    figure = new_figure(WIDTH, 0.5 + 0.95 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.remove()
    for index, axes in enumerate(grid.flat[:count]):
        of_one = None if reference is None else reference[:, index, None]
        _strokes(axes, values[:, index, None], of_one)
        axes.set_yticks([])
        axes.set_ylim(-0.6, 0.6)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
        axes.set_title(labels[index], fontsize=9)
    _say_left_out(figure, features)
    _legend_of_strokes(figure, grid.flat[0])
    return figure


def _strokes(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    lines = np.arange(values.shape[1])
    if reference is not None:
        quantiles = _quantiles(reference)
        for low, high, colour, share in _BANDS:
            axes.barh(
                lines,
                quantiles[high] - quantiles[low],
                left=quantiles[low],
                height=0.74,
                color=colour,
                label=f"data, middle {share} %",
            )
        axes.plot(quantiles[2], lines, ls="", label="data, median", **_stroke(QUIET, 11, 1.6))
    shown = values[:_MOST_STROKES]
    axes.plot(
        shown.ravel(),
        np.tile(lines, len(shown)),
        ls="",
        alpha=0.35 if len(shown) > 1 else 1.0,
        label="generated" if len(shown) > 1 else "generated row",
        **_stroke(BLUE, 6, 1.0),
    )
    if len(shown) > 1:
        axes.plot(
            np.median(values, axis=0),
            lines,
            ls="",
            marker="D",
            ms=4.5,
            color=BLUE,
            mec="white",
            mew=0.8,
            label="generated, median",
        )


def _legend_of_strokes(figure: Figure, axes: Axes) -> None:
    handles, said = axes.get_legend_handles_labels()
    order = sorted(range(len(said)), key=lambda i: said[i].startswith("generated"))
    bands = sorted(order, key=lambda i: not said[i].startswith("data, middle"))
    figure.legend(
        [handles[i] for i in bands],
        [said[i] for i in bands],
        loc="outside upper right",
        ncols=5,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def _stroke(colour: str, height: float, width: float) -> dict[str, object]:
    return {"marker": "|", "ms": height, "mew": width, "color": colour}


def _lines(axes: Axes, values: np.ndarray, reference: np.ndarray | None) -> None:
    feature = np.arange(1, values.shape[1] + 1)
    if reference is not None:
        quantiles = _quantiles(reference)
        for low, high, colour, share in _BANDS:
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


def _feature_panels(
    originals: np.ndarray, reconstructed: np.ndarray, names: Sequence[str] | None
) -> Figure:
    features = originals.shape[1]
    count = min(features, _MOST_PANELS)
    figure, panels = _panels(count, square=True)
    ticks, size, room = next(fits for most, *fits in _ROOM_OF_PANELS if count <= most)
    labels = feature_labels(names, features, room)
    for index, axes in enumerate(panels):
        x, y = originals[:_MOST_POINTS, index], reconstructed[:_MOST_POINTS, index]
        axes.axline((x[0], x[0]), slope=1, color=_DATA, lw=1)
        axes.scatter(x, y, s=8, color=BLUE, alpha=0.5, linewidths=0, rasterized=True)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(labels[index], fontsize=size)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=ticks + 1))
    figure.supxlabel("original", fontsize=9)
    figure.supylabel("reconstruction", fontsize=9)
    _say_left_out(figure, features)
    return figure


def _say_left_out(figure: Figure, features: int) -> None:
    if features > _MOST_PANELS:
        said = f"the first {_MOST_PANELS} of {features} features"
        figure.suptitle(said, x=0.01, ha="left", fontsize=8, color=QUIET)


def _paired_points(
    originals: np.ndarray, reconstructed: np.ndarray, labels: Sequence[str]
) -> Figure:
    """A panel per example, a line per feature: a ring for the original, a dot for the other."""
    count = min(len(originals), _TABLE_EXAMPLES)
    figure = new_figure(WIDTH, _table_height(len(labels)))
    panels = figure.subplots(1, count, squeeze=False, sharex=True, sharey=True)[0]
    lines = np.arange(len(labels))
    for index, axes in enumerate(panels):
        axes.hlines(lines, originals[index], reconstructed[index], color=_BAND, lw=1.2)
        ring = {"mfc": "white", "mec": INK, "mew": 1.0}
        axes.plot(originals[index], lines, "o", ms=4.5, label="original", **ring)
        axes.plot(reconstructed[index], lines, "o", ms=3.5, color=VERMILION, label="reconstruction")
        axes.set_title(f"example {index + 1}")
        if index:
            axes.tick_params(axis="y", labelleft=False)
        axes.grid(axis="y")
    _name_lines(panels[0], labels)
    for axes in panels:
        axes.tick_params(axis="y", length=0)
    figure.supxlabel("value", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _name_lines(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)  # the first feature on top
    axes.tick_params(axis="y", length=0)


def _table_height(lines: int) -> float:
    return 1.1 + 0.24 * max(lines, 5)


def _example_panels(originals: np.ndarray, reconstructed: np.ndarray) -> Figure:
    count = min(len(originals), _EXAMPLES)
    figure, panels = _panels(count, square=False)
    feature = np.arange(1, originals.shape[1] + 1)
    for index, axes in enumerate(panels):
        axes.plot(feature, originals[index], color=_DATA, label="original")
        axes.plot(feature, reconstructed[index], color=VERMILION, lw=1, label="reconstruction")
        axes.set_title(f"example {index + 1}")
        _feature_axis(axes, len(feature), label=False)
    figure.supxlabel("feature", fontsize=9)
    figure.supylabel("value", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _panels(count: int, *, square: bool) -> tuple[Figure, Sequence[Axes]]:
    columns = min(math.ceil(math.sqrt(count)), _WIDEST)
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
