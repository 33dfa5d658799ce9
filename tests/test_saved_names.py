"""Names under which classes are saved: each is of one class, whatever packages share a name."""

import inspect

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import (
    bijectors,
    distributions,
    divergences,
    estimators,
    layers,
    losses,
    models,
    objectives,
    schedules,
)
from kelbo.former_names import FORMER_NAMES
from kelbo.registration import registered

PACKAGES = (
    bijectors,
    distributions,
    divergences,
    estimators,
    layers,
    losses,
    models,
    objectives,
    schedules,
)
CLASSES = [
    cls
    for package in PACKAGES
    for cls in (getattr(package, name) for name in package.__all__)
    if inspect.isclass(cls) and keras.saving.get_registered_name(cls) != cls.__name__
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__module__.removeprefix("kelbo."))
def test_a_saved_name_leads_back_to_its_class(cls):
    name = keras.saving.get_registered_name(cls)
    assert name == ".".join(cls.__module__.split(".")[:2]) + f">{cls.__name__}"
    assert keras.saving.get_registered_object(name) is cls


def test_so_do_the_names_of_former_files():
    for name, former_names in FORMER_NAMES.items():
        cls = keras.saving.get_registered_object(name)
        assert keras.saving.get_registered_name(cls) == name
        for former in former_names:
            assert keras.saving.get_registered_object(former) is cls
    former = [name for names in FORMER_NAMES.values() for name in names]
    assert len(set(former)) == len(former)


def test_a_second_class_of_a_name_is_refused():
    def make(module, place):
        body = {"__module__": module, "__qualname__": place, "get_config": lambda self: {}}
        return type("RBF", (), body)

    with pytest.raises(ValueError, match=r"'kelbo\.divergences>RBF': that is the name of kelbo"):
        registered(make("kelbo.divergences.kernels", "RBF"))
    assert keras.saving.get_registered_object("kelbo.divergences>RBF") is divergences.RBF
    # In another package, and made anew by a module that is loaded again.
    for _ in range(2):
        kernel = registered(make("saved_names.kernels", "RBF"))
        assert keras.saving.get_registered_name(kernel) == "saved_names.kernels>RBF"
    assert keras.saving.get_registered_object("saved_names.kernels>RBF") is kernel
    other = registered(name="linear.RBF")(make("saved_names.kernels", "linear"))
    assert keras.saving.get_registered_name(other) == "saved_names.kernels>linear.RBF"


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
