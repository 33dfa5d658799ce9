"""The bijectors of flows: their maps against NumPy, both ways, and the log-determinants."""

import json

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.bijectors.monotone_system import solve_monotone_system

from .test_bijector_maps import NEAR, both_ways, numbers, tensor

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

SIZE = 4
BATCH = (2, 1)


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dot(a, b):
    return np.sum(a * b, axis=-1)


def planar(random, batch):
    u, w = random.normal(size=(2, *batch, SIZE))
    w = w + np.sign(w) * 0.2
    product = dot(u, w)[..., None]
    # Some just above the limit of -1, by another way than invertible_u.
    u = np.where(product < -0.9, u * (-0.9 / product), u)
    return {"u": u, "w": w, "b": random.normal(size=batch)}


def planar_map(x, u, w, b):
    return x + u * np.tanh(dot(w, x) + b)[..., None]


def radial(random, batch):
    alpha = random.uniform(0.3, 2.0, size=batch)
    return {
        "center": random.normal(size=(*batch, SIZE)),
        "alpha": alpha,
        "beta": -0.95 * alpha + random.choice([0.0, 3.0], size=batch),
    }


def radial_map(x, center, alpha, beta):
    r = np.linalg.norm(x - center, axis=-1)
    return x + (beta / (alpha + r))[..., None] * (x - center)


def sylvester(random, batch, m=3):
    def upper():
        matrix = np.triu(random.normal(size=(*batch, m, m)))
        index = np.arange(m)
        matrix[..., index, index] = random.uniform(-0.9, 0.9, size=(*batch, m))
        return matrix

    q = np.linalg.qr(random.normal(size=(*batch, SIZE, m)))[0]
    return {"q": q, "r": upper(), "r_tilde": upper(), "b": random.normal(size=(*batch, m))}


def sylvester_map(x, q, r, r_tilde, b):
    a = np.einsum("...ij,...dj,...d->...i", r_tilde, q, x) + b
    return x + np.einsum("...di,...ij,...j->...d", q, r, np.tanh(a))


def linear(random, batch):
    return {
        "lower": random.normal(size=(*batch, SIZE, SIZE)),
        "upper": random.normal(size=(*batch, SIZE, SIZE)),
        "diagonal": random.choice([-1, 1], size=(*batch, SIZE)) * random.uniform(0.5, 2),
    }


def linear_map(x, lower, upper, diagonal):
    upper = np.triu(upper, 1) + np.eye(SIZE) * diagonal[..., None]
    lower = np.tril(lower, -1) + np.eye(SIZE)
    return np.einsum("...ij,...jk,...k->...i", lower, upper, x)[..., [2, 0, 3, 1]]


def blocks(random, batch, a=3):
    return {
        "kernels": [random.normal(size=s) for s in ((SIZE, SIZE * a), (SIZE * a, SIZE))],
        "log_diagonals": [random.normal(size=s) for s in ((SIZE, 1, a), (SIZE, a, 1))],
        "biases": [random.normal(size=(*batch, n)) for n in (SIZE * a, SIZE)],
        "gate_logit": random.normal(size=(*batch, SIZE)),
    }


def blocks_map(x, kernels, log_diagonals, biases, gate_logit):
    """Unit by unit, as the definition reads."""
    h = x
    for layer, (kernel, diagonal, bias) in enumerate(
        zip(kernels, log_diagonals, biases, strict=True)
    ):
        before, after = diagonal.shape[1:]
        out = np.zeros(np.broadcast_shapes(h.shape[:-1], bias.shape[:-1]) + bias.shape[-1:])
        for target in range(SIZE):
            for unit in range(after):
                place = target * after + unit
                total = bias[..., place]
                for source in range(target + 1):
                    for i in range(before):
                        k = source * before + i
                        same = source == target
                        weight = np.exp(diagonal[target, i, unit]) if same else kernel[k, place]
                        total = total + weight * h[..., k]
                out[..., place] = total
        h = np.tanh(out) if layer == 0 else out
    gate = sigmoid(gate_logit)
    return gate * h + (1 - gate) * x


SLOPES = np.tril(np.random.default_rng(7).normal(size=(SIZE, SIZE)), -1)
ACROSS = np.random.default_rng(8).normal(size=(2, 2))


