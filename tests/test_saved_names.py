"""Names under which classes are saved: each is of one class, whatever packages share a name."""

import inspect

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import bijectors, distributions, divergences, layers, losses, models, objectives

PACKAGES = (bijectors, distributions, divergences, layers, losses, models, objectives)
CLASSES = [
    cls
    for package in PACKAGES
    for cls in (getattr(package, name) for name in package.__all__)
    if inspect.isclass(cls) and keras.saving.get_registered_name(cls) != cls.__name__
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__module__.removeprefix("kelbo."))
def test_a_saved_name_leads_back_to_its_class(cls):
    assert keras.saving.get_registered_object(keras.saving.get_registered_name(cls)) is cls


def test_the_table_holds_every_package():
    assert len(CLASSES) > 100
    assert {cls.__module__.split(".")[1] for cls in CLASSES} == {
        package.__name__.split(".")[1] for package in PACKAGES
    }


def test_a_bijector_beside_a_layer_of_its_name_is_saved_as_what_it_is():
    for bijector in (
        bijectors.BatchNormalization(0.0, 1.0),
        bijectors.InvertibleLinear(np.eye(2), np.eye(2), [1.0, 2.0]),
    ):
        flow = kb.layers.Flow(kb.distributions.Normal.standard((2,)), [bijector])
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(flow))
        assert type(again.bijectors[0]) is type(bijector)
