"""Chain and Inverse: ranks, batches, domains and codomains of what they are made of."""

import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.bijectors.equality import is_same_map
from kelbo.bijectors.image import Image
from kelbo.parameters import constraints

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


FACTOR = np.array([[1.0, 0.0], [0.5, 2.0]], "float32")


def test_the_first_is_applied_first():
    assert float(kb.Chain([kb.Shift(1.0), kb.Scale(3.0)]).forward(1.0)) == 6.0
    assert float(kb.Chain([kb.Scale(3.0), kb.Shift(1.0)]).forward(1.0)) == 4.0


@pytest.mark.parametrize(
    ("bijectors", "ranks"),
    [
        ([kb.Exp()], (0, 0)),
        ([kb.Exp(), kb.Ordered()], (1, 1)),
        ([kb.Ordered(), kb.Exp()], (1, 1)),
        ([kb.FillTriangular()], (1, 2)),
        ([kb.Exp(), kb.FillTriangular(), kb.Shift(1.0)], (1, 2)),
        ([kb.FillTriangular(), kb.CholeskyOuterProduct()], (1, 2)),
        ([kb.Inverse(kb.FillTriangular()), kb.Ordered()], (2, 1)),
        ([kb.Inverse(kb.FillTriangular()), kb.FillTriangular()], (2, 2)),
        ([kb.Reshape((2, 2), (4,)), kb.Reshape((4,), (2, 2)), kb.Ordered()], (1, 1)),
        # Vectors, each a matrix; and the maps of these.
        ([kb.Ordered(), kb.CholeskyOuterProduct()], (2, 2)),
    ],
)
def test_ranks(bijectors, ranks):
    chain = kb.Chain(bijectors)
    assert (chain.event_rank, chain.inverse_event_rank) == ranks
    inverse = kb.Inverse(chain)
    assert (inverse.event_rank, inverse.inverse_event_rank) == ranks[::-1]


def test_batches_of_numbers_join_the_vectors():
    shift, factors = np.zeros((5, 1, 2)), np.stack([FACTOR] * 3)
    chain = kb.Chain([kb.Shift(shift), kb.ScaleTriL(factors), kb.Exp()])
    assert chain.batch_shape == (5, 3)
    assert chain.batch_shape_within(2) == (5,)
    assert kb.Inverse(chain).batch_shape == (5, 3)
    y, log_det = chain.forward_and_log_det(np.zeros((2,)))
    assert (tuple(y.shape), tuple(log_det.shape)) == ((5, 3, 2), (5, 3))
    np.testing.assert_allclose(numbers(log_det), np.log(2.0), rtol=1e-6)


def contained(constraint, values):
    return numbers(constraint.contains(ops.convert_to_tensor(values, "float32"))).tolist()


def test_codomains_are_those_of_the_whole():
    y = [-2.0, -0.5, 0.5, 1.5, 2.5]
    assert kb.Chain([kb.Shift(1.0), kb.Exp()]).codomain is constraints.positive
    assert kb.Chain([kb.Exp(), kb.Log()]).codomain is constraints.real
    assert kb.Chain([kb.Exp(), kb.Power(2.0)]).codomain is constraints.positive
    above_one = kb.Chain([kb.Exp(), kb.Shift(1.0)]).codomain
    assert contained(above_one, y) == [False, False, False, True, True]
    below = kb.Chain([kb.Exp(), kb.Scale(-1.0)]).codomain
    assert contained(below, y) == [True, True, False, False, False]
    between = kb.Chain([kb.Sigmoid(), kb.Scale(3.0), kb.Shift(-1.0)]).codomain
    assert contained(between, y) == [False, True, True, True, False]
    vectors = kb.Chain([kb.Exp(), kb.ScaleTriL(FACTOR)]).codomain
    assert vectors.event_rank == 1
    assert contained(vectors, [[1.0, 1.0], [1.0, 0.4], [-1.0, 3.0]]) == [True, False, False]
    scaled = kb.Chain([kb.Simplex(), kb.Scale(2.0)]).codomain
    assert scaled.event_rank == 1
    assert contained(scaled, [[1.0, 1.0], [0.5, 0.5], [2.5, -0.5]]) == [True, False, False]


