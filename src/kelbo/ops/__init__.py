"""The ground floor: all of `keras.ops`, plus what Keras lacks on some backend."""

from keras.ops import *  # noqa: F403
