"""Text files, compressed or not."""

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from kelbo.errors import InputError


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    r"""Opens a text file in UTF-8; what goes wrong while it is read is said of the file.

    Args:
        path: The file, compressed where its name ends in .gz.

    Raises:
        InputError: It cannot be read, is not UTF-8, or damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "t.txt")
        ...     _ = path.write_text("one\ntwo\n")
        ...     with open_text(path) as text:
        ...         len(list(text))
        2
    """
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with (
            opened(path, "rb") as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            yield text
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path}: is damaged or not compressed by gzip ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
