"""Flow: a conditional like any other."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def values(batch, size, seed=1):
    return np.random.default_rng(seed).normal(size=(*batch, size)).astype("float32")


def network():
    return keras.Sequential([keras.layers.Dense(8, "tanh")])


def bijectors(**more):
    return [
        kl.MaskedAutoregressive((3,), hidden=(8,), **more),
        kl.Permutation((3,)),
        kb.Affine(shift=[1.0, 0.0, -1.0], scale=2.0),
        kl.PlanarFlow((3,), invert=True),
    ]


def conditional(**more):
    keras.utils.set_random_seed(0)
    base = kl.ConditionalNormal((3,))
    return kl.Flow(base, bijectors(), network(), **more)


def unconditional():
    keras.utils.set_random_seed(0)
    return kl.Flow(kd.Normal.standard((3,)), bijectors())


def test_it_is_the_base_pushed_through_all_maps():
    flow = unconditional()
    y = values((5,), 3)

    def run():
        x, total = y, 0.0
        for piece in reversed(flow.bijectors):
            bijector = piece if isinstance(piece, kb.Bijector) else piece.given()
            x, log_det = bijector.inverse_and_log_det(x)
            if len(log_det.shape) == 2:
                log_det = ops.sum(log_det, axis=-1)
            total = total + log_det
        expected = kd.Normal.standard((3,)).log_prob(x) + total
        return flow.given().log_prob(y), expected

    distribution = flow.given()
    assert isinstance(distribution, kd.Transformed)
    assert (distribution.batch_shape, distribution.event_shape) == ((), (3,))
    found, expected = map(numbers, ops.compile(run, flow.variables)())
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.slow
def test_given_a_context():
    flow = conditional()
    context = values((4,), 5)

    def run():
        q = flow.given(context)
        y, log_prob = q.sample_and_log_prob((7,), seed=3)
        return y, log_prob, q.log_prob(y), flow.given(context[1:2]).log_prob(y[:, 1:2])

    distribution = flow.given(context)
    assert (distribution.batch_shape, distribution.event_shape) == ((4,), (3,))
    assert distribution.reparameterized
    y, log_prob, again, single = map(numbers, ops.compile(run, flow.variables)())
    assert (y.shape, log_prob.shape) == ((7, 4, 3), (7, 4))
    np.testing.assert_allclose(again, log_prob, atol=2e-4)
    np.testing.assert_allclose(single[:, 0], log_prob[:, 1], atol=2e-4)


def test_leading_axes_of_the_context_and_a_batch_of_values():
    """As a likelihood is used: contexts (samples, batch, size), values (batch, size)."""
    keras.utils.set_random_seed(0)
    flow = kl.Flow(kd.Normal.standard((3,)), bijectors())
    context, x = values((6, 4), 5), values((4,), 3)

    def run():
        flow.build((None, 5))
        every = flow.given(context).log_prob(x)
        one = flow.given(context[2]).log_prob(x)
        return every, one, flow.given(context).sample(seed=0)

    flow.build((None, 5))
    every, one, draws = map(numbers, ops.compile(run, flow.variables)())
    assert every.shape == (6, 4)
    assert draws.shape == (6, 4, 3)
    np.testing.assert_allclose(every[2], one, atol=1e-4)


def test_calling_it_returns_the_parameters():
    flow = conditional()
    inputs = keras.Input((5,))
    model = keras.Model(inputs, flow(inputs))
    outputs = model.predict(values((4,), 5), verbose=0)
    assert {"base/loc", "base/scale", "0/context", "3/u", "3/w", "3/b"} == set(outputs)
    assert {n: tuple(t.shape) for n, t in model.output.items()} == {
        n: (None, *t.shape[1:]) for n, t in outputs.items()
    }
    distribution = flow.distribution(**{n: ops.convert_to_tensor(t) for n, t in outputs.items()})
    x = values((4,), 3)
    np.testing.assert_allclose(
        numbers(distribution.log_prob(x)),
        numbers(flow.given(values((4,), 5)).log_prob(x)),
        rtol=1e-4,
    )
    with pytest.raises(TypeError, match=r"Flow\.given was called with a symbolic"):
        flow.given(inputs)


def test_saving_in_a_functional_model(tmp_path):
    flow = conditional(name="flow")
    inputs = keras.Input((5,))
    model = keras.Model(inputs, flow(inputs))
    model.save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras", safe_mode=True).get_layer("flow")
    context, x = values((4,), 5), values((4,), 3)
    for layer in (flow, loaded):
        assert layer.event_shape == (3,)
    np.testing.assert_array_equal(
        numbers(loaded.given(context).log_prob(x)), numbers(flow.given(context).log_prob(x))
    )


def test_the_shape_of_its_values_is_that_after_the_last_map():
    flow = kl.Flow(kd.Normal.standard((4,)), [kl.PlanarFlow((4,)), kb.Reshape((2, 2), (4,))])
    assert flow.event_shape == (2, 2)
    assert flow.given().sample((5,), seed=0).shape == (5, 2, 2)


def mass(flow, low=-9.0, high=9.0, points=301):
    """The integral of the density over a square."""
    axis = np.linspace(low, high, points, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    run = ops.compile(lambda: ops.exp(flow.given().log_prob(grid)), flow.variables)
    return float(numbers(run()).sum()) * ((high - low) / (points - 1)) ** 2


MAPS = {
    "planar": lambda: [kl.PlanarFlow((2,)), kl.PlanarFlow((2,))],
    "radial": lambda: [kl.RadialFlow((2,)), kl.RadialFlow((2,))],
    "sylvester": lambda: [kl.SylvesterFlow((2,))],
    "spline": lambda: [kl.SplineCoupling((2,), network())],
    "maf": lambda: [kl.MaskedAutoregressive((2,), hidden=(8,))],
    "blocks": lambda: [kl.BlockAutoregressiveFlow((2,), hidden=(4,), invert=True)],
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.few(2)
def test_densities_integrate_to_1(name):
    keras.utils.set_random_seed(0)
    flow = kl.Flow(kd.Normal.standard((2,)), MAPS[name]())
    flow.build(None)
    random = np.random.default_rng(0)
    flow.set_weights([w + 0.3 * random.normal(size=w.shape) for w in flow.get_weights()])
    assert mass(flow) == pytest.approx(1.0, abs=2e-3)


BAD = [
    (lambda: kl.Flow(kd.Normal.standard((2,)), []), "bijectors is empty"),
    (
        lambda: kl.Flow(kd.Normal.standard((2,)), [kl.PlanarFlow((3,))]),
        r"place 0, a PlanarFlow, maps values of shape \(3,\), but those .* shape \(2,\)",
    ),
    (
        lambda: kl.Flow(kd.Normal.standard((2,)), [keras.layers.Dense(2)]),
        "the one at place 0 is a Dense",
    ),
    (lambda: conditional().given(), "its network needs one: call given"),
    (
        lambda: kl.Flow(kl.ConditionalNormal((2,)), [kl.PlanarFlow((2,))]).given(),
        "its base, a conditional, needs one",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_built_for_one_use():
    flow = unconditional()
    flow.given()
    with pytest.raises(ValueError, match="Flow was built without a context"):
        flow.given(values((4,), 5))
    flow = conditional()
    flow.given(values((4,), 5))
    with pytest.raises(ValueError, match="no context is given"):
        flow.given()
