"""Writes the pages of distributions, bijectors and objectives from the docstrings of the classes.

`python docs/catalogue.py` writes them, `python docs/catalogue.py --check` only says whether they
are what it would write (exit status 1 if not).
"""

import argparse
import inspect
import re
import sys
from pathlib import Path

import numpy as np

import kelbo as kb
from kelbo import distributions as kd
from kelbo.bijectors import Bijector
from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormalTriL,
    Normal,
    OneHotCategorical,
    SphericalUniform,
    Transformed,
    VonMisesFisher,
)
from kelbo.distributions.combinators.wrapper import Wrapper
from kelbo.estimators import ESTIMATORS, Estimator
from kelbo.objectives import Objective
from kelbo.parameters import Constraint

HERE = Path(__file__).parent
GROUPS = {
    "Numbers, continuous": kd.continuous,
    "Numbers, discrete, and one-hot vectors": kd.discrete,
    "Relaxed": kd.relaxed,
    "Vectors and matrices": kd.vectors,
    "Directions": kd.directions,
    "Made of others": kd.combinators,
}
DISTRIBUTIONS = """# Distributions

`from kelbo import distributions as kd`. Every class has `sample(sample_shape, seed)`, `log_prob`,
`sample_and_log_prob`, `batch_shape`, `event_shape`, `reparameterized`, `astype`, `get_config`, and
`mean`, `variance`, `stddev`, `mode`, `entropy`, `cdf`, `quantile` where there is a closed form or a
documented computation; one that is missing raises an error that says what to do instead.
`distribution[i]` is a part of the batch, indexed as an array of `batch_shape` is. Where pathwise
gradients are "yes", `reparameterized` is true: they flow through `sample` to the parameters.
Parameters are Python numbers, arrays, tensors or variables; shapes are those of TensorFlow
Probability. Their values are checked where they can be seen; `validate=False` skips that, and
inside compiled code (`jit`, `tf.function`) only shapes are checked.

`kl_divergence(q, p)` knows the pairs in the last section. This page is written by
`python docs/catalogue.py` from the docstrings.
"""
BIJECTORS = """# Bijectors

`from kelbo import bijectors`. Every class has `forward`, `inverse`, `forward_and_log_det`,
`inverse_and_log_det`, the shapes and the sets that it maps from and to. `Transformed(distribution,
bijector)` is the distribution of the result; `bijectors.onto(constraint)` maps the unconstrained
numbers onto any set of `kelbo.parameters.constraints` that is not discrete. Layers with networks
inside (couplings, MAF, IAF, planar, ...) are `kelbo.layers`: each makes one of the bijectors below,
of a context or of none, and `layers.Flow` puts them on a base distribution. The interface is that
of Dillon et al., 2017, "TensorFlow Distributions"; maps that any textbook has name no other source.
This page is written by `python docs/catalogue.py` from the docstrings.
"""
OBJECTIVES = """# Objectives and gradient estimators

`from kelbo import objectives as ko`. `vae.objective = ko.IWELBO(50, "doubly_reparameterized")` is
all it takes to train a model by another bound: the model stays as it is. An objective is a function
of log densities; how it is differentiated by the posterior's parameters is the business of its
`estimator`, given by name or as an object of `kelbo.estimators`. What a posterior or a prior cannot
support is an error at `compile`, and when `objective` is set, which says what to take in its place.
All losses are in nats per example, with every constant.

## Which one

| aim | objective |
| --- | --- |
| a first fit | `ELBO()` |
| a flow, a mixture, or any pair without a closed divergence | `ELBO(kl="monte_carlo")` |
| a better density, a richer posterior from a simple one | `IWELBO(50, "doubly_reparameterized")` |
| many samples, and an encoder that still learns | the same, `PIWAE`, `MIWAE`, `CIWAE` |
| latent dimensions that die | `FreeBits(0.25)`, `BetaELBO(LinearWarmUp(steps))` |
| separate factors | `BetaTCELBO(beta)`, `BetaELBO(beta)` with or without a capacity |
| codes that fill the prior | `InfoELBO()`, `WassersteinMMD()` |
| a posterior that covers all modes | `RenyiBound(0.0, samples)`, `ReweightedWakeSleep(samples)` |
| how far the bound is from the evidence | `ChiUpperBound()` after the ELBO, the model held fixed |
| discrete latent values | `ELBO(4, estimator="rebar")`, `IWELBO(5, "vimco")`; see below |
| a likelihood without gradients by z | `WakeSleep()`, the estimator "score_function" |

A weight may be a schedule of `kelbo.schedules` (`LinearWarmUp`, `SigmoidWarmUp`, `CyclicalWarmUp`,
`ExponentialDecay`), which is computed inside the compiled step from a counter that is saved with
the model. `evaluate` takes schedules at their end.

How noisy each gradient was measured to be, and the bounds side by side on real data:
[results](results.md).

## Posteriors and priors

All are layers (`kl`, `kelbo.layers`) or distributions (`kd`, `kelbo.distributions`); none is a
model.

| posterior | class |
| --- | --- |
| diagonal | `kl.ConditionalNormal` |
| full covariance | `kl.ConditionalMultivariateNormalTriL` |
| low rank plus diagonal | `kl.ConditionalMultivariateNormalLowRank` |
| autoregressive over blocks | `kl.ConditionalAutoregressiveNormal` |
| mixture (no pathwise gradient: take "score_function" or "vimco") | `kl.ConditionalMixture` |
| any flow (planar, radial, spline, IAF, ...) | `kl.Flow(kl.ConditionalNormal(...), [...])` |
| directions | `kl.ConditionalVonMisesFisher` |
| binary, one-hot | `kl.ConditionalBernoulli`, `kl.ConditionalOneHotCategorical` |

| prior | what it is |
| --- | --- |
| standard normal | `kd.Normal.standard(shape)` |
| normal whose parameters train | `kl.LearnedNormal` |
| mixture of Gaussians that trains | `kl.LearnedMixture` |
| VampPrior, from K pseudo-inputs, also begun at the mean of the data | `kl.VampPrior` |
| flow | `kl.Flow(kd.Normal.standard(shape), [...])` |
| uniform directions, for von Mises-Fisher posteriors | `kd.SphericalUniform` |

The closed divergences are those of `kelbo.distributions.kl_divergence`: with any other pair take a
bound from samples. Where densities are compared, a prior must be positive wherever the posterior
is: a standard normal for directions, or a Gamma prior under a normal posterior, is refused. So are,
for `ChiUpperBound` and a sleep phase, priors with values that the posterior has not. Switching to
an objective that trains other variables (`ChiUpperBound` and `FDivergence` fit the posterior alone)
makes a fresh optimizer with the same settings.

This page is written by `python docs/catalogue.py` from the docstrings; the tables of pairs from
what the classes refuse.
"""


