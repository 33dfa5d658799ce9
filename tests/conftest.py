# ruff: noqa: E402, I001
"""What all tests share."""

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Before JAX and matplotlib are imported: no test may open a window; most programs run once, so that
# they are compiled in little time to slower code; and what one test has compiled serves the others.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp(prefix="kelbo-tests-"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def _is_known_to_xla(flag):
    """XLA ends the process at a flag that it does not know."""
    code = "import jax; jax.devices()"
    environment = {**os.environ, "XLA_FLAGS": flag}
    return not subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    ).returncode


# The emitters make faster code and take twice as long; without them the compiler does not promise
# the same last bits to two programs of the same steps. Only the first process asks; its children,
# the workers of pytest-xdist, inherit the answer.
_QUICKER = "--xla_cpu_use_fusion_emitters=false"
if "XLA_FLAGS" not in os.environ and os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1":
    os.environ["XLA_FLAGS"] = _QUICKER if _is_known_to_xla(_QUICKER) else ""

# Before any test imports Keras, so that Kelbo chooses the backend.
import kelbo as kb
import keras
import numpy as np
import pytest

# JAX keeps every program that it has compiled; thousands of tests' would fill the memory.
_TESTS_PER_CLEARANCE = 40
_count = itertools.count(1)


def pytest_runtest_teardown():
    """Lets JAX forget what it has compiled, from time to time; it is still in the cache on disk."""
    if next(_count) % _TESTS_PER_CLEARANCE == 0 and keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


@pytest.fixture
def as_compiled_for_users():
    """Skips where programs are compiled quickly, and so not to the same last bits."""
    if _QUICKER in os.environ.get("XLA_FLAGS", ""):
        pytest.skip("needs JAX_DISABLE_MOST_OPTIMIZATIONS=0, as .ci/run sets it for slow tests")


_REAL_DATA = ("mnist", "fashion_mnist", "frey_faces")


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real data, `$KELBO_DATA_DIR`; skips where it is not set or not complete."""
    folder = os.environ.get("KELBO_DATA_DIR")
    if not folder:
        pytest.skip("KELBO_DATA_DIR is not set; it names the folder of mnist.npz, ...")
    missing = [f"{name}.npz" for name in _REAL_DATA if not Path(folder, f"{name}.npz").is_file()]
    if missing:
        pytest.skip(f"KELBO_DATA_DIR ({folder}) lacks {', '.join(missing)}")
    return Path(folder)


@pytest.fixture(scope="session")
def digits():
    """The 8 x 8 digits as vectors in [0, 1]."""
    from sklearn.datasets import load_digits

    return (load_digits().images / 16).astype("float32").reshape(-1, 64)


@pytest.fixture
def make_vae():
    """Makes a small VAE of digits; the same weights at every call."""

    def make(event_shape=(64,), latent=2, hidden=16, posterior=kb.layers.ConditionalNormal, **more):
        keras.utils.set_random_seed(3)

        def network():
            flatten = [keras.layers.Flatten()] if len(event_shape) > 1 else []
            return keras.Sequential([*flatten, keras.layers.Dense(hidden, "relu")])

        settings = {
            "prior": kb.distributions.Normal.standard((latent,)),
            "likelihood": kb.layers.ConditionalContinuousBernoulli(
                event_shape, keras.Sequential([keras.layers.Dense(hidden, "relu")])
            ),
            "posterior": posterior((latent,), network()),
            "seed": 1,
            **more,
        }
        vae = kb.models.VAE(**settings)
        vae.compile("adam")
        vae.build((None, *event_shape))
        return vae

    return make


@pytest.fixture
def weights():
    """All weights of a model in one vector."""
    return lambda model: np.concatenate([np.ravel(w) for w in model.get_weights()])
