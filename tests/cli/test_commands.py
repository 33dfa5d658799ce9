import json
import shutil

import numpy as np
import pytest
from sklearn.svm import SVC

import kelbo as package
from kelbo import datasets, runs
from kelbo.runs.config import rules


def test_help_and_version(kelbo):
    for arguments in ([], ["--help"]):
        result = kelbo(*arguments)
        assert result.exit_code == 0
        for command in ("fit", "evaluate", "encode", "sample", "reconstruct", "plot", "datasets"):
            assert command in result.stdout
    assert kelbo("--version").stdout == f"kelbo {package.__version__}\n"


def test_every_setting_is_an_option(kelbo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    page = kelbo("fit", "--help").stdout
    for name in rules():
        if name != "data":
            assert f"--{name.replace('_', '-')} " in page


def test_fit_from_options(fitting):
    folder, result = fitting
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "continuous_bernoulli likelihood" in result.stdout
    assert "run folder: runs/digits" in result.stdout
    assert "epoch 2/2  loss" in result.stdout
    assert "(10 samples, 20 examples)" in result.stdout
    config = runs.FitConfig.from_yaml(folder / "runs/digits/config.yaml")
    assert (config.hidden, config.epochs, config.log_likelihood_samples) == ((16,), 2, 10)
    summary = json.loads((folder / "runs/digits/summary.json").read_text())
    assert summary["command"].startswith("kelbo fit digits --hidden 16")


@pytest.mark.slow
def test_a_config_and_options_beside_it(kelbo, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr("kelbo.runs.outputs.drawers", lambda *args: {})  # pictures take time
    out = tmp_path / "run"
    result = kelbo("fit", "--config", fitted / "config.yaml", "--epochs", "1", "--likelihood",
                   "bernoulli", "--log-likelihood-samples", "0", "--out", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "note: The data are not binary" in result.stdout
    assert "The data are not binary" in (out / "report.html").read_text()
    config = runs.FitConfig.from_yaml(out / "config.yaml")
    assert config == runs.FitConfig.from_yaml(fitted / "config.yaml").replace(
        epochs=1, likelihood="bernoulli", log_likelihood_samples=0
    )


def test_resume_of_a_finished_run(kelbo, fitted, tmp_path):
    run = shutil.copytree(fitted, tmp_path / "run")
    (run / "samples.png").unlink()
    result = kelbo("fit", "--resume", run)
    assert result.exit_code == 0, result.output
    assert "the fit has ended after 2 epochs" in result.stdout
    assert (run / "samples.png").exists()


def test_evaluate(kelbo, fitted):
    result = kelbo("evaluate", fitted, "--samples", "5", "--examples", "10", "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    summary = json.loads((fitted / "summary.json").read_text())
    assert values["loss"] == summary["validation"]["loss"]
    assert values["log_likelihood"]["samples"] == 5
    table = kelbo("evaluate", fitted, "--samples", "0", "--part", "train").stdout
    assert "train (1438)" in table
    assert f"{summary['train']['kl']:.3f}" in table


def test_the_verbs_write_their_files(kelbo, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("mine.npy", np.full((3, 8, 8), 0.5))
    for arguments, name in (
        (["encode", fitted, "mine.npy", "--out", "codes.csv"], "codes.csv"),
        (["encode", fitted], "codes.npz"),
        (["sample", fitted, "--n", "4"], "samples.png"),
        (["sample", fitted, "--n", "4", "--seed", "3", "--out", "s.npy"], "s.npy"),
        (["reconstruct", fitted, "mine.npy"], "reconstructions.png"),
    ):
        result = kelbo(*arguments)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"wrote {name}\n"
        assert (tmp_path / name).stat().st_size > 0
    assert len((tmp_path / "codes.csv").read_text().splitlines()) == 1 + 3
    assert np.load("codes.npz")["mean"].shape == (1797, 2)
    assert np.load("s.npy").shape == (4, 8, 8)


def test_a_context_is_read_from_the_data_or_given(kelbo, conditional, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.full((3, 8, 8), 0.5)
    np.save("plain.npy", x)
    np.savez("labelled.npz", x=x, y=[3, 3, 3])
    for arguments in (
        ["encode", conditional, "labelled.npz", "--out", "read.npz"],
        ["encode", conditional, "plain.npy", "--context", "3", "--out", "given.npz"],
        ["encode", conditional, "labelled.npz", "--context", "4", "--out", "other.npz"],
        ["sample", conditional, "--context", "3", "-n", "4", "--out", "three.npy"],
    ):
        result = kelbo(*arguments)
        assert result.exit_code == 0, result.output
    read, given, other = (np.load(f"{name}.npz")["mean"] for name in ("read", "given", "other"))
    np.testing.assert_array_equal(read, given)
    assert not np.allclose(read, other)
    assert np.load("three.npy").shape == (4, 8, 8)
    summary = json.loads((conditional / "summary.json").read_text())
    assert summary["data"]["context"] == [{"name": "labels", "values": [*"0123456789"]}]


@pytest.mark.slow
def test_a_table_with_columns_that_condition(kelbo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = zip(rng.normal(size=(60, 2)), ["oak", "ash"] * 30, range(60), strict=True)
    lines = [f"{x:.3f},{species},{age},{y:.3f}" for (x, y), species, age in rows]
    (tmp_path / "trees.csv").write_text("\n".join(["width,species,age,height", *lines]))
    given = ["--context", "species=oak,age=30"]
    for arguments in (
        ["fit", "trees.csv", "--context", "species,age", "--hidden", "8", "--epochs", "2",
         "--log-likelihood-samples", "10", "--posterior", "multivariate_normal", "--out", "run"],
        ["sample", "run", *given, "--context", "ash,10", "--n", "2", "--out", "s.csv"],
        ["sample", "run", *given, "--out", "s.png"],
        ["encode", "run", "trees.csv", "--out", "codes.csv"],
        ["reconstruct", "run", *given, "--out", "r.csv"],
        ["plot", "run"],
    ):  # fmt: skip
        result = kelbo(*arguments)
        assert result.exit_code == 0, result.output
    header, *rows = (tmp_path / "s.csv").read_text().splitlines()
    assert header == "width,height,species,age"
    assert [row.split(",", 2)[2] for row in rows] == ["oak,30", "oak,30", "ash,10", "ash,10"]
    values = [
        json.loads(kelbo("evaluate", "run", *more, "--samples", "5", "--json").stdout)
        for more in ([], given)
    ]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert values[0]["loss"] == summary["validation"]["loss"] != values[1]["loss"]
    assert not (tmp_path / "run" / "manifold.png").exists()
    assert "species" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_digits_on_demand(kelbo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit = [
        "fit",
        "digits",
        "--context",
        "labels",
        "--epochs",
        "60",
        "--log-likelihood-samples",
        "0",
    ]
    result = kelbo(*fit, "--out", "run")
    assert result.exit_code == 0, result.output
    asked = [argument for k in range(10) for argument in ("--context", k)]
    for arguments in (["-n", "30", "--out", "s.npy"], []):
        result = kelbo("sample", "run", *asked, *arguments)
        assert result.exit_code == 0, result.output
    digits = datasets.load("digits")
    judge = SVC().fit(digits.x_train.reshape(-1, 64), digits.y_train)
    read = judge.predict(np.load("s.npy").reshape(-1, 64))
    assert np.mean(read == np.repeat(np.arange(10), 30)) > 0.9


def test_plot_draws_what_is_asked_for(kelbo, fitted, tmp_path):
    run = shutil.copytree(fitted, tmp_path / "run")
    result = kelbo("plot", run, "--only", "manifold", "--only", "learning_curves")
    assert result.exit_code == 0, result.output
    names = [line.rsplit("/", 1)[1] for line in result.stdout.splitlines()]
    assert names == ["manifold.png", "learning_curves.png", "report.html"]


def test_datasets(kelbo):
    result = kelbo("datasets")
    assert result.exit_code == 0
    for name in ("digits", "mnist", "fashion_mnist", "frey_faces", "embedded", "8 x 8"):
        assert name in result.stdout


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (runs.Diverged("run", 3, 7, None), 1),
        (runs.Interrupted("run", 3), 130),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/somewhere"), 2),
    ],
)
def test_what_ends_a_fit_is_one_line(refused, monkeypatch, error, status):
    def stop(*args, **kwargs):
        raise error

    monkeypatch.setattr("kelbo.runs.fit", stop)
    line = refused("fit", "digits", status=status)
    said = {1: "epoch 3 at step 7", 2: "/somewhere: Permission denied", 130: "interrupted"}
    assert said[status] in line


def test_a_mistake_of_ours_is_not_hidden(kelbo, monkeypatch):
    monkeypatch.setattr("kelbo.datasets.available", lambda folder: 1 / 0)
    assert isinstance(kelbo("datasets").exception, ZeroDivisionError)
