"""CholeskyFactor: from vectors onto lower-triangular matrices with a positive diagonal."""

from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.composite import CompositeBijector
from kelbo.bijectors.exp import Exp
from kelbo.bijectors.fill_triangular import triangle_shape, vector_shape
from kelbo.parameters import Constraint, Shape, constraints
from kelbo.registration import registered


@registered
class CholeskyFactor(CompositeBijector):
    r"""From vectors of $d (d + 1) / 2$ numbers to Cholesky factors of $d \times d$ matrices.

    The vector fills a lower-triangular matrix (as `FillTriangular` does), whose diagonal then goes
    through a bijector onto the positive numbers. The log-determinant is the sum of that bijector's
    over the diagonal. TensorFlow Probability calls it `FillScaleTriL`.

    Args:
        diagonal: Bijector of numbers for the diagonal, onto positive ones: `Exp()` if None, or for
            example `Softplus()`.

    Raises:
        ValueError: `diagonal` is not a bijector of single numbers.

    Example:
        >>> from kelbo.bijectors import CholeskyFactor
        >>> CholeskyFactor().forward([0.0, 2.0, 0.0])
        [[1., 0.], [2., 1.]]
    """

    event_rank = 1
    inverse_event_rank = 2
    domain = constraints.real_vector

    def __init__(self, diagonal: Bijector | None = None):
        self.diagonal = Exp() if diagonal is None else diagonal
        if not isinstance(self.diagonal, Bijector) or self.diagonal.event_rank:
            raise ValueError(
                "CholeskyFactor: diagonal must be a bijector of single numbers onto positive "
                f"ones, such as Exp() or Softplus(), not {diagonal!r}."
            )
        super().__init__(self.diagonal)

    @property
    def batch_shape(self) -> Shape:
        return self.diagonal.batch_shape_within(1)

    @property
    def codomain(self) -> Constraint:
        """Lower-triangular matrices with a positive diagonal."""
        if self.diagonal.codomain is constraints.positive:
            return constraints.lower_cholesky
        return Constraint(
            f"a lower-triangular matrix with a diagonal whose entries are "
            f"{self.diagonal.codomain.rule}",
            self._is_reached,
            event_rank=2,
        )

    def _is_reached(self, y):
        reached = self.diagonal.codomain.contains(ops.diagonal(y, axis1=-2, axis2=-1))
        return ops.logical_and(constraints.lower_triangular.contains(y), ops.all(reached, axis=-1))

    def _forward_and_log_det(self, x):
        matrix = ops.fill_triangular(x)
        diagonal, log_det = self.diagonal._forward_and_log_det(_diagonal_of(matrix))
        return _with_diagonal(matrix, diagonal), ops.sum(log_det, axis=-1)

    def _inverse_and_log_det(self, y):
        diagonal, log_det = self.diagonal._inverse_and_log_det(_diagonal_of(y))
        return ops.fill_triangular_inverse(_with_diagonal(y, diagonal)), ops.sum(log_det, axis=-1)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return triangle_shape(self, super().forward_event_shape(shape))

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return vector_shape(self, super().inverse_event_shape(shape))

    def _arguments(self, parameters):
        return {"diagonal": self.diagonal}


def _diagonal_of(matrix):
    return ops.diagonal(matrix, axis1=-2, axis2=-1)


def _with_diagonal(matrix, diagonal):
    on_diagonal = ops.eye(matrix.shape[-1], dtype="bool")
    return ops.where(on_diagonal, diagonal[..., None], matrix)
