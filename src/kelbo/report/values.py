"""Values as a person reads them."""

import math
from collections.abc import Mapping
from numbers import Integral, Real

_NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_LONGEST_LIST = 60


def text_of(value: object) -> str:
    """One value as plain text (not escaped).

    Args:
        value: anything; floats get two decimals (three significant digits below 1), yes and no
            stand for booleans and a dash for None. Of a list, the first sixty are written.

    Returns:
        The text.
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # a number or boolean of numpy's
    match value:
        case None:
            return _NOTHING
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case Mapping():
            return ", ".join(f"{key}: {text_of(item)}" for key, item in value.items()) or _NOTHING
        case list() | tuple() | set():
            return _listed([text_of(item) for item in value]) or _NOTHING
        case Integral():
            return str(int(value)).replace("-", _MINUS)
        case Real():
            return _number(float(value))
    return str(value)


def label_of(key: object) -> str:
    """A key as words: `log_likelihood` becomes "log likelihood"."""
    return str(key).replace("_", " ")


def _listed(texts: list[str]) -> str:
    more = len(texts) - _LONGEST_LIST
    return ", ".join(texts[:_LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else _MINUS + "∞"
    size = abs(value)
    if size and not 1e-3 <= size < 1e7:
        text = f"{value:.3e}"
    elif size >= 1:
        text = f"{value:,.2f}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", _MINUS, 1) if value < 0 else text
