"""The names under which classes are saved: each is of one class, whatever packages share a name."""

from typing import TypeVar

import keras

from kelbo.former_names import FORMER_NAMES

Class = TypeVar("Class", bound=type)


def registered(cls: Class | None = None, *, name: str | None = None) -> Class:
    """Registers a class for saving, under its public package and its name.

    `kelbo.layers.Flow` is saved as "kelbo.layers>Flow", wherever in `kelbo.layers` it is written.
    Files that were saved under a former name of it are loaded too: see `kelbo.former_names`.

    Args:
        cls: The class; it has a `get_config`.
        name: The name in its package; None for that of the class. Needed where a package exports
            two classes of one name, in modules.

    Returns:
        The class itself, or a decorator where only `name` is given.

    Raises:
        ValueError: Another class has this name already.

    Example:
        >>> import keras
        >>> from kelbo.layers import Flow
        >>> keras.saving.get_registered_name(Flow)
        'kelbo.layers>Flow'
    """
    if cls is None:
        return lambda decorated: registered(decorated, name=name)
    package = ".".join(cls.__module__.split(".")[:2])
    name = name or cls.__name__
    full_name = f"{package}>{name}"
    known = keras.saving.get_registered_object(full_name)
    if known is not None and _place(known) != _place(cls):
        raise ValueError(
            f"{_place(cls)} cannot be saved as {full_name!r}: that is the name of {_place(known)}, "
            "and files of one would be loaded as the other. Rename one of them, or give "
            "@registered(name=...) another name."
        )
    keras.saving.register_keras_serializable(package, name)(cls)
    for former_name in FORMER_NAMES.get(full_name, ()):
        keras.saving.get_custom_objects()[former_name] = cls
    return cls


def _place(cls):
    # A module that is loaded again makes its classes anew: those are no others.
    return f"{cls.__module__}.{cls.__qualname__}"
