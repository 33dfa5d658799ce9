"""The package, loaded when a command needs it: help and mistakes in options do without."""

import importlib
from types import ModuleType

import kelbo
from kelbo.errors import InputError
from kelbo.interruption import ending_at_once


def load_runs() -> ModuleType:
    """All of Kelbo, and `kelbo.runs` of it.

    Raises:
        InputError: A package, such as the backend that was chosen, cannot be loaded.
    """
    try:
        with ending_at_once():
            # A model file is opened with the classes that are registered by then.
            for name in kelbo.__all__:
                getattr(kelbo, name)
            # Loaded by their names on first use: now, rather than within a command.
            importlib.import_module("kelbo.runs.fitting")
            return importlib.import_module("kelbo.runs")
    except ImportError as error:
        raise InputError(str(error)) from None
