"""Which Keras backend Kelbo asks for, decided before Keras is imported."""

import importlib.util
import json
import os
import sys
from pathlib import Path

_BACKENDS = ("jax", "tensorflow", "torch")


def choose_backend() -> None:
    """Ask Keras for JAX, unless the person has chosen a backend already.

    In order: a Keras that is imported already keeps its backend; `KERAS_BACKEND` is obeyed; so is
    a Keras config file that names something other than "tensorflow" (which Keras writes there by
    itself on its first import, so it is no sign of a choice). Otherwise JAX.

    Raises:
        ImportError: The backend that was chosen is none that Kelbo runs on, or is not installed.
    """
    if "keras" in sys.modules:
        return
    file = _configuration_file()
    asked, configured = os.environ.get("KERAS_BACKEND"), _configured_backend(file)
    if asked:
        _require(asked, "KERAS_BACKEND")
    elif configured not in (None, "tensorflow"):
        _require(configured, str(file))
    else:
        os.environ["KERAS_BACKEND"] = "jax"


def _require(backend: str, where: str) -> None:
    """Checks a backend here, where it is known who asked for it; Keras would not say."""
    if backend not in _BACKENDS:
        raise ImportError(
            f"Kelbo runs on the Keras backends jax, tensorflow and torch, and {where} names "
            f"{backend!r}; set KERAS_BACKEND=jax"
        )
    if importlib.util.find_spec(backend) is None:
        raise ImportError(
            f"{where} names the Keras backend {backend!r}, which is not installed; install it "
            f"(pip install 'kelbo[{backend}]'), or set KERAS_BACKEND=jax",
            name=backend,
        )


def _configuration_file() -> Path:
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "keras.json"


def _configured_backend(file: Path) -> str | None:
    """The backend that the Keras config file names, or None where it names none."""
    try:
        backend = json.loads(file.read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return backend if isinstance(backend, str) else None
