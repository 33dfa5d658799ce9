"""Conditionals of any real number: heavier tails than the normal distribution has."""

from kelbo.bijectors import Softplus
from kelbo.distributions import Laplace, Logistic, StudentT
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.registration import registered


@registered
class ConditionalStudentT(FamilyConditional):
    r"""Independent Student's t distributions, $t_{\nu(c)}(y; \mu(c), \sigma(c))$ per entry of $y$.

    Regression that outliers do not carry away. The degrees of freedom are $1.001 +
    \mathrm{softplus}(r)$, so that there is always a mean; `links={"df": ...}` changes that and
    `fixed={"df": 4.0}` learns no tails at all.

    Takes the arguments of `FamilyConditional`. Parameters: `df`, `loc`, `scale`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalStudentT
        >>> layer = ConditionalStudentT((1,), keras.layers.Dense(8, "relu"))
        >>> layer.given(np.zeros((5, 3), "float32")).mean().shape
        (5, 1)
    """

    family = StudentT
    learned = ("df", "loc", "scale")
    usual_links = {"df": Softplus(1.001)}


@registered
class ConditionalLaplace(FamilyConditional):
    r"""Independent Laplace distributions, $\mathrm{Laplace}(y; \mu(c), b(c))$ per entry of $y$.

    The likelihood whose location is the conditional median: least absolute deviations, with a scale
    that depends on the context.

    Takes the arguments of `FamilyConditional`. Parameters: `loc`, `scale`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalLaplace
        >>> ConditionalLaplace((2,)).given(np.zeros((5, 3), "float32")).event_shape
        (2,)
    """

    family = Laplace
    learned = ("loc", "scale")


@registered
class ConditionalLogistic(FamilyConditional):
    r"""Independent logistic distributions, $\mathrm{Logistic}(y; \mu(c), s(c))$ per entry of $y$.

    Takes the arguments of `FamilyConditional`. Parameters: `loc`, `scale`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalLogistic
        >>> ConditionalLogistic((2,)).given(np.zeros((5, 3), "float32")).event_shape
        (2,)
    """

    family = Logistic
    learned = ("loc", "scale")
