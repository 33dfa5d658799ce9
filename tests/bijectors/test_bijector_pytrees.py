"""What every bijector is made of: it goes through compiled functions and loops."""

import keras
import numpy as np
import pytest

from kelbo import ops

from .cases import CASES

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


@pytest.mark.parametrize("batch", [(2, 1), pytest.param((), marks=pytest.mark.slow)], ids=str)
def test_each_is_carried_and_stacked(batch):
    def compute():
        given = {case.name: case.build(np.random.default_rng(5), batch, 3)[0] for case in CASES}
        carried, stacked = ops.scan(lambda bijectors, _: (bijectors, bijectors), given, length=3)
        for name, bijector in given.items():
            assert type(carried[name]) is type(bijector)
            assert carried[name].dtype == bijector.dtype
            assert carried[name].batch_shape == bijector.batch_shape
            if bijector.tensors():
                within = bijector.batch_shape_within(bijector.event_rank)
                assert stacked[name].batch_shape_within(bijector.event_rank) == (3, *within)
        return [
            {name: list(b.tensors().values()) for name, b in bijectors.items()}
            for bijectors in (given, carried)
        ]

    given, carried = keras.tree.map_structure(ops.convert_to_numpy, ops.compile(compute)())
    for name, tensors in given.items():
        for here, there in zip(tensors, carried[name], strict=True):
            np.testing.assert_array_equal(here, there, err_msg=name)
