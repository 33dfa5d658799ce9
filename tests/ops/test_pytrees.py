"""Objects made of tensors: they go through compiled functions and loops, and JAX' and TensorFlow's.

What each distribution and bijector is made of is tested with their tables.
"""

import functools

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    Joint,
    Masked,
    Mixture,
    MultivariateNormalTriL,
    Normal,
    Transformed,
)
from kelbo.ops.pytrees import opened

pytestmark = pytest.mark.core

only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX alone")
only_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="of TensorFlow alone"
)


def numbers(x):
    return ops.convert_to_numpy(x)


def test_a_nest_of_distributions_goes_in_and_out_and_is_compiled_once():
    traces = []

    def function(nest, x):
        traces.append(x)
        d = nest["d"]
        return {"wider": (Normal(d.mean(), 2.0 * d.stddev()), d.log_prob(x)), "none": nest["none"]}

    run = ops.compile(function)
    for loc in (0.0, 1.0, 2.0):
        result = run({"d": Normal([loc, 5.0], 1.0), "none": None}, np.float32(1.0))
    wider, log_prob = result["wider"]
    assert result["none"] is None
    np.testing.assert_array_equal(numbers(wider.mean()), [2.0, 5.0])
    np.testing.assert_array_equal(numbers(wider[0].stddev()), 2.0)
    np.testing.assert_allclose(numbers(log_prob), -0.9189385 - np.array([0.5, 8.0]), rtol=1e-5)
    assert len(traces) < 3 or keras.backend.backend() == "torch"


def test_a_distribution_is_carried_read_and_put_out_by_a_scan():
    def filtered(rows, first):
        """The states of a random walk that is seen with noise: each by the one before."""

        def step(state, seen):
            noise, x = seen
            gain = state.variance() / (state.variance() + noise.variance())
            mean = state.mean() + gain * (x - noise.mean() - state.mean())
            state = Normal(mean, ops.sqrt((1.0 - gain) * state.variance()))
            return state, {"state": state, "is_high": Bernoulli(logits=mean)}

        return ops.scan(step, first, rows)

    noise = Normal([0.0, 1.0, 0.0, 0.0], 2.0)  # one scale for all rows
    x = np.array([1.0, 3.0, -1.0, 0.5], "float32")
    last, steps = ops.compile(filtered)((noise, x), Normal(0.0, 3.0))
    precision, weighted, means = 1 / 9, 0.0, []
    for value in x - numbers(noise.mean()):
        precision, weighted = precision + 1 / 4, weighted + value / 4
        means.append(weighted / precision)
    np.testing.assert_allclose(numbers(steps["state"].mean()), means, rtol=1e-5)
    np.testing.assert_allclose(numbers(steps["is_high"].logits), means, rtol=1e-5)
    np.testing.assert_allclose(numbers(last.mean()), means[-1], rtol=1e-5)
    np.testing.assert_allclose(numbers(last.variance()), 1 / precision, rtol=1e-5)


def test_what_is_stacked_goes_on_broadcasting():
    # Three of three: an axis that is in the wrong place would not be seen by the shapes alone.
    def make(shift):
        inner = Normal([0.0, 1.0, 2.0], 1.0 + shift)
        mixture = Mixture(Categorical(probs=[0.25, 0.75]), [inner, Normal(shift, 1.0)])
        flow = Transformed(Independent(inner), kb.Chain([kb.Shift(shift), kb.Exp()]))
        return [Independent(Masked(inner, [True, False, True])), mixture, flow]

    def compute(shifts, x):
        _, stacked = ops.scan(lambda c, shift: (c, make(shift)), ops.zeros(()), shifts)
        each = [make(shifts[i]) for i in range(3)]
        expected = [ops.stack([d.log_prob(x) for d in ds]) for ds in zip(*each, strict=True)]
        return [d.log_prob(x) for d in stacked], expected

    x = np.array([0.5, 1.5, 2.5], "float32")
    given, expected = ops.compile(compute)(np.array([0.1, 0.2, 0.3], "float32"), x)
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-5)


def test_loops_carry_distributions():
    def widen(d):
        return Normal(d.mean() + 1.0, 2.0 * d.stddev())

    def loops(d):
        three = ops.fori_loop(0, 3, lambda i, pair: (widen(pair[0]), pair[1] + 1.0), (d, 0.0))
        until, turns = ops.while_loop(
            lambda d, turns: d.stddev() < 5.0,
            lambda d, turns: (widen(d), turns + 1),
            (d, ops.zeros((), "int32")),
        )
        alone = ops.while_loop(lambda d: d.mean() < 3.0, widen, d)
        return three[0], until, turns, alone

    for run in (loops, ops.compile(loops)):
        three, until, turns, alone = run(Normal(0.0, 1.0))
        assert [float(d.stddev()) for d in (three, until, alone)] == [8.0, 8.0, 8.0]
        assert int(turns) == 3


