import csv
import shutil

import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError


@pytest.fixture(scope="module")
def run(finished):
    return runs.load_run(finished.path)


def as_array(tensor):
    return np.asarray(tensor)


def test_codes_as_arrays_and_as_a_table(run, tmp_path):
    data = run.data()
    runs.encode(run, data, tmp_path / "codes.npz")
    codes = np.load(tmp_path / "codes.npz")
    assert codes["mean"].shape == codes["stddev"].shape == (1797, 2)
    np.testing.assert_array_equal(codes["labels"][:1438], data.y_train)
    posterior = run.model.encode(data.x_train)
    np.testing.assert_allclose(codes["mean"][:1438], as_array(posterior.mean()), rtol=1e-5)
    assert (codes["stddev"] > 0).all()

    runs.encode(run, data, tmp_path / "codes.csv", part="validation")
    with open(tmp_path / "codes.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["mean_1", "mean_2", "stddev_1", "stddev_2", "label"]
    table = np.array(rows, float)
    np.testing.assert_allclose(table[:, :2], codes["mean"][1438:], rtol=1e-5)
    np.testing.assert_array_equal(table[:, 4], data.y_test)


def test_samples(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        runs.sample(run, tmp_path / f"{name}.npy", n=5, seed=seed)
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 8, 8)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    runs.sample(run, tmp_path / "noisy.npy", n=5, seed=1, noise=True)
    noisy = np.load(tmp_path / "noisy.npy")
    assert np.abs(np.diff(noisy, axis=1)).mean() > 2 * np.abs(np.diff(a, axis=1)).mean()
    runs.sample(run, tmp_path / "a.png", n=5)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_reconstructions(run, tmp_path):
    data = run.data()
    runs.reconstruct(run, data, tmp_path / "r.npz")
    arrays = np.load(tmp_path / "r.npz")
    np.testing.assert_array_equal(arrays["original"], data.x_test)
    assert arrays["reconstruction"].shape == (359, 8, 8)
    runs.reconstruct(run, data, tmp_path / "few.npz", n=4)
    few = np.load(tmp_path / "few.npz")
    np.testing.assert_allclose(few["reconstruction"], arrays["reconstruction"][:4], rtol=1e-5)
    runs.reconstruct(run, data, tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_where_nothing_can_be_written(run, tmp_path):
    for out, said in (
        (tmp_path / "codes.txt", r"ends in \.npz or \.csv"),
        (tmp_path / "no" / "codes.npz", "there is no folder"),
    ):
        with pytest.raises(InputError, match=said):
            runs.encode(run, None, out)
    (tmp_path / "x.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        runs.sample(run, tmp_path / "x.png")
    with pytest.raises(InputError, match="at least 1"):
        runs.sample(run, tmp_path / "y.png", n=0)


def test_plot_again(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for name in ("samples.png", "manifold.png", "report.html"):
        (folder / name).unlink()
    run = runs.load_run(folder)
    written = runs.plot(run, ["samples"])
    assert [path.name for path in written] == ["samples.png", "report.html"]
    assert not (folder / "manifold.png").exists()
    assert len(runs.plot(run)) == 6
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_pictures_that_are_not_there(finished, run):
    with pytest.raises(InputError, match="did you mean 'samples'"):
        runs.plot(run, ["sample"])
    alone = runs.load_run(finished.path / "model.keras")
    with pytest.raises(InputError, match="plot needs the folder of a run"):
        runs.plot(alone)


def test_evaluate_a_part(run):
    data = run.data()
    train = runs.evaluate(run, data, "train", samples=0)
    assert train["examples"] == 1438
    assert "log_likelihood" not in train
    one = runs.evaluate(run, data, samples=5, most=1)["log_likelihood"]
    assert one["standard_error"] is None
    assert one["examples"] == 1
