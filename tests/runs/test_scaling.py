"""A model of a raw table: it scales inside, and speaks of the values of the data outside."""

import csv

import keras
import numpy as np
import pytest
from sklearn.datasets import load_wine

from kelbo import runs
from kelbo.datasets import Dataset
from kelbo.distributions import Normal
from kelbo.errors import InputError
from kelbo.runs.likelihoods import settle
from kelbo.runs.scaling import scaling, scaling_remarks

pytestmark = pytest.mark.core
SMALL = {"hidden": [8], "epochs": 2, "log_likelihood_samples": 10}
SECONDS = ("seconds", 1.7e9)  # more digits than float32 has; the rows count them


@pytest.fixture(scope="module")
def wine():
    bunch = load_wine()
    return Dataset(
        "wine", bunch.data.astype("float32"), feature_names=tuple(bunch.feature_names)
    ).split(0.1)


@pytest.fixture(scope="module")
def config():
    return runs.FitConfig(data="wine", **SMALL)


@pytest.fixture(scope="module")
def model(wine, config):
    return runs.build_model(config, wine)


def test_columns_are_scaled_by_the_training_examples(wine):
    for scale, expected in (("standard", (0.0, 1.0)), ("minmax", None)):
        scaled = keras.ops.convert_to_numpy(scaling(scale, wine).inverse(wine.x_train))
        if expected:
            np.testing.assert_allclose(scaled.mean(axis=0), expected[0], atol=1e-4)
            np.testing.assert_allclose(scaled.std(axis=0), expected[1], rtol=1e-4)
        else:
            np.testing.assert_allclose(scaled.min(axis=0), 0, atol=1e-6)
            np.testing.assert_allclose(scaled.max(axis=0), 1, atol=1e-6)
    assert scaling("none", wine) is None


def test_images_are_scaled_alike_and_constants_not_at_all():
    x = np.stack([np.full((2, 2), value, "float32") for value in (10.0, 30.0)])
    x[:, 0, 0] = 20.0
    map = scaling("minmax", Dataset("pictures", x))
    assert (float(map.shift), float(map.scale)) == (10.0, 20.0)
    constant = scaling("standard", Dataset("constant", np.full((3, 1), 7.0, "float32")))
    assert (float(constant.shift[0]), float(constant.scale[0])) == (7.0, 1.0)


def test_the_density_is_that_of_the_data(wine, model):
    z, x = np.zeros((5, 2), "float32"), wine.x_train[:5]
    conditional = model.likelihood.given(z)
    base, map = conditional.distribution.distribution, conditional.bijector
    loc, scale = (keras.ops.convert_to_numpy(value) for value in (base.loc, base.scale))
    a, b = (keras.ops.convert_to_numpy(value) for value in (map.scale, map.shift))
    by_hand = Normal(a * loc + b, a * scale).log_prob(x)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(conditional.log_prob(x)),
        keras.ops.convert_to_numpy(by_hand).sum(axis=1),
        rtol=1e-4,
    )


def test_the_unit_of_a_column_moves_the_density_by_its_logarithm(wine, config, model):
    grams = Dataset("grams", wine.x_train * np.float32(1024), x_test=wine.x_test * np.float32(1024))
    other = runs.build_model(config, grams)
    difference = model.log_likelihood(wine.x_test, 5) - other.log_likelihood(grams.x_test, 5)
    np.testing.assert_allclose(difference, 13 * np.log(1024), rtol=1e-4)


# Keras': the optimizer of a model that was never fitted.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_the_model_file_alone_knows_the_scale(wine, model, tmp_path):
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_allclose(
        again.log_likelihood(wine.x_test, 5), model.log_likelihood(wine.x_test, 5), rtol=1e-4
    )
    drawn = again.sample(200, seed=0, mean=False)
    middle, spread = wine.x_train.mean(axis=0), wine.x_train.std(axis=0)
    assert (np.abs(drawn.mean(axis=0) - middle) < spread).all()


def test_what_is_odd_in_a_column_is_said():
    x = np.random.default_rng(0).normal(size=(1000, 4)).astype("float32")
    x[:, 0], x[:, 1], x[3, 2] = 5.0, np.arange(1000) % 2, 1e4
    data = Dataset("odd", x, feature_names=("same", "two", "far", "well"))
    said = scaling_remarks("standard", data)
    assert [remark.split(" has ")[0] for remark in said] == [
        "Column same",
        "Column two",
        "Column far",
    ]
    few = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    few[3, 1] = 1e4  # 7 deviations: it has made them what they are
    (remark,) = scaling_remarks("standard", Dataset("few", few))
    assert "Column 2 has values very far" in remark
    assert "not scaled" in scaling_remarks("none", data)[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory, wine):
    folder = tmp_path_factory.mktemp("table")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kelbo.runs.outputs.drawers", lambda *args: {})
        data = _written(folder / "wine.csv", wine, extra=[SECONDS])
        config = runs.FitConfig(data=str(data), **SMALL)
        result = runs.fit(config, folder / "run", say=said.append)
    return folder, result, said


def _written(path, data, order=None, extra=()):
    order = range(len(data.feature_names)) if order is None else order
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([data.feature_names[i] for i in order] + [name for name, _ in extra])
        for count, row in enumerate(data.x_train[:80]):
            more = [value if isinstance(value, str) else value + count for _, value in extra]
            writer.writerow([row[i] for i in order] + more)
    return path


def test_what_was_understood_is_said_and_kept(run):
    _, result, said = run
    assert any("scale: standard" in line for line in said)
    assert any("batch size: 72, all training examples, instead of 100" in line for line in said)
    assert result.summary["data"]["scale"] == "standard"
    assert result.summary["data"]["batch_size"] == 72


def test_samples_and_reconstructions_are_rows_in_the_units_of_the_data(run, wine):
    folder, _, _ = run
    opened = runs.load_run(folder / "run")
    runs.sample(opened, folder / "new.csv", n=7)
    with open(folder / "new.csv", newline="") as file:
        names, *rows = csv.reader(file)
    assert tuple(names) == (*wine.feature_names, "seconds")
    proline, seconds = np.array(rows, float)[:, -2:].T
    assert len(rows) == 7
    assert (proline > 200).all()
    assert (np.abs(seconds - 1.7e9 - 40) < 60).all()
    assert len(set(seconds)) == 7
    runs.reconstruct(opened, opened.data(), folder / "both.csv")
    with open(folder / "both.csv", newline="") as file:
        names, *rows = csv.reader(file)
    assert names[0] == "original_alcohol"
    assert names[14] == "reconstruction_alcohol"
    assert {float(row[13]) - 1.7e9 for row in rows} < set(range(80))


def test_columns_of_other_data_are_found_by_their_names(run, wine):
    folder, _, _ = run
    opened = runs.load_run(folder / "run")
    order = list(range(13))[::-1]
    other = _written(folder / "other.csv", wine, order, extra=[("grower", "Rossi"), SECONDS])
    found = opened.data(str(other)).x_train
    np.testing.assert_array_equal(found[:, :13], wine.x_train[:80])
    np.testing.assert_array_equal(found[:, 13], np.arange(80))
    lacking = _written(folder / "lacking.csv", wine, order[1:])
    with pytest.raises(InputError, match="'proline'"):
        opened.data(str(lacking))


def test_settings_of_an_earlier_version_keep_their_meaning():
    old = runs.FitConfig.from_dict({"scale": "log_variance", "minimum_scale": 0.01})
    assert (old.posterior_scale, old.posterior_minimum_scale) == ("log_variance", 0.01)
    assert settle(old, Dataset("wide", np.full((3, 2), 90.0, "float32"))).scale == "none"
