import shutil
import zipfile

import keras
import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError


def test_a_folder_and_its_model_file_are_the_same(finished):
    whole, file = runs.load_run(finished.path), runs.load_run(finished.path / "model.keras")
    assert whole.config == file.config
    np.testing.assert_array_equal(whole.model.sample(3, seed=1), file.model.sample(3, seed=1))


def test_a_model_file_alone_needs_data(finished, tmp_path):
    shutil.copy(finished.path / "model.keras", tmp_path / "mine.keras")
    run = runs.load_run(tmp_path / "mine.keras")
    assert run.config is None
    with pytest.raises(InputError, match="give DATA"):
        run.data()
    assert run.data("digits").event_shape == (8, 8)


def test_what_is_no_run(tmp_path):
    cases = {
        "nothing": "no such run folder or model file",
        "folder": r"holds no config\.yaml",
        "text.txt": r"expected a run folder or a \.keras file",
        "text.keras": "damaged",
        "empty.keras": "damaged",
        "foreign.keras": "cannot be loaded",
    }
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "text.keras").write_text("hello")
    (tmp_path / "empty.keras").touch()
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        archive.writestr("config.json", '{"class_name": "NoSuchThing"}')
    for name, said in cases.items():
        with pytest.raises(InputError, match=said) as caught:
            runs.load_run(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_model_file_with_a_flipped_or_missing_end(finished, tmp_path):
    content = bytearray((finished.path / "model.keras").read_bytes())
    (tmp_path / "cut.keras").write_bytes(content[: len(content) // 2])
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "flipped.keras").write_bytes(content)
    for name in ("cut.keras", "flipped.keras"):
        with pytest.raises(InputError, match="damaged"):
            runs.load_run(tmp_path / name)


def test_an_encrypted_model_file(finished, tmp_path):
    content = (finished.path / "model.keras").read_bytes()
    # Bit 0 of the flags, in the local header and in the directory of each member.
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(start)
        while at >= 0:
            flags = content[at + offset] | 1
            content = content[: at + offset] + bytes([flags]) + content[at + offset + 1 :]
            at = content.find(start, at + 1)
    (tmp_path / "locked.keras").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "locked.keras") as archive, pytest.raises(RuntimeError):
        archive.testzip()
    with pytest.raises(InputError, match="is damaged, or no Keras model file"):
        runs.load_run(tmp_path / "locked.keras")


@pytest.mark.parametrize("foreign", ["trainer: {lr: 1}\n", "a: [1,\n", "latent_dim: many\n"])
def test_the_settings_of_another_program_beside_a_model_file(finished, tmp_path, foreign):
    shutil.copy(finished.path / "model.keras", tmp_path / "mine.keras")
    (tmp_path / "config.yaml").write_text(foreign)
    run = runs.load_run(tmp_path / "mine.keras")
    assert run.config is None
    assert runs.sample(run, tmp_path / "x.npy", n=2).exists()
    assert runs.reconstruct(run, run.data("digits"), tmp_path / "x.npz", n=2).exists()
    with pytest.raises(InputError, match="give DATA"):
        run.data()


def test_damaged_settings_of_a_run_stop_what_needs_them(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    with open(folder / "config.yaml", "a") as file:
        file.write("no_such_setting: 1\n")
    for path in (folder, folder / "model.keras"):
        run = runs.load_run(path)
        assert runs.sample(run, tmp_path / "x.png", n=2).exists()
        # Other data are to be binarised as the run's own were.
        for data in (None, "digits"):
            with pytest.raises(InputError, match=r"config\.yaml: there is no setting"):
                run.data(data)
    with pytest.raises(InputError, match=r"config\.yaml: there is no setting"):
        runs.plot(runs.load_run(folder))


def test_a_model_of_another_kind(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="holds a Sequential, not a VAE"):
        runs.load_run(tmp_path / "other.keras")


def test_a_fit_that_has_not_ended(finished, tmp_path):
    shutil.copy(finished.path / "config.yaml", tmp_path / "config.yaml")
    with pytest.raises(InputError, match="fit --resume"):
        runs.load_run(tmp_path)


def test_data_for_a_model(finished, tmp_path):
    run = runs.load_run(finished.path)
    assert len(run.data().x_test) == len(run.data("digits").x_test) == 359
    np.save(tmp_path / "wide.npy", np.zeros((3, 9, 9), "float32"))
    with pytest.raises(InputError, match=r"\(9, 9\).*\(8, 8\)"):
        run.data(str(tmp_path / "wide.npy"))
    np.save(tmp_path / "large.npy", np.full((3, 8, 8), 2.0))
    with pytest.raises(InputError, match="outside of what continuous_bernoulli takes"):
        run.data(str(tmp_path / "large.npy"))
    np.save(tmp_path / "good.npy", np.full((3, 8, 8), 0.5))
    other = run.data(str(tmp_path / "good.npy"))
    assert len(other.x_train) == 3
    assert other.x_test is None  # used whole
