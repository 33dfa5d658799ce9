import numpy as np
import pytest

from kelbo.errors import InputError
from kelbo.plots import learning_curves
from kelbo.plots.style import BLUE, VERMILION

EPOCHS = np.arange(1, 41)
FALLING = list(150 + 50 * np.exp(-EPOCHS / 3))


def remarks(axes):
    return [line for text in axes.texts for line in text.get_text().split("\n") if line.strip()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_three_panels_with_train_and_validation():
    names = ("loss", "reconstruction", "kl")
    history = dict.fromkeys(names, FALLING)
    history |= {f"val_{name}": [value + 1 for value in FALLING] for name in names}
    figure = learning_curves(history | {"learning_rate": [0.1] * 40})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Loss", "Reconstruction", "KL divergence"]
    assert figure.axes[0].get_ylabel() == "nats per example"
    assert legend(figure) == ["train", "validation"]
    for axes in figure.axes:
        assert axes.get_xlabel() == "epoch"
        train, validation = axes.lines
        assert (train.get_color(), validation.get_color()) == (BLUE, VERMILION)
        np.testing.assert_array_equal(train.get_xdata(), EPOCHS)
        np.testing.assert_allclose(train.get_ydata(), FALLING)
        np.testing.assert_allclose(validation.get_ydata(), np.add(FALLING, 1))
        assert remarks(axes) == [
            f"last train {FALLING[-1]:.2f}",
            f"last validation {FALLING[-1] + 1:.2f}",
        ]


def test_only_what_the_history_knows_is_drawn():
    figure = learning_curves({"loss": FALLING, "kl": FALLING, "val_kl": []})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "KL divergence"]
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    assert legend(figure) == ["train"]


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 50, 200, 1234])
def test_epochs_are_whole_numbers_from_one(epochs):
    axes = learning_curves({"loss": [1.0 / e for e in range(1, epochs + 1)]}).axes[0]
    ticks = axes.get_xticks()
    assert ticks[0] == 1
    assert ticks[-1] <= epochs
    assert len(ticks) == len(set(ticks)) <= 8
    assert all(tick == int(tick) for tick in ticks)
    low, high = axes.get_xlim()
    assert low <= 1 <= epochs <= high


def test_a_single_epoch_is_seen_as_a_dot():
    line = learning_curves({"loss": [200.0]}).axes[0].lines[0]
    assert line.get_marker() == "o"


def test_an_ordinary_fit_is_shown_whole():
    axes = learning_curves({"loss": FALLING}).axes[0]
    low, high = axes.get_ylim()
    assert low < min(FALLING) < max(FALLING) < high
    assert len(remarks(axes)) == 1


def test_a_huge_first_epoch_leaves_the_view_and_is_reported():
    axes = learning_curves({"loss": [1.2e6, *FALLING], "val_loss": [190.0, *FALLING]}).axes[0]
    low, high = axes.get_ylim()
    assert low < min(FALLING)
    assert high < 1000
    assert remarks(axes)[2] == "1 above the view, to 1,200,000"
    middle = np.quantile(FALLING, [0.1, 0.9])
    assert np.ptp(middle) > 0.05 * (high - low)


def test_a_collapse_leaves_the_view_and_is_reported():
    axes = learning_curves({"loss": [*FALLING, -5e7]}).axes[0]
    assert axes.get_ylim()[0] > 0
    assert remarks(axes)[1] == "1 below the view, to -50,000,000"


def test_values_that_are_not_finite_leave_a_gap_and_are_counted():
    figure = learning_curves({"loss": [3.0, np.nan, 1.0], "kl": [1.0, np.inf, float("-inf")]})
    loss, kl = figure.axes
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [3.0, np.nan, 1.0])
    np.testing.assert_array_equal(kl.lines[0].get_ydata(), [1.0, np.nan, np.nan])
    assert remarks(loss)[1] == "1 value is not finite"
    assert remarks(kl)[1] == "2 values are not finite"
    figure.draw_without_rendering()


def test_a_fit_that_was_never_finite_still_has_a_picture():
    figure = learning_curves({"loss": [np.nan, np.nan]})
    figure.draw_without_rendering()
    assert remarks(figure.axes[0]) == ["last train nan", "2 values are not finite"]


def test_epochs_without_validation_are_skipped():
    history = {"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [None, 5.0, None, 4.0]}
    axes = learning_curves(history).axes[0]
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), [2, 4])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [5.0, 4.0])
    assert remarks(axes) == ["last train 1.00", "last validation 4.00"]


def test_a_history_without_losses_is_refused():
    with pytest.raises(
        InputError, match=r"any of loss, reconstruction, kl.*got keys \['accuracy'\]"
    ):
        learning_curves({"accuracy": [1.0]})


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match=r"'loss': 2, 'val_loss': 1"):
        learning_curves({"loss": [2.0, 1.0], "val_loss": [2.0]})


def test_text_is_refused():
    with pytest.raises(InputError, match=r"history\['loss'\] must hold one number per epoch"):
        learning_curves({"loss": ["low"]})


def test_nothing_is_cut_off_where_losses_are_large():
    history = {}
    for name, scale in (("loss", 9e5), ("reconstruction", 9e5), ("kl", 100.0)):
        history[name] = [scale + 3154.66, *(scale / 10 + 7.1 * i for i in range(30, 0, -1))]
        history[f"val_{name}"] = [value + 11.11 for value in history[name]]
    figure = learning_curves(history)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()  # inches
    width, height = figure.get_size_inches()
    assert 0 <= box.x0 < box.x1 <= width
    assert 0 <= box.y0 < box.y1 <= height
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert any("," in text for text in ticks)
