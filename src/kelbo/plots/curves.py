"""How a fit went, epoch by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kelbo.errors import InputError
from kelbo.plots.style import BLUE, VERMILION, WIDTH, new_figure, remark, styled, title_pad

_PANELS = {"loss": "Loss", "reconstruction": "Reconstruction", "kl": "KL divergence"}
_KINDS = {"": ("train", BLUE), "val_": ("validation", VERMILION)}
_FEW = 30  # up to so many epochs each gets a dot, so that a lone one is seen


@styled
def learning_curves(history: Mapping[str, Sequence[float | None]]) -> Figure:
    """Draws loss, reconstruction and KL divergence over the epochs, in nats per example.

    The validation line is drawn where there is one, a panel left out where the history knows
    nothing of it. When a few epochs (most often the first) are so large that the others would
    shrink to a flat line, the view is limited to the others and says so. Epochs that are not
    finite leave a gap, and are counted.

    Args:
        history: a value per epoch for any of `loss`, `reconstruction`, `kl`, `val_loss`,
            `val_reconstruction` and `val_kl`; None where an epoch was not measured. Other keys
            are ignored.

    Returns:
        A figure with one axes per panel, in the order above.

    Raises:
        InputError: none of these keys has a value, or two of them differ in length.

    Example:
        >>> from kelbo import plots
        >>> figure = plots.learning_curves({"loss": [180.0, 160.0], "val_loss": [172.0, 159.0]})
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['Loss']
    """
    curves = _curves(history)
    panels = [name for name in _PANELS if any(prefix + name in curves for prefix in _KINDS)]
    epochs = len(next(iter(curves.values())))
    figure = new_figure(WIDTH, 3.3)
    drawn = {}
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        of_panel = {prefix: curves[prefix + name] for prefix in _KINDS if prefix + name in curves}
        drawn[name] = (axes, _panel(axes, of_panel, epochs))
    lines = max(len(remarks) for _, remarks in drawn.values())
    for name, (axes, remarks) in drawn.items():
        axes.set_title(_PANELS[name], pad=title_pad(lines))
        remark(axes, "\n".join(remarks + [" "] * (lines - len(remarks))))
    figure.axes[0].set_ylabel("nats per example")
    kinds = [prefix for prefix in _KINDS if any(prefix + name in curves for name in panels)]
    figure.legend(
        handles=[Line2D([], [], color=_KINDS[kind][1], label=_KINDS[kind][0]) for kind in kinds],
        loc="outside lower center",
        ncols=len(kinds),
    )
    return figure


def _curves(history: Mapping[str, Sequence[float | None]]) -> dict[str, np.ndarray]:
    """The known curves, masked where an epoch was not measured."""
    curves = {}
    for key in (prefix + name for name in _PANELS for prefix in _KINDS):
        if key not in history or len(history[key]) == 0:
            continue
        try:
            missing = [value is None for value in history[key]]
            values = np.array([0.0 if value is None else float(value) for value in history[key]])
        except (TypeError, ValueError):
            raise InputError(f"history['{key}'] must hold one number per epoch.") from None
        curves[key] = np.ma.masked_array(values, missing)
    if not curves:
        raise InputError(
            f"history must hold at least one epoch of any of {', '.join(_PANELS)} (or val_...); "
            f"got keys {sorted(map(str, history))}."
        )
    lengths = {key: len(values) for key, values in curves.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"history must have one value per epoch under every key; got lengths {lengths}: "
            "put None where an epoch was not measured."
        )
    return curves


def _panel(axes: Axes, curves: Mapping[str, np.ndarray], epochs: int) -> list[str]:
    """Draws the curves of one quantity; returns what is to be said of them."""
    for prefix, curve in curves.items():
        measured = ~np.ma.getmaskarray(curve)
        values = np.where(np.isfinite(curve.data), curve.data, np.nan)[measured]
        axes.plot(
            np.arange(1, epochs + 1)[measured],
            values,
            color=_KINDS[prefix][1],
            marker="o" if len(values) <= _FEW else None,
            markersize=3,
        )
    axes.margins(y=0.08)
    axes.set_xlabel("epoch")
    axes.set_xlim(*((1, epochs) if epochs > 1 else (0.5, 1.5)))
    axes.set_xticks(_epoch_ticks(epochs))
    axes.grid(axis="y")
    return [*_last(curves), *_limit(axes, curves), *_lost(curves)]


def _last(curves: Mapping[str, np.ndarray]) -> list[str]:
    """The figures of the last measured epoch, for the reader who wants the number.

    A line each: a narrow panel has no room for two.
    """
    lines = []
    for prefix, curve in curves.items():
        measured = curve.compressed()
        if len(measured):
            last = measured[-1]
            lines.append(f"last {_KINDS[prefix][0]} {last:,.{0 if abs(last) >= 1e5 else 2}f}")
    return lines or ["not measured"]


def _lost(curves: Mapping[str, np.ndarray]) -> list[str]:
    lost = sum(np.count_nonzero(~np.isfinite(curve.compressed())) for curve in curves.values())
    return [f"{lost} {'value is' if lost == 1 else 'values are'} not finite"] if lost else []


def _limit(axes: Axes, curves: Mapping[str, np.ndarray]) -> list[str]:
    """Keeps most epochs readable; returns what left the view, if anything did.

    Most epochs are the middle 80 % of the values after the first epoch. Above them, values are
    cut off where they reach beyond twelve times their range; below, where a sensible curve ends
    up and a broken one falls, beyond thirty times.
    """
    values = np.concatenate([curve.compressed() for curve in curves.values()])
    values = values[np.isfinite(values)]
    settled = np.concatenate([curve[1:].compressed() for curve in curves.values()])
    settled = settled[np.isfinite(settled)]
    if len(settled) < 2:
        return []
    low, high = np.quantile(settled, [0.1, 0.9])
    spread = high - low
    bottom, top = values.min(), values.max()
    if spread == 0:
        return []
    if top - high > 12 * spread:
        top = high + 3 * spread
    if low - bottom > 30 * spread:
        bottom = low - 3 * spread
    margin = 0.08 * (top - bottom)
    axes.set_ylim(bottom - margin, top + margin)
    if max(abs(bottom), abs(top)) >= 1e4 and top - bottom >= 100:
        axes.yaxis.set_major_formatter("{x:,.0f}")  # as the figures above the panel
    said = [
        (values > top + margin, "above", values.max()),
        (values < bottom - margin, "below", values.min()),
    ]
    return [
        f"{np.count_nonzero(beyond)} {side} the view, to {_number(extreme)}"
        for beyond, side, extreme in said
        if beyond.any()
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:,.4g}"


def _epoch_ticks(epochs: int) -> list[int]:
    """The first epoch and round ones after it, no two so close that their labels touch."""
    ticks = MaxNLocator(nbins=5, integer=True).tick_values(1, max(epochs, 2))
    ticks = [int(tick) for tick in ticks if 1 < tick <= epochs]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    return [1, *(tick for tick in ticks if tick - 1 >= step / 2)]