@keras.saving.register_keras_serializable(package="test_flow_bijectors")
def affine_of_earlier(x):
    raw = ops.matmul(x, tensor(SLOPES.T, x.dtype))
    return kb.Affine(raw, ops.exp(0.3 * raw))


@keras.saving.register_keras_serializable(package="test_flow_bijectors")
def affine_of_others(x):
    raw = ops.matmul(x, tensor(ACROSS, x.dtype))
    return kb.Affine(raw, ops.exp(0.3 * raw))


def autoregressive_map(x):
    raw = x @ SLOPES.T
    return raw + np.exp(0.3 * raw) * x


def coupling_map(mask):
    mask = np.array(mask)

    def function(x):
        raw = x[..., mask] @ ACROSS
        y = np.array(x)
        y[..., ~mask] = raw + np.exp(0.3 * raw) * x[..., ~mask]
        return y

    return function


MASKS = {
    "first": (True, True, False, False),
    "last": (False, False, True, True),
    "odd": (False, True, False, True),
}
CASES = {
    "planar": (kb.Planar, planar, planar_map),
    "radial": (kb.Radial, radial, radial_map),
    "sylvester": (kb.Sylvester, sylvester, sylvester_map),
    "linear": (
        lambda **p: kb.InvertibleLinear(**p, permutation=[2, 0, 3, 1]),
        linear,
        linear_map,
    ),
    "blocks": (kb.BlockAutoregressive, blocks, blocks_map),
    "autoregressive": (
        lambda: kb.Autoregressive(affine_of_earlier),
        lambda random, batch: {},
        autoregressive_map,
    ),
    **{
        f"coupling_{name}": (
            lambda mask=mask: kb.Coupling(affine_of_others, mask),
            lambda random, batch: {},
            coupling_map(mask),
        )
        for name, mask in MASKS.items()
    },
}


def build(name, dtype, batch=BATCH, seed=0):
    make, parameters, reference = CASES[name]
    values = parameters(np.random.default_rng(seed), batch)
    return make(**values).astype(dtype), lambda x: reference(x, **values)


def points(seed=1, batch=(3, 1, 4)):
    return np.random.default_rng(seed).normal(size=(*batch, SIZE)) * 2


@pytest.mark.parametrize("name", CASES)
@pytest.mark.few(6)
def test_the_map_the_way_back_and_the_shapes(name, dtype):
    bijector, reference = build(name, dtype)
    x = points()
    run = ops.compile(lambda x: both_ways(bijector, x))
    y, again, log_det, inverse_log_det = (numbers(t) for t in run(tensor(x, dtype)))
    assert {str(t.dtype) for t in (y, again, log_det, inverse_log_det)} == {dtype}
    # The roots of a bisection are as good as the map is steep.
    near = {"rtol": 2e-3, "atol": 1e-3} if dtype == "float32" else NEAR[dtype]
    np.testing.assert_allclose(y, reference(x), **near)
    np.testing.assert_allclose(again, np.broadcast_to(x, again.shape), **near)
    np.testing.assert_allclose(inverse_log_det, -log_det, **near)
    batch = np.broadcast_shapes(bijector.batch_shape, x.shape[:-1])
    assert log_det.shape == inverse_log_det.shape == batch
    assert y.shape == (*batch, SIZE)
    assert (bijector.event_rank, bijector.inverse_event_rank) == (1, 1)


def jacobian(function, x):
    """Of each row of x, of shape (n, SIZE): the derivatives of each entry of the result."""
    variable = keras.Variable(x, dtype="float64")
    weights = keras.Variable(np.zeros(SIZE), dtype="float64", trainable=False)

    def row():
        return ops.sum(function(variable.value) * weights)

    differentiate = ops.compile(ops.value_and_grad(row, [variable]), [variable, weights])
    rows = []
    for weight in np.eye(SIZE):
        weights.assign(weight)
        rows.append(numbers(differentiate()[1][0]))
    return np.stack(rows, axis=-2)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.few(2)
def test_the_log_determinant_and_the_derivative_of_the_inverse(name, float64):
    bijector, _ = build(name, "float64", batch=())
    x = points(2, (5,))
    y, log_det = bijector.forward_and_log_det(tensor(x))
    forward = jacobian(bijector.forward, x)
    np.testing.assert_allclose(
        numbers(log_det), np.linalg.slogdet(forward)[1], rtol=1e-9, atol=1e-12
    )
    if name in ("autoregressive", "blocks"):
        np.testing.assert_allclose(np.triu(forward, 1), 0, atol=1e-12)
    # Through a bisection too: the implicit function theorem, by one step of Newton's method.
    backward = jacobian(bijector.inverse, numbers(y))
    np.testing.assert_allclose(backward @ forward, np.broadcast_to(np.eye(SIZE), forward.shape),
                               atol=1e-7)  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.few(4)
