"""The code that differs between backends: one module each, with the same functions in all."""

import importlib

import keras

_MODULES = ("jax", "tensorflow", "torch")

if keras.backend.backend() not in _MODULES:
    raise ImportError(
        f"Kelbo runs on the Keras backends jax, tensorflow and torch, and Keras has "
        f"{keras.backend.backend()!r}: set KERAS_BACKEND=jax before Python starts."
    )

backend = importlib.import_module(f"kelbo.ops.backends.{keras.backend.backend()}")

__all__ = ["backend"]
