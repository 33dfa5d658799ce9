"""Divergences of the distributions of directions."""

from kelbo import ops
from kelbo.distributions.directions.spherical_uniform import SphericalUniform
from kelbo.distributions.directions.von_mises_fisher import VonMisesFisher
from kelbo.distributions.kl.registry import register_kl
from kelbo.ops.special.bessel_orders import ratio_complement
from kelbo.ops.special.von_mises_fisher import concentration_divergence


@register_kl(VonMisesFisher, SphericalUniform)
def _von_mises_fisher_uniform(q, p):
    return q._of_batch(q._divergence_from_uniform())


@register_kl(VonMisesFisher, VonMisesFisher)
def _von_mises_fisher_von_mises_fisher(q, p):
    # E log q - E log p, where E x is A mu: in the distance of the means, and in 1 - A.
    rest = ratio_complement(q.concentration, q._order)
    apart = 0.5 * ops.sum(ops.square(q.mean_direction - p.mean_direction), axis=-1)
    lengths = concentration_divergence(q.concentration, p.concentration, q._order)
    return lengths + p.concentration * (1.0 - rest) * apart


@register_kl(SphericalUniform, SphericalUniform)
def _uniform_uniform(q, p):
    return ops.zeros((), dtype=q.dtype)


@register_kl(SphericalUniform, VonMisesFisher)
def _uniform_von_mises_fisher(q, p):
    none = ops.zeros_like(p.concentration)
    return concentration_divergence(none, p.concentration, p._order)
