"""From unconstrained numbers onto a constraint."""

from collections.abc import Callable

import numpy as np

from kelbo import ops
from kelbo.bijectors.affine import Affine
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.chain import Chain
from kelbo.bijectors.cholesky_factor import CholeskyFactor
from kelbo.bijectors.cholesky_outer_product import CholeskyOuterProduct
from kelbo.bijectors.correlation_cholesky import CorrelationCholesky
from kelbo.bijectors.exp import Exp
from kelbo.bijectors.fill_triangular import FillTriangular
from kelbo.bijectors.identity import Identity
from kelbo.bijectors.image import Image
from kelbo.bijectors.log_simplex import LogSimplex
from kelbo.bijectors.ordered import Ordered
from kelbo.bijectors.shift import Shift
from kelbo.bijectors.sigmoid import Sigmoid
from kelbo.bijectors.simplex import Simplex
from kelbo.parameters import Constraint, constraints
from kelbo.parameters.constraints import Interval

_Make = Callable[[Constraint], Bijector]
# By the constraint itself, or by its class.
_MAKERS: dict[Constraint | type[Constraint], _Make] = {}


def register_onto(constraint: Constraint | type[Constraint]) -> Callable[[_Make], _Make]:
    """Registers a function that makes the bijector onto a constraint, for `onto`.

    Args:
        constraint: A constraint, or a class of constraints.

    Returns:
        A decorator. The function gets the constraint and returns a bijector from unconstrained
        numbers, vectors or matrices onto it.

    Raises:
        ValueError: The constraint is registered already.

    Example:
        >>> from kelbo.bijectors import Scale, Sigmoid, Chain, onto, register_onto
        >>> from kelbo.parameters import Constraint
        >>> percentage = Constraint("from 0 to 100", lambda x: (x >= 0) & (x <= 100))
        >>> @register_onto(percentage)
        ... def make(constraint):
        ...     return Chain([Sigmoid(), Scale(100.0)])
        >>> float(onto(percentage).forward(0.0))
        50.0
    """

    def register(make: _Make) -> _Make:
        if constraint in _MAKERS:
            raise ValueError(f"register_onto: {constraint!r} is registered already.")
        _MAKERS[constraint] = make
        return make

    return register


def onto(constraint: Constraint) -> Bijector:
    r"""The bijector from unconstrained numbers onto a set: the support of a distribution, say.

    | set | bijector |
    | --- | --- |
    | `real`, `real_vector`, `real_matrix`, `log_weights` | `Identity` |
    | `positive`, `positive_vector`, `nonnegative` | `Exp` |
    | an interval with two ends | `Sigmoid(low, high)` |
    | an interval with one end, or one that is finite | `Exp`, then `Shift` or `Affine` |
    | `simplex`, `open_simplex` | `Simplex`, from vectors of one entry less |
    | `log_simplex` | `LogSimplex`, from vectors of one entry less |
    | `ordered` | `Ordered` |
    | `lower_triangular` | `FillTriangular` |
    | `lower_cholesky` | `CholeskyFactor` |
    | `correlation_cholesky` | `CorrelationCholesky` |
    | `positive_definite` | `CholeskyFactor`, then `CholeskyOuterProduct` |
    | the support of a `Transformed` | that of the distribution inside, then its bijector |

    The ends of an interval, and the faces of a simplex, have no volume: they are approached and
    not reached.

    Args:
        constraint: The set.

    Returns:
        A bijector whose domain is all numbers, vectors or matrices. Its `inverse_event_shape`
        tells the shape of what is mapped to a value of a given shape.

    Raises:
        ValueError: The set is discrete, consists of several pieces, or has no bijector that is
            known.

    Example:
        >>> from kelbo.bijectors import onto
        >>> from kelbo.distributions import ContinuousBernoulli
        >>> float(onto(ContinuousBernoulli(logits=1.0).support).forward(0.0))
        0.5
    """
    if constraint.is_discrete:
        raise ValueError(
            f"onto: the values that are {constraint.rule} can be counted, so no smooth map of real "
            "numbers reaches them. Sum such a variable out, or relax it (RelaxedBernoulli, "
            "RelaxedOneHotCategorical)."
        )
    for key in (constraint, *type(constraint).__mro__):
        if key in _MAKERS:
            return _MAKERS[key](constraint)
    raise ValueError(
        f"onto: no bijector is known onto the values that are {constraint.rule}. Register one with "
        "register_onto(constraint)."
    )


for _constraint in (constraints.real, constraints.real_vector, constraints.real_matrix):
    register_onto(_constraint)(lambda _: Identity())
register_onto(constraints.log_weights)(lambda _: Identity())
for _constraint in (constraints.positive, constraints.positive_vector, constraints.nonnegative):
    register_onto(_constraint)(lambda _: Exp())
for _constraint in (constraints.simplex, constraints.open_simplex):
    register_onto(_constraint)(lambda _: Simplex())
register_onto(constraints.log_simplex)(lambda _: LogSimplex())
register_onto(constraints.ordered)(lambda _: Ordered())
register_onto(constraints.lower_triangular)(lambda _: FillTriangular())
register_onto(constraints.lower_cholesky)(lambda _: CholeskyFactor())
register_onto(constraints.correlation_cholesky)(lambda _: CorrelationCholesky())
register_onto(constraints.positive_definite)(
    lambda _: Chain([CholeskyFactor(), CholeskyOuterProduct()])
)


@register_onto(constraints.nonzero)
def _onto_nonzero(constraint):
    raise ValueError(
        "onto: the numbers other than 0 are two pieces, the negative and the positive ones, and no "
        "continuous map of the real numbers reaches both. Take constraints.positive, or "
        "constraints.less_than(0.0)."
    )


@register_onto(Interval)
def _onto_interval(constraint):
    low, high = (_finite(end) for end in (constraint.low, constraint.high))
    if low is None and high is None:
        return Identity()
    if low is not None and high is not None:
        return Sigmoid(low, high)
    if low is not None:
        return Chain([Exp(), Shift(low)])
    return Chain([Exp(), Affine(shift=high, scale=-1.0)])


def _finite(end):
    """The end of an interval; None where it is infinite, everywhere in a batch."""
    if end is None or not ops.is_concrete(end):
        return end
    return None if np.isinf(ops.convert_to_numpy(end)).all() else end


@register_onto(Image)
def _onto_image(constraint):
    return Chain([onto(constraint.inner), constraint.bijector])


@register_onto(constraints.unit_vector)
def _onto_unit_vector(constraint):
    raise ValueError(
        "onto: the vectors of length 1 are a sphere, which no smooth and invertible map of real "
        "numbers reaches. Divide a vector by its length, as layers.ConditionalVonMisesFisher does."
    )