def test_saving_by_way_of_json(name, dtype):
    bijector, _ = build(name, dtype)
    text = json.dumps(keras.saving.serialize_keras_object(bijector))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(bijector)
    assert again.dtype == bijector.dtype == dtype
    x = tensor(points(), dtype)
    np.testing.assert_array_equal(numbers(again.forward(x)), numbers(bijector.forward(x)))


def test_a_narrow_network_in_a_wide_map(float64):
    for name in ("autoregressive", "coupling_first"):
        bijector, reference = build(name, "float32")
        y = bijector.forward(tensor(points(), "float64"))
        assert str(numbers(y).dtype) == "float64"
        np.testing.assert_allclose(numbers(y), reference(points()), rtol=1e-9)


def test_a_batch_that_the_conditioner_brings_along():
    shift = tensor(np.arange(3.0)[:, None], "float32")
    for bijector in (
        kb.Autoregressive(lambda x: kb.Shift(shift + 0 * x), batch_shape=(3,)),
        kb.Coupling(lambda x: kb.Shift(shift + 0 * x), MASKS["first"], batch_shape=(3,)),
    ):
        x = tensor(np.zeros((5, 1, SIZE)), "float32")
        for direction in (bijector.forward_and_log_det, bijector.inverse_and_log_det):
            y, log_det = direction(x)
            assert y.shape == (5, 3, SIZE)
            assert log_det.shape == (5, 3)


def test_images_are_split_along_their_channels():
    def conditioner(passed):
        return kb.Affine(ops.flip(passed, axis=-2), 2.0 + 0 * passed)

    bijector = kb.Coupling(conditioner, [True, False], event_rank=3)
    x = np.random.default_rng(0).normal(size=(5, 4, 4, 2)).astype("float32")
    y, log_det = bijector.forward_and_log_det(x)
    np.testing.assert_allclose(numbers(y)[..., 1], x[:, :, ::-1, 0] + 2 * x[..., 1], rtol=1e-5)
    np.testing.assert_allclose(numbers(log_det), np.full(5, 16 * np.log(2)), rtol=1e-5)
    np.testing.assert_allclose(numbers(bijector.inverse(y)), x, atol=1e-5)


# Splines: maps of numbers.


def spline(random, slopes, bins=5, batch=(3,)):
    return {
        "bin_widths": random.uniform(0.1, 1, size=(*batch, bins)),
        "bin_heights": random.uniform(0.1, 1, size=(*batch, bins)),
        "knot_slopes": random.uniform(0.1, 3, size=(*batch, bins + slopes)),
        "range_min": -1.5,
    }


def spline_map(x, bin_widths, bin_heights, knot_slopes, range_min):
    """One number through one spline, by the formula of Durkan et al., and its derivative."""
    slopes = knot_slopes
    if len(slopes) < len(bin_widths):
        slopes = np.concatenate([[1.0], slopes, [1.0]])
    x_knots = range_min + np.concatenate([[0], np.cumsum(bin_widths)])
    y_knots = range_min + np.concatenate([[0], np.cumsum(bin_heights)])
    if x < x_knots[0]:
        return y_knots[0] + slopes[0] * (x - x_knots[0]), slopes[0]
    if x > x_knots[-1]:
        return y_knots[-1] + slopes[-1] * (x - x_knots[-1]), slopes[-1]
    k = min(int(np.searchsorted(x_knots, x, side="right")) - 1, len(bin_widths) - 1)
    s, d0, d1 = bin_heights[k] / bin_widths[k], slopes[k], slopes[k + 1]
    xi = (x - x_knots[k]) / bin_widths[k]
    t = xi * (1 - xi)
    below = s + (d1 + d0 - 2 * s) * t
    y = y_knots[k] + bin_heights[k] * (s * xi**2 + d0 * t) / below
    return y, s**2 * (d1 * xi**2 + 2 * s * t + d0 * (1 - xi) ** 2) / below**2


