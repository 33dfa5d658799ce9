"""Which Keras backend Kelbo asks for, decided before Keras is imported."""

import json
import os
import sys
from pathlib import Path


def choose_backend() -> None:
    """Ask Keras for JAX, unless the person has chosen a backend already.

    In order: a Keras that is imported already keeps its backend; `KERAS_BACKEND` is obeyed; so is
    a Keras config file that names something other than "tensorflow" (which Keras writes there by
    itself on its first import, so it is no sign of a choice). Otherwise JAX.
    """
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    if _configured_backend() in (None, "tensorflow"):
        os.environ["KERAS_BACKEND"] = "jax"


def _configured_backend() -> str | None:
    """The backend that the Keras config file names, or None where it names none."""
    home = os.environ.get("KERAS_HOME")
    folder = Path(home) if home else Path.home() / ".keras"
    try:
        backend = json.loads((folder / "keras.json").read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return backend if isinstance(backend, str) else None
