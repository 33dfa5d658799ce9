"""Fourier features: their inner products come near the kernel, nearer with more of them."""

import keras
import numpy as np
import pytest

from kelbo import gp, ops
from kelbo.gp.random_features.nodes import grid, orthogonal

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

X = np.random.default_rng(0).normal(size=(12, 2))
KERNELS = {
    "RBF": lambda: gp.kernels.RBF([1.0, 2.0], 1.7),
    "Matern12": lambda: gp.kernels.Matern12([1.0, 2.0], 1.7),
    "Matern52": lambda: gp.kernels.Matern52(1.3),
    "RationalQuadratic": lambda: gp.kernels.RationalQuadratic(0.9, alpha=0.8),
}


def numbers(x):
    return ops.convert_to_numpy(x)


def error(kernel, how, count, seeds=range(1)):
    """The largest of several relative errors in the norm of Frobenius."""
    every = [gp.random_features.fourier(kernel, 2, count, how, seed) for seed in seeds]
    run = ops.compile(lambda x: (kernel(x), [features(x) for features in every]))
    expected, phis = keras.tree.map_structure(numbers, run(X))
    found = []
    for features, phi in zip(every, phis, strict=True):
        assert phi.shape == (len(X), features.count)
        assert features.count == count or (how == "quadrature" and features.count < count)
        np.testing.assert_allclose((phi * phi).sum(-1), np.diag(expected), rtol=1e-12)
        found.append(np.linalg.norm(phi @ phi.T - expected) / np.linalg.norm(expected))
    return np.sqrt(np.mean(np.square(found)))


# Rates of the error, when there are 64 times as many: 1/8 for what is drawn.
@pytest.mark.parametrize("how", ["random", "orthogonal", "sobol", "quadrature"])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.once
@pytest.mark.few(2)
def test_the_error_falls_with_the_number(name, how):
    kernel = KERNELS[name]()
    few, many = (error(kernel, how, count, range(4)) for count in (64, 4096))
    rate = {"random": 0.25, "orthogonal": 0.25, "sobol": 0.1, "quadrature": 0.5}[how]
    assert many < rate * few
    if how != "quadrature":
        assert many < {"random": 0.04, "orthogonal": 0.04, "sobol": 0.02}[how]


@pytest.mark.slow
@pytest.mark.once
def test_a_grid_is_exact_for_a_smooth_kernel_and_sobol_is_nearer_than_draws():
    kernel = KERNELS["RBF"]()
    assert error(kernel, "quadrature", 1000) < 1e-10
    assert error(kernel, "sobol", 512) < 0.25 * error(kernel, "random", 512, range(4))


