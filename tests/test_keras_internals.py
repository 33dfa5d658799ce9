"""Keras' private names: used in one file alone, with another way, or a word, where one is gone."""

import ast
import functools
import importlib
import pkgutil
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import keras_internals as internals

SOURCE = Path(kb.__file__).parent
KERAS = Path(keras.__file__).parent / "src"
TREES = {path: ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}
HERE = SOURCE / "keras_internals.py"


def is_private(name):
    return re.fullmatch(r"_[a-z]\w*", name) is not None


@functools.cache
def names_in(tree):
    """Private names that a file uses, and names that its code gives to what is its own.

    Used are names after a dot, and those in strings (as `getattr` takes them).
    """
    used, own = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
            if isinstance(node.ctx, ast.Store):
                own.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.add(node.value)
        elif isinstance(node, ast.FunctionDef) and is_private(node.name):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return {name for name in used if is_private(name)}, own


def used_elsewhere(trees, known):
    """By file, the private names of Keras that it uses: no file of ours makes such."""
    own = {path: names_in(tree)[1] for path, tree in trees.items()}
    of_all = set().union(*own.values())
    special, _ = names_in(TREES[HERE])
    found = {
        path.name: {
            name
            for name in names_in(tree)[0] & known
            if name not in (own[path] if name in special else of_all)
        }
        for path, tree in trees.items()
    }
    return {name: names for name, names in found.items() if names}


def names_of_keras():
    found = set()
    for pattern in ("*/*.py", "backend/*/*.py"):
        for path in KERAS.glob(pattern):
            if not path.name.endswith("_test.py"):
                found |= set(re.findall(r"(?:self\.|def )(_[a-z]\w*)", path.read_text()))
    return found


def test_no_other_file_uses_them():
    trees = {path: tree for path, tree in TREES.items() if path != HERE}
    known = names_of_keras()
    assert {"_flatten_layers", "_tracker", "_get_jax_state"} <= known
    assert used_elsewhere(trees, known) == {}
    for path in trees:
        assert not re.search(r"^\s*(from|import) keras\.src", path.read_text(), re.M), path
    # It finds what it should.
    wrong = {
        Path("wrong.py"): ast.parse("layers = model._flatten_layers()\nx = getattr(y, '_layers')")
    }
    assert used_elsewhere({**trees, **wrong}, known) == {"wrong.py": {"_flatten_layers", "_layers"}}


def classes():
    for module in pkgutil.walk_packages([str(SOURCE)], "kelbo."):
        if ".backends." not in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and value.__module__ == module.name:
                    yield value


def overridden(cls):
    """Private names of Keras that a class has itself."""
    of_keras = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "keras"]
    return {n for n in vars(cls) if is_private(n) and any(n in vars(base) for base in of_keras)}


def test_no_class_overrides_one_of_them():
    assert {cls: overridden(cls) for cls in classes() if overridden(cls)} == {}
    wrong = type("Wrong", (keras.layers.Layer,), {"_flatten_layers": None})
    assert overridden(wrong) == {"_flatten_layers"}


class Without:
    """An object that lacks private names."""

    def __init__(self, thing, *names):
        self.thing, self.names = thing, names

    @property
    def __dict__(self):
        return {k: v for k, v in vars(self.thing).items() if k not in self.names}

    def __getattr__(self, name):
        if name in self.names:
            raise AttributeError(name)
        return getattr(self.thing, name)


def model():
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    made = keras.Sequential([inner, keras.layers.Dense(1)])
    made.compile("adam", "mse", metrics=["mae", "mape"])
    return made


@pytest.mark.core
def test_layers_and_seeds_are_found_by_public_names(monkeypatch):
    made = model()
    layers, generators = internals.layers_within(made), []
    for layer in layers:
        generators += internals.seed_generators(layer)
    assert (len(layers), len(generators)) == (5, 1)
    monkeypatch.delattr(keras.layers.Layer, "_flatten_layers")
    assert {id(layer) for layer in internals.layers_within(made)} == {id(layer) for layer in layers}
    assert made not in internals.layers_within(made, include_self=False)
    (dropout,) = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
    assert internals.seed_generators(Without(dropout, "_seed_generators")) == generators


@pytest.mark.core
def test_own_variables_are_found_by_public_names():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    expected = [id(variable) for variable in internals.own_variables(layer)]
    for each in (layer, Without(layer, "_trainable_variables")):
        assert [id(variable) for variable in internals.own_variables(each)] == expected
    assert len(expected) == 4
    outer = keras.Sequential([layer])
    assert internals.own_variables(Without(outer, "_trainable_variables")) == []


@pytest.mark.core
def test_the_dtype_of_seeds_is_that_of_a_generator(monkeypatch):
    given = internals.random_seed_dtype()
    monkeypatch.setitem(sys.modules, "keras.src.backend", None)
    assert internals.random_seed_dtype() == given


@pytest.mark.core
def test_a_model_is_built_by_public_names():
    made, batch = model(), (np.ones((2, 3), "float32"), np.ones((2, 1), "float32"))
    internals.symbolic_build(Without(made, "_symbolic_build"), batch)
    assert made.built
    assert len(internals.trained_variables(made.optimizer)) == 4
    logs = {"mape": 3.0, "loss": 1.0, "mae": 2.0}
    given = internals.metrics_in_order(made, logs)
    assert internals.metrics_in_order(Without(made, "_flatten_metrics_in_order"), logs) == given
    assert internals.metrics_in_order(Without(made, "_flatten_metrics_in_order"), {"a": 1.0}) == 1.0


@pytest.mark.core
def test_what_has_no_other_way_is_said():
    made = model()
    for name, use in {
        "_tracker": lambda layer: internals.unlocked(layer).__enter__(),
        "_layers": internals.own_layers,
        "_trainable_variables": internals.trained_variables,
    }.items():
        with pytest.raises(
            RuntimeError, match=rf"needs \w+\.{name} of Keras, .*{keras.__version__}"
        ):
            use(Without(made, name))


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the fused loop of JAX")
def test_without_the_state_of_its_steps_keras_own_loop_runs(monkeypatch):
    fitted = kb.models.ConditionalDensity(kb.layers.ConditionalNormal((1,)))
    fitted.compile("adam")
    assert fitted._runs_fused
    monkeypatch.setattr(internals.keras, "Model", object)
    assert not fitted._runs_fused
