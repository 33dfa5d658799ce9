import numpy as np
import pytest

from kelbo.training.loop.memory import Memory


@pytest.mark.parametrize("size", [1, 63, 64, 1000])
def test_blocks_begin_where_they_can_be_shared(size):
    block = Memory().take(size)
    assert block.nbytes == size
    assert block.ctypes.data % 64 == 0


def test_a_block_is_used_again_but_never_twice_at_once():
    memory = Memory()
    first = memory.take(100)
    assert not np.shares_memory(first, memory.take(100))
    memory.give_back([first])
    again = memory.take(100)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(again, memory.take(100))


def test_only_the_last_blocks_are_kept():
    memory = Memory()
    first, second = memory.take(100), memory.take(200)
    memory.give_back([first])
    memory.give_back([second])
    assert not np.shares_memory(first, memory.take(100))
