"""All of `keras.ops`, with float64 kept: what is computed with below the name `kelbo.ops`."""

# ruff: noqa: F403
from keras.ops import *

from kelbo.ops.float64 import *
