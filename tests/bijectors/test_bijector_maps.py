"""Every bijector: its map, its way back, and its log-determinant against the Jacobian."""

import json

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.bijectors.equality import is_same_map

from .cases import CASES, CASES_BY_NAME

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

NEAR = {"float32": {"rtol": 2e-4, "atol": 2e-5}, "float64": {"rtol": 1e-9, "atol": 1e-10}}
GENERATOR = np.random.default_rng(7)
few_examples = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def tensor(x, dtype="float64"):
    return ops.convert_to_tensor(np.asarray(x, "float64"), dtype=dtype)


def numbers(x):
    return ops.convert_to_numpy(x)


def points_of(case, seed, batch=(3, 1, 4), size=3):
    return case.points(np.random.default_rng(seed + 1), batch, size)


def both_ways(bijector, x):
    """y, x again, and the log-determinants of both ways; the dtypes are those of the bijector."""
    y, log_det = bijector.forward_and_log_det(x)
    again, inverse_log_det = bijector.inverse_and_log_det(y)
    return y, again, log_det, inverse_log_det


def assert_both_ways(case, bijector, parameters, x, results, dtype):
    """The results of `both_ways` against the reference, in values, shapes and dtypes."""
    y, again, log_det, inverse_log_det = (numbers(t) for t in results)
    assert {str(t.dtype) for t in (y, again, log_det, inverse_log_det)} == {dtype}
    np.testing.assert_allclose(y, case.forward(x, **parameters), **NEAR[dtype])
    np.testing.assert_allclose(again, np.broadcast_to(x, again.shape), **NEAR[dtype])
    np.testing.assert_allclose(inverse_log_det, -log_det, **NEAR[dtype])

    rank = case.event_rank if case.inverse_event_rank is None else case.inverse_event_rank
    assert (bijector.event_rank, bijector.inverse_event_rank) == (case.event_rank, rank)
    x_event, y_event = x.shape[x.ndim - case.event_rank :], y.shape[y.ndim - rank :]
    batch = np.broadcast_shapes(bijector.batch_shape, x.shape[: x.ndim - case.event_rank])
    assert log_det.shape == inverse_log_det.shape == batch
    assert y.shape == batch + y_event
    assert bijector.forward_event_shape(x_event) == y_event
    assert bijector.inverse_event_shape(y_event) == x_event
    assert bijector.forward_event_shape((7, *x_event)) == (7, *y_event)
    assert bijector.inverse_event_shape((7, *y_event)) == (7, *x_event)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.few(12)
def test_the_map_the_way_back_and_the_shapes_in_float32(case):
    bijector, parameters = case.build(np.random.default_rng(0), (2, 1), 3, "float32")
    x = points_of(case, 0)

    def run(x):
        results = both_ways(bijector, x)
        inside = bijector.domain.contains(x), bijector.codomain.contains(results[0])
        return results, [ops.all(one) for one in inside]

    results, inside = ops.compile(run)(tensor(x, "float32"))
    assert_both_ways(case, bijector, parameters, x, results, "float32")
    assert [bool(one) for one in inside] == [True, True]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.few(10)
