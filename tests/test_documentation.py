"""Everything public is documented and typed, and every example in a docstring runs."""

import doctest
import importlib
import inspect
import pkgutil
import runpy
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo

from .precision import precision_as_before  # noqa: F401

SOURCE = Path(kelbo.__file__).parent
PACKAGES = sorted(m.name for m in pkgutil.iter_modules(kelbo.__path__, "kelbo.") if m.ispkg)


def public_objects():
    """Name -> object: what the packages export, and the public methods of the classes among it."""
    found = {}
    for package_name in ["kelbo", *PACKAGES]:
        package = importlib.import_module(package_name)
        for name in getattr(package, "__all__", [n for n in dir(package) if n[0] != "_"]):
            exported = getattr(package, name)
            is_ours = str(getattr(exported, "__module__", "")).startswith("kelbo")
            if is_ours and (inspect.isclass(exported) or inspect.isroutine(exported)):
                found[f"{package_name}.{name}"] = exported
            if is_ours and inspect.isclass(exported):
                found.update(_methods(f"{package_name}.{name}", exported))
    return found


def _methods(owner, cls):
    ours = [base for base in cls.__mro__ if base.__module__.startswith("kelbo")]
    names = {name for base in ours for name in vars(base) if name[0] != "_"}
    members = {name: inspect.getattr_static(cls, name) for name in names}
    return {
        f"{owner}.{name}": member
        for name, member in members.items()
        if callable(member) or isinstance(member, (property, classmethod, staticmethod))
    }


OBJECTS = public_objects()


def test_packages_are_handed_on():
    """All but the command line, and what checks the networks that a person brings."""
    offered = {f"kelbo.{name}" for name in kelbo.__all__}
    assert set(PACKAGES) - offered == {"kelbo.cli", "kelbo.networks"}


def is_documented(name):
    """Whether it has a docstring, a method by itself or by what it overrides."""
    owner, attribute = name.rsplit(".", 1)
    member = getattr(OBJECTS[owner], attribute) if owner in OBJECTS else OBJECTS[name]
    return bool(inspect.getdoc(member))


def missing_annotations(member):
    """Names of the parameters without a type, and "return"."""
    if inspect.isclass(member):
        member, wants_return = member.__init__, False
        if not str(getattr(member, "__module__", "")).startswith("kelbo"):
            return []  # written by a dataclass, or a parent's
    else:
        wants_return = True
    if isinstance(member, property):
        member = member.fget
    member = getattr(member, "__func__", member)
    if not callable(member):
        return []
    signature = inspect.signature(member)
    untyped = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    if wants_return and signature.return_annotation is signature.empty:
        untyped.append("return")
    return untyped


def test_there_is_something_to_check():
    assert {"kelbo.distributions.Normal", "kelbo.distributions.Normal.log_prob"} <= set(OBJECTS)
    assert {"kelbo.ops.lgamma", "kelbo.models.VAE.encode"} <= set(OBJECTS)
    assert len(OBJECTS) > 150


@pytest.mark.parametrize("package_name", ["kelbo", *PACKAGES])
def test_packages_are_documented_and_export_what_they_say(package_name):
    package = importlib.import_module(package_name)
    assert inspect.getdoc(package)
    missing = [name for name in getattr(package, "__all__", []) if not hasattr(package, name)]
    assert not missing


def test_everything_public_has_a_docstring():
    assert not sorted(name for name in OBJECTS if not is_documented(name))


def test_everything_public_is_typed():
    untyped = {name: missing_annotations(member) for name, member in OBJECTS.items()}
    assert not {name: names for name, names in untyped.items() if names}


def modules_with_examples():
    names = []
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if ">>>" in file.read_text() and not name.startswith("kelbo.ops.backends."):
            names.append(name)
    return names


def _display(value):
    """What a doctest shows: tensors and shapes of whichever backend as NumPy has them."""
    if keras.ops.is_tensor(value):
        value = keras.ops.convert_to_numpy(value)
        formatter = {"float_kind": lambda x: np.format_float_positional(x, trim=".")}
        print(np.array2string(value, separator=", ", formatter=formatter))
    elif type(value).__name__ in ("TensorShape", "Size"):
        print(tuple(value))
    elif value is not None:
        print(repr(value))


@pytest.mark.parametrize("name", modules_with_examples())
@pytest.mark.few(16)
def test_examples_run(name, tmp_path, monkeypatch, precision_as_before):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    # doctest puts this one in the place of sys.displayhook while it runs.
    monkeypatch.setattr(sys, "__displayhook__", _display)
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    report = []
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test, out=report.append)
    results = runner.summarize(verbose=False)
    assert results.attempted > 0
    assert results.failed == 0, "".join(report)


def test_the_pages_of_distributions_and_bijectors_are_those_of_the_docstrings():
    docs = Path(__file__).parents[1] / "docs"
    pages = runpy.run_path(str(docs / "catalogue.py"))["pages"]()
    for name, text in pages.items():
        assert (docs / name).read_text() == text, f"run python docs/catalogue.py: {name} is stale"
