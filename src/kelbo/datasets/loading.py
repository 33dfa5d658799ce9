"""Data by name or by path."""

import difflib
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kelbo.datasets.catalogue import CATALOGUE, Entry
from kelbo.datasets.checking import check
from kelbo.datasets.context import LABELS, Context
from kelbo.datasets.dataset import Dataset
from kelbo.datasets.digits import load_digits
from kelbo.datasets.download import download
from kelbo.datasets.labels import encode_labels
from kelbo.datasets.origin import find_origin, given_origin, measured_from, remarks_on
from kelbo.datasets.places import candidates, find
from kelbo.datasets.readers import RawArrays, name_of, read_npz, read_path
from kelbo.datasets.reading import Reading
from kelbo.datasets.scaling import require_same_scale, to_float32
from kelbo.errors import InputError

_LOOKED_UP_NAMES = [name for name, entry in CATALOGUE.items() if entry.download is not None]
_LOOKED_UP = f"{', '.join(_LOOKED_UP_NAMES[:-1])} and {_LOOKED_UP_NAMES[-1]}"
_ANY = Reading()


def load(
    name_or_path: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    reading: Reading = _ANY,
) -> Dataset:
    """Load a known data set by its name, or a person's own data by their path.

    Names: `digits` (embedded), `mnist`, `fashion_mnist`, `frey_faces`. The last three are looked up
    as NAME.npz in `data_dir`, in `$KELBO_DATA_DIR` and in the cache (`$KELBO_CACHE_DIR`, else the
    system's cache folder), and are downloaded into the cache otherwise.

    Paths: a .npz or .npy file, a table (.csv, .parquet, .jsonl, ...), or a folder of images; see
    `docs/datasets.md`. A name wins over a file of the same name: write `./mnist` for the latter.
    What was understood of a file, and what was left out, stands in `remarks`.

    Bytes (uint8) are scaled by 1/255; all other numbers keep their values. All data are float32;
    columns that it has too few digits for are measured from an `origin`.

    Args:
        name_or_path: The name or the path.
        data_dir: A folder that holds files of known data sets.
        reading: How tables and folders of images are read, where they do not say it themselves.

    Returns:
        The data set, in memory.

    Raises:
        InputError: An unknown name, a file that cannot be read or downloaded, data that are empty,
            not numeric, not finite or too large for float32, an `origin` of another length than an
            example, or a `data_dir` for data that are not looked up there.

    Example:
        >>> data = load("digits")
        >>> data.x_train.shape, data.range, data.class_names[:3]
        ((1438, 8, 8), (0.0, 1.0), ('0', '1', '2'))
    """
    if data_dir is not None and not is_looked_up(name_or_path):
        raise InputError(
            f"data_dir: '{name_or_path}' is not looked up in a folder, as {_LOOKED_UP} are; leave "
            "it out"
        )
    if isinstance(name_or_path, str) and name_or_path in CATALOGUE:
        reading.require_for("arrays", name_or_path)
        return _conditioned(_load_known(CATALOGUE[name_or_path], data_dir), reading, {}, {})
    # os.path, unlike pathlib, neither takes "" for the current folder nor raises for odd names.
    expanded = os.path.expanduser(name_or_path)
    if not os.path.exists(expanded):
        raise InputError(_unknown(str(name_or_path)))
    path = Path(expanded)
    name = path.resolve().name if path.is_dir() else name_of(path)
    raw = read_path(path, reading)
    data = _assemble(name, raw, path, origin=reading.origin)
    return _conditioned(data, reading, raw.context_train, raw.context_test)


