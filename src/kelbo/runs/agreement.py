"""The settings of a run stay as they were: those of config.yaml, and those that are given again."""

import os
from collections.abc import Mapping
from typing import Any

from kelbo.errors import InputError
from kelbo.runs.config import FitConfig
from kelbo.runs.settings import shown

# Where the data lie: that they are the same, their fingerprint says.
_PLACES = ("data", "data_dir")


def agreed(kept: FitConfig, given: Mapping[str, Any], path: str | os.PathLike) -> FitConfig:
    """The settings of a run, with more epochs where more are given.

    Args:
        kept: The settings of the run.
        given: Settings that were given again.
        path: The run folder.

    Returns:
        The settings to go on with.

    Raises:
        InputError: A setting is given another value, or fewer epochs are.
    """
    asked = kept.replace(**given).anchored()
    for name in given:
        old, new = getattr(kept, name), getattr(asked, name)
        if _may_follow(name, old, new):
            continue
        rule = "epochs may only grow" if name == "epochs" else "its settings stay as they are"
        raise InputError(f"{name}: the run {path} has {old}, got {new}; {rule} when it is resumed")
    return asked


def require_settings(
    config: FitConfig, fitted: Mapping[str, Any] | None, path: str | os.PathLike
) -> None:
    """Checks that settings are those that a fit was begun with, but for more epochs.

    Args:
        config: The settings of a file, which may have been damaged or edited.
        fitted: The settings that the checkpoint of the fit keeps; None of an earlier version,
            and nothing is checked.
        path: The file.

    Raises:
        InputError: Some differ; the message says which.
    """
    found = config.as_dict()
    changes = [
        f"{name} is {shown(found[name])}, was {shown(old)}"
        for name, old in (fitted or {}).items()
        if name in found and name not in _PLACES and not _may_follow(name, old, found[name])
    ]
    if changes:
        raise InputError(
            f"{path}: is not what the fit was begun with: {'; '.join(changes)}. Put it back, or "
            "start a new run with these settings and another --out"
        )


def _may_follow(name: str, old: Any, new: Any) -> bool:
    if name == "epochs" and isinstance(old, int) and isinstance(new, int):
        return new >= old
    return old == new
