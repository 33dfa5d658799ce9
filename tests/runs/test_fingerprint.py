import json

import numpy as np
import pytest

from kelbo import datasets, runs
from kelbo.datasets import Context, Dataset
from kelbo.errors import InputError
from kelbo.runs.data import load_data
from kelbo.runs.fingerprint import fingerprint, require_same_data, write_fingerprint


def made(x, x_test=None, **kwargs):
    return Dataset("made", np.asarray(x, "float32"), x_test=x_test, **kwargs)


@pytest.fixture
def zeros(tmp_path):
    """The file of a fingerprint: of 4 and 2 examples, all of them zero."""
    path = tmp_path / "data.json"
    write_fingerprint(path, made(np.zeros((4, 3)), np.zeros((2, 3), "float32")))
    return path


def test_the_same_data_pass_whatever_they_are_called(zeros):
    x, x_test = np.zeros((4, 3)), np.zeros((2, 3), "float32")
    require_same_data(zeros, made(x, x_test))
    require_same_data(zeros, made(x, x_test, y_train=np.arange(4), source="elsewhere.npz"))
    require_same_data(zeros, made(np.zeros((8, 3))[::2], x_test))  # not contiguous


@pytest.mark.parametrize(
    ("x", "x_test", "said"),
    [
        (np.eye(4, 3), np.zeros((2, 3)), "training examples have other values;"),
        (np.zeros((4, 3)), np.eye(2, 3), "validation examples have other values;"),
        (np.ones((4, 3)), np.ones((2, 3)), "training .* other values and the validation"),
        (np.zeros((5, 3)), np.zeros((2, 3)), r"training .* shape \(5, 3\), had \(4, 3\);"),
        (np.zeros((3, 4)), np.zeros((2, 4)), r"training .* shape \(3, 4\), had \(4, 3\) and"),
        (np.zeros((4, 3)), None, "there are no longer validation examples;"),
    ],
)
def test_other_data_are_refused_with_what_changed_and_what_to_do(zeros, x, x_test, said):
    data = made(x, None if x_test is None else x_test.astype("float32"), source="mine.npz")
    with pytest.raises(InputError, match=f"^data: mine.npz is not .*{said}.*--out$") as caught:
        require_same_data(zeros, data)
    assert "\n" not in str(caught.value)


def test_a_validation_part_that_is_new_is_refused(tmp_path):
    write_fingerprint(tmp_path / "data.json", made(np.zeros((4, 3))))
    with pytest.raises(InputError, match="there were no validation examples"):
        require_same_data(tmp_path / "data.json", made(np.zeros((4, 3)), np.zeros((1, 3), "f4")))


def test_other_contexts_are_refused(tmp_path):
    path, x = tmp_path / "data.json", np.zeros((2, 3))
    context = Context.of({"labels": np.array(["a", "b"])})

    def given(*labels):
        vectors = context.encode({"labels": np.array(labels)}, "made")
        return made(x, context=context, context_train=vectors)

    write_fingerprint(path, given("a", "b"))
    require_same_data(path, given("a", "b"))
    with pytest.raises(InputError, match="contexts of the training examples have other values"):
        require_same_data(path, given("b", "a"))
    with pytest.raises(InputError, match="no longer contexts of the training examples"):
        require_same_data(path, made(x))
    # A file of a version that knew no contexts says nothing of them.
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({n: kept[n] for n in ("x_train", "x_test")}))
    require_same_data(path, made(x))
    with pytest.raises(InputError, match="there were no contexts of the training examples"):
        require_same_data(path, given("a", "b"))


def test_no_fingerprint_checks_nothing(tmp_path):
    require_same_data(tmp_path / "data.json", made(np.zeros((4, 3))))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"x_train": {}, "x_test": null}', "\x00"])
def test_a_damaged_fingerprint_is_said(tmp_path, content):
    path = tmp_path / "data.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"data.json: it is damaged; remove"):
        require_same_data(path, made(np.zeros((4, 3))))


@pytest.fixture
def begun(tmp_path, without_figures):
    """A run of one epoch on a file of one's own."""
    x = np.random.default_rng(0).uniform(size=(60, 5)).astype("float32")
    np.save(tmp_path / "mine.npy", x)
    config = runs.FitConfig(
        data=str(tmp_path / "mine.npy"), hidden=[4], epochs=1, batch_size=20,
        log_likelihood_samples=0,
    )  # fmt: skip
    return runs.fit(config, tmp_path / "run").path


@pytest.mark.slow
def test_a_run_does_not_go_on_with_data_that_have_changed(begun):
    file = begun.parent / "mine.npy"
    x = np.load(file)
    kept = {path.name: path.read_bytes() for path in begun.iterdir()}
    np.save(file, x[::-1])
    with pytest.raises(InputError, match="training examples have other values"):
        runs.resume(begun, {"epochs": 2})
    np.save(file, x[:40])
    with pytest.raises(InputError, match=r"shape \(36, 5\), had \(54, 5\)"):
        runs.resume(begun, {"epochs": 2})
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == kept
    np.save(file, x)
    assert len(runs.resume(begun, {"epochs": 2}).history["loss"]) == 2


@pytest.mark.slow
def test_a_run_of_an_earlier_version_goes_on_and_is_known_then(begun):
    before = json.loads((begun / "data.json").read_text())
    (begun / "data.json").unlink()
    runs.resume(begun, {"epochs": 2})
    assert json.loads((begun / "data.json").read_text()) == before


def test_the_split_and_the_draw_of_pixels_are_part_of_the_data():
    config = runs.FitConfig(data="digits", binarize="static")
    first = fingerprint(load_data(config))
    assert first == fingerprint(load_data(config))
    assert first != fingerprint(load_data(config.replace(seed=1)))
    assert first["x_train"]["shape"] == list(datasets.load("digits").x_train.shape)
