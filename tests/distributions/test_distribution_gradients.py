"""Gradients against finite differences of the references, in float64."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import ContinuousBernoulli

from .table import CASES, ONE_OF_EACH

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

SMOOTH = [case for case in CASES if case.is_smooth and not case.is_variant]
CONTINUOUS_BERNOULLIS = [case for case in SMOOTH if case.family is ContinuousBernoulli]
STEP = 1e-5


def directions_of(case):
    """A random direction per parameter, within the parameters' domain."""
    generator = np.random.default_rng(2)
    directions = {}
    for name, value in case.parameters.items():
        random = generator.normal(size=np.shape(value)) * np.minimum(np.abs(value) + 1e-3, 1.0)
        directions[name] = case.direction_of(name, random)
    return directions


def moved(case, directions, step):
    return {name: value + step * directions[name] for name, value in case.parameters.items()}


def total(tensors, directions):
    pairs = zip(tensors, directions, strict=True)
    return sum(np.sum(ops.convert_to_numpy(tensor) * direction) for tensor, direction in pairs)


class Weighted:
    """A weighted sum of the log densities of a case, and its references."""

    def __init__(self, case):
        self.case = case
        self.values = values = np.asarray(case.values, "float64")
        support = case.make(validate=False).support
        self.moves = not support.is_discrete and case.has_value_gradient
        # Not over the ends of the support, where the density has a jump.
        self.toward = np.where(values > case.middle, -1.0, 1.0) * self.moves
        shape = case.reference(**case.parameters).log_prob(values).shape
        self.weights = np.random.default_rng(3).normal(size=shape)
        self.parameters = {
            n: keras.Variable(v, dtype="float64") for n, v in case.parameters.items()
        }
        self.value = keras.Variable(values, dtype="float64")
        self.variables = [*self.parameters.values(), self.value]

    def total(self):
        log_prob = self.case.make("float64", False, **self.parameters).log_prob(self.value)
        return ops.sum(log_prob * ops.convert_to_tensor(self.weights))

    def reference(self, step, value_step):
        distribution = self.case.reference(**moved(self.case, directions_of(self.case), step))
        return np.sum(self.weights * distribution.log_prob(self.values + value_step * self.toward))

    def check(self, gradients):
        by_parameters = (self.reference(STEP, 0.0) - self.reference(-STEP, 0.0)) / (2 * STEP)
        actual = total(gradients[:-1], directions_of(self.case).values())
        assert actual == pytest.approx(by_parameters, rel=2e-5, abs=1e-5), self.case.name
        if self.moves:  # one-sided, of second order
            ahead = [self.reference(0.0, k * STEP) for k in range(3)]
            by_value = (-3 * ahead[0] + 4 * ahead[1] - ahead[2]) / (2 * STEP)
            actual = total(gradients[-1:], [self.toward])
            assert actual == pytest.approx(by_value, rel=2e-5, abs=1e-4), self.case.name


PARTS = 10  # each is one program


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.few(1)
def test_gradient_of_log_prob(part, float64):
    cases = [Weighted(case) for case in SMOOTH[part::PARTS]]
    variables = [v for case in cases for v in case.variables]

    def weighted():
        return sum(case.total() for case in cases)

    _, gradients = ops.compile(ops.value_and_grad(weighted, variables), variables)()
    gradients = iter(gradients)
    for case in cases:
        case.check([next(gradients) for _ in case.variables])


SMOOTH_DRAWS = [case for case in ONE_OF_EACH + CONTINUOUS_BERNOULLIS if case.pathwise == "smooth"]


