import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from kelbo.plots import image_grid, learning_curves
from kelbo.plots.style import PALETTE, class_colours

# Linear RGB as seen with a complete deficiency: G. M. Machado, M. M. Oliveira and
# L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency"
# (2009), table 1, severity 1.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(linear):
    xyz = linear @ np.transpose(TO_XYZ) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1
    )


@pytest.mark.parametrize("vision", VISION)
def test_ten_classes_can_be_told_apart(vision):
    encoded = np.array([to_rgb(colour) for colour in PALETTE])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.transpose(VISION[vision]), 0, 1))
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 15  # CIE 1976 colour difference; 2.3 is just noticeable


@pytest.mark.parametrize("count", [1, 10, 11, 40])
def test_every_class_has_its_colour(count):
    colours = class_colours(count)
    assert len({to_rgb(colour) for colour in colours}) == count


def test_settings_of_matplotlib_are_restored():
    before = dict(matplotlib.rcParams)
    figure = learning_curves({"loss": [2.0, 1.0]})
    assert dict(matplotlib.rcParams) == before
    assert not figure.axes[0].spines["top"].get_visible()


def test_settings_are_restored_after_an_error():
    before = dict(matplotlib.rcParams)
    with pytest.raises(ValueError, match="images must have shape"):
        image_grid(np.zeros(3))
    assert dict(matplotlib.rcParams) == before


def test_figures_belong_to_no_window():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    image_grid(np.zeros((1, 2, 2)))
    assert pyplot.get_fignums() == before
