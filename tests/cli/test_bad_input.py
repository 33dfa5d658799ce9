"""Whatever is wrong gets one line and status 2, and an existing run is not touched."""

import hashlib
import shutil
import zipfile

import numpy as np
import pytest


def digest(folder):
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


@pytest.fixture
def files(tmp_path):
    """Data that cannot be fitted, by name."""
    x = np.random.default_rng(0).uniform(size=(20, 4))
    arrays = {"good": x, "empty": x[:0], "wide": 4 * x - 1, "nan": x.copy(), "inf": x.copy()}
    arrays["nan"][3, 1] = np.nan
    arrays["inf"][5] = np.inf
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "damaged.npy").write_bytes(b"\x93NUMPY broken")
    (tmp_path / "damaged.npz").write_bytes(b"PK broken")
    (tmp_path / "words.csv").write_text("a,b\n1,two\n")
    (tmp_path / "data.xyz").write_text("?")
    (tmp_path / "no_images").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}/missing.npy"], "neither a known data set"),
        (["mnits"], "did you mean 'mnist'?"),
        (["{}/damaged.npy"], "damaged.npy"),
        (["{}/damaged.npz"], "damaged.npz"),
        (["{}/words.csv"], "words.csv"),
        (["{}/data.xyz"], "cannot read a file of type"),
        (["{}/no_images"], "no_images"),
        (["{}/empty.npy"], "the set is empty"),
        (["{}/nan.npy"], "1 NaN and 0 infinite values among 80 (first at (3, 1))"),
        (["{}/inf.npy"], "0 NaN and 4 infinite values among 80"),
        (
            ["{}/wide.npy", "--batch-size", "5", "--likelihood", "bernoulli"],
            "the normal likelihood fits",
        ),
        (["{}/wide.npy", "--batch-size", "5", "--likelihood", "continuous_bernoulli"], "normal"),
        (["{}/wide.npy", "--binarize", "threshold"], "binarize: 'threshold' needs values in"),
        (["{}/good.npy", "--drop", "id"], "drop: says how a table is read"),
        (["{}/good.npy", "--context", "labels"], "good.npy has no labels"),
        (["digits", "--context", "age"], "context: embedded has no 'age'"),
        (["digits", "--size", "8x8"], "size: says how a folder of images is read"),
        (["digits", "--size", "8x8x3"], "--size: expected HEIGHTxWIDTH"),
        (["digits", "--scale", "minmax", "--likelihood", "bernoulli"], "scale: minmax goes with"),
        (
            ["{}/good.npy", "--validation-split", "0", "--batch-size", "5", "--patience", "3"],
            "needs validation data",
        ),
        (["{}/good.npy", "--validation-split", "0.999"], "split"),
        (["mnist", "--data-dir", "{}/nowhere"], "is no folder"),
        (["digits", "--data-dir", "{}"], "data_dir: 'digits' is not looked up in a folder, as"),
        (["{}/good.npy", "--data-dir", "{}"], "is not looked up in a folder, as mnist"),
        (["digits", "--epochs", "1000001"], "--epochs: expected a whole number from 1 to 1000000"),
        (["digits", "--latent-dim", "0"], "--latent-dim: expected a whole number"),
        (["digits", "--latent-dim", "two"], "--latent-dim: expected a whole number"),
        (["digits", "--hidden", "12,x"], "--hidden: expected whole numbers"),
        (["digits", "--likelihood", "normall"], "did you mean 'normal'?"),
        (["digits", "--latent-dims", "3"], "No such option"),
        (["digits", "more"], "more"),
        (["--config", "{}/missing.yaml"], "missing.yaml: cannot be read"),
        ([], "nothing to fit to"),
    ],
)
@pytest.mark.few(16)
def test_fit(refused, files, fitted, tmp_path, arguments, said):
    run = shutil.copytree(fitted, tmp_path / "run")
    before = digest(run)
    arguments = [argument.format(files) for argument in arguments]
    # Even with --force nothing may be lost to a mistake.
    assert said in refused("fit", *arguments, "--out", run, "--force")
    assert digest(run) == before
    assert said in refused("fit", *arguments, "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("extra", [[], ["--force"]])
def test_a_folder_of_other_files_is_never_taken(refused, tmp_path, extra):
    for name in ("config.yaml", "model.keras", "summary.json"):
        (tmp_path / name).write_text("mine: 1\n")
    before = digest(tmp_path)
    assert "holds no run of Kelbo" in refused("fit", "digits", "--out", tmp_path, *extra)
    assert digest(tmp_path) == before


@pytest.mark.parametrize("sizes", [["--hidden", "1000000,1000000"], ["--samples", "1" + 18 * "0"]])
def test_a_model_that_no_memory_holds(refused, fitted, tmp_path, sizes):
    run = shutil.copytree(fitted, tmp_path / "run")
    before = digest(run)
    assert "out of memory: a model of" in refused("fit", "digits", *sizes, "--out", run, "--force")
    refused("fit", "digits", *sizes, "--out", tmp_path / "new")
    assert digest(run) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["evaluate", "encode", "sample", "reconstruct"])