def main() -> int:
    """Writes or checks the pages.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = []
    for name, text in pages().items():
        path = HERE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.write_text(text)
    if check and stale:
        print(f"out of date: {', '.join(stale)}; run python docs/catalogue.py")
    return int(check and bool(stale))


def pages() -> dict[str, str]:
    """The text of each page by file name."""
    return {
        "distributions.md": _distributions(),
        "bijectors.md": _bijectors(),
        "objectives.md": _objectives(),
    }


def _distributions():
    parts = [DISTRIBUTIONS]
    for title, package in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(cls) for _, cls in sorted(_classes(package, Distribution).items())]
    parts.append(_divergences())
    return "\n".join(parts)


def _bijectors():
    classes = _classes(kb.bijectors, Bijector)
    return "\n".join([BIJECTORS, *(_entry(cls) for _, cls in sorted(classes.items()))])


def _objectives():
    objectives = _classes(kb.objectives, Objective)
    estimators = _classes(kb.estimators, Estimator)
    schedules = _classes(kb.schedules, kb.schedules.Schedule)
    return "\n".join(
        [
            OBJECTIVES,
            _pairs(objectives),
            "## Bounds\n",
            *(_entry(cls) for _, cls in sorted(objectives.items())),
            "## Estimators\n",
            *(_entry(cls) for _, cls in sorted(estimators.items())),
            "## Schedules\n",
            *(_entry(cls) for _, cls in sorted(schedules.items())),
        ]
    )


# Arguments of the objectives that need some; all of them with an even number of samples.
_ARGUMENTS = {
    "AlphaDivergence": {"alpha": 0.5, "samples": 2},
    "BetaELBO": {"beta": 4.0, "samples": 2},
    "BetaTCELBO": {"beta": 4.0, "samples": 2},
    "CIWAE": {"beta": 0.5, "samples": 2},
    "ELBO": {"samples": 2},
    "FDivergence": {"f": kb.divergences.f.KLForward(), "samples": 2},
    "FreeBits": {"nats": 0.25, "samples": 2},
    "IWELBO": {"samples": 2},
    "MIWAE": {"outer": 2, "inner": 2},
    "PIWAE": {"outer": 2, "inner": 2},
    "RenyiBound": {"alpha": 0.5, "samples": 2},
    "ReweightedWakeSleep": {"samples": 2},
}

# What else stands in the table: a class with other arguments.
_VARIANTS = {
    "ELBO": ('ELBO(kl="monte_carlo")', {"samples": 2, "kl": "monte_carlo"}),
    "FreeBits": ('FreeBits(per="group")', {"nats": 0.25, "per": "group", "samples": 2}),
    "BetaELBO": (
        'BetaELBO(kl="monte_carlo")',
        {"beta": 4.0, "samples": 2, "kl": "monte_carlo"},
    ),
    "InfoELBO": ("InfoELBO(alpha=1)", {"alpha": 1.0}),
}


def _pairs(objectives):
    """Which estimators each objective takes, for some kinds of posteriors."""
    normal = Normal.standard((2,))
    covariance = MultivariateNormalTriL(np.zeros((1, 2), "float32"), np.eye(2, dtype="float32"))
    planar = kb.bijectors.Planar(np.ones(2, "float32"), np.ones(2, "float32"), 0.0)
    several = Independent(Normal(np.zeros((1, 3, 2), "float32"), 1.0), 1)
    discrete = {
        "Bernoulli": Independent(Bernoulli(np.zeros((1, 2), "float32")), 1),
        "one-hot": Independent(OneHotCategorical(np.zeros((1, 2, 3), "float32")), 1),
    }
    kinds = {
        "normal": (Independent(Normal(np.zeros((1, 2), "float32"), 1.0), 1), normal),
        "full covariance, low rank": (covariance, normal),
        "flow, autoregressive": (Transformed(covariance, planar), normal),
        "mixture": (MixtureSameFamily(Categorical(np.zeros((1, 3), "float32")), several), normal),
        "directions": (VonMisesFisher(np.eye(2, dtype="float32")[:1], 1.0), SphericalUniform(2)),
        **{name: (posterior, posterior[0]) for name, posterior in discrete.items()},
    }
    lines = ["## Estimators by objective and posterior\n", f"| objective | {' | '.join(kinds)} |"]
    lines.append(f"| --- |{' --- |' * len(kinds)}")
    shown = [(name, cls, _ARGUMENTS.get(name, {})) for name, cls in sorted(objectives.items())]
    shown += [(label, objectives[name], args) for name, (label, args) in _VARIANTS.items()]
    rows = {}  # those that are alike stand in one
    for label, cls, arguments in shown:
        cells = tuple(_accepted(cls, arguments, *pair) for pair in kinds.values())
        rows.setdefault(cells, []).append(f"`{label}`")
    lines += [f"| {', '.join(labels)} | {' | '.join(cells)} |" for cells, labels in rows.items()]
    return "\n".join(lines) + "\n"


def _accepted(cls, arguments, posterior, prior):
    if len(cls.own_estimators) == 1:
        cls(**arguments).check(posterior, prior)
        return "its own"
    accepted = []
    for name in cls.own_estimators or ESTIMATORS:
        try:
            cls(**arguments, estimator=name).check(posterior, prior)
        except ValueError:
            continue
        accepted.append(name)
    return ", ".join(accepted) or "none"


def _classes(package, base):
    found = {name: getattr(package, name) for name in package.__all__}
    return {
        name: cls
        for name, cls in found.items()
        if inspect.isclass(cls) and issubclass(cls, base) and not _is_base(cls, base)
    }


def _is_base(cls, base):
    if inspect.isabstract(cls) or cls.__name__.startswith("_"):
        return True
    return cls is base or cls is kb.distributions.MultivariateNormal


def _entry(cls):
    text = inspect.getdoc(cls)
    text = re.split(r"\n\n?Examples?:", text)[0].rstrip()
    body, _, rest = text.partition("\nArgs:\n")
    lines = [f"### {cls.__name__}\n", body.strip(), ""]
    arguments = re.split(r"\n(?:Raises|Attributes|Returns):", rest)[0].rstrip()
    if arguments:
        lines += _bullets(inspect.cleandoc(arguments))
    for label, attribute in (("Support", "support"), ("From", "domain"), ("Onto", "codomain")):
        if hasattr(cls, attribute):
            lines.append(f"- **{label}:** {_set(cls, attribute)}")
    if issubclass(cls, Distribution):
        lines.append(f"- **Pathwise gradients of draws:** {_pathwise(cls)}")
    return "\n".join(lines) + "\n"


def _bullets(arguments):
    items = []
    for line in arguments.splitlines():
        if line.startswith("    ") or not re.match(r"\w+:", line):
            items[-1] += f" {line.strip()}"
        elif line.strip():
            name, _, what = line.partition(":")
            items.append(f"- `{name}`:{what}")
    return [item for item in items if not item.startswith(("- `dtype`", "- `validate`"))]


def _set(cls, attribute):
    value = inspect.getattr_static(cls, attribute)
    if isinstance(value, Constraint):
        return value.rule
    return inspect.getdoc(getattr(cls, attribute)).splitlines()[0].rstrip(".")


# Where `reparameterized` is a property, by what it returns; a class that is not named is an error.
_BY_INSTANCE = {
    kb.distributions.Transformed: "as the distribution inside",
    Wrapper: "as the distribution inside",
    kb.distributions.Joint: "where all parts have them",
    kb.distributions.OneHotCategorical: (
        "no; with `straight_through=True` the biased ones of the probabilities"
    ),
}


def _pathwise(cls):
    value = inspect.getattr_static(cls, "reparameterized")
    if isinstance(value, bool):
        return "yes" if value else "no"
    for base, answer in _BY_INSTANCE.items():
        if issubclass(cls, base):
            return answer
    raise SystemExit(f"docs/catalogue.py: say whether draws of {cls.__name__} carry gradients")


def _divergences():
    from kelbo.distributions.kl import registry

    pairs = sorted(f"- {_family(q)}, {_family(p)}" for q, p in registry._FORMULAS)
    rules = (
        "A pair of `Independent`, `Masked`, `Expanded`, or `Transformed` by one and the same "
        "bijector has the divergence of what is inside; MultivariateNormal stands for its four "
        "kinds.\n"
    )
    return "\n".join(["## Divergences with a closed form: q, p\n", *pairs, "", rules])


def _family(family):
    if isinstance(family, tuple):
        return f"{family[0].__name__}[{family[1].__name__}]"
    return family.__name__


if __name__ == "__main__":
    sys.exit(main())
