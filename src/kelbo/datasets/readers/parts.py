"""Folders that are the parts of a data set: train, test, valid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TRAIN = ("train", "training")
_VALIDATION = ("val", "valid", "validation", "dev")
_TEST = ("test", "testing")


@dataclass(frozen=True)
class Parts:
    """Which files belong to which part.

    Attributes:
        train: Paths of training examples.
        test: Paths of the held-out part; empty where there is none.
        depth: How many folders of a path name its part.
        remarks: What a person should know.

    Example:
        >>> Parts([Path("cat/1.png")], [], 0, []).depth
        0
    """

    train: Sequence[Path]
    test: Sequence[Path]
    depth: int
    remarks: list[str]


def part_folders(paths: Sequence[Path]) -> Parts:
    """See whether the folders at the top are parts of the data, not classes.

    They are where one is named train and each of the others test, valid or the like.

    Args:
        paths: Files, relative to the folder of the data.

    Returns:
        The parts; all paths are for training where the folders are none.

    Example:
        >>> paths = [Path("test/cat/1.png"), Path("train/cat/2.png")]
        >>> [str(path) for path in part_folders(paths).train]
        ['train/cat/2.png']
    """
    tops: dict[str, list[Path]] = {}
    for path in paths:
        tops.setdefault(path.parts[0] if len(path.parts) > 1 else "", []).append(path)
    names = {
        kind: [top for top in tops if top.lower() in known]
        for kind, known in (("train", _TRAIN), ("validation", _VALIDATION), ("test", _TEST))
    }
    if len(names["train"]) != 1 or sum(map(len, names.values())) != len(tops) or len(tops) > 3:
        return Parts(paths, [], 0, [])
    if any(len(found) > 1 for found in names.values()):
        return Parts(paths, [], 0, [])
    train, held_out = names["train"][0], names["validation"] or names["test"]
    if not held_out:
        return Parts(tops[train], [], 1, [f"folder {train} holds the training examples"])
    remark = f"folders {train} and {held_out[0]} are the training and the validation examples"
    remarks = [f"{remark}, not classes"]
    if names["validation"] and names["test"]:
        left = names["test"][0]
        remarks.append(f"left out: the {len(tops[left])} images in {left}, to evaluate with later")
    return Parts(tops[train], tops[held_out[0]], 1, remarks)
