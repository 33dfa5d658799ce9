"""The files of a run belong together: a mixture is refused, or made whole again."""

import shutil

import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs import RunFolder
from kelbo.training.checkpoint_file import read_checkpoint


@pytest.fixture(scope="module")
def other(finished, tmp_path_factory):
    """A run of the same settings but for the seed."""
    config = runs.FitConfig.from_yaml(finished.path / "config.yaml").replace(seed=1)
    return runs.fit(config, tmp_path_factory.mktemp("other") / "run").path


@pytest.fixture
def folder(finished, tmp_path):
    return RunFolder(shutil.copytree(finished.path, tmp_path / "run"))


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.path.iterdir()}


def test_one_name_in_all_files(finished, other):
    folder = RunFolder(finished.path)
    summary, (meta, _) = folder.read_summary(), read_checkpoint(folder.checkpoint)
    assert folder.run == folder.require_record().run == summary["run"] == meta["run"]
    assert folder.run != RunFolder(other).run
    derived = {"metrics.csv", "summary.json", "model.keras", "report.html"}
    assert derived < set(folder.require_record().files)


@pytest.mark.parametrize("name", ["config.yaml", "checkpoint.npz"])
def test_settings_and_state_of_two_fits(folder, other, name):
    shutil.copy(other / name, folder.path / name)
    before = contents(folder)
    with pytest.raises(InputError, match=r"is the checkpoint of another fit"):
        runs.resume(folder.path, {"epochs": 3})
    assert contents(folder) == before


def test_what_was_made_of_the_weights_is_made_again(folder, other, finished):
    kept = contents(folder)
    names = ("metrics.csv", "summary.json", "model.keras", "samples.png", "report.html")
    for name in names:
        shutil.copy(other / name, folder.path / name)
    with pytest.raises(InputError, match=r"model\.keras: is not what the fit wrote .*--resume"):
        runs.load_run(folder.path)
    runs.resume(folder.path)
    assert RunFolder(folder.path).read_summary()["train"] == finished.summary["train"]
    found = contents(folder)
    assert {n: found[n] for n in ("metrics.csv", "samples.png")} == {
        n: kept[n] for n in ("metrics.csv", "samples.png")
    }
    for a, b in zip(
        runs.load_run(folder.path).model.get_weights(), finished.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["metrics.csv", "summary.json", "run.json"])
def test_a_report_is_of_one_fit(folder, other, name):
    opened = runs.load_run(folder.path)
    shutil.copy(other / name, folder.path / name)
    with pytest.raises(InputError, match=r"kelbo fit --resume \S+ writes (it|them) again"):
        runs.plot(opened, ["learning_curves"])


def test_settings_that_were_replaced_since_the_model_was_opened(folder, other):
    opened = runs.load_run(folder.path)
    shutil.copy(other / "config.yaml", folder.config)
    with pytest.raises(InputError, match="another fit has replaced the run"):
        opened.data()
    with pytest.raises(InputError, match="holds files of another fit"):
        runs.load_run(folder.path)


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.few(1)
def test_killed_while_one_run_replaced_another(folder, other, emptied):
    new = RunFolder(other)
    shutil.copy(new.checkpoint, folder.first_checkpoint)
    shutil.copy(new.data, folder.data)
    shutil.copy(new.config, folder.config)
    if emptied:
        folder.empty(but=(folder.config, folder.data))
    runs.resume(folder.path)
    assert not folder.first_checkpoint.exists()
    assert folder.run == folder.require_record().run == new.run
    assert folder.metrics.read_bytes() == new.metrics.read_bytes()


@pytest.mark.slow
def test_a_run_of_an_earlier_version(folder):
    text = folder.config.read_text().splitlines(keepends=True)
    folder.config.write_text("".join([text[0], *text[2:]]))
    folder.record.unlink()
    assert runs.load_run(folder.path).run is None
    runs.resume(folder.path)
    assert folder.run == folder.require_record().run
