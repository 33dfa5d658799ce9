# ruff: noqa: E402, I001
"""What all tests share."""

import atexit
import gc
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# Before JAX and matplotlib are imported: no test may open a window; most programs run once, so that
# they are compiled in little time to slower code; and what one test has compiled serves the others.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _programs = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="kelbo-tests-")
    atexit.register(shutil.rmtree, _programs, ignore_errors=True)
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
# the same last bits to two programs of the same steps. Small programs compile sooner whole than in
# parts. Only the first process asks; its children, the workers of pytest-xdist, inherit the
# answer.
_QUICKER = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
if "XLA_FLAGS" not in os.environ and os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1":
    os.environ["XLA_FLAGS"] = _QUICKER if _is_known_to_xla(_QUICKER) else ""
# Each worker of pytest-xdist has a core: threads beside it would only take turns.
for _library in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_library, "1")

# Tracing makes many objects that live for long: at Python's own thresholds a fifth of all time goes
# into looking for garbage among them.
gc.set_threshold(20_000, 25, 50)

# Before any test imports Keras, so that Kelbo chooses the backend.
import kelbo as kb
import keras
import numpy as np
import pytest


def pytest_collection_finish():
    """Nothing that is there before the first test is garbage."""
    gc.collect()
    gc.freeze()


# Folders of what is the same Python on every backend: its numbers are those of the operations.
_SAME_PYTHON = ("estimators", "gp", "layers", "losses", "networks", "objectives")


@pytest.hookimpl(tryfirst=True)  # before what is slow is left out
def pytest_collection_modifyitems(items):
    """Of the cases of a test that is marked `few` all but some, evenly spaced, are slow.

    Those of the same Python run where nothing is compiled.
    """
    cases = {}
    for item in items:
        if item.get_closest_marker("few") and not item.get_closest_marker("slow"):
            cases.setdefault((item.path, item.originalname), []).append(item)
    for found in cases.values():
        (count,) = found[0].get_closest_marker("few").args
        # Every other one is the next: else of pairs, as of two dtypes, it would be one alone.
        between = len(found) // count > 1
        kept = {i * len(found) // count + (between and i % 2) for i in range(count)}
        for i, item in enumerate(found):
            if i in kept:
                continue
            item.add_marker(pytest.mark.slow)
            folder = item.path.relative_to(Path(__file__).parent).parts[0]
            if folder in _SAME_PYTHON and item.get_closest_marker("core"):
                item.add_marker(pytest.mark.once)


def pytest_runtest_setup(item):
    """Skips tests of equal bits where programs are compiled quickly."""
    if item.get_closest_marker("optimized") and _QUICKER in os.environ.get("XLA_FLAGS", ""):
        pytest.skip("needs JAX_DISABLE_MOST_OPTIMIZATIONS=0, with which .ci/run repeats it")


# JAX keeps every program that it has compiled: a thousand of them are about a gigabyte.
_PROGRAMS_PER_CLEARANCE = 1000
_programs_made = itertools.count(1)
_is_full = False


def _count_programs(event, seconds, **_):
    global _is_full
    if event.endswith("backend_compile_duration"):
        _is_full |= next(_programs_made) % _PROGRAMS_PER_CLEARANCE == 0


if keras.backend.backend() == "jax":
    import jax

    jax.monitoring.register_event_duration_secs_listener(_count_programs)


def pytest_runtest_teardown():
    """Lets JAX forget what it has compiled, from time to time; it is still in the cache on disk."""
    global _is_full
    if _is_full:
        _is_full = False
        jax.clear_caches()


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """Also where the tests were started with SIGINT ignored, as a shell's jobs in the background.

    Processes that a test starts inherit it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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


@pytest.fixture(scope="session")
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
