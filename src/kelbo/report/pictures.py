"""Pictures inside the page."""

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from kelbo.errors import InputError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def embedded(pictures: Sequence[tuple[str, str | os.PathLike[str]]]) -> str:
    """Figures with captions, each PNG file written out in base64.

    Args:
        pictures: captions and paths.

    Returns:
        HTML.

    Raises:
        InputError: a file is missing, unreadable, or no PNG.
    """
    return "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<img alt="{escape(caption)}" src="data:image/png;base64,{_encoded(Path(path))}">'
        "</figure>"
        for caption, path in pictures
    )


def _encoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The picture {path} cannot be read ({error.strerror}): save it before the report."
        ) from None
    if not content.startswith(_SIGNATURE):
        raise InputError(f"The picture {path} is no PNG file: save it with kelbo.plots.save.")
    return base64.b64encode(content).decode("ascii")
