import tracemalloc

import numpy as np
import pytest

from kelbo.datasets import binarize


def test_threshold_rounds_half_up():
    x = np.array([[0, 0.25, np.nextafter(0.5, 0), 0.5, 1]])
    x = x.astype(np.float32)
    x[0, 2] = np.nextafter(np.float32(0.5), np.float32(0))
    np.testing.assert_array_equal(binarize(x, "threshold"), [[0, 0, 0, 1, 1]])


def test_static_is_a_bernoulli_draw_with_mean_x():
    levels = np.array([0, 0.1, 0.5, 0.9, 1], np.float32)
    n = 40000
    drawn = binarize(np.tile(levels, (n, 1)), "static", seed=1)
    assert set(np.unique(drawn)) == {0, 1}
    standard_error = np.sqrt(levels * (1 - levels) / n)
    assert (np.abs(drawn.mean(0) - levels) <= 4 * standard_error).all()
    # Pixels are drawn independently of each other.
    assert abs(np.corrcoef(drawn[:, 1], drawn[:, 2])[0, 1]) < 4 / np.sqrt(n)


def test_static_depends_on_the_seed_only():
    x = np.full((50, 20), 0.5, np.float32)
    np.testing.assert_array_equal(binarize(x, "static", seed=3), binarize(x, "static", seed=3))
    assert not np.array_equal(binarize(x, "static", seed=3), binarize(x, "static", seed=4))


def test_static_draws_every_chunk_anew():
    x = np.full((12000, 784), 0.5, np.float32)  # more than one chunk
    drawn = binarize(x, "static")
    assert len(np.unique(np.packbits(drawn.astype(bool), axis=1), axis=0)) == len(x)


def test_leaves_its_input_alone_and_returns_float32():
    x = np.array([[0.2, 0.7]])
    before = x.copy()
    for mode in ("none", "threshold", "static"):
        assert binarize(x, mode).dtype == np.float32
        np.testing.assert_array_equal(x, before)


def test_none_passes_any_finite_values():
    np.testing.assert_array_equal(binarize(np.array([[-3.0, 9.0]]), "none"), [[-3, 9]])


def test_needs_little_memory_beside_its_result():
    x = np.full((20000, 784), 0.5, np.float32)
    tracemalloc.start()
    drawn = binarize(x, "static")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < drawn.nbytes + 40e6


@pytest.mark.parametrize("mode", ["threshold", "static"])
@pytest.mark.parametrize("bad", [-0.01, 1.01, 255])
def test_refuses_values_outside_0_1(mode, bad, refuses):
    refuses(lambda: binarize(np.array([[0.5, bad]]), mode), mode, "[0, 1]", f"{bad:g}")


def test_refuses_nan_empty_and_text(refuses):
    refuses(lambda: binarize(np.array([[np.nan]]), "threshold"), "1 NaN")
    refuses(lambda: binarize(np.zeros((0, 3)), "static"), "empty")
    refuses(lambda: binarize(np.array([["a"]]), "none"), "numbers")


def test_refuses_dynamic_and_unknown_modes(refuses):
    x = np.zeros((2, 2))
    refuses(lambda: binarize(x, "dynamic"), "compiled training step", "layer", "'static'")
    refuses(lambda: binarize(x, "rounded"), "'rounded'", "threshold", "static")
