"""Changes of state where a condition holds."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def test_what_is_changed_is_changed_where_the_condition_holds():
    count, other = keras.Variable(0.0), keras.Variable(np.ones(3, "float32"))

    def update():
        count.assign_add(1.0)
        other.assign(2.0 * other.value + count.value)

    def run(condition):
        before = 1.0 * other.value
        ops.update_if(condition, update, [count, other])
        return 1.0 * other.value - before

    # In what is compiled too, where the condition is not known.
    compiled = run if keras.backend.backend() == "torch" else ops.compile(run, [count, other])
    for condition, change in ((True, 2.0), (False, 0.0)):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(compiled(ops.convert_to_tensor(condition))), change
        )
        count.assign(0.0)
        other.assign(np.ones(3, "float32"))
    for condition in (True, False, True):
        ops.update_if(condition, update, [count, other])
    assert float(count.value) == 2.0
    np.testing.assert_allclose(keras.ops.convert_to_numpy(other.value), 8.0)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="nothing is lost elsewhere")
def test_what_is_not_listed_is_not_lost_in_silence():
    count = keras.Variable(0.0, name="count")
    with pytest.raises(ValueError, match="count: list them"):
        ops.update_if(True, lambda: count.assign_add(1.0), [])
