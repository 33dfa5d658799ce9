"""What is printed: results on standard output, one line for an error on standard error."""

import sys

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
