"""Which conditional belongs to which family."""

import keras

from kelbo.distributions import Distribution, MultivariateNormalTriL, Normal
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.layers.conditionals.multivariate_normal import ConditionalMultivariateNormalTriL
from kelbo.layers.conditionals.normal import ConditionalNormal

_OTHERS = {
    Normal: ConditionalNormal,
    MultivariateNormalTriL: ConditionalMultivariateNormalTriL,
}


def conditional_of(family: type[Distribution]) -> type[Conditional]:
    """The conditional whose distributions are of this family.

    Args:
        family: A class of distributions.

    Returns:
        A class of conditionals: of Kelbo, or any registered subclass of `FamilyConditional`.

    Raises:
        ValueError: There is none.

    Example:
        >>> from kelbo.distributions import StudentT
        >>> from kelbo.layers.conditionals.families.lookup import conditional_of
        >>> conditional_of(StudentT).__name__
        'ConditionalStudentT'
    """
    known = {**_OTHERS, **{cls.family: cls for cls in _registered(FamilyConditional)}}
    if family not in known:
        names = ", ".join(sorted(cls.__name__ for cls in known))
        raise ValueError(
            f"There is no conditional of the family {getattr(family, '__name__', family)!r}; there "
            f"are those of {names}. Write a subclass of layers.FamilyConditional for it."
        )
    return known[family]


def _registered(cls):
    for subclass in cls.__subclasses__():
        if keras.saving.get_registered_name(subclass) != subclass.__name__:
            yield subclass
        yield from _registered(subclass)
