"""The base of all bijectors: an invertible map with the log-determinant of its Jacobian."""

import abc
from collections.abc import Sequence
from typing import Any, Self

from keras.backend import standardize_dtype

from kelbo import ops
from kelbo.ops.floats import as_floats
from kelbo.parameters import Constraint, Parametrized, Shape, broadcast_shapes, constraints
from kelbo.parameters.parametrized import default_dtype
from kelbo.parameters.slicing import BatchIndex, EachRow, FullRank
from kelbo.typing import ArrayLike, Tensor


class Bijector(Parametrized, abc.ABC):
    r"""An invertible, differentiable map $y = f(x)$.

    A subclass writes `_forward_and_log_det` and `_inverse_and_log_det`, so that nothing that the
    map and its log-determinant share is computed twice. Where the map or its inverse has no
    closed form the method raises, or iterates and says so in its docstring.

    A map of numbers acts on each entry of a tensor; a map of vectors (`event_rank` 1) on the last
    axis, one of matrices on the last two. Leading axes are batches, of the values and of the
    bijector's parameters, and broadcast.

    Values outside of the domain or of the codomain are not looked for: what such a value is
    mapped to has no meaning (often it is NaN). `distributions.Transformed` gives them no mass.

    Args:
        dtype: Floating dtype of the parameters. None takes the parameters' own, and Keras'
            default for Python numbers.
        validate: Whether values of the parameters are checked. Under `jit` only shapes can be.
        **parameters: The parameters that were given, by name.

    Attributes:
        event_rank: How many trailing axes make up one value of $x$.
        inverse_event_rank: How many make up one value of $y$; as many, unless a subclass says
            otherwise.
        domain: The values of $x$ that may be given.
        codomain: The values of $y$ that are reached.
        is_affine: Whether $f(x) = A x + b$ with an A that is the same for every x, so that it maps
            means to means and its log-determinant is constant.
    """

    event_rank: int = 0
    domain: Constraint = constraints.real
    codomain: Constraint = constraints.real
    is_affine: bool = False

    @property
    def inverse_event_rank(self) -> int:
        """How many trailing axes make up one value of y."""
        return self.event_rank

    @property
    def is_increasing(self) -> Any:
        """Of a map of numbers: True, False, or a tensor of booleans that broadcasts with x.

        None where the map is one of vectors, or not known to be monotone.
        """
        return None

    def forward(self, x: ArrayLike) -> Tensor:
        """The image $y = f(x)$.

        Args:
            x: A tensor whose last `event_rank` axes make up one value.

        Returns:
            A tensor.
        """
        x, bijector = self._prepared(x)
        return bijector._forward(x)

    def inverse(self, y: ArrayLike) -> Tensor:
        """The value $x$ with $f(x) = y$.

        Args:
            y: A tensor whose last `inverse_event_rank` axes make up one value.

        Returns:
            A tensor.
        """
        return self.inverse_and_log_det(y)[0]

    def forward_and_log_det(self, x: ArrayLike) -> tuple[Tensor, Tensor]:
        r"""The image, and $\log \lvert\det \partial f / \partial x\rvert$ there.

        Args:
            x: A tensor whose last `event_rank` axes make up one value.

        Returns:
            `y`, and a tensor of the shape of the batch: that of `x` without the event's axes,
            broadcast with the bijector's own batch.

        Raises:
            ValueError: The last axes of `x` are not of a shape that is mapped.
        """
        x, bijector = self._prepared(x)
        return bijector._forward_and_log_det(x)

    def _prepared(self, x: Tensor) -> tuple[Tensor, "Bijector"]:
        """The value, which is checked, and the bijector in one dtype."""
        x, bijector = self._in_one_dtype(x)
        self.forward_event_shape(self._event_of(x, "x", self.event_rank))
        return x, bijector

    def inverse_and_log_det(self, y: ArrayLike) -> tuple[Tensor, Tensor]:
        r"""The value that is mapped to y, and $\log \lvert\det \partial x / \partial y\rvert$.

        Args:
            y: A tensor whose last `inverse_event_rank` axes make up one value.

        Returns:
            `x`, and a tensor of the shape of the batch.

        Raises:
            ValueError: The last axes of `y` are not of a shape that is reached.
        """
        y, bijector = self._in_one_dtype(y)
        self.inverse_event_shape(self._event_of(y, "y", self.inverse_event_rank))
        return bijector._inverse_and_log_det(y)

    def _forward(self, x: Tensor) -> Tensor:
        """`forward` of a tensor of a floating dtype; overridden where more is saved than shared."""
        return self._forward_and_log_det(x)[0]

    @abc.abstractmethod
    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`forward_and_log_det` of a tensor of a floating dtype."""

    @abc.abstractmethod
    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """`inverse_and_log_det` of a tensor of a floating dtype."""

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        """Shape of one value of y.

        A map of numbers may be asked for the shape of a vector of them, and so on: axes in front
        of those that it needs are kept.

        Args:
            shape: Shape of one value of x, at least of rank `event_rank`.

        Returns:
            A tuple.

        Raises:
            ValueError: No value of that shape is mapped.
        """
        return self._checked(shape, self.event_rank)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        """Shape of one value of x.

        Args:
            shape: Shape of one value of y, at least of rank `inverse_event_rank`.

        Returns:
            A tuple.

        Raises:
            ValueError: No value of that shape is reached.
        """
        return self._checked(shape, self.inverse_event_rank)

    def batch_shape_within(self, rank: int) -> Shape:
        """The batch shape of the same map, seen as one of larger values.

        Args:
            rank: How many trailing axes make up one value of x there, at least `event_rank`.

        Returns:
            The batch shape without its last `rank - event_rank` axes.

        Example:
            >>> from kelbo.bijectors import Shift
            >>> Shift([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).batch_shape_within(1)
            (2,)
        """
        own = self.batch_shape
        return own[: max(len(own) - (rank - self.event_rank), 0)]

    def _sliced_within(self, index: BatchIndex, rank: int) -> Self:
        """The maps of a part of a batch of values, of which `rank` axes make up one."""
        own = self.batch_shape_within(rank)
        if not index.concerns(own):
            return self
        if not self._given:
            return self._of_unknown_batch(index) if own else self
        return self._sliced(self._index_within(index, rank))

    def _index_within(self, index: BatchIndex | FullRank, rank: int) -> BatchIndex | FullRank:
        """The index into parameters, of a batch of values of which `rank` axes make up one."""
        ranks = (len(self._parameter_batch_shape(name)) for name in self._given)
        behind = rank - self.event_rank + max(ranks) - len(self.batch_shape)
        return index.with_axes_behind(behind)

    def _lacks_axes_within(self, index: FullRank, rank: int) -> bool:
        """Whether a parameter lacks axes, where `rank` axes make up one value."""
        return bool(self._given) and self._lacks_axes(self._index_within(index, rank))

    def _of_unknown_batch(self, index: BatchIndex | FullRank) -> Self:
        """The maps of a part of a batch, of which it is not known where it is."""
        if isinstance(index, FullRank) and not isinstance(index, EachRow):
            return self
        raise NotImplementedError(
            f"{self!r} is a batch of maps of shape {self.batch_shape} that a function makes by "
            "itself: it cannot be indexed. Index what the function is given; give the bijector a "
            "context rather than the function one."
        )

    def _with_all_axes(self, index: FullRank) -> Self:
        if index.rows is None and not self._lacks_axes_within(index, self.event_rank):
            return self
        return self._sliced_within(index, self.event_rank)

    def _checked(self, shape: Sequence[int | None], rank: int) -> Shape:
        """The shape of one value, or of several that are one to someone else."""
        shape = tuple(shape)
        if len(shape) < rank:
            self._refuse_rank(shape, rank)
        outer = len(shape) - rank
        own = self.batch_shape[-outer:] if outer else ()
        leading = shape[:outer]
        try:
            fits = None in leading or broadcast_shapes(own, leading) == leading
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{type(self).__name__}: its parameters are a batch of shape {self.batch_shape}, "
                f"which does not fit in values of shape {shape}: each entry has one image."
            )
        return shape

    def _event_of(self, value: Tensor, name: str, rank: int) -> Shape:
        shape = tuple(value.shape)
        if len(shape) < rank:
            self._refuse_rank(shape, rank, f"{name} has ")
        return shape[len(shape) - rank :]

    def _refuse_rank(self, shape: Shape, rank: int, subject: str = "") -> None:
        kind = {1: "vectors", 2: "matrices"}.get(rank, f"values of rank {rank}")
        raise ValueError(
            f"{type(self).__name__}: {subject}the shape {shape}, but the map is one of {kind}: "
            f"give at least {rank} {'axis' if rank == 1 else 'axes'}."
        )

    @property
    def _parameter_dtype(self) -> str | None:
        """The dtype that the parameters ask for; None where there are none."""
        return self.dtype if self._given else None

    def _in_one_dtype(self, value: Tensor) -> tuple[Tensor, "Bijector"]:
        """The value and the bijector in the wider of their dtypes."""
        own = self._parameter_dtype
        if ops.is_tensor(value):  # most values are, of the one dtype
            dtype = standardize_dtype(value.dtype)
            if dtype in ("float32", "float64") and own in (None, dtype):
                return value, self.astype(dtype)
        if hasattr(value, "dtype"):
            (value,) = as_floats(value)
            # A log-determinant is a sum of many terms: half precision is for networks only.
            dtype = "float64" if "float64" in (own, standardize_dtype(value.dtype)) else "float32"
        else:
            dtype = own or default_dtype()
        return ops.convert_to_tensor(value, dtype=dtype), self.astype(dtype)

    def _description(self) -> str:
        shapes = ", ".join(f"{name}: {tuple(t.shape)}" for name, t in self._given.items())
        return f"{type(self).__name__}({shapes})"


def sum_over_event(log_det: ArrayLike, rank: int) -> Tensor:
    """The log-determinant of a batch of maps, seen as one map of larger values.

    Args:
        log_det: One number per map.
        rank: How many trailing axes of it join the value.

    Returns:
        A tensor without those axes.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors.bijector import sum_over_event
        >>> sum_over_event(ops.ones((4, 3, 2)), 2).shape
        (4,)
    """
    return ops.sum(log_det, axis=tuple(range(-rank, 0))) if rank else log_det
