"""The masked networks: who sees whom."""

import keras
import numpy as np
import pytest

from kelbo import layers as kl
from kelbo import ops

pytestmark = pytest.mark.core


def seen(network, size, outputs, context_size=None):
    """For each output of each entry, which inputs and which entries of the context move it."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1, size)).astype("float32")
    context = None
    if context_size is not None:
        context = random.normal(size=(1, context_size)).astype("float32")

    def run(x, context):
        if context is None:
            return ops.convert_to_numpy(network(x))[0]
        return ops.convert_to_numpy(network(x, context=context))[0]

    before = run(x, context)
    moves = []
    for i in range(size + (context_size or 0)):
        moved_x, moved_context = x.copy(), None if context is None else context.copy()
        (moved_x if i < size else moved_context)[0, i if i < size else i - size] += 0.5
        moves.append(np.abs(run(moved_x, moved_context) - before) > 1e-6)
    return np.stack(moves, axis=-1)


@pytest.mark.parametrize("context_size", [None, 2])
@pytest.mark.parametrize("hidden", [(24,), (24, 24), (40, 24, 32)])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.few(2)
def test_each_entry_sees_those_before_it_and_the_whole_context(size, hidden, context_size):
    keras.utils.set_random_seed(1)
    network = kl.MADE(size, 2, hidden, activation="tanh")
    moves = seen(network, size, 2, context_size)
    assert moves.shape == (size, 2, size + (context_size or 0))
    earlier = np.tril(np.ones((size, size), bool), -1)[:, None, :]
    np.testing.assert_array_equal(moves[..., :size], np.broadcast_to(earlier, (size, 2, size)))
    assert moves[..., size:].all()


def test_the_first_entry_is_no_linear_function_of_the_context():
    keras.utils.set_random_seed(1)
    network = kl.MADE(3, 1, (16,), activation="tanh")
    x = np.zeros((3, 3), "float32")
    context = np.array([[-2.0], [0.0], [2.0]], "float32")
    first = ops.convert_to_numpy(network(x, context=context))[:, 0, 0]
    assert abs(first[0] + first[2] - 2 * first[1]) > 1e-3


@pytest.mark.parametrize("strict", [False, True])
def test_masked_dense_is_a_dense_layer_with_a_masked_kernel(strict):
    before, after = [1, 2, 3], [0, 1, 2, 3]
    layer = kl.MaskedDense(before, after, strict=strict, activation="tanh")
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    y = ops.convert_to_numpy(layer(x))
    kernel, bias = layer.get_weights()
    mask = np.array([[(i < j) if strict else (i <= j) for j in after] for i in before])
    np.testing.assert_array_equal(layer.mask, mask)
    np.testing.assert_allclose(y, np.tanh(x @ (kernel * mask) + bias), atol=1e-5)
    assert layer.compute_output_shape((None, 3)) == (None, 4)


def test_saving_in_a_model(tmp_path):
    inputs, context = keras.Input((3,)), keras.Input((2,))
    outputs = kl.MADE(3, 2, (8, 8))(inputs, context=context)
    assert outputs.shape == (None, 3, 2)
    model = keras.Model([inputs, context], outputs)
    model.save(tmp_path / "made.keras")
    loaded = keras.saving.load_model(tmp_path / "made.keras")
    random = np.random.default_rng(0)
    data = [random.normal(size=(4, n)).astype("float32") for n in (3, 2)]
    np.testing.assert_array_equal(loaded.predict(data, verbose=0), model.predict(data, verbose=0))


def test_every_input_is_seen_where_the_hidden_layers_are_narrow():
    keras.utils.set_random_seed(0)
    moves = seen(kl.MADE(6, 1, (3,), activation="tanh"), 6, 1)
    assert moves[5, 0, :5].all()
