"""Damaged and hostile files: one line that names the file, and never weights that are not those."""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs import RunFolder
from kelbo.runs.fingerprint import is_fingerprint_of
from kelbo.runs.model_file import load_model, reason
from kelbo.training.checkpoint_file import read_checkpoint

META = ("epochs", "step", "finished", "history", "variables", "callbacks")

CONTENTS = {
    "empty": b"",
    "object": b"{}",
    "list": b"[]",
    "null": b"null",
    "number": b"7",
    "digits": b"latent_dim: " + b"9" * 5000,
    "hexadecimal": b"latent_dim: 0x" + b"f" * 5000,
    "date": b"latent_dim: 2024-13-45",
    "brackets": b"[" * 20_000,
    "braces": b'{"a":' * 20_000,
    "sixteen": "latent_dim: 2\n".encode("utf-16"),
    "nul": b"latent_dim: \0",
    "bytes": bytes(range(256)),
    "aliases": b"a: &a [x, x]\n"
    + b"".join(b"%c: &%c [*%c, *%c]\n" % (i + 1, i + 1, i, i) for i in range(97, 121))
    + b"hidden: *y\n",
    "infinity": b"learning_rate: .inf\nlatent_dim: .nan\n",
}


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """A copy of a run whose files are damaged one at a time, and put back."""
    return RunFolder(shutil.copytree(finished.path, tmp_path_factory.mktemp("damaged") / "run"))


@pytest.fixture
def damage(folder):
    """Writes other content into a file, or puts a folder or a loop of links in its place."""
    kept = {}

    def write(file, content):
        kept[file] = file.read_bytes()
        file.unlink()
        if content == "folder":
            file.mkdir()
        elif content == "loop":
            file.symlink_to(file.name)
        else:
            file.write_bytes(content)

    yield write
    for file, content in kept.items():
        if file.is_dir() and not file.is_symlink():
            file.rmdir()
        file.unlink(missing_ok=True)
        file.write_bytes(content)


def read(folder, name):
    """Reads a file as the commands do."""
    readers = {
        "config.yaml": lambda: runs.FitConfig.from_yaml(folder.config),
        "data.json": lambda: is_fingerprint_of(folder.data, folder.run),
        "run.json": folder.require_record,
        "summary.json": folder.read_summary,
        "metrics.csv": folder.read_metrics,
        "checkpoint.npz": lambda: read_checkpoint(folder.checkpoint),
        "model.keras": lambda: load_model(folder.model),
    }
    return readers[name]()


