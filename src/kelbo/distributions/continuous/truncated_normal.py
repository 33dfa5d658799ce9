"""The truncated normal distribution."""

import math

import numpy as np

from kelbo import ops
from kelbo.distributions.continuous.ends import require_increasing
from kelbo.distributions.distribution import Distribution
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.floats import together
from kelbo.ops.random.truncated_normal import draw, where_not_plain
from kelbo.ops.series import kind
from kelbo.ops.special.outside import between, is_infinite
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
# The integrals run by Gauss-Legendre quadrature from the peak to where the density has fallen by
# exp(-depth). (depth, nodes): exact to the last digits of the dtype.
_QUADRATURE = {
    "float32": (18.0, np.polynomial.legendre.leggauss(20)),
    "float64": (38.0, np.polynomial.legendre.leggauss(40)),
}
_NO_END = 1e6  # in standard deviations: so far from the peak nothing is left in any dtype
_FARTHEST = 1e36  # where loc may be, in standard deviations: its inverse is no denormal number
_STEPS = 6  # of Newton's method, where a probability may be as small as the dtype has it
_FAR = 10.0  # standard deviations from the mean, where an asymptotic series takes over


@registered
class TruncatedNormal(Distribution):
    r"""Normal distribution restricted to an interval, whose ends may be infinite.

    $$p(x) = \frac{1}{Z} \exp\left(-\frac{(x - \mu)^2}{2\sigma^2}\right), \quad
      Z = \int_a^b \exp\left(-\frac{(x - \mu)^2}{2\sigma^2}\right) \mathrm{d}x, \qquad
      a \le x \le b$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 13.)
    Everything is reckoned from the peak of the density, the number of the interval that is closest
    to $\mu$, and integrals are taken from there by quadrature: nothing cancels where the interval
    is far out in a tail, or so narrow that the density is nearly flat.

    Args:
        loc: Mean $\mu$ of the normal distribution, inside of the interval or not.
        scale: Standard deviation $\sigma > 0$ of the normal distribution.
        low: The lower end $a$, included; may be -inf.
        high: The upper end $b > a$, included; may be inf. The four broadcast.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, `low` is not below `high`, `loc` is 1e36 scales away
            from the interval, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import TruncatedNormal
        >>> float(TruncatedNormal(0.0, 1.0, 0.0, float("inf")).log_prob(0.0))
        -0.2257...
    """

    parameters = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "low": Constraint("a number, -inf included", lambda x: x < math.inf),
        "high": Constraint("a number, inf included", lambda x: x > -math.inf),
    }
    reparameterized = True

    def __init__(
        self,
        loc: ArrayLike,
        scale: ArrayLike,
        low: ArrayLike,
        high: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(loc=loc, scale=scale, low=low, high=high, dtype=dtype, validate=validate)
        if validate:
            require_increasing(self)
            self._require_near()

    def _require_near(self):
        if not all(map(ops.is_concrete, self._given.values())):
            return
        distance = ops.convert_to_numpy(ops.abs(self._peak() - self.loc))
        # In float64, where the product does not overflow.
        farthest = _FARTHEST * ops.convert_to_numpy(self.scale).astype("float64")
        if not (distance <= farthest).all():
            raise ValueError(
                f"TruncatedNormal: loc must be within {_FARTHEST:g} times scale of the interval "
                f"from low to high, but is up to {distance.max():.6g} away from it. All of the "
                "mass is at one end there: use Delta, or pass validate=False to skip this check."
            )

    @property
    def support(self) -> Constraint:
        """The interval, both ends included."""
        return constraints.interval(self.low, self.high)

    # Below, `d` is a value minus the peak, in standard deviations, and `tilt` the peak minus loc in
    # the same: the density is proportional to exp(-d (tilt + d / 2)), which is 1 at the peak.

    def _peak(self):
        # Results do not depend on which point is taken for the peak, so no gradient goes there.
        return ops.stop_gradient(between(self.loc, self.low, self.high))

    def _tilt(self):
        distance = self._peak() - self.loc
        # Farther out all of the mass is, to rounding, in the peak.
        far = ops.abs(distance) > _FARTHEST * self.scale
        tilt = ops.ratio(ops.where(far, 0.0, distance), self.scale)
        return ops.where(far, ops.where(distance > 0, _FARTHEST, -_FARTHEST), tilt)

    def _ends(self):
        """Both ends as distances from the peak; a number, without a gradient, for far ones."""
        peak = self._peak()
        ends = []
        for end, far in ((self.low, -_NO_END), (self.high, _NO_END)):
            # Before the division, which may overflow.
            near = ops.abs(end - peak) < _NO_END * self.scale
            d = ops.ratio(ops.where(near, end, peak) - peak, self.scale)
            ends.append(ops.where(near, d, far))
        return ends

    def _log_normalizer(self):
        """The logarithm of the integral of exp(-d (tilt + d / 2)) over values of the interval."""
        half, (mass,) = _integral(self._tilt(), *self._ends())
        return self._log_width(half) + ops.log(mass)

    def _log_width(self, half):
        """The logarithm of a width in units of the values."""
        width = self.scale * half
        fits = width > float(np.finfo(self.dtype).tiny)
        # The sum of two large logarithms has fewer digits.
        apart = ops.log(self.scale) + ops.log(half)
        return ops.where(fits, ops.log(ops.where(fits, width, 1.0)), apart)

    def _distance(self):
        """Mean and standard deviation of d."""
        half, integrals = _integral(self._tilt(), *self._ends(), powers=(0, 1, 2))
        mass, first, second = integrals
        mean = first / mass
        return half * mean, half * ops.sqrt(second / mass - ops.square(mean))

    def _log_prob(self, value):
        peak = self._peak()
        outside = ops.logical_or(value < self.low, value > self.high)
        outside = ops.logical_or(outside, is_infinite(value))
        d = ops.ratio(ops.where(outside, peak, value) - peak, self.scale)
        log_prob = -d * (self._tilt() + 0.5 * d) - self._log_normalizer()
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        mean, _ = self._distance()
        return self._broadcast(self._peak() + self.scale * mean)

    def variance(self) -> Tensor:
        return ops.square(self.stddev())

    def stddev(self) -> Tensor:
        # The variance may underflow where this does not.
        _, stddev = self._distance()
        return self._broadcast(self.scale * stddev)

    def mode(self) -> Tensor:
        return self._broadcast(between(self.loc, self.low, self.high))

    def entropy(self) -> Tensor:
        tilt = self._tilt()
        half, integrals = _integral(tilt, *self._ends(), powers=(0, 1, 2))
        mass, first, second = integrals
        mean_energy = half * (tilt * (first / mass) + 0.5 * half * (second / mass))
        return self._broadcast(self._log_width(half) + ops.log(mass) + mean_energy)

    def cdf(self, value: ArrayLike) -> Tensor:
        tilt, (low, high) = self._tilt(), self._ends()
        d = ops.ratio(self._as_value(value) - self._peak(), self.scale)
        d = between(d, low, high)
        mass = _mass(tilt, low, high)
        # The smaller share is the one that has its digits, and its derivatives theirs.
        below, above = _share_below(tilt, low, d, mass), _share_below(-tilt, -high, -d, mass)
        return ops.where(below < above, below, 1.0 - above)

    def quantile(self, probability: ArrayLike) -> Tensor:
        u = self._as_value(probability)
        inside = ops.logical_and(u > 0, u < 1)
        x = self._quantile(ops.where(inside, u, 0.5))
        return ops.where(u <= 0, self.low, ops.where(u >= 1, self.high, x))

    def _sample(self, shape, seed):
        u = ops.random.uniform_open(shape, self.dtype, seed)

        def interval():
            return map(ops.stop_gradient, (self._tilt(), *self._ends()))

        d, x = map(ops.stop_gradient, draw(u, interval, self._place))
        # Of the same number, with its derivatives.
        moving = self._place(_DRAWN(*together(self._tilt(), *self._ends(), u, d)))
        return _AS_IF(moving, x)

    def _place(self, d):
        return between(self._peak() + self.scale * d, self.low, self.high)

    def _quantile(self, u):
        tilt, (low, high) = self._tilt(), self._ends()
        mass = _mass(tilt, low, high)
        # In the half that the value lies in, by symmetry always as the left one.
        left = u < 0.5
        sign = ops.where(left, ops.ones_like(u), -ops.ones_like(u))
        lean, start, end = sign * tilt, ops.where(left, low, -high), ops.where(left, high, -low)
        # Not the logarithm of the product, whose second derivative holds its square.
        log_target = ops.log(ops.where(left, u, 1.0 - u)) + ops.log(mass)
        guess = sign * ops.stop_gradient(self._guess(u, tilt, low, high))
        ends = ops.stop_gradient(end), guess
        d = _DISTANCE_OF_MASS(*together(log_target, lean, start, *ends))
        return self._place(sign * d)

    def _guess(self, u, tilt, low, high):
        """The quantile as a distance from the peak, to a few digits of the interval's width."""
        near = self._standard_quantile(u, tilt, low, high) - tilt
        lost = ops.logical_or(ops.abs(tilt) > _FAR, ~(ops.abs(near) < _NO_END))
        return between(ops.where(lost, self._guess_far(u, tilt, low, high), near), low, high)

    def _standard_quantile(self, u, tilt, low, high):
        """The quantile in standard deviations from the mean, by the normal distribution."""
        # In the tail that the value lies in, by symmetry always as the left one. Of ends that many
        # numbers share, the distribution function is computed once.
        tails = [ops.normal_cdf(z) for z in (tilt + low, tilt + high, -tilt - low, -tilt - high)]
        right = ops.where(ops.equal(tilt, 0), u > 0.5, tilt > 0)
        at_low, at_high = (ops.where(right, tails[i + 2], tails[i]) for i in (0, 1))
        z = ops.normal_quantile((1.0 - u) * at_low + u * at_high)
        return ops.where(right, -z, z)

    def _guess_far(self, u, tilt, low, high):
        # With t = |tilt|, the mass beyond a distance d from the peak is, as a share of all beyond
        # the peak, exp(-d (t + d / 2) - drop(d)), where the drop is that of Mills' ratio.
        safe = ops.maximum(ops.abs(tilt), _FAR)
        up = ops.where(ops.equal(tilt, 0), u > 0.5, tilt > 0)
        width = ops.where(up, high, -low)
        beyond = ops.exp(-width * (safe + 0.5 * width) - _mills_drop(safe, width))
        outer, inner = ops.where(up, 1.0 - u, u), ops.where(up, u, 1.0 - u)
        target = -ops.log(outer + inner * beyond)
        d = ops.zeros_like(target)
        for _ in range(4):
            rest = ops.maximum(target - _mills_drop(safe, d), 0.0)
            # Not by the square of what may be large.
            d = 2.0 * (rest / safe) / (1.0 + ops.sqrt(1.0 + 2.0 * (rest / safe) / safe))
        return ops.where(up, d, -d)


def _reach(tilt):
    """How far from the peak there is mass."""
    depth = _QUADRATURE[kind(tilt)][0]
    steep = ops.abs(tilt)
    # Where the square of the tilt might overflow, the rest is nothing beside it.
    root = ops.sqrt(ops.square(ops.minimum(steep, 1e15)) + 2.0 * depth)
    return ops.stop_gradient(2.0 * depth / (steep + ops.maximum(root, steep)))


def _integral(tilt, low, high, powers=(0,)):
    """h, and the integrals of (d / h)^n exp(-d (tilt + d / 2)) / h from `low` to `high`.

    h is half of the width that is integrated over: in units of it no power underflows.
    """
    nodes, weights = (
        ops.convert_to_tensor(x, dtype=tilt.dtype) for x in _QUADRATURE[kind(tilt)][1]
    )
    reach = _reach(tilt)
    low, high = ops.maximum(low, -reach), ops.minimum(high, reach)
    half = 0.5 * between(high - low, 0.0, math.inf)
    d = (low + half)[..., None] + half[..., None] * nodes
    terms = weights * ops.exp(-d * (tilt[..., None] + 0.5 * d))
    unit = d / half[..., None] if max(powers) else None
    return half, [ops.sum(terms * unit**n if n else terms, axis=-1) for n in powers]


def _mass(tilt, low, high):
    """The integral of exp(-d (tilt + d / 2)) from `low` to `high`."""
    half, (mass,) = _integral(tilt, low, high)
    return half * mass


def _mass_below(tilt, low, d):
    """The point from `low` to d where the density is largest, and the mass over its density.

    So the integral has its digits in a tail too, where the density at the peak is no measure.
    """
    center = ops.stop_gradient(ops.minimum(d, 0.0))
    return center, _mass(tilt + center, low - center, d - center)


def _share_below(tilt, low, d, mass):
    center, part = _mass_below(tilt, low, d)
    return ops.exp(-center * (tilt + 0.5 * center)) * part / mass


def _fall(tilt, start, d):
    """The logarithm of the density at `start` over that at d."""
    return (d - start) * (tilt + 0.5 * (d + start))


def _newton(log_mass, tilt, start, end, guess):
    """The distance up to which there is this mass, by Newton's method on its logarithm.

    Which is concave in the distance. The last step is on the mass itself: that is exact where the
    density is flat, and leaves `start`, where there is no mass yet.
    """

    def step(_, d):
        center, part = _mass_below(tilt, start, d)
        empty = part <= 0
        log_part = ops.log(ops.where(empty, 1.0, part)) - center * (tilt + 0.5 * center)
        rise = part * ops.exp(_fall(tilt, center, d))
        change = ops.where(empty, 0.0, (log_part - log_mass) * rise)
        return between(d - change, start, end)

    d = ops.fori_loop(0, _STEPS - 1, step, guess)
    center, part = _mass_below(tilt, start, d)
    error = part - ops.exp(log_mass + center * (tilt + 0.5 * center))
    return between(d - error * ops.exp(_fall(tilt, center, d)), start, end)


def _by_log_mass(log_mass, tilt, start, end, guess, d):
    """The mass over the density."""
    return ops.exp(log_mass + d * (tilt + 0.5 * d))


def _by_tilt(log_mass, tilt, start, end, guess, d):
    """The integral of s exp(-s (tilt + s / 2)) from `start` to d, over the density at d."""
    center = ops.stop_gradient(ops.minimum(d, 0.0))
    half, (mass, first) = _integral(tilt + center, start - center, d - center, powers=(0, 1))
    moment = half * ops.where(half > 0, half * first + center * mass, 0.0)
    return moment * ops.exp(_fall(tilt, center, d))


def _by_start(log_mass, tilt, start, end, guess, d):
    """The density at `start` over that at d."""
    return ops.exp(_fall(tilt, start, d))


# From the logarithm of the mass below, with implicit derivatives.
_DISTANCE_OF_MASS = with_derivatives(_newton, [_by_log_mass, _by_tilt, _by_start, None, None])


def _drawn_by_tilt(tilt, low, high, u, drawn, d):
    """The integrals of `_by_tilt` on both sides of d, or in closed form where that has digits."""

    def by_integrals():
        below = _by_tilt(None, tilt, low, None, None, d)
        above = _by_tilt(None, -tilt, -high, None, None, -d)
        return (1.0 - u) * below + u * above

    def by_ends():
        by_low = _drawn_by_low(tilt, low, high, u, drawn, d)
        return by_low + _drawn_by_high(tilt, low, high, u, drawn, d) - 1.0

    narrow, far = where_not_plain(tilt, low, high)
    return ops.cond(ops.any(ops.logical_or(narrow, far)), by_integrals, by_ends)


def _drawn_by_low(tilt, low, high, u, drawn, d):
    return (1.0 - u) * ops.exp(_fall(tilt, low, d))


def _drawn_by_high(tilt, low, high, u, drawn, d):
    return u * ops.exp(_fall(tilt, high, d))


# What was drawn, with implicit derivatives at the probability u.
_DRAWN = with_derivatives(
    lambda tilt, low, high, u, drawn: drawn,
    [_drawn_by_tilt, _drawn_by_low, _drawn_by_high, None, None],
)
# The second argument, with the derivatives of the first.
_AS_IF = with_derivatives(lambda moving, x: x, [lambda moving, x, value: ops.ones_like(x), None])


def _mills_drop(t, d):
    """How much the logarithm of Mills' ratio falls from t to t + d, for t of at least 10."""
    here, there = 1.0 / ops.square(t), 1.0 / ops.square(t + d)
    # Mills' ratio is (1 - 1/t^2 + 3/t^4 - ...) / t.
    return (
        ops.log1p(d / t)
        + ops.log1p(here * (3.0 * here - 1.0))
        - ops.log1p(there * (3.0 * there - 1.0))
    )