def test_domains_are_those_that_every_map_takes():
    x = [-2.0, -0.5, 0.5, 1.5]
    assert kb.Chain([kb.Exp(), kb.Shift(1.0)]).domain is constraints.real
    assert kb.Chain([kb.Exp(), kb.Log()]).domain is constraints.real
    assert kb.Inverse(kb.Exp()).domain is constraints.positive
    assert kb.Inverse(kb.Log()).codomain is constraints.positive
    shifted = kb.Chain([kb.Shift(1.0), kb.Log()]).domain
    assert contained(shifted, x) == [False, True, True, True]
    interval = kb.Chain([kb.Scale(2.0), kb.Inverse(kb.Tanh())]).domain
    assert contained(interval, [-0.6, -0.4, 0.4, 0.6]) == [False, True, True, False]


def test_a_map_after_its_own_inverse_reaches_all():
    for bijector in (kb.Sigmoid(-1.0, 4.0), kb.Tanh(), kb.Softplus()):
        chain = kb.Chain([bijector, kb.Inverse(bijector)])
        # Not by a way back through the saturated map.
        assert chain.codomain is constraints.real
        assert chain.domain is constraints.real


def test_direction_of_a_chain():
    assert bool(kb.Chain([kb.Scale(-1.0), kb.Exp(), kb.Scale(-2.0)]).is_increasing)
    assert not bool(kb.Chain([kb.Exp(), kb.Power(-1.0)]).is_increasing)
    assert kb.Chain([kb.Exp(), kb.Ordered()]).is_increasing is None
    mixed = kb.Chain([kb.Scale([1.0, -1.0]), kb.Scale([[1.0], [-1.0]])]).is_increasing
    assert numbers(mixed).tolist() == [[True, False], [False, True]]


def test_inverse_is_the_other_direction():
    exp, log = kb.Exp(), kb.Inverse(kb.Exp())
    x = np.array([0.5, 2.0], "float32")
    for one, other in zip(exp.forward_and_log_det(x), log.inverse_and_log_det(x), strict=True):
        np.testing.assert_array_equal(numbers(one), numbers(other))
    for one, other in zip(exp.inverse_and_log_det(x), log.forward_and_log_det(x), strict=True):
        np.testing.assert_array_equal(numbers(one), numbers(other))


def test_the_same_map():
    def make(scale=2.0, low=0.0):
        return kb.Chain([kb.Scale(scale), kb.Split([kb.Sigmoid(low), kb.Ordered()], [1, 2])])

    assert is_same_map(make(), make())
    assert not is_same_map(make(), make(scale=3.0))
    assert not is_same_map(make(), make(scale=[2.0, 2.0, 2.0]))
    assert not is_same_map(make(), make(low=-1.0))
    assert not is_same_map(kb.Exp(), kb.Softplus())
    assert not is_same_map(kb.Chain([kb.Exp()]), kb.Chain([kb.Exp(), kb.Exp()]))
    functions = {"forward": abs, "inverse": abs, "log_det": abs}
    assert is_same_map(kb.Inline(**functions), kb.Inline(**functions))
    assert not is_same_map(kb.Inline(**functions), kb.Inline(**functions, event_rank=1))


def test_under_compilation_a_map_is_the_same_if_its_tensors_are():
    found = {}

    def look(scale):
        one = kb.Scale(scale, validate=False)
        found["itself"] = is_same_map(one, kb.Scale(one.scale, validate=False))
        found["another"] = is_same_map(one, kb.Scale(2.0 * scale, validate=False))
        return scale

    ops.compile(look)(ops.convert_to_tensor(3.0))
    assert found == {"itself": True, "another": False}


def test_an_image_says_what_it_is():
    image = kb.Chain([kb.Exp(), kb.Shift(1.0)]).codomain
    assert isinstance(image, Image)
    assert image.inner is constraints.positive
    assert "greater than 0" in image.rule
    assert "Shift" in image.rule
