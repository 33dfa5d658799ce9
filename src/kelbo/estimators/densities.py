"""Log densities at latent values that were drawn, as terms with the batch first."""

from typing import Any

from kelbo import ops
from kelbo.estimators.estimator import Bound
from kelbo.estimators.problem import LatentProblem
from kelbo.estimators.terms import LatentTerms
from kelbo.ops.floats import as_floats


def densities(
    problem: LatentProblem, bound: Bound, z: Any, log_posterior: Any = None
) -> dict[str, Any]:
    """The terms that the log weights of a bound are made of.

    Args:
        problem: The densities of the model.
        bound: Says which terms it needs.
        z: Latent values, of shape (samples, batch, *event shape).
        log_posterior: Their log density under the posterior, of shape (samples, batch), where the
            bound needs it.

    Returns:
        Tensors of shape (batch, samples) by name, the values themselves as "latent", and "step".
    """
    terms = {"log_likelihood": problem.log_likelihood(z)}
    if "log_prior" in bound.weight_terms:
        terms["log_prior"] = problem.log_prior(z)
    if "log_posterior" in bound.weight_terms:
        terms["log_posterior"] = log_posterior
    # Of a prior and a likelihood of two precisions the finer one holds.
    terms = dict(zip(terms, map(ops.transpose, as_floats(*terms.values())), strict=True))
    terms["latent"] = ops.transpose(z, (1, 0, *range(2, len(z.shape))))
    if problem.step is not None:
        first = terms["log_likelihood"][:, 0]
        terms["step"] = ops.zeros_like(first) + ops.cast(problem.step, first.dtype)
    return terms


def stopped_log_weights(bound: Bound, terms: dict[str, Any]) -> Any:
    """The log weights, through which no gradient flows.

    Args:
        bound: Says what they are made of.
        terms: Tensors by name.

    Returns:
        A tensor of shape (batch, samples).
    """
    return ops.stop_gradient(bound.log_weights(LatentTerms(**terms)))


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
