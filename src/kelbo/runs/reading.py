"""Files that may have been damaged, or made by somebody who means harm."""

import json
from pathlib import Path
from typing import Any


class Damaged(Exception):
    """A file does not hold what it should; the message says why, in a few words."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        Damaged: It cannot be read, or is no text.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Damaged("it is no text in UTF-8") from None


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        Damaged: It cannot be read, or is no JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except RecursionError:
        raise Damaged("it is nested too deeply") from None
    except ValueError:  # also a number of more digits than Python reads
        raise Damaged("it is damaged") from None
