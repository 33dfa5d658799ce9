"""The table that drives every generic test of distributions: adding one is adding entries.

Each module of `cases` lists its `CASES` and `TAILS`. References are computed in float64 by SciPy,
by quadrature of the unnormalised density or by numpyro, never by the formulas under test.
"""

import importlib
import pkgutil

from . import cases

_GROUPS = [
    importlib.import_module(f"{cases.__name__}.{module.name}")
    for module in pkgutil.iter_modules(cases.__path__)
]

CASES = [case for group in _GROUPS for case in getattr(group, "CASES", ())]
TAILS = [tail for group in _GROUPS for tail in getattr(group, "TAILS", ())]

# The first entry of each family and each set of parameters: for what takes long to compile.
ONE_OF_EACH = list(
    {
        (case.family, *case.parameters): case for case in reversed(CASES) if not case.is_variant
    }.values()
)[::-1]
