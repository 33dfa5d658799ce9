"""Maps of single numbers, whose parameters the network of a flow returns."""

import abc
import math
from typing import Any

from kelbo import ops
from kelbo.bijectors import Affine, Bijector, RationalQuadraticSpline, Shift
from kelbo.parameters import whole_number
from kelbo.registration import registered


class ElementwiseTransform(abc.ABC):
    """A family of increasing maps of numbers, with `size` raw parameters for each number.

    Small and serialisable. A subclass writes `size` and `bijector`, and `get_config` where its
    constructor takes arguments. Raw parameters of 0 should give the identity: flows start there.
    """

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many raw parameters a map has."""

    @abc.abstractmethod
    def bijector(self, raw: Any) -> Bijector:
        """The map of numbers with these raw parameters.

        Args:
            raw: Any numbers, of shape (..., size).

        Returns:
            A bijector of numbers, of batch shape (...).
        """

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ElementwiseTransform":
        """The transform that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@registered
class ShiftTransform(ElementwiseTransform):
    r"""$y = x + b$: volume is kept (Dinh, Krueger and Bengio, 2015).

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers import ShiftTransform
        >>> float(ShiftTransform().bijector(ops.ones((1,))).forward(2.0))
        3.0
    """

    @property
    def size(self) -> int:
        return 1

    def bijector(self, raw: Any) -> Bijector:
        return Shift(raw[..., 0], validate=False)


@registered
class AffineTransform(ElementwiseTransform):
    r"""$y = a x + b$ with $a = m + (1 - m) \operatorname{softplus}(r + c)$, 1 at $r = 0$.

    The scale grows linearly in $r$, not exponentially: no network makes it overflow.

    Args:
        minimum_scale: The floor $m$ of the scale, in (0, 1).

    Raises:
        ValueError: The floor does not lie between 0 and 1.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers import AffineTransform
        >>> round(float(AffineTransform().bijector(ops.zeros((2,))).forward(2.0)), 4)
        2.0
    """

    def __init__(self, minimum_scale: float = 1e-2):
        self.minimum_scale = _share("AffineTransform", "minimum_scale", minimum_scale)

    @property
    def size(self) -> int:
        return 2

    def bijector(self, raw: Any) -> Bijector:
        scale = _positive(raw[..., 1], self.minimum_scale)
        return Affine(shift=raw[..., 0], scale=scale, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {"minimum_scale": self.minimum_scale}


@registered
class SplineTransform(ElementwiseTransform):
    """A rational-quadratic spline from -bound to bound, the identity outside.

    Widths and heights of the bins are softmaxes of their raw parameters, slopes softplus: see
    `bijectors.RationalQuadraticSpline`.

    Args:
        bins: Number of bins.
        bound: Where the identity begins. Choose it so that nearly all values lie inside.
        minimum_bin: The least width and height of a bin, as a share of the whole.
        minimum_slope: The least slope at a knot.

    Raises:
        ValueError: `bins` is not a whole number of at least 2, `bound` is not positive, or the
            least bins do not fit in.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers import SplineTransform
        >>> spline = SplineTransform(bins=4)
        >>> round(float(spline.bijector(ops.zeros((spline.size,))).forward(0.5)), 4)
        0.5
    """

    def __init__(
        self,
        bins: int = 8,
        bound: float = 4.0,
        minimum_bin: float = 1e-3,
        minimum_slope: float = 1e-3,
    ):
        self.bins = whole_number("SplineTransform", "bins", bins, 2)
        if not bound > 0 or math.isinf(bound):
            raise ValueError(f"SplineTransform: bound must be greater than 0, got {bound}.")
        self.bound = float(bound)
        self.minimum_bin = _share("SplineTransform", "minimum_bin", minimum_bin)
        if self.minimum_bin * self.bins >= 1:
            raise ValueError(
                f"SplineTransform: {bins} bins of at least {minimum_bin} of the whole do not fit "
                f"in: minimum_bin must be less than {1 / bins:g}."
            )
        self.minimum_slope = _share("SplineTransform", "minimum_slope", minimum_slope)

    @property
    def size(self) -> int:
        return 3 * self.bins - 1

    def bijector(self, raw: Any) -> Bijector:
        widths, heights = raw[..., : self.bins], raw[..., self.bins : 2 * self.bins]
        return RationalQuadraticSpline(
            self._shares(widths),
            self._shares(heights),
            _positive(raw[..., 2 * self.bins :], self.minimum_slope),
            range_min=-self.bound,
            validate=False,
        )

    def _shares(self, raw):
        least = 2.0 * self.bound * self.minimum_bin
        return least + (2.0 * self.bound - self.bins * least) * ops.softmax(raw, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            "bins": self.bins,
            "bound": self.bound,
            "minimum_bin": self.minimum_bin,
            "minimum_slope": self.minimum_slope,
        }


# softplus of it is 1.
_ONE = math.log(math.e - 1.0)


def _positive(raw, minimum):
    return minimum + (1.0 - minimum) * ops.softplus(raw + _ONE)


def _share(owner, name, value):
    if not 0 < value < 1:
        raise ValueError(f"{owner}: {name} must lie between 0 and 1, got {value}.")
    return float(value)
