import io
import re

import keras
import numpy as np
import pytest
from rich.console import Console

from kelbo.cli.progress import ProgressBar, ProgressLines, figures, fitted, progress


def train(callback, epochs, initial_epoch=0):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 1), "float32")
    model.fit(x, x, 4, epochs, 0, [callback], initial_epoch=initial_epoch, validation_data=(x, x))


def test_the_figures_stand_side_by_side():
    logs = {"loss": -12.34, "val_loss": -11.0, "reconstruction": -20.0, "kl": 7.66, "seconds": 1}
    assert figures(logs) == "loss -12.3/-11.0  rec -20.0  kl 7.7"
    assert figures({}) == ""


def test_a_bar_on_a_terminal_and_lines_elsewhere():
    assert isinstance(progress(Console(file=io.StringIO(), force_terminal=True)), ProgressBar)
    assert isinstance(progress(Console(file=io.StringIO())), ProgressLines)


def test_lines_for_the_first_and_the_last_epoch():
    out = io.StringIO()
    train(ProgressLines(Console(file=out, width=200)), epochs=5)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("epoch 1/5  loss")
    assert lines[-1].startswith("epoch 5/5  loss")
    assert len(lines) <= 3  # at most one in two seconds between


def test_the_bar_ends_full_on_one_line_of_eighty_characters():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None)
    bar = ProgressBar(console)
    train(bar, epochs=7, initial_epoch=3)
    bar.close()
    (task,) = bar._bar.tasks
    assert task.description == "epoch 7/7"
    assert task.completed == task.total == 4
    last = out.getvalue().replace("\r", "\n").splitlines()[-2]
    assert "epoch 7/7" in last
    assert "loss" in last
    assert "…" not in last


LOGS = {"loss": -152.7, "val_loss": -150.9, "reconstruction": -157.6, "kl": 4.9}


@pytest.mark.parametrize(
    ("width", "kept", "left_out"),
    [
        (120, ("epoch 333/334", "loss -152.7/-150.9", "rec", "kl"), ()),
        (60, ("epoch 333/334", "loss -152.7/-150.9", "rec"), ("kl",)),
        (40, ("epoch 333/334", "loss -152.7/-150.9"), ("rec", "kl")),
        (20, ("333/334", "loss -152.7"), ("epoch", "rec", "kl")),
        (15, ("333/334", "-152.7"), ("epoch", "loss")),
    ],
)
def test_the_least_important_is_cut_first(width, kept, left_out):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, color_system=None)
    bar = ProgressBar(console)
    bar.set_params({"epochs": 334, "steps": 1})
    bar.on_train_begin()
    bar.on_epoch_begin(332)
    bar.on_train_batch_end(0, LOGS)
    bar.close()
    drawn = re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", out.getvalue()).replace("\r", "\n").splitlines()
    line = [text.rstrip() for text in drawn if "334" in text][-1]
    assert len(line) <= width
    assert "…" not in line
    assert all(text in line for text in kept)
    assert not any(text in line for text in left_out)


def test_what_fits_never_exceeds_the_line():
    for width in range(15, 140):
        place, shown, bar_width, with_time = fitted("333/334", LOGS, width)
        taken = len(f"{place} {shown}") + (bar_width and bar_width + 1) + 9 * with_time
        assert taken <= width
        assert "333/334" in place
        assert "152.7" in shown


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress(Console(file=io.StringIO(), force_terminal=True)), ProgressLines)


def test_the_checkpoint_finds_no_numbers_to_carry_over():
    for callback in (
        ProgressLines(Console(file=io.StringIO())),
        ProgressBar(Console(file=io.StringIO(), force_terminal=True)),
    ):
        own = set(vars(callback)) - set(vars(keras.callbacks.Callback()))
        assert not [n for n in own if isinstance(getattr(callback, n), bool | int | float)]