@pytest.mark.parametrize("nodes", [2, 3, 4, 5])
def test_a_grid_keeps_one_of_two_opposite_frequencies(nodes):
    points, weights = grid(None, 2, (nodes**2 + 1) // 2, None)
    assert weights.sum() == pytest.approx(1.0)
    assert len({tuple(np.abs(p * np.sign(p @ [1, 1e-3])).round(9)) for p in points}) <= len(points)
    opposite = [(points == -p).all(1).any() for p in points if p.any()]
    assert not any(opposite)
    # Of a normal distribution: second moments, and fourth ones from three nodes on.
    np.testing.assert_allclose(
        np.einsum("j,ji,jk->ik", weights, points, points), np.eye(2), atol=1e-12
    )
    if nodes > 2:
        np.testing.assert_allclose(weights @ points**4, 3.0)


def test_orthogonal_frequencies_are_orthogonal_and_as_long_as_draws():
    found, weights = orthogonal(None, 3, 3000, np.random.default_rng(1))
    groups = found.reshape(-1, 3, 3)
    products = groups @ np.swapaxes(groups, 1, 2)
    off = products - products * np.eye(3)
    np.testing.assert_allclose(off, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.T @ (weights[:, None] * found), np.eye(3), atol=0.1)


@pytest.mark.slow
@pytest.mark.once
def test_of_sums_and_multiples_of_kernels_on_columns_of_their_own():
    kernel = 2.0 * gp.kernels.RBF(0.8, active_dims=[1]) + gp.kernels.Matern52(1.5) * 0.5 + 0.3
    features = gp.random_features.fourier(kernel, 2, 8192, "sobol")
    phi = numbers(features(X))
    assert phi.shape == (12, features.count) == (12, 8192)
    np.testing.assert_allclose(phi @ phi.T, numbers(kernel(X)), atol=0.02)
    on_its_own = gp.kernels.Sum([gp.kernels.RBF(0.8), gp.kernels.Constant(0.3)], active_dims=[1])
    phi = numbers(gp.random_features.fourier(on_its_own, 2, 102, "quadrature")(X))
    np.testing.assert_allclose(phi @ phi.T, numbers(on_its_own(X)), atol=1e-8)


@pytest.mark.slow
@pytest.mark.once
def test_of_mixtures_of_waves():
    kernel = gp.kernels.SpectralMixture([0.7, 1.2], [[0.3, -0.1], [0.05, 0.8]], [[0.1, 0.2]] * 2)
    for how, tolerance in (("sobol", 0.01), ("quadrature", 1e-8)):
        features = gp.random_features.fourier(kernel, 2, 8192, how)
        phi = numbers(features(X))
        assert phi.shape == (12, features.count)
        np.testing.assert_allclose(phi @ phi.T, numbers(kernel(X)), atol=tolerance)


@pytest.mark.slow
def test_they_follow_parameters_and_are_differentiable():
    kernel = gp.kernels.RBF(1.0, 1.0)
    features = gp.random_features.fourier(kernel, 2, 200, "quadrature")
    x = keras.Variable(X[:2], dtype="float64")
    variables = [x, *kernel.trainable_variables]

    def of(function):
        return lambda _: ops.value_and_grad(lambda: function(ops.convert_to_tensor(x)), variables)()

    def nearly(x):
        phi = features(x)
        return ops.sum(phi[0] * phi[1])

    kernel.length_scale.assign(1.5)
    for found, expected in zip(
        *(
            [numbers(each) for each in ops.compile(of(f), variables)(0.0)[1]]
            for f in (nearly, lambda x: kernel(x[:1], x[1:])[0, 0])
        ),
        strict=True,
    ):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found, expected, atol=1e-9)
    narrow = features(X.astype("float32"))
    assert keras.backend.standardize_dtype(narrow.dtype) == "float32"
    assert numbers(features(np.stack([X, X]))).shape == (2, 12, features.count)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"kernel": "RBF"}, TypeError, "one of gp.kernels"),
        ({"kernel": gp.kernels.Linear}, TypeError, "no spectral density of Linear is known"),
        ({"count": 7}, ValueError, "must be even"),
        ({"count": 2, "kernel": lambda: gp.kernels.RBF() + 0.3}, ValueError, "needs count=4"),
        ({"kernel": lambda: gp.kernels.RBF() * gp.kernels.RBF()}, TypeError, "of Product"),
        ({"seed": -1}, ValueError, "seed must be a whole number"),
        ({"how": "halton"}, ValueError, "must be one of 'random'"),
        ({"dimension": 9, "how": "quadrature"}, ValueError, "needs count=512 at least"),
    ],
)
def test_mistakes_are_named(arguments, kind, message):
    given = {"kernel": gp.kernels.RBF, "dimension": 2, "count": 10, **arguments}
    if callable(given["kernel"]):
        given["kernel"] = given["kernel"]()
    with pytest.raises(kind, match=message):
        gp.random_features.fourier(**given)
    features = gp.random_features.fourier(gp.kernels.RBF(), 3, 10)
    with pytest.raises(ValueError, match="of 3 columns, but the kernel sees 2"):
        features(X)
