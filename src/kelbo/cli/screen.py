"""What is printed: results on standard output, one line for an error on standard error."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from rich.console import Console


def console() -> Console:
    """The console of standard output; lines are not broken where nobody looks at them."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=10_000, highlight=False)


def say(message: str) -> None:
    """Prints one line, as it is."""
    console().print(message, markup=False, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """Prints an error as one line on standard error."""
    print(f"kelbo: {' '.join(message.split())}", file=sys.stderr)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Lets the block go on when nobody reads what it prints any more (`kelbo fit ... | head -1`).

    A fit is not worth less because its reader has left.
    """
    with (
        contextlib.redirect_stdout(_Outlet(sys.stdout)) as out,
        contextlib.redirect_stderr(_Outlet(sys.stderr)) as error,
    ):
        try:
            yield
        finally:
            out.flush()
            error.flush()


_PLAIN = str.maketrans(
    {"±": "+-", "\N{EN DASH}": "-", "\N{MINUS SIGN}": "-", "\N{HORIZONTAL ELLIPSIS}": "..."}
)


def _writable(text: str, encoding: str | None) -> str:
    """The text in the characters that a stream has: a terminal without Unicode ends no fit."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN)
        return plain.encode(encoding, "replace").decode(encoding)
    return text


class _Outlet:
    """A stream of text that is led to nowhere once its pipe is broken."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        return self._going_on(self._stream.write, _writable(text, self.encoding)) or len(text)

    def flush(self) -> None:
        self._going_on(self._stream.flush)

    def _going_on(self, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except BrokenPipeError:
            # What is still in the stream's buffer is written, too: to nowhere.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