@pytest.mark.parametrize("slopes", [-1, 1], ids=["identity_outside", "lines_outside"])
@pytest.mark.few(1)
def test_splines(slopes, dtype):
    values = spline(np.random.default_rng(0), slopes)
    bijector = kb.RationalQuadraticSpline(**values, dtype=dtype)
    assert bijector.batch_shape == (3,)
    assert bijector.is_increasing
    x = np.concatenate([np.linspace(-4, 5, 41), [-1.5]])[:, None] * np.ones(3)
    y, again, log_det, inverse = (numbers(t) for t in both_ways(bijector, tensor(x, dtype)))
    parts = [{n: v if n == "range_min" else v[j] for n, v in values.items()} for j in range(3)]
    expected = np.array([[spline_map(x[i, j], **parts[j]) for j in range(3)] for i in range(42)])
    near = {"rtol": 1e-3, "atol": 1e-4} if dtype == "float32" else NEAR[dtype]
    np.testing.assert_allclose(y, expected[..., 0], **near)
    np.testing.assert_allclose(log_det, np.log(expected[..., 1]), **near)
    np.testing.assert_allclose(again, x, **near)
    np.testing.assert_allclose(inverse, -log_det, **near)


@pytest.mark.slow
def test_splines_have_gradients_at_knots_and_far_outside(float64):
    values = spline(np.random.default_rng(1), -1)
    names = ("bin_widths", "bin_heights", "knot_slopes")
    variables = [keras.Variable(values[name], dtype="float64") for name in names]
    knots = np.cumsum(values["bin_widths"], axis=-1) - 1.5
    x = np.stack([knots[:, 0], knots[:, -1], np.full(3, -1.5), np.full(3, 1e8), np.full(3, -1e8)])

    def total(inverse):
        spline = kb.RationalQuadraticSpline(*variables, range_min=-1.5, validate=False)
        run = spline.inverse_and_log_det if inverse else spline.forward_and_log_det
        return sum(ops.sum(part) for part in run(tensor(x)))

    for inverse in (False, True):
        value, gradients = ops.value_and_grad(lambda i=inverse: total(i), variables)()
        assert np.isfinite(float(value))
        for variable, gradient in zip(variables, gradients, strict=True):
            assert np.isfinite(numbers(gradient)).all()
            assert np.abs(numbers(gradient)).max() > 0, variable
    # Far outside nothing depends on slopes that are 1.
    spline_ = kb.RationalQuadraticSpline(*variables, range_min=-1.5)
    np.testing.assert_allclose(numbers(spline_.forward_and_log_det(tensor([-1e8]))[1]), 0)


def test_free_vectors_and_numbers_become_invertible_ones(float64):
    random = np.random.default_rng(0)
    u, w = 20 * random.normal(size=(2, 100, 3))
    fixed = numbers(kb.invertible_u(tensor(u), tensor(w)))
    assert (dot(fixed, w) > -1).all()
    # Only the component along w is changed, and u = 0 stays the identity.
    change = fixed - u
    np.testing.assert_allclose(np.cross(change, w), 0, atol=1e-9)
    np.testing.assert_allclose(numbers(kb.invertible_u(tensor(0 * u), tensor(w))), 0, atol=1e-12)
    tiny = numbers(kb.invertible_u(tensor(u), tensor(1e-12 * w)))
    assert (np.abs(tiny) <= 2 * np.linalg.norm(u, axis=-1, keepdims=True)).all()
    beta = numbers(kb.invertible_beta(tensor([-50.0, 0.0, 3.0]), tensor([2.0, 2.0, 2.0])))
    assert (beta >= -2.0).all()
    np.testing.assert_allclose(beta[1], 0, atol=1e-12)
    np.testing.assert_allclose(beta[2], -2 + softplus(3 + np.log(np.expm1(2))), rtol=1e-9)


def test_radial_at_its_center(float64):
    bijector = kb.Radial([1.0, 2.0], 1.0, 0.5)
    variable = keras.Variable([1.0, 2.0], dtype="float64")
    run = ops.value_and_grad(
        lambda: sum(ops.sum(t) for t in bijector.forward_and_log_det(variable.value)), [variable]
    )
    value, (gradient,) = run()
    assert np.isfinite(float(value))
    # Along each axis the map is (1 + beta / alpha) x there.
    np.testing.assert_allclose(numbers(gradient), 1.5)
    np.testing.assert_allclose(numbers(bijector.inverse(tensor([1.0, 2.0]))), [1.0, 2.0])


