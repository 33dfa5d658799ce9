"""One look for every picture: sizes, colours, and the settings that hold while a figure is made."""

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 8.0
"""Width of a figure in inches; 1200 pixels at `DPI`."""

PAD = 0.07
"""White space around axes, in inches."""

DPI = 150
"""Pixels per inch of a saved figure."""

_REMARK = "remark"
INK = "#1f2328"
QUIET = "#6a737d"
BLUE = "#0072b2"
VERMILION = "#d55e00"
"""Two hues that stay apart in every common form of colour blindness (Okabe and Ito, 2008)."""

# Ten hues chosen by a survey and an optimiser to be told apart with normal and with deficient
# colour vision: M. A. Petroff, "Accessible Color Sequences for Data Visualization" (2021),
# arXiv:2107.02270, the sequence of ten.
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

_SETTINGS = {
    "figure.facecolor": "white",
    "figure.dpi": DPI,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "text.usetex": False,
    "axes.facecolor": "white",
    "axes.edgecolor": "#b8bec5",
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#e7eaed",
    "grid.linewidth": 0.8,
    "xtick.color": "#b8bec5",
    "ytick.color": "#b8bec5",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "image.cmap": "gray",
}

_Parameters = ParamSpec("_Parameters")


def styled(make: Callable[_Parameters, Figure]) -> Callable[_Parameters, Figure]:
    """Runs a function that makes a figure under Kelbo's settings, and restores matplotlib's after.

    Args:
        make: a function that returns a figure.

    Returns:
        The same function, with the settings in force while it runs.
    """

    @functools.wraps(make)
    def under_settings(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Figure:
        with matplotlib.rc_context(_SETTINGS):
            return make(*args, **kwargs)

    return under_settings


@contextmanager
def unknown_glyphs_allowed() -> Iterator[None]:
    """Draws a character that the font lacks (of a person's own names) as a box, without a warning.

    The box is seen; matplotlib's warning would come once per character and draw.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(width: float = WIDTH, height: float = 5.0) -> Figure:
    """An empty figure that belongs to no window and no global list.

    Args:
        width: inches.
        height: inches.

    Returns:
        A figure whose axes are laid out without overlap.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=PAD, h_pad=PAD)
    return figure


def class_colours(count: int) -> list:
    """A colour per class.

    Args:
        count: number of classes.

    Returns:
        `count` colours: the first of `PALETTE`, or, above ten classes (more than anyone tells
        apart by hue alone), evenly spaced along a rainbow.
    """
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    return list(matplotlib.colormaps["turbo"](np.linspace(0.03, 0.97, count)))


def remark(axes: Axes, text: str) -> None:
    """Writes small quiet text between the title of `axes` and its frame.

    Args:
        axes: where; give its title the `title_pad` of as many lines.
        text: lines.
    """
    for written in axes.texts:
        if written.get_gid() == _REMARK:  # one below the other
            written.set_text(f"{written.get_text()}\n{text}")
            return
    axes.annotate(
        text,
        xy=(0, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
        color=QUIET,
        va="bottom",
        ha="left",
        gid=_REMARK,
    )


def literal(text: str) -> str:
    """Text that matplotlib writes as it stands; else it reads mathematics between two "$"."""
    return text.replace("$", r"\$")


def title_pad(lines: int) -> float:
    """How far, in points, a title stands above its axes with `lines` of `remark` between them."""
    return 6.0 + 11.0 * lines
