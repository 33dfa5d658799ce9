"""Distributions made of distributions."""

from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.combinators.independent import Independent
from kelbo.distributions.combinators.joint import Dependent, Joint
from kelbo.distributions.combinators.masked import Masked
from kelbo.distributions.combinators.mixture import Mixture
from kelbo.distributions.combinators.mixture_same_family import MixtureSameFamily
from kelbo.distributions.combinators.transformed import Transformed
from kelbo.distributions.combinators.zero_inflated import ZeroInflated

__all__ = [
    "Dependent",
    "Expanded",
    "Independent",
    "Joint",
    "Masked",
    "Mixture",
    "MixtureSameFamily",
    "Transformed",
    "ZeroInflated",
]
