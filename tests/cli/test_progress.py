import io

import keras
import numpy as np
from rich.console import Console

from kelbo.cli.progress import ProgressBar, ProgressLines, figures, progress


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


def test_the_checkpoint_finds_no_numbers_to_carry_over():
    for callback in (
        ProgressLines(Console(file=io.StringIO())),
        ProgressBar(Console(file=io.StringIO(), force_terminal=True)),
    ):
        own = set(vars(callback)) - set(vars(keras.callbacks.Callback()))
        assert not [n for n in own if isinstance(getattr(callback, n), bool | int | float)]
