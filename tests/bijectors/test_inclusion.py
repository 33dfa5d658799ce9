"""Sets within sets: what is certain, and what cannot be told."""

import pytest

from kelbo.bijectors import Exp, Shift
from kelbo.bijectors.image import image
from kelbo.bijectors.inclusion import leaves
from kelbo.parameters import constraints as c

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("support", "domain", "expected"),
    [
        (c.real, c.positive, True),
        (c.positive, c.real, False),
        (c.real_vector, c.unit_vector, True),
        (c.real_vector, c.simplex, True),
        (c.unit_interval, c.positive, False),
        (c.interval(-1.0, 1.0), c.unit_interval, True),
        (c.interval(0.2, 0.8), c.unit_interval, False),
        (c.boolean, c.one_hot, True),
        (c.one_hot, c.boolean, False),
        (c.one_hot, c.one_hot, False),
        (c.nonnegative_integer, c.boolean, True),
        (c.boolean, c.nonnegative_integer, False),
        (c.integer, c.nonnegative_integer, True),
        (c.integer_interval(0, 3), c.nonnegative_integer, False),
        (c.integer_interval(0, 3), c.boolean, True),
        (image(c.positive, Shift(-2.0)), c.positive, True),
        (image(c.positive, Shift(2.0)), c.positive, False),
        (image(c.real, Exp()), c.positive, False),
        (c.unit_vector, c.simplex, False),  # not told
    ],
    ids=lambda value: getattr(value, "rule", None),
)
def test_leaves(support, domain, expected):
    assert leaves(support, domain) is expected
