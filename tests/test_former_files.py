"""Files of former releases: each loads, with the numbers that its model gave when it was saved."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from .former_files.measure import X, Z, numbers_of

pytestmark = pytest.mark.core

FOLDER = Path(__file__).parent / "former_files"
FILES = sorted(FOLDER.glob("*.keras"))
NUMBERS = json.loads((FOLDER / "numbers.json").read_text())


def config_of(path):
    with zipfile.ZipFile(path) as file:
        return file.read("config.json").decode()


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def file(request):
    return request.param, keras.saving.load_model(request.param)


@pytest.mark.few(3)
def test_the_numbers_are_those_of_then(file):
    path, model = file
    found = numbers_of(model)
    assert found.keys() == NUMBERS[path.stem].keys()
    for name, expected in NUMBERS[path.stem].items():
        np.testing.assert_allclose(found[name], expected, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.few(3)
def test_it_is_saved_under_the_names_of_now(file, tmp_path):
    path, model = file
    model.save(tmp_path / "model.keras")
    assert '"kelbo>' in config_of(path)
    assert '"kelbo>' not in config_of(tmp_path / "model.keras")


@pytest.mark.few(1)
def test_training_goes_on(file):
    path, model = file
    steps = int(model.optimizer.iterations)
    assert steps
    if keras.backend.backend() != "jax":
        model.jit_compile = False  # it was saved by JAX, where that is no matter of minutes
    targets = {"functional": X.round(), "regression": Z[:, :1]}.get(path.stem)
    model.fit(X.round(), targets, epochs=1, batch_size=3, verbose=0)
    assert int(model.optimizer.iterations) == steps + 2
