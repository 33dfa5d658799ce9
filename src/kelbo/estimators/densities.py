"""The terms of a bound at latent values that were drawn."""

from typing import Any

from kelbo import ops
from kelbo.estimators.estimator import Bound
from kelbo.latent import LatentProblem, LogPosterior
from kelbo.ops.floats import as_floats


def densities(
    problem: LatentProblem, bound: Bound, z: Any, log_posterior: Any = None, seed: Any = None
) -> dict[str, Any]:
    """The terms that the log weights of a bound are made of.

    Args:
        problem: The densities of the model.
        bound: Says which terms it needs.
        z: Latent values, of shape (samples, batch, *event shape), or a dict of them by part.
        log_posterior: Their log density under the posterior, of shape (samples, batch), where the
            bound needs it.
        seed: Where further draws of the terms come from.

    Returns:
        Tensors of shape (samples, batch) by name, and the values themselves as "latent".
    """
    terms, draws = {}, {"latent": z}
    for term in sorted(bound.weight_terms, key=lambda term: term.name):
        if term is LogPosterior:
            terms[term.name] = log_posterior
        elif term.is_needed(problem.posterior, problem.prior):
            terms[term.name] = term.value(problem, draws, seed)
    # Of a prior and a likelihood of two precisions the finer one holds.
    return {**dict(zip(terms, as_floats(*terms.values()), strict=True)), **draws}


def stopped_log_weights(bound: Bound, terms: dict[str, Any]) -> Any:
    """The log weights, through which no gradient flows.

    Args:
        bound: Says what they are made of.
        terms: Tensors by name.

    Returns:
        A tensor of shape (samples, batch).
    """
    return ops.stop_gradient(bound.log_weights(terms))


def only_gradient(value: Any) -> Any:
    """0, with the gradient of the value.

    Args:
        value: A tensor.

    Returns:
        A tensor of its shape.

    Example:
        >>> from kelbo.estimators.densities import only_gradient
        >>> float(only_gradient(3.0))
        0.0
    """
    return value - ops.stop_gradient(value)
