import ast
import doctest
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import kelbo.datasets

_CHEAP = ("kelbo.errors", "kelbo.chunks", "kelbo.violations")
_FOLDER = Path(kelbo.datasets.__file__).parent
_MODULES = [info.name for info in pkgutil.walk_packages([str(_FOLDER)], "kelbo.datasets.")]


def _imported_at_module_level(tree):
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", sorted(_FOLDER.rglob("*.py")), ids=lambda p: p.name)
def test_module_level_imports_are_cheap(path):
    for name in _imported_at_module_level(ast.parse(path.read_text())):
        top = name.split(".")[0]
        allowed = top in sys.stdlib_module_names or top == "numpy"
        assert allowed or name in _CHEAP or name.startswith("kelbo.datasets"), name


@pytest.mark.parametrize("name", _MODULES)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    if not hasattr(importlib.import_module(name), "__path__"):  # packages only re-export
        assert result.attempted > 0
