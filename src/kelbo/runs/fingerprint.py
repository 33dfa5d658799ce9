"""What the data of a run were: so that it does not go on with others under the same name."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from kelbo.datasets import Dataset
from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.runs.reading import Damaged, read_json

_PARTS = {
    "x_train": "training examples",
    "x_test": "validation examples",
    "context_train": "contexts of the training examples",
    "context_test": "contexts of the validation examples",
}


def fingerprint(data: Dataset) -> dict[str, dict[str, Any] | None]:
    """Shape, type and SHA-256 of the examples of each part, and of their contexts.

    Labels, names and paths are left out: the weights do not depend on them. It takes about
    0.1 seconds per 200 MB.

    Args:
        data: The data as they are trained on: split and binarised.

    Returns:
        `shape`, `dtype` and `sha256` for "x_train" and "x_test", "context_train" and
        "context_test"; None for a part that is not.

    Example:
        >>> from kelbo import datasets
        >>> fingerprint(datasets.load("digits"))["x_test"]["shape"]
        [359, 8, 8]
    """
    return {part: _of_array(getattr(data, part)) for part in _PARTS}


def write_fingerprint(path: Path, data: Dataset, run: str | None = None) -> None:
    """Writes the fingerprint of the data as a JSON file, whole or not at all.

    Args:
        path: The file.
        data: The data.
        run: The name of the fit.
    """
    with replacing(path) as temporary:
        values = {"run": run, **fingerprint(data)}
        temporary.write_text(json.dumps(values, indent=2) + "\n", "utf-8")


def require_same_data(
    path: Path,
    data: Dataset,
    run: str | None = None,
    then: str = "put the earlier data back to resume it, or start a new run with another --out",
) -> None:
    """Checks that the data are those whose fingerprint was written.

    Args:
        path: The file of the fingerprint. Where there is none (a run of an earlier version), or it
            is of another fit, there is nothing to check.
        data: The data.
        run: The name of the fit; None where it is not known.
        then: What to do where they are others.

    Raises:
        InputError: The data are others (the message says which part, and in what they differ), or
            the file is damaged.
    """
    if not path.exists() and not path.is_symlink():
        return
    kept = _read(path)
    if None not in (run, kept.get("run")) and kept["run"] != run:
        return
    found = fingerprint(data)
    changes = [_change(name, kept[part], found[part]) for part, name in _PARTS.items()]
    changes = [change for change in changes if change]
    if changes:
        raise InputError(
            f"data: {data.source} is not what the run {path.parent} was begun with: "
            f"{' and '.join(changes)}; {then}"
        )


def is_fingerprint_of(path: Path, run: str | None) -> bool:
    """Whether a fingerprint is there, and that of a fit.

    Args:
        path: The file of the fingerprint: none, or a whole one.
        run: The name of the fit.
    """
    return (path.exists() or path.is_symlink()) and _read(path).get("run") == run


def _of_array(x: np.ndarray | None) -> dict[str, Any] | None:
    if x is None:
        return None
    digest = hashlib.sha256(np.ascontiguousarray(x).reshape(-1).view(np.uint8))
    return {"shape": list(x.shape), "dtype": str(x.dtype), "sha256": digest.hexdigest()}


def _change(name: str, kept: dict[str, Any] | None, found: dict[str, Any] | None) -> str | None:
    if kept == found:
        return None
    if kept is None or found is None:
        return f"there {'were no' if kept is None else 'are no longer'} {name}"
    if kept["shape"] != found["shape"]:
        before, now = (tuple(part["shape"]) for part in (kept, found))
        return f"the {name} have shape {now}, had {before}"
    return f"the {name} have other values"


def _read(path: Path) -> dict[str, Any]:
    try:
        # What says nothing of contexts is of a version that knew none.
        kept = {"context_train": None, "context_test": None, **read_json(path)}
        for part in _PARTS:
            if kept[part] is not None:
                tuple(map(int, kept[part]["shape"]))
                kept[part]["sha256"]
    except Damaged as error:
        reason = str(error)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        reason = "it is damaged"
    else:
        return kept
    raise InputError(
        f"{path}: {reason}; remove it if you are sure that the data are still the same"
    )
