"""What all tests share."""

import os
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"  # no test may open a window; set before matplotlib is imported

import kelbo  # noqa: F401, I001 - before any test imports Keras, so that Kelbo chooses the backend
import pytest

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
