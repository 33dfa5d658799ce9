"""Saving: every distribution survives Keras' serialisation, by way of JSON."""

import json

import keras
import numpy as np
import pytest

from kelbo import ops

from .table import ONE_OF_EACH

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.name)
@pytest.mark.few(12)
def test_round_trip(case, dtype):
    d = case.make(dtype, validate=False)
    text = json.dumps(keras.saving.serialize_keras_object(d))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(d)
    assert again.dtype == d.dtype == dtype
    assert (again.batch_shape, again.event_shape) == (case.batch_shape, case.event_shape)
    assert again.get_config() == d.get_config()
    assert repr(again) == repr(d)
    for name in case.parameters:
        if hasattr(d, name):
            values = [ops.convert_to_numpy(getattr(x, name)) for x in (d, again)]
            np.testing.assert_array_equal(*values)
            assert str(values[0].dtype) == dtype
