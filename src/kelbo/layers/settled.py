"""Layers whose settings are those that they were made with."""

import functools
import inspect
from typing import Any

_PACKAGE = __name__.partition(".")[0]


class Settled:
    """Mixin for `keras.layers.Layer`: arguments of the constructor are not set a second time.

    Heads, variables and shapes follow from them. A layer of one's own that is derived from one of
    Kelbo's may set its further arguments as it likes.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, but no other value of an argument of the constructor."""
        if name in _arguments(type(self)) and (hasattr(self, name) or self._has_begun()):
            if getattr(self, name, None) is value:
                return
            owner = type(self).__name__
            raise AttributeError(
                f"{owner}: {name} cannot be set, for the layer was made for the one it has. Make "
                f"another, {owner}(..., {name}=...), and give it to the model: the parts of a "
                "model may be set, as in vae.posterior = ..."
            )
        super().__setattr__(name, value)

    def _has_begun(self):
        """Whether the constructor has surely ended: not all that it takes is kept by its name."""
        return getattr(self, "built", False)


@functools.cache
def _arguments(kind):
    ours = [base for base in kind.__mro__ if base.__module__.partition(".")[0] == _PACKAGE]
    found = (inspect.signature(base.__init__).parameters.values() for base in ours)
    return {
        p.name for each in found for p in each if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    } - {"self", "name"}