def is_looked_up(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether it is the name of a data set whose file is looked up in folders.

    Args:
        name_or_path: As for `load`.

    Returns:
        False for a path, and for what is embedded.

    Example:
        >>> is_looked_up("mnist"), is_looked_up("digits"), is_looked_up("./mine.npy")
        (True, False, False)
    """
    return name_or_path in _LOOKED_UP_NAMES


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without loading it.

    Attributes:
        name: What `load` calls it.
        description: One line.
        train_examples: Number of training examples.
        test_examples: Number of test examples, 0 where there is no test part.
        event_shape: Shape of one example.
        classes: Number of classes, 0 where there are no labels.
        where: The file that `load` would read, "embedded", or "not here: will be downloaded".
        origin: Who made it.
        licence: The licence as far as known.

    Example:
        >>> info = available()[0]
        >>> info.name, info.examples, info.classes, info.where
        ('digits', 1797, 10, 'embedded')
    """

    name: str
    description: str
    train_examples: int
    test_examples: int
    event_shape: tuple[int, ...]
    classes: int
    where: str
    origin: str
    licence: str

    @property
    def examples(self) -> int:
        """Number of examples, train and test together."""
        return self.train_examples + self.test_examples


def available(data_dir: str | os.PathLike[str] | None = None) -> list[DatasetInfo]:
    """Describe the known data sets, and say which of them are on this machine.

    Args:
        data_dir: A folder that holds files of known data sets, as for `load`.

    Returns:
        One entry per name, in the order in which they are best tried.

    Raises:
        InputError: `data_dir` is given and is no folder.

    Example:
        >>> [info.name for info in available()]
        ['digits', 'mnist', 'fashion_mnist', 'frey_faces']
    """
    return [
        DatasetInfo(
            name=entry.name,
            description=entry.description,
            train_examples=entry.train_examples,
            test_examples=entry.test_examples,
            event_shape=entry.event_shape,
            classes=len(entry.class_names or ()),
            where=_where(entry, data_dir),
            origin=entry.origin,
            licence=entry.licence,
        )
        for entry in CATALOGUE.values()
    ]


def _where(entry: Entry, data_dir: str | os.PathLike[str] | None) -> str:
    if entry.download is None:
        return "embedded"
    path = find(entry.name, data_dir)
    return "not here: will be downloaded" if path is None else str(path)


def _load_known(entry: Entry, data_dir: str | os.PathLike[str] | None) -> Dataset:
    if entry.download is None:
        return load_digits()
    path = find(entry.name, data_dir)
    if path is None:
        tried = candidates(entry.name, data_dir)
        path = tried[-1]
        download(entry, path, tried)
    raw = read_npz(path)
    if raw.x_train.shape[1:] != entry.event_shape:
        raise InputError(
            f"{path}: holds examples of shape {raw.x_train.shape[1:]}, but those of {entry.name} "
            f"have {entry.event_shape}; is it another file?"
        )
    return _assemble(entry.name, raw, path, entry.class_names)


def _assemble(
    name: str,
    raw: RawArrays,
    path: Path,
    class_names: tuple[str, ...] | None = None,
    origin: Sequence[float] | None = (),
) -> Dataset:
    source = str(path)
    require_same_scale(raw.x_train, raw.x_test, source)
    checked = {}
    for part in ("x_train", "x_test"):
        x = getattr(raw, part)
        if x is None:
            continue
        where = source if raw.x_test is None else f"{source}, {part}"
        check(x, where)  # as it stands in the file: the cast would hide what was there
        checked[part] = x
    x_train = checked["x_train"]
    shift = find_origin(x_train) if origin is None else given_origin(origin, x_train, source)
    parts = {part: to_float32(measured_from(shift, x)) for part, x in checked.items()}
    y_train, y_test, names = encode_labels(raw.y_train, raw.y_test, source)
    return Dataset(
        name=name,
        y_train=y_train,
        y_test=y_test,
        class_names=class_names or names,
        feature_names=raw.feature_names,
        remarks=(*raw.remarks, *remarks_on(shift, raw.feature_names)),
        origin=shift,
        source=source,
        **parts,
    )


def _conditioned(
    data: Dataset,
    reading: Reading,
    train: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray],
) -> Dataset:
    """The data with the context that is asked for: columns that were read, or their labels."""
    if not reading.context:
        return data
    columns = {"train": dict(train), "test": dict(test)}
    if LABELS not in train:
        for part, of_part in columns.items():
            y = getattr(data, f"y_{part}")
            if y is not None:
                of_part[LABELS] = _names_of(y, data.class_names)
    context, parts = reading.conditions, ["train"] if data.x_test is None else ["train", "test"]
    if context is None:
        for part, name in itertools.product(parts, reading.context):
            _require_column(data, columns[part], name, part if len(parts) > 1 else None)
        whole = {n: np.concatenate([columns[p][n] for p in parts]) for n in reading.context}
        context = Context.of(whole, data.source)
    vectors = {f"context_{part}": context.encode(columns[part], data.source) for part in parts}
    remark = f"context: {', '.join(map(str, context.columns))}"
    return replace(data, context=context, remarks=(*data.remarks, remark), **vectors)


def _names_of(y, class_names):
    names = class_names or ()
    return np.array([names[k] if 0 <= k < len(names) else str(k) for k in y.tolist()])


def _require_column(data, columns, name, part):
    if name in columns and len(columns[name]) == len(getattr(data, f"x_{part or 'train'}")):
        return
    of_part = "" if part is None else f" of its {part} part"
    if name in columns:
        raise InputError(
            f"context: {data.source} has {len(columns[name])} values of '{name}'{of_part}; "
            "expected one for each example"
        )
    known = f"; it has {', '.join(columns)}" if columns else ""
    what = "labels" if name == LABELS else f"'{name}'"
    raise InputError(f"context: {data.source} has no {what}{of_part}{known}")


def _unknown(given: str) -> str:
    names = ", ".join(CATALOGUE)
    close = difflib.get_close_matches(given.lower().replace("-", "_"), CATALOGUE, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"'{given}' is neither a known data set ({names}) nor an existing path{hint}"
