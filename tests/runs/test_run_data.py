import numpy as np
import pytest

from kelbo import datasets
from kelbo.errors import InputError
from kelbo.runs import FitConfig
from kelbo.runs.data import (
    examples,
    load_data,
    load_other,
    require_trainable,
    settled_batch_size,
    settled_epochs,
    without_context,
)


@pytest.fixture
def grey(tmp_path):
    path = tmp_path / "grey.npz"
    x = np.random.default_rng(0).uniform(size=(40, 3)).astype("float32")
    np.savez(path, x=x, y=np.arange(40) % 4)
    return path


def test_a_part_is_held_out_where_there_is_no_test_part(grey):
    config = FitConfig(data=str(grey), validation_split=0.25, seed=3)
    data = load_data(config)
    assert (len(data.x_train), len(data.x_test)) == (30, 10)
    np.testing.assert_array_equal(data.x_test, load_data(config).x_test)
    other = load_data(config.replace(seed=4))
    assert not np.array_equal(data.x_test, other.x_test)
    assert load_data(config.replace(validation_split=0.0)).x_test is None


def test_a_test_part_is_the_validation_data():
    data = load_data(FitConfig(data="digits", validation_split=0.5))
    np.testing.assert_array_equal(data.x_test, datasets.load("digits").x_test)


@pytest.mark.parametrize("mode", ["threshold", "static"])
def test_binary_data(mode):
    config = FitConfig(data="digits", binarize=mode)
    data = load_data(config)
    assert data.is_binary
    np.testing.assert_array_equal(data.x_train, load_other("digits", config).x_train)


def test_data_that_cannot_be_binarised(tmp_path):
    path = tmp_path / "wide.npy"
    np.save(path, np.linspace(-3.0, 3.0, 20).reshape(10, 2))
    for mode in ("threshold", "static", "dynamic"):
        with pytest.raises(InputError, match=r"\[-3, 3\]"):
            load_data(FitConfig(data=str(path), binarize=mode))


def test_parts(grey):
    data = load_data(FitConfig(data=str(grey), validation_split=0.25))
    x, y = examples(data, "all")
    assert x.shape == (40, 3)
    assert y.shape == (40,)
    np.testing.assert_array_equal(examples(data, "validation")[0], data.x_test)
    np.testing.assert_array_equal(examples(data, "train")[1], data.y_train)
    whole = load_other(str(grey), FitConfig())
    for part in ("train", "validation", "all"):
        assert len(examples(whole, part)[0]) == 40
    with_context = load_data(FitConfig(data=str(grey), validation_split=0.25, context=["labels"]))
    both, labels = examples(with_context, "all")
    np.testing.assert_array_equal(both["x"], x)
    np.testing.assert_array_equal(both["context"], np.eye(4)[labels])
    assert without_context(both) is both["x"]
    assert without_context(x) is x
    with pytest.raises(InputError, match="part: expected one of"):
        examples(data, "test")


def test_small_data_get_more_epochs(make_data):
    assert settled_epochs(FitConfig(epochs=3), make_data(1.0)) == 3
    assert settled_epochs(FitConfig(batch_size=10), make_data(1.0)) == 5000
    assert settled_epochs(FitConfig(batch_size=1), make_data(1.0)) == 500
    digits = datasets.load("digits")
    assert settled_epochs(FitConfig(batch_size=1), digits) == 50


def test_a_batch_is_no_larger_than_the_data(make_data):
    assert settled_batch_size(FitConfig(batch_size=11), make_data(0.0)) == 10
    assert settled_batch_size(FitConfig(batch_size=3), make_data(0.0)) == 3


def test_what_cannot_be_trained(make_data):
    with pytest.raises(InputError, match="early stopping needs validation data"):
        require_trainable(make_data(0.0), FitConfig(batch_size=5, patience=2))
    with pytest.raises(InputError, match="nothing to fit to"):
        load_data(FitConfig())