@pytest.mark.parametrize("content", [*CONTENTS, "folder", "loop"])
@pytest.mark.parametrize(
    "name",
    [
        "config.yaml",
        "data.json",
        "run.json",
        "summary.json",
        "metrics.csv",
        "checkpoint.npz",
        "model.keras",
    ],
)
def test_other_content(folder, damage, name, content):
    harmless = {("config.yaml", "empty"), ("config.yaml", "object"), ("config.yaml", "null")}
    damage(folder.path / name, CONTENTS.get(content, content))
    if (name, content) in harmless:
        return
    with pytest.raises(InputError) as caught:
        read(folder, name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def flips(size, count, seed):
    """Places and bits, spread over the file, and more of them where an archive has its tables."""
    generator = np.random.default_rng(seed)
    places = np.concatenate([
        generator.integers(0, size, count - count // 3),
        size - 1 - generator.integers(0, min(size, 4000), count // 3),
    ])  # fmt: skip
    return zip(places.tolist(), generator.integers(0, 8, count).tolist(), strict=True)


def weights(name, value):
    if name == "checkpoint.npz":
        _, arrays = value
        return [arrays[f"variable_{i}"] for i in range(20)]
    return value.get_weights()


def check_flips(folder, damage, name, count):
    """Flips one bit at a time; returns how often the file was refused."""
    file = folder.path / name
    content = file.read_bytes()
    right = weights(name, read(folder, name))
    damage(file, content)
    refused = 0
    for place, bit in flips(len(content), count, 0):
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        file.write_bytes(changed)
        try:
            found = weights(name, read(folder, name))
        except InputError:
            refused += 1
        else:  # in what means nothing, such as a time
            assert all(map(np.array_equal, found, right))
    return refused


@pytest.mark.parametrize(("name", "count"), [("checkpoint.npz", 60), ("model.keras", 15)])
def test_flipped_bits(folder, damage, name, count):
    assert check_flips(folder, damage, name, count) > count // 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("checkpoint.npz", 1500), ("model.keras", 300)])
def test_many_flipped_bits(folder, damage, name, count):
    assert check_flips(folder, damage, name, count) > count // 2


def rewritten(file, change, remove=()):
    """The archive with other content, its sums right."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = {n: c for n, c in {**members, **change(members)}.items() if n not in remove}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_meta(file, **values):
    with np.load(file) as loaded:
        arrays = dict(loaded)
    meta = {**json.loads(str(arrays.pop("meta"))), **values}
    np.savez(file, meta=np.array(json.dumps(meta)), **arrays)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (name, value)
        for name in (*META, "run", "settings")
        for value in ({}, [1], "x", -1, 1.5, {"loss": ["x"]}, [[1, 2]], [{"class": 1}])
        if (name, value) not in [("history", {}), ("run", "x")]
        and not (name == "settings" and isinstance(value, dict))
    ],
)
def test_a_checkpoint_that_says_something_else(folder, damage, name, values):
    damage(folder.checkpoint, folder.checkpoint.read_bytes())
    with_meta(folder.checkpoint, **{name: values})
    with pytest.raises(InputError, match=rf"its '{name}' is damaged"):
        read_checkpoint(folder.checkpoint)


def test_a_summary_that_says_something_else(folder, damage):
    values = folder.read_summary()
    finding = {"name": "a", "severity": "note", "sentence": "b", "advice": ["c"]}
    wrong = [[], "x", 5, {}, {"findings": []}, {"findings": 1, "fine": []}]
    wrong += [
        {"findings": [{**finding, **change}], "fine": []}
        for change in (
            {"severity": "x"}, {"severity": []}, {"sentence": 1}, {"advice": 1},
            {"advice": [[]]}, {"more": 1}, {"name": None},
        )
    ]  # fmt: skip
    hostile = [{"verdict": value} for value in wrong]
    hostile += [{"epoch_of_weights": value} for value in ("x", 0, 10**400, [1])]
    hostile += [{"loss_before_training": value} for value in ("x", [], None)]
    damage(folder.summary, b"")
    for change in hostile:
        folder.summary.write_text(json.dumps({**values, **change}))
        with pytest.raises(InputError, match=r"summary\.json: it is damaged"):
            folder.read_summary()
    # What follows from the findings is not read, but made of them.
    told = {"findings": [finding], "fine": [], "healthy": "no", "headline": [1]}
    folder.summary.write_text(json.dumps({**values, "verdict": told}))
    read_again = folder.read_summary()["verdict"]
    assert (read_again["healthy"], read_again["headline"]) == (True, "nothing suspicious")


def test_a_checkpoint_whose_arrays_are_others(folder, damage):
    content = folder.checkpoint.read_bytes()
    with np.load(folder.checkpoint) as loaded:
        arrays = dict(loaded)
    objects = np.array([{"a": 1}], object)
    changes = {
        "missing": {n: a for n, a in arrays.items() if n != "variable_3"},
        "surplus": {**arrays, "variable_999": np.zeros(3)},
        "shape": {**arrays, "variable_0": np.zeros((1, 2), "float32")},
        "dtype": {**arrays, "variable_0": arrays["variable_0"].astype("float64")},
        "objects": {**arrays, "variable_0": objects},
    }
    damage(folder.checkpoint, content)
    for changed in changes.values():
        np.savez(folder.checkpoint, **changed)
        with pytest.raises(InputError, match="not a whole Kelbo checkpoint"):
            read_checkpoint(folder.checkpoint)
    np.savez_compressed(folder.checkpoint, **arrays)
    with pytest.raises(InputError, match="it is compressed"):
        read_checkpoint(folder.checkpoint)


def test_the_advice_for_a_checkpoint_leads_on(folder, damage):
    damage(folder.checkpoint, b"")
    advice = (
        rf"fit again with: kelbo fit --config \S+ --out {folder.path} --force \(\S+model.keras can"
    )
    with pytest.raises(InputError, match=advice):
        runs.resume(folder.path)
    folder.checkpoint.unlink()
    with pytest.raises(InputError, match=advice):
        runs.resume(folder.path)
    folder.checkpoint.write_bytes(b"")
    runs.load_run(folder.path)


@pytest.mark.parametrize("content", [b"", b"PK broken"])
def test_a_broken_model_is_written_again(finished, tmp_path, content):
    folder = RunFolder(shutil.copytree(finished.path, tmp_path / "run"))
    folder.model.write_bytes(content)
    with pytest.raises(InputError, match=r"--resume \S+ writes it again"):
        runs.load_run(folder.path)
    runs.resume(folder.path)
    for a, b in zip(
        runs.load_run(folder.path).model.get_weights(), finished.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_layers_larger_than_the_file(folder, damage):
    def change(members):
        config = members["config.json"].replace(b'"units": 16', b'"units": 10000000')
        assert config != members["config.json"]
        return {"config.json": config}

    damage(folder.model, folder.model.read_bytes())
    rewritten(folder.model, change)
    with pytest.raises(InputError, match="more weights than the file holds"):
        load_model(folder.model)
    assert keras.layers.Layer.add_weight.__module__.startswith("keras")


def test_of_a_long_message_the_innermost_is_told():
    inner = "Could not locate class 'MyLayer'. Full object config: {'a': {'b': 1}}"
    text = f"<class 'VAE'> could not be deserialized.\n\nconfig={{'x': {'y' * 5000}}}.\n\n"
    error = TypeError(f"{text}Exception encountered: {text}Exception encountered: {inner}")
    assert reason(error) == "TypeError: Could not locate class 'MyLayer'."