def test_float64_and_the_log_determinant_of_the_jacobian(case, float64):
    bijector, parameters = case.build(np.random.default_rng(2), (2, 1), 3, "float64")
    rank = case.event_rank
    x = points_of(case, 2)
    batch = np.broadcast_shapes(bijector.batch_shape, x.shape[: x.ndim - rank])
    x = np.broadcast_to(x, batch + x.shape[x.ndim - rank :])
    variable = keras.Variable(x, dtype="float64")
    size = int(np.prod(x.shape[x.ndim - rank :]))  # as many coordinates of y as entries of x
    weights = keras.Variable(np.zeros(size), dtype="float64", trainable=False)

    # Each y depends on its own x alone: the gradient of a sum over the batch is one row of each.
    def row():
        results = both_ways(bijector, variable)
        return ops.sum(case.coordinates(results[0]) * weights), results

    differentiate = ops.value_and_grad(row, [variable], has_aux=True)
    differentiate = ops.compile(differentiate, [variable, weights])
    rows = []
    for weight in np.eye(size):
        weights.assign(weight)
        (_, results), (gradient,) = differentiate()
        rows.append(np.reshape(numbers(gradient), (*batch, -1)))
    assert_both_ways(case, bijector, parameters, x, results, "float64")
    sign, expected = np.linalg.slogdet(np.stack(rows, axis=-2))
    np.testing.assert_allclose(numbers(results[2]), expected, **NEAR["float64"])
    if rank == 0:
        assert (sign > 0).all() == bool(np.all(numbers(bijector.is_increasing)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said_of_monotony(case):
    bijector, _ = case.build(np.random.default_rng(3), (), 2)
    increasing = bijector.is_increasing
    assert (None if increasing is None else bool(increasing)) == case.is_increasing


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.build(GENERATOR, (), 2)[0].is_affine],
    ids=lambda case: case.name,
)
def test_affine_maps_map_means_to_means(case):
    bijector, _ = case.build(np.random.default_rng(6), (2, 1), 3)
    x = points_of(case, 6)
    middle = 0.5 * (x + x[::-1])
    run = ops.compile(lambda *points: [bijector.forward_and_log_det(point) for point in points])
    results = run(*[tensor(point, "float32") for point in (x, middle)])
    (y, log_det), (image, same) = [map(numbers, result) for result in results]
    np.testing.assert_allclose(image, 0.5 * (y + y[::-1]), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(log_det, same)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.few(20)
def test_saving_by_way_of_json(case, dtype):
    bijector, _ = case.build(np.random.default_rng(4), (2, 1), 3, dtype)
    text = json.dumps(keras.saving.serialize_keras_object(bijector))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(bijector)
    assert again.dtype == bijector.dtype == dtype
    assert again.get_config() == bijector.get_config()
    assert repr(again) == repr(bijector)
    assert is_same_map(again, bijector)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.few(8)
def test_astype(case, float64):
    narrow, _ = case.build(np.random.default_rng(5), (2, 1), 3, "float32")
    assert narrow.dtype == "float32"
    assert narrow.astype("float32") is narrow
    wide = narrow.astype("float64")
    assert type(wide) is type(narrow)
    assert (wide.dtype, wide.batch_shape) == ("float64", narrow.batch_shape)
    # A wide value is mapped in float64 by the narrow bijector too.
    run = ops.compile(lambda x: [narrow.forward(x), wide.forward(x)])
    one, other = map(numbers, run(tensor(points_of(case, 5))))
    assert str(one.dtype) == str(other.dtype) == "float64"
    np.testing.assert_array_equal(one, other)


@given(
    case=st.sampled_from(CASES),
    shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3),
    size=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
@few_examples
@pytest.mark.slow
def test_any_batch_of_values_and_parameters(float64, case, shapes, size, seed):
    batch, own = shapes.input_shapes
    bijector, parameters = case.build(np.random.default_rng(seed), own, size, "float64")
    x = points_of(case, seed, batch, size)
    run = ops.compile(lambda x: both_ways(bijector, x))
    y, again, log_det, inverse_log_det = map(numbers, run(tensor(x)))
    assert log_det.shape == np.broadcast_shapes(batch, bijector.batch_shape)
    np.testing.assert_allclose(y, case.forward(x, **parameters), **NEAR["float64"])
    np.testing.assert_allclose(again, np.broadcast_to(x, again.shape), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-6, atol=1e-6)


LINKS = ["affine that mirrors", "shift", "softplus", "sigmoid onto an interval", "tanh"]
LINKS += ["scale_tril", "affine_tril", "permute", "ordered", "chain of numbers and vectors"]


@given(
    links=st.lists(st.sampled_from(LINKS), min_size=1, max_size=4),
    size=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
@few_examples
@pytest.mark.slow
def test_a_chain_is_its_bijectors_one_after_another(float64, links, size, seed):
    random = np.random.default_rng(seed)
    links = [CASES_BY_NAME[link] for link in links]
    built = [case.build(random, (2,) if case.event_rank else (2, 1), size) for case in links]
    maps = [bijector.astype("float64") for bijector, _ in built]
    chain, x = kb.Chain(maps), random.normal(size=(3, 2, size))
    rank = max(case.event_rank for case in links)
    assert chain.event_rank == chain.inverse_event_rank == rank
    expected = x
    for case, (_, parameters) in zip(links, built, strict=True):
        expected = case.forward(expected, **parameters)

    def run(x):
        total, value = 0.0, x
        for bijector in maps:
            value, log_det = bijector.forward_and_log_det(value)
            total += ops.sum(log_det, axis=-1) if bijector.event_rank < rank else log_det
        return *both_ways(chain, x), total

    results = map(numbers, ops.compile(run)(tensor(x)))
    y, again, log_det, inverse_log_det, total = results
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)  # parameters were float32
    np.testing.assert_allclose(log_det, total, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(again, x, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-3, atol=1e-4)
