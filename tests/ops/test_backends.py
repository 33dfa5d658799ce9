"""Which backend runs is chosen once, in one place."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from kelbo import ops
from kelbo.ops.backends import backend

pytestmark = pytest.mark.core


def test_the_backend_of_keras_is_taken():
    assert backend.__name__ == f"kelbo.ops.backends.{keras.backend.backend()}"


def test_another_backend_is_refused_by_name():
    code = "import kelbo.ops"
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "ImportError: Kelbo runs on the Keras backends jax, tensorflow and torch"
    )
    assert "'numpy'" in last


def _public(module_path):
    tree = ast.parse(Path(module_path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in functions | names if not name.startswith("_")}


def test_every_backend_offers_the_same_names():
    folder = Path(inspect.getfile(importlib.import_module("kelbo.ops.backends"))).parent
    jax, tensorflow, torch = (
        _public(folder / f"{name}.py") for name in ("jax", "tensorflow", "torch")
    )
    assert jax == tensorflow == torch


def test_everything_of_keras_ops_is_there():
    missing = {name for name in vars(keras.ops) if not name.startswith("_")} - set(vars(ops))
    assert not missing
