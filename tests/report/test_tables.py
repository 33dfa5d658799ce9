import re

import pytest

from kelbo.errors import InputError
from kelbo.report.tables import epochs, figures, settings


def rows(html):
    """The texts of the cells, row by row."""
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>.*?</t[hd]>", row)]
        for row in re.findall(r"<tr.*?</tr>", html)
    ]


def test_nested_settings_get_dotted_names():
    html = settings({"epochs": 5, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}, "extra": {}})
    assert rows(html) == [
        ["epochs", "5"],
        ["optimizer.name", "adam"],
        ["optimizer.betas", "0.9, 0.99"],
        ["extra", "–"],  # noqa: RUF001
    ]


def test_mappings_with_the_same_figures_stand_side_by_side():
    html = figures(
        {
            "train": {"loss": 2.0, "kl": 1.0},
            "seed": 3,
            "versions": {"keras": "3.15.1"},
            "validation": {"loss": 2.5, "kl": 1.5},
        }
    )
    assert rows(html) == [
        ["", "train", "validation"],
        ["loss", "2.00", "2.50"],
        ["kl", "1.00", "1.50"],
        ["keras", "3.15.1"],
        ["seed", "3"],
    ]
    assert re.findall("<h3>(.*?)</h3>", html) == ["versions", "run"]


def test_a_short_history_is_shown_whole_and_its_best_epoch_marked():
    html = epochs({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.0, float("nan")]})
    assert rows(html) == [
        ["epoch", "loss", "val loss"],
        ["1", "3.00", "3.00"],
        ["2 best", "2.00", "2.00"],
        ["3", "1.00", "NaN"],
    ]
    assert "<details>" not in html


def test_a_long_history_shows_some_epochs_and_unfolds():
    loss = [100.0 - epoch for epoch in range(100)]
    loss[36] = -5.0
    short, long = epochs({"loss": loss}).split("<details>")
    shown = [row[0] for row in rows(short)[1:]]
    assert shown[0] == "1"
    assert "37 best" in shown
    assert shown[-1] == "100"
    assert len(shown) == 11
    assert "All 100 epochs" in long
    assert len(rows(long)) == 101


def test_without_a_loss_nothing_is_best():
    assert "best" not in epochs({"accuracy": [0.1, 0.2]})
    assert "best" not in epochs({"loss": [float("nan"), None]})


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_no_epoch(history):
    assert epochs(history) == "<p>No epoch was finished.</p>"


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match=r"'loss': 2, 'kl': 1"):
        epochs({"loss": [1.0, 2.0], "kl": [1.0]})