def test_memory_that_does_not_suffice(refused, fitted, tmp_path, monkeypatch, command):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"kelbo.runs.{command}", fail)
    assert "out of memory; ask for less at a time" in refused(command, fitted)


def test_an_existing_run_is_kept_unless_forced(refused, fitted):
    before = digest(fitted)
    line = refused("fit", "digits", "--out", fitted)
    assert "--force" in line
    assert "--resume" in line
    assert digest(fitted) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--latent-dim", "5"], "latent_dim: the run"),
        (["--epochs", "1"], "epochs may only grow"),
        (["--force"], "leave out --force"),
        (["--config", "x.yaml"], "leave out --config"),
        (["--out", "elsewhere"], "leave out --out"),
    ],
)
def test_resume_with_other_settings(refused, fitted, arguments, said):
    before = digest(fitted)
    assert said in refused("fit", "--resume", fitted, *arguments)
    assert digest(fitted) == before


def test_resume_of_nothing(refused, tmp_path):
    assert "no such run folder" in refused("fit", "--resume", tmp_path / "x")
    assert "holds no config.yaml" in refused("fit", "--resume", tmp_path)


def test_resume_with_damaged_files(refused, fitted, tmp_path):
    run = shutil.copytree(fitted, tmp_path / "run")
    (run / "checkpoint.npz").write_bytes(b"broken")
    before = digest(run)
    assert "checkpoint" in refused("fit", "--resume", run)
    (run / "config.yaml").write_text("latent_dims: 2\n")
    assert "did you mean 'latent_dim'?" in refused("fit", "--resume", run)
    assert {n: d for n, d in digest(run).items() if n != "config.yaml"} == {
        n: d for n, d in before.items() if n != "config.yaml"
    }


@pytest.mark.parametrize("command", ["evaluate", "encode", "sample", "reconstruct", "plot"])
def test_model_files_that_are_damaged_or_not_ours(refused, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.keras").write_bytes(b"PK\x03\x04 broken")
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "no such run folder or model file" in refused(command, "missing")
    assert "is damaged" in refused(command, "damaged.keras")
    assert "cannot be loaded as a model" in refused(command, "foreign.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.keras", "foreign.keras"]


@pytest.mark.parametrize("command", ["evaluate", "encode", "reconstruct"])
def test_data_that_do_not_fit_the_model(refused, fitted, files, monkeypatch, command):
    monkeypatch.chdir(files)
    assert "takes (8, 8)" in refused(command, fitted, "good.npy")
    assert "neither a known data set" in refused(command, fitted, "missing.npy")
    assert "1 NaN" in refused(command, fitted, "nan.npy")


@pytest.mark.parametrize(
    ("run", "arguments", "said"),
    [
        ("conditional", ["sample"], "conditioned on labels; give --context VALUE, one of 0, 1, 2"),
        ("conditional", ["sample", "--context", "x"], "labels has no class 'x'"),
        ("conditional", ["evaluate", "--context", "3,4"], "labels has no class '3,4'"),
        ("conditional", ["encode", "{}/eights.npy"], "has no labels, which the model is"),
        ("conditional", ["reconstruct", "{}/ten.npz"], "labels has no class '10'"),
        ("conditional", ["plot", "--only", "manifold"], "this run has no manifold"),
        ("fitted", ["sample", "--context", "3"], "has none; leave --context out"),
        ("fitted", ["encode", "--context", "3"], "has none; leave --context out"),
    ],
)
def test_contexts_that_are_not_known_or_not_there(
    refused, request, tmp_path, monkeypatch, run, arguments, said
):
    x = np.full((2, 8, 8), 0.5)
    np.save(tmp_path / "eights.npy", x)
    np.savez(tmp_path / "ten.npz", x=x, y=[1, 10])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    command, *rest = (argument.format(tmp_path) for argument in arguments)
    assert said in refused(command, request.getfixturevalue(run), *rest)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["encode", "--out", "codes.txt"], "ends in .npz or .csv"),
        (["sample", "--out", "no/samples.png"], "there is no folder no"),
        (["reconstruct", "--out", "x.npy"], "ends in .png or .npz"),
        (["sample", "--n", "0"], "--n"),
        (["evaluate", "--part", "test"], "--part"),
        (["plot", "--only", "sampels"], "did you mean 'samples'?"),
    ],
)
def test_options_of_the_other_commands(refused, fitted, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    assert said in refused(command, fitted, *options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(refused, tmp_path):
    (tmp_path / "file").touch()
    line = refused("fit", "digits", "--out", tmp_path / "file" / "run")
    assert str(tmp_path / "file") in line
