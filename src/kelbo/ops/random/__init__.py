"""Random draws that Keras lacks, or has without their gradients."""

from kelbo.ops.random.draws import (
    binomial,
    exponential,
    gamma,
    gumbel,
    log_gamma,
    logistic,
    poisson,
    seeded_globally,
    uniform_open,
)

__all__ = [
    "binomial",
    "exponential",
    "gamma",
    "gumbel",
    "log_gamma",
    "logistic",
    "poisson",
    "seeded_globally",
    "uniform_open",
]
