"""Features on a sphere: coefficients, covariances of any pair, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import gp, ops
from kelbo.gp.inducing.activations import activation_coefficients
from kelbo.gp.inducing.harmonics import fundamental_system
from kelbo.gp.kernels import gegenbauer

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

RNG = np.random.default_rng(5)
X = RNG.normal(size=(10, 2))
DIRECTIONS = RNG.normal(size=(5, 3))
FEATURES = {
    "points": lambda: gp.inducing.InducingPoints(X[:4] + 0.1),
    "relu": lambda: gp.inducing.ActivationFeatures(DIRECTIONS, "relu", 8),
    "softplus": lambda: gp.inducing.ActivationFeatures(DIRECTIONS[::-1], "softplus", 12),
    "erf": lambda: gp.inducing.ActivationFeatures(DIRECTIONS[:3], "erf", 10),
    "harmonics": lambda: gp.inducing.SphericalHarmonics(3, [0, 1, 2, 4]),
    "more harmonics": lambda: gp.inducing.SphericalHarmonics(3, 4),
}
KERNELS = {
    "ArcCosine 0": lambda: gp.kernels.ArcCosine(0),
    "ArcCosine 1": lambda: gp.kernels.ArcCosine(1, [0.5, 2.0], 0.7, 1.3),
    "ArcCosine 2": lambda: gp.kernels.ArcCosine(2),
    "ZonalMatern": lambda: gp.kernels.ZonalMatern(1.5, 0.7, levels=9),
}
SMOOTH = ("softplus", "erf")


def numbers(x):
    return ops.convert_to_numpy(x)


# Funk-Hecke coefficients: integrals of polynomials, and published ones.
@pytest.mark.parametrize(
    ("activation", "dimension", "expected"),
    [
        ("relu", 3, [0.25, 1 / 6, 0.0625, 0, -0.0104167]),
        ("relu", 5, [0.1875, 0.1, 0.03125, 0, -0.00390625]),
        ("softplus", 3, [0.73382, 1 / 6, 0.016103]),
    ],
)
def test_the_first_coefficients_of_activations(activation, dimension, expected):
    found = activation_coefficients(activation, dimension, len(expected))
    np.testing.assert_allclose(found, expected, rtol=4e-5, atol=1e-12)


def test_coefficients_make_up_the_activation():
    t = np.linspace(-1, 1, 21)
    for dimension in (2, 3, 6):
        series = gegenbauer.polynomials(t, dimension, 30)
        for activation, function in (
            ("softplus", lambda t: np.logaddexp(0, t)),
            ("erf", special.erf),
        ):
            sizes = gegenbauer.level_sizes(dimension, 30)
            found = (sizes * activation_coefficients(activation, dimension, 30)) @ series
            np.testing.assert_allclose(found, function(t), atol=1e-9)


# At a direction and itself, three dimensions, the kernel of order 1.
@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("activation", "levels", "expected"),
    [
        ("relu", 8, 5.166667),
        ("relu", 16, 20.5),
        ("softplus", 8, 1.991493),
        ("softplus", 16, 1.991493),
    ],
)
def test_relu_diverges_with_the_levels_and_softplus_converges(activation, levels, expected):
    features = gp.inducing.ActivationFeatures([[0.0, 3.0, 4.0]], activation, levels)
    found = numbers(ops.compile(lambda _: features.Kuu(gp.kernels.ArcCosine(1)))(0.0))
    np.testing.assert_allclose(found, [[expected]], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("kernel", KERNELS)
def test_any_pair_is_of_one_process(kernel):
    """Values and features together have a covariance: nothing explains more than there is."""
    kernel, features = KERNELS[kernel](), {name: make() for name, make in FEATURES.items()}
    pairs = list(itertools.combinations(features, 2))

    def run(x):
        alone = {n: (f.Kuu(kernel), f.Kuf(kernel, x)) for n, f in features.items()}
        across = {
            f"{a}, {b}": (
                features[a].Kuv(kernel, features[b]),
                features[b].Kuv(kernel, features[a]),
            )
            for a, b in pairs
        }
        return kernel(x), alone, across

    values, alone, across = keras.tree.map_structure(numbers, ops.compile(run)(X))
    for a, b in pairs:
        (of_a, a_x), (of_b, b_x), (a_b, b_a) = alone[a], alone[b], across[f"{a}, {b}"]
        np.testing.assert_allclose(a_b, b_a.T, rtol=1e-12, atol=1e-14)
        joint = np.block([[of_a, a_b, a_x], [b_a, of_b, b_x], [a_x.T, b_x.T, values]])
        np.testing.assert_allclose(joint, joint.T, rtol=1e-12, atol=1e-13)
        assert np.linalg.eigvalsh(joint).min() > -1e-10 * np.abs(joint).max(), (a, b)


@pytest.mark.slow
def test_units_are_their_activation():
    kernel = gp.kernels.ZonalMatern(0.5, 0.5, levels=30)
    features = gp.inducing.ActivationFeatures(DIRECTIONS, "softplus", 30)
    points, sizes = map(numbers, kernel.on_sphere(X))
    unit = DIRECTIONS / np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)
    expected = np.logaddexp(0, unit @ points.T) * sizes
    np.testing.assert_allclose(numbers(features.Kuf(kernel, X)), expected, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("dimension", "levels"), [(2, 8), (3, 6), (5, 4)])
def test_harmonics_are_orthonormal(dimension, levels):
    """By the theorem of addition, with functions that are independent."""
    harmonics = gp.inducing.SphericalHarmonics(dimension, levels)
    points = np.random.default_rng(0).normal(size=(30, dimension))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    found = numbers(harmonics.representers(*map(ops.convert_to_tensor, (np.ones(levels), points))))
    sizes = gegenbauer.level_sizes(dimension, levels).astype(int)
    series = gegenbauer.polynomials(points @ points.T, dimension, levels)
    for n, rows in enumerate(np.split(found, np.cumsum(sizes)[:-1])):
        np.testing.assert_allclose(rows.T @ rows, sizes[n] * series[n], atol=1e-10)
        assert np.linalg.cond(fundamental_system(n, dimension)[1]) < 100


def test_all_levels_of_a_kernel_are_all_of_the_kernel():
    kernel = gp.kernels.ZonalMatern(2.5, 0.5, bias_variance=None, degree=0, levels=6)
    harmonics = gp.inducing.SphericalHarmonics(2, 6)
    run = ops.compile(lambda x: (harmonics.Kuf(kernel, x), kernel(x)))
    found, expected = map(numbers, run(X))
    np.testing.assert_allclose(found.T @ found, expected, atol=1e-12)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("jointly", [False, True])
def test_the_bound_with_all_levels_is_the_likelihood(jointly):
    """Harmonics of all levels, or of some with units of the others, leave nothing over."""
    kernel = gp.kernels.ZonalMatern(1.5, 0.5, levels=4)
    features = gp.inducing.SphericalHarmonics(3, 4)
    if jointly:
        first = gp.inducing.SphericalHarmonics(3, 2)
        directions = np.random.default_rng(0).normal(size=(12, 3))
        units = gp.inducing.ActivationFeatures(directions, "relu", 4)
        features = gp.inducing.OrthogonalFeatures(first, units)
    y = np.sin(X[:, 0]) + X[:, 1]
    model = gp.SGPR(kernel, inducing=features, noise_variance=0.1, jitter=1e-12)
    exact = gp.GPRegression(kernel, noise_variance=0.1).log_marginal_likelihood(X, y)
    found = float(model.bound(X, y))
    if jointly:  # ReLUs have nothing of the third level
        assert found < float(exact)
    else:
        assert found == pytest.approx(float(exact), abs=1e-6)


@pytest.mark.slow
@pytest.mark.once
def test_in_many_dimensions_what_rounding_hides_is_left_out():
    """Levels of smooth activations end before eigenvalues are too small to divide by."""
    directions, kernel = np.random.default_rng(0).normal(size=(20, 31)), gp.kernels.ArcCosine(1)

    def run(directions):
        made = (gp.inducing.ActivationFeatures(directions, each, 20) for each in SMOOTH)
        return [features.Kuu(kernel) for features in made]

    for covariance in map(numbers, run(directions)):
        assert np.linalg.eigvalsh(covariance).min() > -1e-12
        assert covariance.max() < 10.0
    # Of ReLUs each level has the norm N_n / 2 d, which is what it is.
    units = gp.inducing.ActivationFeatures(directions[:1], "relu", 9)
    sizes = gegenbauer.level_sizes(31, 9)
    np.testing.assert_allclose(numbers(units.Kuu(kernel)), sizes[[0, 1, 2, 4, 6, 8]].sum() / 62)


@pytest.mark.slow
@pytest.mark.once
def test_gradients_by_directions_and_kernel_are_finite_differences():
    kernel = gp.kernels.ZonalMatern(1.5, 0.7, levels=6)
    units = FEATURES["softplus"]()
    harmonics = gp.inducing.SphericalHarmonics(3, 3)
    variables = [units.vectors, *kernel.trainable_variables]
    weights = np.random.default_rng(0).normal(size=(14, 14))
    both = gp.inducing.OrthogonalFeatures(harmonics, units)

    def total():
        uu, uf = both.Kuu(kernel), both.Kuf(kernel, X)
        return sum(
            ops.sum(m * ops.convert_to_tensor(weights[: m.shape[0], : m.shape[1]]))
            for m in (uu, uf)
        )

    run = ops.compile(lambda _: ops.value_and_grad(total, variables)(), variables)
    for variable, gradient in zip(variables, map(numbers, run(0.0)[1]), strict=True):
        start = numbers(variable.value).copy()
        for index in list(np.ndindex(start.shape))[:3]:
            ends = []
            for step in (1e-5, -1e-5):
                moved = start.copy()
                moved[index] += step
                variable.assign(moved)
                ends.append(float(run(0.0)[0]))
            variable.assign(start)
            assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-6)


@pytest.mark.slow
@pytest.mark.once
def test_a_model_with_them_is_trained_and_saved(tmp_path):
    x = np.linspace(-2, 2, 60)[:, None]
    y = np.sin(2 * x[:, 0])
    units = gp.inducing.ActivationFeatures(np.column_stack([x[::6], np.ones(10)]), "softplus")
    both = gp.inducing.OrthogonalFeatures(units, gp.inducing.InducingPoints(x[::10]))
    model = gp.SVGP(gp.kernels.ArcCosine(1), gp.likelihoods.Gaussian(), both, seed=0)
    model.compile(keras.optimizers.Adam(0.05))
    before = units.get_weights()[0]
    loss = model.fit(x, y, epochs=20, batch_size=30, verbose=0).history["loss"]
    assert loss[-1] < loss[0]
    assert np.abs(units.get_weights()[0] - before).max() > 1e-3
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    means = [numbers(each.given(x, marginal=True).mean()) for each in (model, again)]
    np.testing.assert_allclose(*means, rtol=1e-12)


@pytest.mark.parametrize("make", FEATURES.values(), ids=FEATURES)
def test_configurations(make):
    features = make()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(features))
    assert again.get_config() == features.get_config()
    assert again.count == features.count


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda g: g.ActivationFeatures([[1.0]]), ValueError, "a column for each"),
        (lambda g: g.ActivationFeatures([[0.0, 0.0]]), ValueError, "a row of zeros"),
        (lambda g: g.ActivationFeatures([[1.0, 0.0]], "tanh"), ValueError, "'relu', 'softplus'"),
        (lambda g: g.ActivationFeatures([[1.0, 0.0]], levels=0), ValueError, "levels"),
        (lambda g: g.SphericalHarmonics(1), ValueError, "at least 2"),
        (lambda g: g.SphericalHarmonics(3, [1, 1]), ValueError, "different"),
        (lambda g: g.SphericalHarmonics(3).Kuu(gp.kernels.RBF()), TypeError, "got RBF"),
        (
            lambda g: g.SphericalHarmonics(4).Kuf(gp.kernels.ArcCosine(), X),
            ValueError,
            r"lie in 4 dimensions.* shape \(10, 2\) to 3",
        ),
        (
            lambda g: g.SphericalHarmonics(4).Kuv(gp.kernels.ArcCosine(), g.SphericalHarmonics(3)),
            ValueError,
            "on one sphere",
        ),
    ],
)
def test_mistakes_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call(gp.inducing)