def test_gradients_go_through_loops_of_distributions():
    factor = keras.Variable(np.float32(1.5))

    def mean():
        def step(d, _):
            return Normal(factor * d.mean(), d.stddev()), d

        last, before = ops.scan(step, Normal(1.0, 1.0), length=3)
        return last.mean() + ops.sum(before.mean())

    value, (gradient,) = ops.value_and_grad(mean, [factor])()
    np.testing.assert_allclose(numbers(value), 1 + 1.5 + 1.5**2 + 1.5**3, rtol=1e-6)
    np.testing.assert_allclose(numbers(gradient), 1 + 2 * 1.5 + 3 * 1.5**2, rtol=1e-6)


def test_its_tensors_are_named_and_exchanged():
    d = Independent(Normal([0.0, 1.0], 2.0))
    tensors = d.tensors()
    assert list(tensors) == ["distribution.loc", "distribution.scale"]
    moved = d.with_tensors({**tensors, "distribution.loc": tensors["distribution.loc"] + 1.0})
    np.testing.assert_array_equal(numbers(moved.mean()), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"expected distribution.loc, distribution.scale; got loc"):
        d.with_tensors({"loc": 0.0})


def test_what_is_not_made_of_tensors_stays_what_it_is():
    """JAX puts what it likes in the place of tensors; nothing is computed of it."""
    d = Independent(Normal([0.0, 1.0], 2.0))
    hollow = d.with_tensors(dict.fromkeys(d.tensors(), "a shape"))
    assert isinstance(hollow, Independent)
    assert list(hollow.tensors().values()) == ["a shape", "a shape"]
    assert repr(hollow) == "Independent('a shape', 'a shape')"
    with pytest.raises(AttributeError, match=r"Independent was taken apart.*has no distribution"):
        hollow.mean()
    misfit = d.with_tensors(
        {"distribution.loc": ops.zeros((2,)), "distribution.scale": ops.ones((3,))}
    )
    with pytest.raises(AttributeError, match=r"the shapes of the parameters do not broadcast"):
        misfit.mean()


def test_an_attribute_that_is_missing_is_named():
    with pytest.raises(AttributeError, match="'Normal' object has no attribute 'locc'"):
        Normal(0.0, 1.0).locc  # noqa: B018


def test_structures_differ_where_anything_but_tensors_does():
    def structure(value):
        return opened({"d": value, "x": 0.0})[2]

    a, b = (Masked(Normal([loc, 1.0], 1.0), [True, False]) for loc in (0.0, 5.0))
    assert structure(a) == structure(b)
    assert hash(structure(a)) == hash(structure(b))
    others = (
        Normal(0.0, 1.0),
        Independent(Normal([0.0, 1.0], 1.0)),
        Independent(Normal([0.0, 1.0], 1.0), 0),
        Bernoulli(probs=0.5),
        Bernoulli(logits=0.5),
        Transformed(Normal(0.0, 1.0), kb.Sigmoid(0.0, 2.0)),
        Transformed(Normal(0.0, 1.0), kb.Tanh()),
    )
    assert len({*map(structure, (a, *others))}) == 1 + len(others)


def test_a_loop_keeps_the_structure_of_what_it_carries():
    with pytest.raises((ValueError, TypeError), match=r"(?i)structure|pytree"):
        ops.fori_loop(0, 2, lambda i, d: Bernoulli(logits=d.mean()), Normal(0.0, 1.0))


@keras.saving.register_keras_serializable(package="tests")
def _moved_by_context(passed, context):
    return kb.Shift(context + 0.0 * passed)


def _double(x, factor):
    return kb.Scale(factor + 0.0 * x)


def test_the_context_of_a_map_is_a_tensor_of_it():
    """A function that is made anew would be another one at each call; a context is not."""
    coupling = kb.Coupling(
        _moved_by_context,
        [True, False],
        context=np.array([[1.0], [2.0], [3.0]], "float32"),
    )
    flow = Transformed(Normal.standard((2,)), coupling)
    assert flow.batch_shape == (3,)
    again = ops.compile(lambda d: d)(flow)
    np.testing.assert_array_equal(
        numbers(again[1:].bijector.forward(np.zeros(2, "float32"))), [[0.0, 2.0], [0.0, 3.0]]
    )
    loaded = kb.Coupling.from_config(coupling.get_config())
    np.testing.assert_array_equal(numbers(loaded.context), numbers(coupling.context))
    partial = kb.Autoregressive(functools.partial(_double, factor=ops.convert_to_tensor(2.0)))
    assert list(partial.tensors()) == ["conditioner.2.factor"]


