"""onto: from unconstrained numbers onto every set that has volume."""

import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import distributions as kd
from kelbo import ops
from kelbo.bijectors.image import holds_all
from kelbo.parameters import Constraint, constraints

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

VECTOR, TRIANGLE = (3,), (6,)
SETS = {
    "real": (constraints.real, ()),
    "real_vector": (constraints.real_vector, VECTOR),
    "real_matrix": (constraints.real_matrix, (2, 3)),
    "positive": (constraints.positive, ()),
    "positive_vector": (constraints.positive_vector, VECTOR),
    "nonnegative": (constraints.nonnegative, ()),
    "unit_interval": (constraints.unit_interval, ()),
    "open_unit_interval": (constraints.open_unit_interval, ()),
    "circular": (constraints.circular, ()),
    "interval": (constraints.interval(-2.0, 7.0), ()),
    "open_interval": (constraints.open_interval(-2.0, -1.0), ()),
    "intervals": (constraints.interval(np.array([0.0, 5.0]), np.array([1.0, 7.0])), (2,)),
    "greater_than": (constraints.greater_than(3.0), ()),
    "at_least": (constraints.at_least(-3.0), ()),
    "less_than": (constraints.less_than(-1.0), ()),
    "simplex": (constraints.simplex, VECTOR),
    "open_simplex": (constraints.open_simplex, VECTOR),
    "log_simplex": (constraints.log_simplex, VECTOR),
    "support of the logarithms of relaxed vectors": (
        kd.ExpRelaxedOneHotCategorical(0.1, logits=[0.0, 1.0, 2.0]).support,
        (2,),
    ),
    "ordered": (constraints.ordered, VECTOR),
    "lower_triangular": (constraints.lower_triangular, TRIANGLE),
    "lower_cholesky": (constraints.lower_cholesky, TRIANGLE),
    "correlation_cholesky": (constraints.correlation_cholesky, TRIANGLE),
    "positive_definite": (constraints.positive_definite, TRIANGLE),
    "support of a transformed": (
        kd.Transformed(kd.Normal(0.0, 1.0), kb.Chain([kb.Exp(), kb.Affine(1.0, -2.0)])).support,
        (),
    ),
    "codomain of another base": (kb.Chain([kb.Simplex(), kb.Scale(2.0)]).codomain, VECTOR),
}


@pytest.mark.parametrize(("constraint", "shape"), SETS.values(), ids=SETS)
@pytest.mark.few(9)
def test_what_is_reached_is_in_the_set_and_comes_back(constraint, shape):
    bijector = kb.onto(constraint)
    assert holds_all(bijector.domain)
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")

    def run(x):
        y, log_det = bijector.forward_and_log_det(x)
        return y, ops.all(constraint.contains(y)), log_det, *bijector.inverse_and_log_det(y)

    y, inside, log_det, again, inverse_log_det = ops.compile(run)(ops.convert_to_tensor(x))
    assert bool(inside)
    np.testing.assert_allclose(ops.convert_to_numpy(again), x, rtol=1e-3, atol=1e-4)
    log_det, inverse_log_det = map(ops.convert_to_numpy, (log_det, inverse_log_det))
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-3, atol=1e-4)
    y_shape = tuple(y.shape)[1:]
    assert bijector.inverse_event_shape(y_shape) == shape


def refuses(constraint):
    try:
        return not kb.onto(constraint)
    except ValueError:
        return True


def test_every_set_by_name_is_reached_or_refused_with_a_reason():
    named = {n: c for n, c in vars(constraints).items() if isinstance(c, Constraint)}
    assert len(named) > 15
    refused = {name for name, constraint in named.items() if refuses(constraint)}
    discrete = {name for name, constraint in named.items() if constraint.is_discrete}
    assert refused == discrete | {"nonzero", "unit_vector"}
    assert discrete >= {"boolean", "integer", "one_hot"}


def test_refusals_say_why():
    for constraint in (constraints.boolean, constraints.integer_interval(0, 5)):
        with pytest.raises(
            ValueError, match=r"^onto: .* can be counted, so no smooth map .* Relaxed"
        ):
            kb.onto(constraint)
    with pytest.raises(ValueError, match=r"^onto: .* two pieces"):
        kb.onto(constraints.nonzero)
    with pytest.raises(ValueError, match=r"^onto: .* a sphere"):
        kb.onto(constraints.unit_vector)
    strange = Constraint("on the moon", lambda x: x > 0)
    with pytest.raises(ValueError, match=r"on the moon. Register one with register_onto"):
        kb.onto(strange)


def test_new_sets_are_registered_by_themselves_or_by_class():
    class Above(Constraint):
        """The numbers above 5."""

    mine = Constraint("at my disposal", lambda x: x > 1)
    kb.register_onto(mine)(lambda _: kb.Chain([kb.Exp(), kb.Shift(1.0)]))
    kb.register_onto(Above)(lambda _: kb.Chain([kb.Exp(), kb.Shift(5.0)]))
    assert float(kb.onto(mine).forward(0.0)) == 2.0
    assert float(kb.onto(Above("above 5", lambda x: x > 5)).forward(0.0)) == 6.0
    with pytest.raises(ValueError, match="registered already"):
        kb.register_onto(mine)(lambda _: kb.Exp())


def test_densities_of_logarithms_of_relaxed_vectors_come_back_to_free_numbers():
    d = kd.ExpRelaxedOneHotCategorical(0.5, logits=[0.3, -0.7])
    free = kd.Transformed(d, kb.Inverse(kb.onto(d.support)))
    x = np.linspace(-80.0, 80.0, 16001, dtype="float32")[:, None]
    density = np.exp(ops.convert_to_numpy(free.log_prob(x)).astype("float64"))
    assert density.sum() * 0.01 == pytest.approx(1.0, rel=1e-4)
    # The log odds of a relaxed Bernoulli are logistic.
    logistic = kd.Logistic(loc=1.0 / 0.5, scale=1.0 / 0.5)
    expected = np.exp(ops.convert_to_numpy(logistic.log_prob(x[:, 0])))
    np.testing.assert_allclose(density, expected, rtol=1e-3, atol=1e-6)


def test_zero_is_the_centre_of_a_simplex_and_the_identity_of_correlations():
    counts = (1, 2, 6)

    def maps():
        simplex, factors = (
            kb.onto(x) for x in (constraints.simplex, constraints.correlation_cholesky)
        )
        return [simplex.forward(np.zeros(n)) for n in counts], factors.forward(np.zeros(6))

    shares, factor = ops.compile(maps)()
    for count, y in zip(counts, shares, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(y), 1 / (count + 1), rtol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(factor), np.eye(4))


def test_ends_that_are_tensors_differentiate():
    low = ops.convert_to_tensor([1.0, 2.0])
    y = ops.compile(lambda low: kb.onto(constraints.greater_than(low)).forward(0.0))(low)
    assert ops.convert_to_numpy(y).tolist() == [2.0, 3.0]


def test_an_infinite_end_is_no_end():
    inf = float("inf")
    for low, high in ((-inf, 3.0), (1.0, inf), (-inf, inf)):
        bijector = kb.onto(constraints.interval(low, high))
        y = ops.convert_to_numpy(bijector.forward(np.array([-2.0, 0.0, 2.0], "float32")))
        assert ((y > low) & (y < high)).all()
        np.testing.assert_allclose(
            ops.convert_to_numpy(bijector.inverse(y)), [-2.0, 0.0, 2.0], rtol=1e-4, atol=1e-6
        )
