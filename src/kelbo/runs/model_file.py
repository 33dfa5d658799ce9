"""A model file: opened only where its content is whole, and fits the memory of the machine."""

import re
import zipfile
from pathlib import Path

import keras

from kelbo.errors import InputError
from kelbo.models import VAE
from kelbo.runs.memory_need import bounded_weights, machine_memory

_WEIGHTS = "model.weights.h5"

# What Keras quotes of a file at length, before and after what went wrong.
_QUOTED = re.compile(
    r"\s*(?:Full object config: |config=)\{.*?\}\.?(?=\s*(?:Exception|$))", re.DOTALL
)
_INNER = "Exception encountered: "


def load_model(file: Path, then: str = "") -> VAE:
    """The model in a `.keras` file; no code of the file is run.

    The sums of the archive are checked first. Weights are made only as long as they are not more
    than the file holds.

    Args:
        file: The file.
        then: What to do where it is damaged, as the end of a sentence.

    Returns:
        The model.

    Raises:
        InputError: It is no model file, damaged, too large, or holds no VAE of Kelbo.
    """
    if file.suffix != ".keras":
        raise InputError(f"{file}: expected a run folder or a .keras file")
    stored = _size_of_weights(file)
    if stored is None:
        raise InputError(f"{file}: is damaged, or no Keras model file{then}")
    with bounded_weights(file, stored):
        try:
            model = keras.saving.load_model(file, safe_mode=True)
        except InputError:
            raise
        except Exception as error:  # whatever a foreign file makes Keras raise
            raise InputError(
                f"{file}: cannot be loaded as a model ({reason(error)}){then}"
            ) from None
    if not isinstance(model, VAE):
        raise InputError(f"{file}: holds a {type(model).__name__}, not a VAE of Kelbo")
    return model


def _size_of_weights(file: Path) -> int | None:
    """Bytes of the weights in a file; None where it is not whole."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            there = machine_memory()
            if len(sizes) < len(archive.infolist()) or (there and sum(sizes.values()) > there):
                return None
            return None if archive.testzip() else sizes.get(_WEIGHTS, 0)
    except Exception:  # encrypted, compressed by a method that nobody knows, ...
        return None


def reason(error: Exception) -> str:
    """What went wrong, of a long message of Keras: the innermost error, without what it quotes."""
    text = str(error)
    kind = type(error).__name__
    text = _QUOTED.sub("", text.rsplit(_INNER, 1)[-1])
    return f"{kind}: {' '.join(text.split()):.300}"