def test_a_joint_of_parts_and_functions_of_them():
    def value(level):
        return Normal(level, 1.0)

    joint = Joint({"level": Independent(Normal([0.0, 5.0], 1.0)), "value": value})
    again = ops.compile(lambda d: d)(joint)
    assert again.names == joint.names
    np.testing.assert_array_equal(numbers(again.part("level").mean()), [0.0, 5.0])
    np.testing.assert_array_equal(numbers(again.part("value", {"level": 3.0}).mean()), 3.0)


def test_a_function_that_holds_a_tensor_does_not_leave_compiled_code():
    if keras.backend.backend() == "torch":
        pytest.skip("nothing is traced")

    def make(shift):
        return kb.Coupling(lambda passed: kb.Shift(shift + 0.0 * passed), [True, False])

    with pytest.raises(TypeError, match=r"the function .*<lambda> holds 'shift'.*its `context`"):
        ops.compile(make)(np.float32(1.0))


@only_jax
def test_transformations_of_jax():
    import jax
    import jax.numpy as jnp

    d = MultivariateNormalTriL(jnp.zeros((3, 2)), jnp.eye(2))
    x = jnp.arange(6.0).reshape(3, 2)

    @jax.jit
    def moved(d, x):
        return MultivariateNormalTriL(d.loc + x, d.scale_tril)

    at_x = moved(d, x)
    np.testing.assert_array_equal(at_x.mean(), x)
    rows = at_x.spread()
    densities = jax.vmap(lambda d, x: d.log_prob(x))(rows, x)
    np.testing.assert_allclose(densities, at_x.log_prob(x), rtol=1e-6)
    made = jax.vmap(lambda loc: Independent(Normal(loc, 1.0)))(x)
    assert (made.batch_shape, made.event_shape) == ((3,), (2,))
    gradient = jax.grad(lambda d: jnp.sum(d.log_prob(x)))(d)
    np.testing.assert_allclose(gradient.tensors()["loc"], x, rtol=1e-6)
    last, path = jax.lax.scan(lambda d, x: (moved(d, x), d), d, jnp.ones((4, 3, 2)))
    np.testing.assert_array_equal(last.mean(), np.full((3, 2), 4.0))
    assert path.batch_shape == (4, 3)
    ranks = jax.tree.map(jnp.ndim, d)
    assert ranks.tensors() == {"loc": 2, "scale_tril": 3}
    assert jax.tree.structure(ranks) == jax.tree.structure(moved(d, x))
    assert jax.eval_shape(moved, d, x).tensors()["loc"].shape == (3, 2)
    (path, _), _ = jax.tree_util.tree_flatten_with_path(d)[0]
    assert jax.tree_util.keystr(path) == ".loc"


@only_jax
def test_what_crosses_within_compiled_code_adds_no_operation():
    import jax
    import jax.numpy as jnp

    def plain(loc, scale):
        return jax.lax.scan(lambda c, x: ((c[0] + x, c[1]), c[0]), (loc, scale), jnp.ones((3, 2)))

    def crossing(d):
        return jax.lax.scan(lambda d, x: (Normal(d.loc + x, d.scale), d.loc), d, jnp.ones((3, 2)))

    loc, scale = jnp.zeros(2), jnp.ones(2)
    one = jax.make_jaxpr(plain)(loc, scale)
    other = jax.make_jaxpr(crossing)(Normal(loc, scale))
    assert str(one) == str(other)


@only_tensorflow
def test_functions_of_tensorflow():
    import tensorflow as tf

    traces = []

    @tf.function
    def wider(d):
        traces.append(d)
        return {"d": Normal(d.mean(), 2.0 * d.stddev())}

    d = Normal([0.0, 1.0], [1.0, 1.0])
    for _ in range(3):
        d = wider(d)["d"]
    np.testing.assert_array_equal(d.stddev(), [8.0, 8.0])
    assert len(traces) == 1
    assert len(tf.nest.flatten({"d": d})) == 2
    wider(Normal(0.0, 1.0))
    assert len(traces) == 2
