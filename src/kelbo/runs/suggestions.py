"""A guess at what a person meant."""

import difflib
from collections.abc import Iterable
from typing import Any


def did_you_mean(given: Any, known: Iterable[str]) -> str:
    """The end of an error message: "; did you mean 'adam'?", or nothing where no name is close.

    Args:
        given: What was given.
        known: What there is.

    Returns:
        Text to append.

    Example:
        >>> did_you_mean("adm", ["adam", "sgd"])
        "; did you mean 'adam'?"
    """
    word = str(given).lower().replace("-", "_").replace(" ", "_")
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
