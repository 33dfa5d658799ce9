"""The floors of the house: each rests on those beneath it, as `docs/architecture.md` says."""

import ast
import functools
import re
from pathlib import Path

import pytest

import kelbo

SOURCE = Path(kelbo.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()

# From the ground up; `docs/architecture.md` has the same order. "kelbo" is the package's own front.
_ORDER = """
    version _backend errors typing chunks former_names keras_internals files violations interruption
    registration ops parts intake parameters bijectors distributions divergences schedules latent
    networks estimators objectives layers training losses models gp sklearn evaluation datasets
    plots report runs kelbo cli
"""
FLOORS = _ORDER.split()

# What may name a backend. Beside the ground floor: what moves data and state between the host and
# the device, and what says to a person which backend runs.
NAMES_BACKENDS = {
    "kelbo._backend",
    "kelbo.ops.backends",
    "kelbo.ops.compilation",
    "kelbo.ops.special.softplus",
    "kelbo.training.loop.arrays",
    "kelbo.training.loop.fusion",
    "kelbo.training.loop.interrupts",
    "kelbo.training.loop.scan",
    "kelbo.training.loop.streams",
    "kelbo.intake",
    "kelbo.runs.summary",
}

# Packages whose front does more than hand names on: it chooses a backend, tells type checkers of
# Keras' operations, or loads when asked.
FRONTS = {"kelbo", "kelbo.ops", "kelbo.ops.backends", "kelbo.runs"}

BACKENDS = ("jax", "tensorflow", "torch")


def read(folder, package):
    """The modules of a folder by their names, each as a syntax tree."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join([package, *parts]).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text())
    return found


MODULES = read(SOURCE, "kelbo")


@functools.cache
def imports(tree):
    """What a module imports, inside functions too: modules, and names that may be modules."""
    return list(_imports(tree))


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            (name,) = node.args
            if isinstance(name, ast.Constant):
                yield name.value, None


def imported(modules):
    """By module, the modules of this house that it imports."""
    found = {}
    for module, tree in modules.items():
        pairs = [(f"{m}.{n}" if f"{m}.{n}" in modules else m) for m, n in imports(tree)]
        found[module] = {name for name in pairs if name in modules and name != module}
    return found


def floor(module):
    return module.split(".")[1] if "." in module else module


def upward(modules):
    """Imports from a floor that is not beneath, as "importer > imported"."""
    height = {name: i for i, name in enumerate(FLOORS)}
    return [
        f"{module} > {name}"
        for module, names in imported(modules).items()
        for name in names
        if height[floor(name)] > height[floor(module)]
    ]


def circle(graph):
    """A circle in a graph, or None."""
    done, path = set(), []

    def visit(node):
        if node in done:
            return None
        if node in path:
            return path[path.index(node) :]
        path.append(node)
        for following in sorted(graph.get(node, ())):
            found = visit(following)
            if found:
                return found
        done.add(path.pop())
        return None

    return next((found for node in sorted(graph) if (found := visit(node))), None)


def packages(modules):
    """The graph of imports between packages; a file that lies beside packages is one by itself."""
    folders = {name for name in modules if any(n.startswith(f"{name}.") for n in modules)}

    def package(module):
        if module in folders:
            return f"the front of {module}"
        parent = module.rpartition(".")[0]
        return parent if parent.count(".") > 1 else module

    graph = {}
    for module, names in imported(modules).items():
        own = package(module)
        graph.setdefault(own, set()).update({package(name) for name in names} - {own})
    return graph


def names_a_backend(tree):
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    roots = {module.partition(".")[0] for module, _ in imports(tree)}
    return bool(roots & set(BACKENDS)) or bool(
        called & {"keras.backend.backend", "keras.config.backend", "backend.backend"}
    )


def only_hands_on(tree):
    """Whether a module has only a documentation, imports and the list of its names."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign | ast.AugAssign) and "__all__ " in ast.unparse(node)[:8])
        for node in tree.body
    )


def test_every_file_has_a_floor():
    assert {floor(module) for module in MODULES} == set(FLOORS)
    assert len(set(FLOORS)) == len(FLOORS)


def test_no_import_runs_upwards():
    assert upward(MODULES) == []


def test_no_imports_run_in_a_circle():
    assert circle(imported(MODULES)) is None
    assert circle(packages(MODULES)) is None


def test_backends_are_named_where_the_list_says():
    names = {module for module, tree in MODULES.items() if names_a_backend(tree)}
    listed = {m for m in names if m in NAMES_BACKENDS or m.rpartition(".")[0] in NAMES_BACKENDS}
    assert names - listed == set()
    assert {m for m in NAMES_BACKENDS if m not in names} <= {"kelbo._backend"}  # by their names


def test_fronts_only_hand_names_on():
    fronts = {m: tree for m, tree in MODULES.items() if any(n.startswith(f"{m}.") for n in MODULES)}
    assert {m for m, tree in fronts.items() if not only_hands_on(tree)} == FRONTS


def test_the_page_has_the_same_order():
    block = PAGE.split("```\nsrc/kelbo/\n")[1].split("```")[0]
    lines = [line[2:].split("  ")[0] for line in block.splitlines() if re.match(r"  \S", line)]
    named = [name.strip().rstrip("/") for line in lines for name in re.split(r"[,\s]+", line)]
    assert [name for name in named if name] == [name for name in FLOORS if name != "kelbo"]


WRONG = {
    "kelbo.ops.wrong": "from kelbo.parameters import Shape",
    "kelbo.divergences.wrong": "def f():\n    from kelbo import models",
    "kelbo.layers.wrong": "import importlib\nimportlib.import_module('kelbo.runs')",
}


@pytest.mark.parametrize("module", WRONG)
def test_it_sees_what_runs_upwards(module):
    assert len(upward({**MODULES, module: ast.parse(WRONG[module])})) == 1


def with_files(**code):
    trees = {f"kelbo.{name.replace('__', '.')}": ast.parse(text) for name, text in code.items()}
    return {**MODULES, **trees}


def test_it_sees_circles():
    modules = with_files(
        parameters__one="def f():\n    from kelbo.parameters.two import g",
        parameters__two="from kelbo.parameters import one",
    )
    assert circle(imported(modules)) == ["kelbo.parameters.one", "kelbo.parameters.two"]
    # A file that asks at the front of its own package.
    modules = with_files(layers__settled="from kelbo.layers import Flow")
    assert "kelbo.layers" in circle(imported(modules))
    # Packages, by files that are in no circle.
    modules = with_files(
        ops__linalg__one="from kelbo.ops.special.odds import Odds",
        ops__special__one="from kelbo.ops.linalg.factorization import cholesky",
    )
    assert circle(imported(modules)) is None
    assert set(circle(packages(modules))) == {"kelbo.ops.linalg", "kelbo.ops.special"}


def test_it_sees_backends_and_what_is_made_in_fronts():
    for code in (
        "def f():\n    import jax.numpy",
        "from torch import nn",
        "keras.backend.backend()",
    ):
        assert names_a_backend(ast.parse(code))
    assert not names_a_backend(ast.parse("from kelbo.ops.backends import backend"))
    assert not only_hands_on(ast.parse('"""A front."""\nimport kelbo\nx = 1'))
