import functools
import json
import re
import shutil

import keras
import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs.fitting import _stalled
from kelbo.training import Checkpoint

FILES = [
    "checkpoint.npz",
    "config.yaml",
    "data.json",
    "latent_space.png",
    "learning_curves.png",
    "manifold.png",
    "metrics.csv",
    "model.keras",
    "reconstructions.png",
    "report.html",
    "run.json",
    "samples.png",
    "summary.json",
]


def contents(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def weights(path):
    model = runs.load_run(path).model
    return [variable.numpy() for variable in model.trainable_variables]


def assert_same_weights(first, second):
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_files(finished):
    assert sorted(file.name for file in finished.path.iterdir()) == FILES


def test_the_summary(finished):
    summary = json.loads((finished.path / "summary.json").read_text())
    assert summary == finished.summary
    for part in ("train", "validation"):
        values = summary[part]
        assert values["loss"] == pytest.approx(values["reconstruction"] + values["kl"], rel=1e-4)
        assert values["kl"] > 0
    estimate = summary["log_likelihood"]
    assert (estimate["samples"], estimate["examples"]) == (10, 50)
    assert estimate["standard_error"] > 0
    assert summary["epochs"] == summary["epoch_of_weights"] == 2
    assert summary["likelihood"] == "continuous_bernoulli"
    assert summary["command"] == "kelbo fit digits"
    assert summary["backend"] == keras.backend.backend()
    assert set(summary["versions"]) >= {"kelbo", "keras", "numpy", "python", summary["backend"]}
    # 64-16-2 twice over, and back 2-16-64.
    assert summary["parameters"] == (64 * 16 + 16) + 2 * (16 * 2 + 2) + (2 * 16 + 16) + 17 * 64


def test_the_figures_are_those_of_the_saved_model(finished):
    run = runs.load_run(finished.path)
    result = runs.evaluate(run, run.data(), samples=10, most=50)
    for name in ("loss", "reconstruction", "kl"):
        assert result[name] == finished.summary["validation"][name]
        assert result[name] == finished.history[f"val_{name}"][-1]
    expected = finished.summary["log_likelihood"]
    assert result["log_likelihood"]["examples"] == 50
    found = result["log_likelihood"]["nats_per_example"]
    assert found == pytest.approx(expected["nats_per_example"], rel=1e-4)


def test_the_metrics_are_the_history(finished):
    metrics = runs.RunFolder(finished.path).read_metrics()
    assert list(metrics)[:3] == ["loss", "reconstruction", "kl"]
    assert {name: len(values) for name, values in metrics.items()} == dict.fromkeys(metrics, 2)
    assert metrics == finished.history
    assert metrics["loss"][1] < metrics["loss"][0]


def test_the_report_holds_everything(finished):
    page = (finished.path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "kelbo fit digits" in page


@pytest.mark.slow
def test_the_written_settings_fit_again_to_the_same_weights(finished, tmp_path):
    config = runs.FitConfig.from_yaml(finished.path / "config.yaml")
    again = runs.fit(config, tmp_path / "again")
    assert_same_weights(again.path, finished.path)


@pytest.mark.slow
def test_more_epochs_later_are_as_good_as_at_once(finished, small, tmp_path, without_figures):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    at_once = runs.fit(small.replace(epochs=4), tmp_path / "at_once")
    later = runs.resume(folder, {"epochs": 4})
    assert_same_weights(folder, at_once.path)
    assert len(later.history["loss"]) == later.summary["epochs"] == 4
    drop_seconds = {n: v for n, v in later.history.items() if n != "seconds"}
    assert drop_seconds == {n: v for n, v in at_once.history.items() if n != "seconds"}
    assert runs.FitConfig.from_yaml(folder / "config.yaml").epochs == 4


@pytest.mark.core
@pytest.mark.slow
def test_a_conditional_fit_goes_on_to_the_same_weights(small, tmp_path, without_figures):
    config = small.replace(context=("labels",))
    at_once = runs.fit(config.replace(epochs=3), tmp_path / "at_once")
    runs.fit(config, tmp_path / "later")
    runs.resume(tmp_path / "later", {"epochs": 3})
    assert_same_weights(tmp_path / "later", at_once.path)
    with pytest.raises(InputError, match=r"context: the run .* has \('labels',\), got \(\)"):
        runs.resume(tmp_path / "later", {"context": ()})


def test_a_finished_run_is_left_alone_save_for_missing_files(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    before = contents(folder)
    said = []
    runs.resume(folder, say=said.append)
    assert any("has ended after 2 epochs" in line for line in said)
    assert contents(folder) == before
    (folder / "samples.png").unlink()
    (folder / "model.keras").unlink()
    runs.resume(folder)
    assert sorted(contents(folder)) == FILES
    assert contents(folder)["samples.png"][0] == before["samples.png"][0]
    unchanged = set(FILES) - {"samples.png", "model.keras", "report.html", "run.json"}
    assert {n: contents(folder)[n] for n in unchanged} == {n: before[n] for n in unchanged}
    assert_same_weights(folder, finished.path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latent_dim": 3}, "latent_dim: the run .* has 2, got 3"),
        ({"epochs": 1}, "epochs may only grow"),
        ({"data": "mnist"}, "data: the run"),
    ],
)
def test_a_resumed_run_keeps_its_settings(finished, given, said):
    before = contents(finished.path)
    with pytest.raises(InputError, match=said):
        runs.resume(finished.path, given)
    assert contents(finished.path) == before


def test_settings_that_were_edited_or_damaged_are_told(finished, tmp_path):
    folder = runs.RunFolder(shutil.copytree(finished.path, tmp_path / "run"))
    text = folder.config.read_text()
    changes = {
        "latent_dim: 2": "latent_dim: 3",
        "learning_rate: 0.003": "learning_rate: 0.001",
        "seed: 0": "seed: 8",
        "likelihood: auto": "likelihood: normal",
        "hidden: [16]": "hidden: [17]",
        "epochs: 2": "epochs: 1",
        "origin: null": "origin: []",
    }
    for before, after in changes.items():
        assert before in text
        folder.config.write_text(text.replace(before, after))
        name = after.split(": ")[0]
        was = before.split(": ")[1].replace("null", "None")
        with pytest.raises(InputError, match=rf"begun with: {name} is .*{re.escape(was)}"):
            runs.resume(folder.path)
        with pytest.raises(InputError, match=r"not what the fit wrote .*--resume"):
            _ = runs.load_run(folder.path).config
    # What says the same is accepted.
    folder.config.write_text(text + "# the one for the talk\n")
    runs.resume(folder.path)
    assert runs.load_run(folder.path).config.latent_dim == 2


def test_settings_given_again_may_agree(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    runs.resume(folder, {"data": "digits", "latent_dim": 2, "epochs": 2})


def test_a_checkpoint_that_is_damaged_or_gone(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    (folder / "checkpoint.npz").write_bytes(b"PK broken")
    before = contents(folder)
    with pytest.raises(InputError, match="not a whole Kelbo checkpoint"):
        runs.resume(folder)
    assert contents(folder) == before
    (folder / "checkpoint.npz").unlink()
    with pytest.raises(InputError, match="is missing, so the fit cannot go on"):
        runs.resume(folder)


def test_force_replaces_only_once_all_is_checked(finished, small, tmp_path, without_figures):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    before = contents(folder)
    with pytest.raises(InputError, match="holds a run; go on with --resume"):
        runs.fit(small, folder)
    with pytest.raises(InputError, match="drop: says how a table is read"):
        runs.fit(small.replace(drop=("id",)), folder, force=True)
    assert contents(folder) == before
    result = runs.fit(small.replace(epochs=1), folder, force=True)
    assert result.summary["epochs"] == 1


@pytest.mark.slow
def test_early_stopping_keeps_the_best_weights(small, tmp_path, without_figures):
    # With so large a learning rate the loss wanders.
    config = small.replace(patience=2, epochs=60, learning_rate=0.2)
    result = runs.fit(config, tmp_path / "run")
    losses = result.history["val_loss"]
    assert len(losses) < 60
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 2
    assert result.summary["epoch_of_weights"] == best + 1
    assert result.summary["validation"]["loss"] == losses[best]
    said = []
    runs.resume(tmp_path / "run", {"epochs": 80}, say=said.append)
    assert any("no better validation loss in 2 epochs" in line for line in said)
    assert runs.RunFolder(tmp_path / "run").read_metrics()["val_loss"] == losses


@pytest.mark.parametrize(
    ("losses", "patience", "stalled"),
    [([3, 2, 1], 1, False), ([3, 2, 2], 1, True), ([1, 2, 3], 3, False), ([1, 2, 3, 4], 3, True)],
)
def test_the_rule_of_early_stopping(losses, patience, stalled):
    assert _stalled({"val_loss": losses}, patience) is stalled


@pytest.mark.slow
def test_a_loss_that_is_not_finite_keeps_the_last_good_state(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200, 4)).astype("float32"))
    config = runs.FitConfig(data=str(path), hidden=[8], epochs=50, batch_size=10)

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                self.model.optimizer.learning_rate.assign(float("inf"))

    every_epoch = functools.partial(Checkpoint, every=0.0)
    monkeypatch.setattr("kelbo.runs.claim.Checkpoint", every_epoch)
    folder = tmp_path / "run"
    with pytest.raises(runs.Diverged, match=r"epoch 4 at step 2; .*checkpoint.npz keeps") as caught:
        runs.fit(config, folder, callbacks=[Break()])
    assert (caught.value.epoch, caught.value.step) == (4, 2)
    assert not (folder / "model.keras").exists()
    assert len(runs.RunFolder(folder).read_metrics()["loss"]) == 3
    said = []
    runs.resume(folder, {"epochs": 50}, say=said.append)  # without what broke it
    assert "going on after epoch 3" in said
    assert (folder / "model.keras").exists()


class AskToStop(keras.callbacks.Callback):
    """Ctrl-C about the validation of the last epoch, as the trainer's handler notes it."""

    def __init__(self, moment):
        super().__init__()
        setattr(self, f"on_{moment}", self._ask)

    def _ask(self, *_):
        if int(self.model.epochs_trained.value) >= 1:
            self.model.interrupted = True


@pytest.mark.parametrize(
    ("moment", "where"),
    [("test_begin", "in epoch 2"), ("test_end", "after the last epoch")],
)
@pytest.mark.slow
def test_ctrl_c_in_the_last_validation_is_heard(finished, small, tmp_path, moment, where):
    folder = tmp_path / "run"
    with pytest.raises(runs.Interrupted, match=f"interrupted {where}; go on with"):
        runs.fit(small, folder, callbacks=[AskToStop(moment)])
    assert not (folder / "summary.json").exists()
    runs.resume(folder)
    assert sorted(contents(folder)) == FILES
    assert_same_weights(folder, finished.path)


@pytest.mark.parametrize(
    "during", ["runs.figures.log_likelihood", "plots.save", "report.write", "models.VAE.save"]
)
@pytest.mark.slow
def test_ctrl_c_after_the_fit_leaves_whole_files(small, tmp_path, monkeypatch, during):
    folder = tmp_path / "run"

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"kelbo.{during}", stop)
        with pytest.raises(runs.Interrupted, match="after the last epoch; go on with"):
            runs.fit(small.replace(epochs=1), folder)
    assert set(contents(folder)) < set(FILES)  # no temporary file
    assert runs.resume(folder).summary["epochs"] == 1
    assert sorted(contents(folder)) == FILES


@pytest.mark.slow
def test_memory_that_does_not_suffice_after_the_fit(small, tmp_path, monkeypatch, without_figures):
    def fail(*args, **kwargs):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("kelbo.runs.figures.estimate", fail)
        with pytest.raises(InputError, match=r"out of memory.*the trained model is kept"):
            runs.fit(small, tmp_path / "run")
    assert runs.resume(tmp_path / "run").summary["epochs"] == 2


@pytest.mark.slow
def test_vectors_and_other_likelihoods(tmp_path):
    path = tmp_path / "points.csv"
    x = np.random.default_rng(0).normal(size=(60, 3))
    rows = [",".join(f"{v:.4f}" for v in row) + f",{i % 2}" for i, row in enumerate(x)]
    path.write_text("a,b,c,label\n" + "\n".join(rows))
    config = runs.FitConfig(
        data=str(path),
        hidden=[8],
        epochs=1,
        batch_size=20,
        latent_dim=3,
        posterior="multivariate_normal",
        log_likelihood_samples=0,
    )
    result = runs.fit(config, tmp_path / "run")
    names = {file.name for file in result.path.iterdir()}
    assert "manifold.png" not in names
    assert {"latent_space.png", "samples.png", "reconstructions.png"} <= names
    assert "log_likelihood" not in result.summary
    assert result.summary["likelihood"] == "normal"


@pytest.mark.slow
def test_binary_data_drawn_at_every_step(small, tmp_path, without_figures):
    result = runs.fit(small.replace(binarize="dynamic", epochs=1), tmp_path / "run")
    assert result.summary["likelihood"] == "bernoulli"
    assert result.summary["notes"] == []
    assert runs.load_run(result.path).model.preprocessing is not None
