"""Files that are either whole or not there."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kelbo.errors import InputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well.

    A reader sees the old file or the new one, never a part. After an error the old file is still
    there and the temporary one is gone.

    Args:
        path: The file to write.

    Yields:
        A path with the same suffix, to write to.

    Raises:
        InputError: The folder does not exist, or `path` is a folder.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from kelbo.files import replacing
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(f"{folder}/notes.txt") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     Path(folder, "notes.txt").read_text()
        'whole'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
