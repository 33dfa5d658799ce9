import dataclasses
import hashlib

import numpy as np
import pytest

from kelbo.datasets import available, load
from kelbo.datasets.catalogue import CATALOGUE


def test_digits_are_the_embedded_ones(cache):
    from sklearn.datasets import load_digits

    data = load("digits")
    assert data.source == "embedded"
    assert data.x_train.shape == (1438, 8, 8)
    assert data.x_test.shape == (359, 8, 8)
    assert data.range == (0.0, 1.0)
    together = np.concatenate([data.x_train, data.x_test]).reshape(-1, 64)
    rows = np.concatenate([together, np.r_[data.y_train, data.y_test][:, None]], axis=1)
    published = load_digits()
    expected = np.c_[published.data / 16, published.target]
    np.testing.assert_array_equal(
        rows[np.lexsort(rows.T)], expected[np.lexsort(expected.T)].astype(np.float32)
    )
    assert not cache.exists()


def test_digits_split_is_stratified_and_fixed():
    first, second = load("digits"), load("digits")
    np.testing.assert_array_equal(first.y_test, second.y_test)
    share = np.bincount(first.y_test) / (np.bincount(first.y_test) + np.bincount(first.y_train))
    np.testing.assert_allclose(share, 0.2, atol=0.003)
    # Pinned: another split would change every published figure.
    held_out = first.y_test.astype("uint8").tobytes()
    assert hashlib.sha256(held_out).hexdigest()[:16] == "bc4cd9a61999f9b9"


def test_real_mnist(data_dir):
    data = load("mnist", data_dir)
    assert data.x_train.shape == (60000, 28, 28)
    assert data.x_test.shape == (10000, 28, 28)
    assert data.range == (0.0, 1.0)
    assert data.source == str(data_dir / "mnist.npz")
    assert abs(float(data.x_train.mean()) - 0.1307) < 1e-4  # the mean that everybody quotes
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.class_names == tuple("0123456789")


def test_real_fashion_mnist(data_dir):
    data = load("fashion_mnist", data_dir)
    assert data.x_train.shape == (60000, 28, 28)
    assert abs(float(data.x_train.mean()) - 0.2860) < 1e-4
    assert np.bincount(data.y_train).tolist() == [6000] * 10
    # Names belong to their numbers: sandals cover least of the picture, coats and pullovers most.
    ink = [float(data.x_train[data.y_train == k].mean()) for k in range(10)]
    assert data.class_names[np.argmin(ink)] == "Sandal"
    assert {data.class_names[k] for k in np.argsort(ink)[-2:]} == {"Coat", "Pullover"}


def test_real_frey_faces(data_dir):
    data = load("frey_faces", data_dir)
    assert data.x_train.shape == (1965, 28, 20)
    assert data.y_train is None
    assert data.x_test is None
    # A film: neighbours in time look alike, and more so than frames far apart.
    x = data.x_train
    assert np.abs(x[1:] - x[:-1]).mean() < 0.5 * np.abs(x[300:] - x[:-300]).mean()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "frey_faces"])
def test_catalogue_agrees_with_the_real_files(data_dir, name):
    entry, data = CATALOGUE[name], load(name, data_dir)
    assert len(data.x_train) == entry.train_examples
    assert (0 if data.x_test is None else len(data.x_test)) == entry.test_examples
    assert data.event_shape == entry.event_shape


def _put(folder, value, shape=(2, 28, 20)):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "frey_faces.npz", x=np.full(shape, value, np.uint8))
    return folder


def test_data_dir_then_variable_then_cache(tmp_path, cache, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    _put(cache, 255)
    assert load("frey_faces", empty).range == (1.0, 1.0)
    monkeypatch.setenv("KELBO_DATA_DIR", str(_put(tmp_path / "variable", 51)))
    assert load("frey_faces", empty).range[0] == pytest.approx(0.2)
    chosen = _put(tmp_path / "chosen", 0)
    data = load("frey_faces", str(chosen))
    assert data.range == (0.0, 0.0)
    assert data.source == str(chosen / "frey_faces.npz")


def test_name_wins_over_a_file_of_that_name(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "digits", x=np.zeros((2, 2)))
    (tmp_path / "digits").mkdir()
    assert load("digits").event_shape == (8, 8)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    assert load("~/x.npy").event_shape == (2,)


def test_refuses_a_data_dir_that_is_no_folder(tmp_path, cache, refuses):
    refuses(lambda: load("mnist", tmp_path / "nowhere"), tmp_path / "nowhere", "mnist.npz")


def test_refuses_a_file_of_other_images_under_a_known_name(tmp_path, cache, refuses):
    folder = _put(tmp_path / "mine", 0, shape=(2, 560))
    refuses(lambda: load("frey_faces", folder), folder / "frey_faces.npz", "(560,)", "(28, 20)")


@pytest.mark.parametrize(
    ("given", "hint"),
    [("fashion-mnst", "'fashion_mnist'"), ("MNIST", "'mnist'"), ("digit", "'digits'")],
)
def test_unknown_names_get_a_suggestion(given, hint, refuses):
    names = "digits, mnist, fashion_mnist, frey_faces"
    refuses(lambda: load(given), f"'{given}'", names, f"did you mean {hint}?")


@pytest.mark.parametrize("given", ["", "./nowhere.csv", "x" * 5000, "a\0b"])
def test_other_strings_get_none(given, refuses):
    assert "did you mean" not in refuses(lambda: load(given), "neither a known data set")


def test_available_says_where(tmp_path, cache):
    _put(tmp_path / "mine", 0)
    found = {info.name: info for info in available(tmp_path / "mine")}
    assert list(found) == ["digits", "mnist", "fashion_mnist", "frey_faces"]
    assert found["digits"].where == "embedded"
    assert found["mnist"].where == "not here: will be downloaded"
    assert found["frey_faces"].where == str(tmp_path / "mine" / "frey_faces.npz")
    assert [info.examples for info in found.values()] == [1797, 70000, 70000, 1965]
    assert [info.classes for info in found.values()] == [10, 10, 10, 0]
    for info in found.values():
        assert all(
            dataclasses.asdict(info)[field] for field in ("description", "origin", "licence")
        )
