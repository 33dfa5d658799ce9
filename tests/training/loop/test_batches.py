"""Orders and seeds are functions of the model's seed and the epoch, and of both of them."""

import keras
import numpy as np
import pytest

from kelbo.training.clock import set_seeds
from kelbo.training.loop.batches import passes_of_epoch


def order(epoch, seed):
    (whole,) = passes_of_epoch(epoch, steps=5, batches=5, items=50, seed=seed)
    return whole.order


def seeds(epoch, seed):
    states = [keras.random.SeedGenerator(0).state for _ in range(2)]
    set_seeds(states, seed, epoch)
    return np.array([keras.ops.convert_to_numpy(state) for state in states])


@pytest.mark.parametrize("drawn", [order, seeds])
def test_each_epoch_of_each_seed_has_its_own(drawn):
    np.testing.assert_array_equal(drawn(3, 7), drawn(3, 7))
    assert (drawn(3, 7) != drawn(4, 7)).any()
    assert (drawn(3, 7) != drawn(3, 8)).any()


def test_an_order_visits_everything_once():
    np.testing.assert_array_equal(np.sort(order(3, 7)), np.arange(50))
    np.testing.assert_array_equal(order(3, None), np.arange(50))


def test_generators_differ():
    first, second = seeds(3, 7)
    assert (first != second).any()
