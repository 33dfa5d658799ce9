"""Conditionals of positive numbers, and of numbers between 0 and 1."""

from kelbo.distributions import Beta, Exponential, Gamma, LogNormal, Weibull
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.registration import registered


@registered
class ConditionalGamma(FamilyConditional):
    r"""Independent gamma distributions, $\mathrm{Gamma}(y; a(c), r(c))$ per entry of $y > 0$.

    The rate is learned as its logarithm.

    Takes the arguments of `FamilyConditional`. Parameters: `concentration`, `log_rate`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalGamma
        >>> ConditionalGamma((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = Gamma
    learned = ("concentration", "log_rate")


@registered
class ConditionalLogNormal(FamilyConditional):
    r"""Independent log-normal distributions: $\log y \sim \mathcal{N}(\mu(c), \sigma(c)^2)$.

    Takes the arguments of `FamilyConditional`. Parameters: `loc`, `scale`, both of the logarithm of
    $y > 0$.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalLogNormal
        >>> ConditionalLogNormal((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = LogNormal
    learned = ("loc", "scale")


@registered
class ConditionalExponential(FamilyConditional):
    r"""Independent exponential distributions, $\mathrm{Exponential}(y; \lambda(c))$ per entry.

    Takes the arguments of `FamilyConditional`. Parameter: `rate`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalExponential
        >>> ConditionalExponential((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = Exponential
    learned = ("rate",)


@registered
class ConditionalWeibull(FamilyConditional):
    r"""Independent Weibull distributions, $\mathrm{Weibull}(y; k(c), \lambda(c))$ per entry.

    Lifetimes whose risk grows or falls with age, as a function of the context.

    Takes the arguments of `FamilyConditional`. Parameters: `concentration`, `scale`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalWeibull
        >>> ConditionalWeibull((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = Weibull
    learned = ("concentration", "scale")


@registered
class ConditionalBeta(FamilyConditional):
    r"""Independent beta distributions, $\mathrm{Beta}(y; a(c), b(c))$ per entry of $0 < y < 1$.

    Takes the arguments of `FamilyConditional`. Parameters: `concentration1`, `concentration0`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalBeta
        >>> ConditionalBeta((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = Beta
    learned = ("concentration1", "concentration0")