@pytest.mark.parametrize(
    "case", {case.name: case for case in SMOOTH_DRAWS}.values(), ids=lambda case: case.name
)
@pytest.mark.few(5)
def test_gradient_through_draws(case, float64):
    d = case.make(validate=False)
    shape = (2, *case.batch_shape, *case.event_shape)
    weights = ops.convert_to_tensor(np.random.default_rng(4).normal(size=shape))
    variables = [keras.Variable(v, dtype="float64") for v in case.parameters.values()]

    def weighted():
        parameters = dict(zip(case.parameters, variables, strict=True))
        return ops.sum(case.make("float64", False, **parameters).sample((2,), seed=0) * weights)

    differentiated = ops.compile(ops.value_and_grad(weighted, variables), variables)
    _, gradients = differentiated()
    directions = directions_of(case)
    if not d.reparameterized:
        assert all((ops.convert_to_numpy(gradient) == 0).all() for gradient in gradients)
        return

    def drawn(step):
        parameters = moved(case, directions, step)
        for variable, name in zip(variables, case.parameters, strict=True):
            variable.assign(parameters[name])
        return float(differentiated()[0])

    expected = (drawn(STEP) - drawn(-STEP)) / (2 * STEP)
    assert expected != 0
    actual = total(gradients, directions.values())
    assert actual == pytest.approx(expected, rel=1e-5, abs=1e-6)


BATCHES, DRAWS = 16, 400


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [case for case in ONE_OF_EACH if case.pathwise == "implicit"],
    ids=lambda case: case.name,
)
def test_gradient_of_expectations_through_draws(case, float64):
    """Draws that jump where they are accepted anew: on average their gradients are right."""
    statistic, expectation = case.statistic or (
        lambda x: x,
        lambda **parameters: case.reference(**parameters).mean(),
    )
    weights = np.random.default_rng(4).uniform(0.5, 1.5, np.shape(expectation(**case.parameters)))
    weighting = ops.convert_to_tensor(weights)
    variables = [keras.Variable(v, dtype="float64") for v in case.parameters.values()]

    def weighted(seed):
        parameters = dict(zip(case.parameters, variables, strict=True))
        d = case.make("float64", False, **parameters)
        draws = statistic(d.sample((DRAWS,), seed=ops.SeedSequence(seed)))
        return ops.sum(draws * weighting) / DRAWS

    differentiated = ops.compile(ops.value_and_grad(weighted, variables), variables)
    batches = [differentiated(seed)[1] for seed in range(BATCHES)]
    assert case.make("float64", False).reparameterized
    for name, column in zip(case.parameters, zip(*batches, strict=True), strict=True):
        # All entries move up, in proportion to their sizes: their effects do not cancel.
        value = np.asarray(case.parameters[name], "float64")
        direction = case.direction_of(name, np.minimum(np.abs(value) + 1e-3, 1.0))

        def expected(step, name=name, value=value, direction=direction):
            moved = {**case.parameters, name: value + step * direction}
            return np.sum(weights * expectation(**moved))

        by_reference = (expected(1e-4) - expected(-1e-4)) / 2e-4
        slopes = np.array([np.sum(ops.convert_to_numpy(slope) * direction) for slope in column])
        error = slopes.std(ddof=1) / np.sqrt(BATCHES)
        # So few draws that the test would pass whatever the gradient were are no test.
        assert error < 0.1 * np.abs(by_reference)
        assert slopes.mean() == pytest.approx(by_reference, abs=5.0 * error + 1e-6)


def test_continuous_bernoulli_draws_have_finite_gradients_everywhere():
    # At logits 0 the derivative of the quantile u is u (1 - u) / 2; far out a draw of 0 is near.
    logits = keras.Variable(np.repeat([-1e3, -1.0, 0.0, 1.0, 1e3], 5000), dtype="float32")

    def total():
        d = ContinuousBernoulli(logits=logits)
        x = d.sample(seed=0)
        return ops.sum(x), x

    differentiate = ops.compile(ops.value_and_grad(total, [logits], has_aux=True), [logits])
    (_, x), (gradient,) = differentiate()
    x, gradient = ops.convert_to_numpy(x), ops.convert_to_numpy(gradient)
    assert np.isfinite(gradient).all()
    assert (gradient >= -1e-6).all()
    flat = slice(10_000, 15_000)
    np.testing.assert_allclose(gradient[flat], 0.5 * x[flat] * (1 - x[flat]), rtol=1e-4, atol=1e-6)
