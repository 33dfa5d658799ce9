"""Errors for bad arguments of multivariate and composed distributions."""

import numpy as np
import pytest

from kelbo.distributions import (
    Bernoulli,
    Categorical,
    Expanded,
    LKJCholesky,
    Masked,
    Mixture,
    MixtureSameFamily,
    MultivariateNormalDiag,
    MultivariateNormalFullCovariance,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
    Normal,
    SphericalUniform,
)

from ..refusals import refuses_arguments, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

_EYE = np.eye(2)
_TWO = Categorical(logits=[0.0, 1.0])
BAD_VALUES = {
    "scale of a diagonal": (
        lambda **k: MultivariateNormalDiag([0.0, 0.0], [1.0, -2.0], **k),
        "MultivariateNormalDiag: scale_diag must be a vector of numbers greater than 0 .* -2 to 1",
    ),
    "variance 0": (
        lambda **k: MultivariateNormalLowRank([0.0, 0.0], [1.0, 0.0], [[1.0], [1.0]], **k),
        "MultivariateNormalLowRank: cov_diag_factor must be a vector .* ranges from 0 to 1",
    ),
    "infinite direction": (
        lambda **k: MultivariateNormalLowRank([0.0, 0.0], [1.0, 1.0], [[np.inf], [1.0]], **k),
        "MultivariateNormalLowRank: cov_perturb_factor must be a matrix of finite .* inf",
    ),
    "concentration": (
        lambda **k: LKJCholesky(2, [1.0, 0.0], **k),
        "LKJCholesky: concentration must be greater than 0 .* ranges from 0 to 1",
    ),
}
BAD_ARGUMENTS = {
    "not positive definite": (
        lambda: MultivariateNormalFullCovariance([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]),
        "MultivariateNormalFullCovariance: covariance_matrix must be a symmetric positive-definite"
        ".*; its smallest eigenvalue is -1.",
    ),
    "not symmetric": (
        lambda: MultivariateNormalFullCovariance([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]),
        "MultivariateNormalFullCovariance: covariance_matrix must be a symmetric .* below it is 0",
    ),
    "not square": (
        lambda: MultivariateNormalFullCovariance([0.0, 0.0], np.ones((2, 3))),
        "covariance_matrix has the shape (2, 3); it must be a square matrix",
    ),
    "sizes of vectors": (
        lambda: MultivariateNormalDiag([0.0, 0.0], [1.0]),
        "MultivariateNormalDiag: loc has 2 entries, .* but scale_diag has 1 entries",
    ),
    "sizes of matrices": (
        lambda: MultivariateNormalLowRank([0.0, 0.0], [1.0, 1.0], np.ones((3, 2))),
        "MultivariateNormalLowRank: loc has 2 entries, .* but cov_perturb_factor is 3 x 2",
    ),
    "a number for a vector": (
        lambda: MultivariateNormalDiag([0.0, 0.0], 1.0),
        "MultivariateNormalDiag: scale_diag has the shape (); it must be a vector",
    ),
    "dimension 1": (
        lambda: LKJCholesky(1, 1.0),
        "LKJCholesky: dimension must be a whole number of at least 2, got 1",
    ),
    "dimension 2.0": (
        lambda: LKJCholesky(2.0, 1.0),
        "LKJCholesky: dimension must be a whole number of at least 2, got 2.0",
    ),
    "weights": (
        lambda: MixtureSameFamily([0.5, 0.5], Normal([0.0, 1.0], 1.0)),
        "MixtureSameFamily: mixture_distribution must be a Categorical, .* got [0.5, 0.5]",
    ),
    "number of components": (
        lambda: MixtureSameFamily(_TWO, Normal([0.0, 1.0, 2.0], 1.0)),
        "MixtureSameFamily: the weights are of 2 components, but the batch shape (3,)",
    ),
    "no batch": (
        lambda: MixtureSameFamily(_TWO, MultivariateNormalTriL([0.0, 0.0], _EYE)),
        "MixtureSameFamily: the weights are of 2 components, but the batch shape ()",
    ),
    "batches of a mixture": (
        lambda: MixtureSameFamily(
            Categorical(logits=np.zeros((4, 2))), Normal(np.zeros((3, 2)), 1)
        ),
        "MixtureSameFamily: the batch shape (4,) of the weights does not broadcast against (3,)",
    ),
    "length of a list": (
        lambda: Mixture(_TWO, [Normal(0.0, 1.0)]),
        "Mixture: the weights are of 2 components, but there are 1 in the list",
    ),
    "events of a list": (
        lambda: Mixture(_TWO, [Normal(0.0, 1.0), MultivariateNormalTriL([0.0, 0.0], _EYE)]),
        "Mixture: the components must have one event shape, but have () and (2,)",
    ),
    "masses and densities": (
        lambda: Mixture(_TWO, [Normal(0.0, 1.0), Bernoulli(logits=0.0)]),
        "Mixture: some components are continuous and some are discrete",
    ),
    "a surface and space": (
        lambda: Mixture(_TWO, [SphericalUniform(2), MultivariateNormalTriL([0.0, 0.0], _EYE)]),
        "Mixture: some components are continuous and some are on a sphere",
    ),
    "batches of a list": (
        lambda: Mixture(_TWO, [Normal(np.zeros(3), 1.0), Normal(np.zeros(2), 1.0)]),
        "Mixture: the batch shapes of the weights and of the components do not .* (), (3,), (2,)",
    ),
    "shape of a mask": (
        lambda: Masked(Normal([0.0, 1.0], 1.0), [True, False, True]),
        "Masked: mask has the shape (3,), which does not broadcast against .* Independent(Masked",
    ),
    "values of a mask": (
        lambda: Masked(Normal([0.0, 1.0], 1.0), [0.0, 0.5]),
        "Masked: mask must be booleans, or the numbers 0 and 1, .* ranges from 0 to 0.5",
    ),
    "too small": (
        lambda: Expanded(Normal(np.zeros(3), 1.0), (3, 1)),
        "Expanded: Normal(batch_shape=(3,), .* does not broadcast to batch_shape=(3, 1)",
    ),
    "too few axes": (
        lambda: Expanded(Normal(np.zeros((2, 3)), 1.0), 3),
        "Expanded: Normal(batch_shape=(2, 3), .* does not broadcast to batch_shape=(3,)",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


test_bad_arguments_are_named = refuses_arguments(BAD_ARGUMENTS)
