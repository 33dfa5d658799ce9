"""Fetch a known data set, make sure of its content, and keep it in the cache."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kelbo.datasets.catalogue import Entry, RemoteFile
from kelbo.datasets.decoding import encode_idx
from kelbo.errors import InputError

_TIMEOUT = 30  # seconds without an answer
_logger = logging.getLogger(__name__)


def download(entry: Entry, target: Path, tried: list[Path]) -> None:
    """Fetch the files of `entry`, verify them, and write `target` in one step.

    Files are checked by their published hash where there is one, the decoded arrays always. Until
    everything is right, all happens in a temporary folder: `target` is either absent or complete.

    Args:
        entry: A known data set that has a download.
        target: The .npz file to make.
        tried: Files that were looked for before; named in the error.

    Raises:
        InputError: A file cannot be fetched (says what was tried and where a file may be put by
            hand), its content is not what was published, or `target` cannot be written.

    Example:
        >>> from kelbo.datasets.catalogue import CATALOGUE
        >>> download(CATALOGUE["mnist"], Path("mnist.npz"), [])  # doctest: +SKIP
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
            paths = [
                _fetch(entry, file, Path(folder), target, tried) for file in entry.download.files
            ]
            arrays = _decode(entry, paths)
            complete = Path(folder, "complete.npz")
            np.savez_compressed(complete, **arrays)
            os.replace(complete, target)
    except OSError as error:
        raise InputError(
            f"{entry.name}: cannot write to the cache {target.parent} ({error.strerror or error}); "
            "set KELBO_CACHE_DIR to a folder that can be written"
        ) from error


def _fetch(entry: Entry, file: RemoteFile, folder: Path, target: Path, tried: list[Path]) -> Path:
    import pooch

    _logger.info("downloading %s from %s", entry.name, file.url)
    name = file.url.rsplit("/", 1)[-1]
    downloader = pooch.HTTPDownloader(timeout=_TIMEOUT)
    try:
        with _quiet(pooch.get_logger()):
            fetched = pooch.retrieve(
                file.url, file.known_hash, fname=name, path=folder, downloader=downloader
            )
    except OSError as error:  # every error of requests is one
        looked = ", ".join(map(str, tried)) or "no file"
        raise InputError(
            f"{entry.name}: not found (looked for {looked}) and {file.url} cannot be reached "
            f"({_reason(_root(error))}); {_by_hand(entry, target)}"
        ) from error
    except ValueError as error:  # pooch's word for a wrong hash
        raise InputError(
            f"{entry.name}: what {file.url} sent is not the published file (its hash is not "
            f"{file.known_hash}); nothing was kept; try again, or {_by_hand(entry, target)}"
        ) from error
    return Path(fetched)


def _decode(entry: Entry, paths: list[Path]) -> dict[str, np.ndarray]:
    expected = entry.download.digests
    try:
        arrays = entry.download.decode(paths)
        found = {key: _digest(arrays[key], expected[key]) for key in expected}
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise InputError(
            f"{entry.name}: the file from {entry.download.files[0].url} cannot be decoded "
            f"({_reason(error)}); nothing was kept"
        ) from error
    wrong = [key for key in expected if found[key] != expected[key]]
    if wrong:
        raise InputError(
            f"{entry.name}: the content of {', '.join(wrong)} from {entry.download.files[0].url} "
            f"is not the published data ({found[wrong[0]]}, expected {expected[wrong[0]]}); "
            "nothing was kept"
        )
    return {key: arrays[key] for key in expected}


def _digest(array: np.ndarray, like: str) -> str:
    algorithm = like.split(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, encode_idx(array)).hexdigest()}"


def _by_hand(entry: Entry, target: Path) -> str:
    keys = ", ".join(entry.download.digests)
    return (
        f"put a file {target.name} (arrays {keys}) into {target.parent} by hand, or set "
        "KELBO_DATA_DIR to the folder that holds it"
    )


def _root(error: BaseException) -> BaseException:
    """What went wrong first: requests wraps "connection refused" in three layers of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch's own lines (temporary paths, hashes to copy) off the person's screen."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
