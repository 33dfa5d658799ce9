"""Every script in examples/ runs; the functional one computes what the model does."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
_TWO = ("--only", "ELBO, 5 samples", "--only", "Renyi 0.5, 5 samples")
_CUT = ("--epochs", "1", "--examples", "200", "--images", "20", "--samples", "10", *_TWO)
# How a script on real data is shortened, and what it must print.
ON_REAL_DATA = {
    "Frey faces": ("frey_faces_study", ("--epochs", "1", "--seeds", "1"), "loss"),
    "Burda": ("importance_study", ("burda", *_CUT), "| ELBO, 5 samples |"),
    "Li and Turner": ("importance_study", ("li_turner", "--folds", "2", *_CUT), "| Renyi 0.5"),
}
NEEDS_DATA = {stem for stem, *_ in ON_REAL_DATA.values()}
# How a script is shortened, and what it must print; most of them fit a model.
SHORTENED = {
    "banana": (("--draws", "50", "--points", "40"), "largest difference"),
    "gp_features": (("--seeds", "1", "--counts", "64", "--data", "iris"), "| iris | 1/16 | 64 |"),
    "gradient_noise": (("--epochs", "1", "--draws", "2"), "latent values; loss"),
    "energy_functions": (("--epochs", "1", "--energies", "U1", "--maps", "2"), "loss of planar"),
}
BY_EPOCHS = (("--epochs", "1"), "loss")
LONG = {  # the front page holds the twenty lines
    "conditional_digits", "energy_functions", "functional_vae", "gaussian_processes", "gp_features",
    "gradient_noise", "probabilistic_regression", "twenty_lines", "two_moons",
}  # fmt: skip


@pytest.mark.core
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            script, marks=[pytest.mark.slow] if script.stem in LONG else [], id=script.stem
        )
        for script in SCRIPTS
        if script.stem not in NEEDS_DATA
    ],
)
def test_the_script_runs_shortened(script, monkeypatch, tmp_path, capsys):
    options, printed = SHORTENED.get(script.stem, BY_EPOCHS)
    run_shortened(script, options, printed, monkeypatch, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_REAL_DATA)
def test_the_script_runs_shortened_on_real_data(name, data_dir, monkeypatch, tmp_path, capsys):
    stem, options, printed = ON_REAL_DATA[name]
    run_shortened(EXAMPLES / f"{stem}.py", options, printed, monkeypatch, tmp_path, capsys)


def run_shortened(script, options, printed, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script), *options])
    runpy.run_path(str(script), run_name="__main__")
    assert printed in capsys.readouterr().out


@pytest.mark.slow
def test_the_example_of_the_front_page_runs_as_it_stands(tmp_path):
    """In a fresh process, without a word about the backend: it must be JAX."""
    text = (EXAMPLES.parent / "README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    shortened = code.replace("epochs=50", "epochs=1, verbose=0").replace("=1000", "=10")
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    result = subprocess.run(
        [sys.executable, "-c", shortened + "\nprint(keras.backend.backend())"],
        env={**environment, "KERAS_HOME": str(tmp_path / "keras")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == "jax"
    assert (tmp_path / "digits.keras").is_file()


def test_there_are_scripts():
    assert {script.stem for script in SCRIPTS} >= {"functional_vae", "twenty_lines"}


def module_of(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_both_bananas_have_the_density_that_is_known():
    example = module_of("banana")
    _, banana, inline = example.make_bananas()
    y = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    first, second = y[:, 0].astype("float64"), y[:, 1] + y[:, 0].astype("float64") ** 2 + 1
    left = (second - 0.95 * first) ** 2 / (1 - 0.95**2)
    expected = -0.5 * (left + first**2) - np.log(2 * np.pi) - 0.5 * np.log(1 - 0.95**2)
    for d in (banana, inline):
        log_prob = keras.ops.convert_to_numpy(d.log_prob(y))
        np.testing.assert_allclose(log_prob, expected, rtol=1e-4)
    x, y, density = example.density_on_grid(banana, example.BENT, 150)
    assert density.sum() * (x[1] - x[0]) * (y[1] - y[0]) == pytest.approx(1, abs=0.01)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(banana))
    assert type(again.bijector).__name__ == "Banana"


@pytest.mark.core
@pytest.mark.slow
def test_the_functional_model_has_the_loss_of_the_vae(digits):
    example = module_of("functional_vae")
    keras.utils.set_random_seed(0)
    functional = example.build_model(pixels=64)
    functional.compile("adam", loss=example.negative_log_likelihood)
    functional.fit(digits, digits, batch_size=100, epochs=2, verbose=0)

    encoder, decoder = keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")
    vae = kb.models.VAE(
        prior=kd.Normal.standard((2,)),
        likelihood=kl.ConditionalContinuousBernoulli((64,), decoder),
        posterior=kl.ConditionalNormal((2,), encoder, scale="log_variance"),
        seed=0,
    )
    vae.compile("adam")
    vae.build((None, 64))
    head = functional.get_layer("decoder").layers
    pairs = [
        (encoder, functional.get_layer("encoder")),
        (vae.posterior.heads["loc"], functional.get_layer("mean")),
        (vae.posterior.heads["scale"], functional.get_layer("log_variance")),
        (decoder, head[0]),
        (vae.likelihood.heads["logits"], head[1]),
    ]
    for mine, theirs in pairs:
        mine.set_weights(theirs.get_weights())

    # Each draws its own noise: compare means over many passes, with their standard errors.
    def losses(model, *data):
        return np.array([model.test_on_batch(*data, return_dict=True)["loss"] for _ in range(30)])

    a, b = losses(functional, digits, digits), losses(vae, digits)
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    assert a.mean() == pytest.approx(b.mean(), abs=4 * error)
    assert error < 0.2