def test_derivatives_of_a_solved_system_up_to_the_third(float64):
    # x1^3 = y and x2^3 x1 = 1: the second entry is y^(-1/9).
    def cubes(x):
        first, second = x[..., :1], x[..., 1:]
        values = ops.concatenate([first**3, second**3 * first], axis=-1)
        return values, ops.concatenate([3 * first**2, 3 * second**2 * first], axis=-1)

    def root(y):
        pair = ops.stack([y, ops.ones_like(y)], axis=-1)
        return solve_monotone_system(cubes, pair, 0.1 * pair, 3.0 * ops.ones_like(pair))[..., 1]

    def slope(f):
        return lambda y: ops.values_and_gradients(f, y)[1]

    y, power = np.array([0.5, 2.0]), -1 / 9
    expected = y**power
    for order in range(4):
        found = ops.compile(root)(ops.convert_to_tensor(y))
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-9)
        root, expected = slope(root), expected * (power - order) / y
    with pytest.raises(NotImplementedError, match="derivatives up to the third order"):
        root(ops.convert_to_tensor(y))


def test_a_system_that_is_solved_from_the_last_entry(float64):
    def function(x):
        others = ops.concatenate([x[..., 1:], 0 * x[..., :1]], axis=-1)
        return x**3 + x + 2.0 * others, 3.0 * x**2 + 1.0

    x = points(3, (6,))
    y = function(tensor(x))[0]
    root = solve_monotone_system(function, y, 0 * y - 20.0, 0 * y + 20.0, last_first=True)
    np.testing.assert_allclose(numbers(root), x, rtol=1e-9)


EYE = np.eye(2)
BAD = [
    (lambda: kb.Planar([-2.0, 0.0], [1.0, 0.0], 0.0), "at least -1.*it is -2.*invertible_u"),
    (lambda: kb.Radial([0.0], 1.0, -1.0), "greater than -alpha.*is 0"),
    (lambda: kb.Radial([0.0], 0.0, 1.0), "alpha must be greater than 0"),
    (lambda: kb.Sylvester(2 * EYE, EYE, EYE, [0.0, 0.0]), "orthonormal.*off by up to 3"),
    (lambda: kb.Sylvester(EYE, EYE, -EYE, [0.0, 0.0]), "greater than -1.*the least is -1"),
    (lambda: kb.Sylvester(EYE, EYE, np.eye(3), [0.0, 0.0]), "the shapes must be q"),
    (lambda: kb.InvertibleLinear(EYE, EYE, [0.0, 1.0]), "diagonal must be other than 0"),
    (lambda: kb.InvertibleLinear(EYE, EYE, [1.0, 1.0], [0, 0]), "each of 0, ..., 1 once"),
    (lambda: kb.InvertibleLinear(EYE, np.eye(3), [1.0, 1.0]), "the shapes must be lower"),
    (lambda: kb.RationalQuadraticSpline([1.0, -1.0], [1.0, 1.0], [1.0]), "bin_widths must be"),
    (lambda: kb.RationalQuadraticSpline([1.0, 1.0], [1.0, 1.0], [1.0, 1.0]), "K - 1 slopes"),
    (lambda: kb.Coupling(affine_of_others, [True, True]), "one False"),
    (lambda: kb.Coupling(3, [True, False]), "must be a function, got 3"),
    (lambda: kb.Autoregressive(lambda x: x).get_config(), "not registered, so it cannot be saved"),
    (
        lambda: kb.BlockAutoregressive([EYE], [np.zeros((2, 1, 1))], [[0.0, 0.0]], [0.0, 0.0]),
        "at least 2 layers",
    ),
    (
        lambda: kb.BlockAutoregressive(
            [np.zeros((2, 6)), np.zeros((6, 2))],
            [np.zeros((2, 1, 3)), np.zeros((2, 2, 1))],
            [np.zeros(6), np.zeros(2)],
            np.zeros(2),
        ),
        "layer 1 follows 3 units",
    ),
    (lambda: kb.Coupling(affine_of_others, MASKS["odd"]).forward(np.zeros((5, 3))), "4 entries"),
    (lambda: kb.Sylvester(EYE, EYE, EYE, [0.0, 0.0]).forward(np.zeros(3)), "2 entries"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
