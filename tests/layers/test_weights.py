"""Constrained weights: their values, starts, priors, dtypes, errors, and that they are saved."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import bijectors as kb
from kelbo import distributions as kd
from kelbo import ops
from kelbo.layers import constrained_weight, constrained_weights, log_prior
from kelbo.parameters import constraints

from ..precision import float64, in_a_graph, quick_compilation  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


@keras.saving.register_keras_serializable(package="tests")
class Kernel(keras.layers.Layer):
    """A layer with a lengthscale per dimension and a variance, as a Gaussian process needs."""

    def __init__(
        self, lengthscale=1.0, variance=1.0, prior=None, trainable_variance=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.lengthscale_start, self.variance_start = lengthscale, variance
        self.trainable_variance = trainable_variance
        self.lengthscale = constrained_weight(
            self,
            "lengthscale",
            np.shape(lengthscale),
            constraints.positive,
            initial=lengthscale,
            floor=1e-6,
            prior=prior,
        )
        self.variance = constrained_weight(
            self,
            "variance",
            constraint=constraints.positive,
            initial=variance,
            trainable=trainable_variance,
        )

    def call(self, x):
        scaled = x / self.lengthscale()
        distance = ops.sum(ops.square(scaled[:, None] - scaled[None]), axis=-1)
        return self.variance() * ops.exp(-0.5 * distance)

    def get_config(self):
        prior = self.lengthscale.prior
        return {
            **super().get_config(),
            "lengthscale": self.lengthscale_start,
            "variance": self.variance_start,
            "prior": prior and keras.saving.serialize_keras_object(prior),
            "trainable_variance": self.trainable_variance,
        }

    @classmethod
    def from_config(cls, config):
        prior = config["prior"] and keras.saving.deserialize_keras_object(config["prior"])
        return cls(**{**config, "prior": prior})


def weight(*arguments, dtype=None, **settings):
    return constrained_weight(keras.layers.Layer(dtype=dtype), "w", *arguments, **settings)


CORRELATIONS = np.array([[1.0, 0.0], [0.6, 0.8]])
POSITIVE_DEFINITE = np.array([[2.0, 0.5], [0.5, 1.0]])
# A constraint, a shape, where the weight starts, how many numbers train, and further settings.
STARTS = {
    "real": (constraints.real, (2,), [0.5, -3.0], 2, {}),
    "positive": (constraints.positive, (), 0.7, 1, {}),
    "positive, with a floor": (constraints.positive, (3,), 0.7, 3, {"floor": 0.5}),
    "positive, large": (constraints.positive, (), 1e4, 1, {"floor": 1e-6}),
    "positive, by its logarithm": (constraints.positive, (), 3.0, 1, {"link": kb.Exp()}),
    "a positive vector": (constraints.positive_vector, (2,), [0.1, 9.0], 2, {"floor": 1e-3}),
    "nonnegative": (constraints.nonnegative, (2,), [0.1, 9.0], 2, {}),
    "above 2": (constraints.greater_than(2.0), (2,), 2.5, 2, {"floor": 0.25}),
    "below 2": (constraints.less_than(2.0), (2,), -2.5, 2, {}),
    "unit interval": (constraints.unit_interval, (2,), [0.25, 0.5], 2, {}),
    "simplex": (constraints.simplex, (3,), [0.2, 0.3, 0.5], 2, {}),
    "ordered": (constraints.ordered, (3,), [-1.0, 0.0, 4.0], 3, {}),
    "lower Cholesky": (constraints.lower_cholesky, (2, 2), [[1.0, 0.0], [5.0, 2.0]], 3, {}),
    "correlations": (constraints.correlation_cholesky, (2, 2), CORRELATIONS, 1, {}),
    "positive definite": (constraints.positive_definite, (2, 2), POSITIVE_DEFINITE, 3, {}),
    "an initializer": (
        constraints.positive,
        (2, 3),
        lambda shape, dtype=None: ops.full(shape, 4.0, dtype=dtype),
        6,
        {},
    ),
}


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.few(2)
def test_a_weight_starts_where_it_is_told_and_stays_in_its_set(name):
    constraint, shape, initial, size, settings = STARTS[name]
    made = weight(shape, constraint, initial, **settings)
    expected = np.broadcast_to(4.0 if callable(initial) else initial, shape)
    np.testing.assert_allclose(numbers(made()), expected, rtol=2e-6, atol=1e-6)
    assert made.shape == tuple(shape)
    assert np.size(made.variable) == size
    made.variable.assign(np.random.default_rng(0).normal(size=made.variable.shape) * 3.0)
    assert numbers(constraint.contains(made())).all()
    if "floor" in settings:
        assert numbers(made()).min() > settings["floor"]
    made.assign(expected)
    np.testing.assert_allclose(numbers(made()), expected, rtol=2e-6, atol=1e-6)


def test_without_a_start_the_weight_is_what_zeros_are_mapped_to():
    np.testing.assert_allclose(numbers(weight((4,), constraints.simplex)()), 0.25, rtol=1e-6)
    assert numbers(weight((), constraints.interval(-1.0, 3.0))()) == 1.0


def test_log_prior_of_the_value_and_of_the_unconstrained_numbers():
    start, prior = np.array([0.5, 2.0], "float32"), kd.LogNormal([0.0, 1.0], 0.5)
    made = weight((2,), constraints.positive, start, prior=prior)
    expected = stats.lognorm(0.5, scale=np.exp([0.0, 1.0])).logpdf(start).sum()
    # The slope of a softplus is the sigmoid: 1 - exp(-value).
    change = np.log(-np.expm1(-start)).sum()
    found = [numbers(made.log_prior()), numbers(made.log_prior(jacobian=True))]
    np.testing.assert_allclose(found, [expected, expected + change], rtol=1e-5)


@pytest.mark.slow
def test_log_prior_of_shares():
    shares = weight((3,), constraints.simplex, prior=kd.Dirichlet([1.0, 2.0, 3.0]))
    of_shares = stats.dirichlet([1.0, 2.0, 3.0]).logpdf([1 / 3] * 3)
    np.testing.assert_allclose(numbers(shares.log_prior()), of_shares, rtol=1e-5)
    by_map = kd.Transformed(kd.Normal.standard((2,)), kb.Simplex())
    raw = weight((3,), constraints.simplex, [0.2, 0.3, 0.5], prior=by_map)
    of_normal = stats.norm.logpdf(numbers(raw.variable)).sum()
    np.testing.assert_allclose(numbers(raw.log_prior(jacobian=True)), of_normal, rtol=1e-5)
    assert numbers(weight((2,), constraints.positive, 1.0).log_prior(jacobian=True)) == 0.0


@pytest.mark.slow
def test_the_mode_of_a_prior_does_not_depend_on_the_link():
    """Maximum a posteriori without data: the mode of the prior, by either link."""
    found = []
    for link in (kb.Exp(), kb.Softplus()):
        prior = kd.Gamma(3.0, 2.0)
        made = weight((), constraints.positive, 0.5, prior=prior, link=link)
        step = ops.compile(ops.value_and_grad(made.log_prior, [made.variable]), [made.variable])
        for _ in range(60):
            (slope,) = step()[1]
            made.variable.assign(made.variable + 0.5 * slope)
        found.append(numbers(made()))
    np.testing.assert_allclose(found, (3.0 - 1.0) / 2.0, rtol=1e-3)


def test_log_priors_of_all_layers_of_a_model():
    prior = kd.LogNormal(0.0, 1.0)
    kernel = Kernel([0.5, 2.0], prior=prior)
    model = keras.layers.Layer()
    model.kernels = [Kernel(3.0, prior=prior), kernel, Kernel()]
    weights = constrained_weights(model)
    assert len(weights) == len(model.trainable_variables) == 6
    expected = stats.lognorm(1.0).logpdf([3.0, 0.5, 2.0]).sum()
    np.testing.assert_allclose(numbers(log_prior(model)), expected, rtol=1e-5)
    both = numbers(kernel.lengthscale.log_prior(True)), numbers(log_prior(kernel, jacobian=True))
    assert both[0] == both[1]
    assert numbers(log_prior(keras.layers.Dense(2))) == 0.0


def test_a_weight_has_a_gradient_in_compiled_code():
    layer = Kernel([0.5, 2.0], 3.0)
    x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")

    def total():
        return ops.sum(layer(x))

    compute = ops.compile(ops.value_and_grad(total, layer.trainable_variables), layer.variables)
    value, slopes = compute()
    np.testing.assert_allclose(numbers(value), numbers(total()), rtol=1e-6)
    # Twice the variance is twice the sum: by the slope of the softplus.
    np.testing.assert_allclose(float(slopes[1]), float(value) / 3.0 * -np.expm1(-3.0), rtol=1e-5)
    assert np.abs(numbers(slopes[0])).min() > 0


def test_frozen_weights_do_not_train_and_say_so():
    layer = Kernel(trainable_variance=False)
    assert [v.name for v in layer.trainable_variables] == ["lengthscale"]
    layer.lengthscale.trainable = False
    assert not layer.trainable_variables
    assert repr(layer.variance) == (
        "ConstrainedWeight(variance, shape=(), dtype=float32, value=1., trainable=False)"
    )
    assert "value=[0.5, 2. ]" in repr(weight((2,), constraints.positive, [0.5, 2.0]))
    assert "value" not in repr(weight((20,)))


def test_a_layer_is_saved_with_its_weights_and_what_it_was_given(tmp_path):
    layer = Kernel([0.5, 2.0], prior=kd.LogNormal(0.0, 1.0), trainable_variance=False)
    model = keras.Sequential([keras.Input((2,)), layer])
    layer.lengthscale.assign([3.0, 4.0])
    model.save(tmp_path / "kernel.keras")
    again = keras.saving.load_model(tmp_path / "kernel.keras").layers[0]
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(numbers(again.lengthscale()), numbers(layer.lengthscale()))
    assert numbers(again.lengthscale.log_prior()) == numbers(layer.lengthscale.log_prior())
    assert not again.variance.trainable


@pytest.mark.slow
def test_dtypes(float64):  # noqa: F811
    wide = weight((2,), constraints.positive, [0.1, 1e-9], floor=1e-12, dtype="float64")
    assert (wide.dtype, wide().dtype) == ("float64", ops.zeros((), dtype="float64").dtype)
    np.testing.assert_allclose(numbers(wide()), [0.1, 1e-9], rtol=1e-12)
    prior = weight((), constraints.positive, 0.1, prior=kd.LogNormal(0.0, 1.0), dtype="float64")
    exact = stats.lognorm(1.0).logpdf(0.1)
    np.testing.assert_allclose(numbers(prior.log_prior()), exact, rtol=1e-12)
    half = weight((), constraints.positive, 0.7, dtype="bfloat16")
    assert half.dtype == "float32"
    np.testing.assert_allclose(numbers(half()), 0.7, rtol=1e-2)
    # Half precision of a layer's computations does not reach the weight.
    mixed = Kernel(0.7, dtype="mixed_bfloat16")
    scopes = []
    mixed.call = lambda x: scopes.append(mixed.lengthscale()) or x
    mixed(np.zeros((2, 2), "float32"))
    np.testing.assert_allclose(numbers(scopes[0]), 0.7, rtol=1e-6)


BAD_STARTS = {
    "outside": (
        lambda: Kernel(-1.0),
        "Kernel: lengthscale must be greater than 0 and finite, but .* is -1",
    ),
    "below the floor": (
        lambda: Kernel([1.0, 1e-7]),
        "lengthscale must be greater than 1e-06 and finite, but .* shape .2,.* from 1e-07 to 1",
    ),
    "at an end": (
        lambda: weight((), constraints.unit_interval, 1.0),
        "w must be greater than 0 and less than 1, but .* is 1",
    ),
    "no shares": (
        lambda: weight((2,), constraints.simplex, [0.5, 0.6]),
        "w must be a vector of numbers of at least 0 that sum to 1, .* its sum .* is 1.1",
    ),
    "shape": (
        lambda: weight((3,), constraints.positive, [1.0, 2.0]),
        r"w has the shape \(3,\); a value of shape \(2,\) does not broadcast to it",
    ),
    "a number for shares": (lambda: weight((), constraints.simplex), "Layer: w: Simplex: "),
    "a negative floor": (
        lambda: weight((), constraints.positive, 0.5, floor=-1.0),
        "Layer: w: link_onto: floor must be a finite number of at least 0, got -1",
    ),
    "a floor beside a link": (
        lambda: weight((), constraints.positive, 0.5, floor=0.1, link=kb.Exp()),
        "Layer: w: a floor of 0.1 and a link are given",
    ),
    "a link that leaves the set": (
        lambda: weight((), constraints.positive, 0.5, link=kb.Identity()),
        "Layer: w: the link Identity.* reaches what is a finite real .*must be greater than 0",
    ),
    "a link that leaves the simplex": (
        lambda: weight((2,), constraints.simplex, [0.5, 0.5], link=kb.Exp()),
        "Layer: w: the link Exp.* reaches",
    ),
    "a floor of an interval": (
        lambda: weight((), constraints.unit_interval, 0.5, floor=0.1),
        "Layer: w: .* a floor of 0.1 has no meaning for what must be between 0 and 1",
    ),
    "a discrete set": (lambda: weight((), constraints.boolean), "Layer: w: onto: .* be counted"),
    "no density": (
        lambda: weight((), constraints.positive, 3.0, prior=kd.Uniform(0.0, 2.0)),
        r"w starts where its prior Uniform\(.*\) has no density: .* from 0 to 2",
    ),
    "a prior of more numbers": (
        lambda: weight((), constraints.positive, 1.0, prior=kd.LogNormal([0.0, 1.0], 1.0)),
        r"w has the shape \(\), but its prior LogNormal\(.*\) is one of values of shape \(2,\)",
    ),
    "assigned": (
        lambda: Kernel().lengthscale.assign(0.0),
        "Kernel: lengthscale must be greater than 1e-06 and finite, but .* is 0",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_STARTS.values(), ids=BAD_STARTS)
def test_bad_starts_are_named(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
