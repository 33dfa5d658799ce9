"""What holds of every kernel: its values, its diagonal, its gradients, dtypes, files."""

import keras
import numpy as np
import pytest
from sklearn.gaussian_process import kernels as sk

from kelbo import gp, ops

from .cases import CASES

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]
every_kernel = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def numbers(x):
    return ops.convert_to_numpy(x)


def evaluated(kernel, *arguments):
    """The matrices of x alone and of x and y, and the diagonal, by one program."""

    def run(x, y):
        return kernel(x), kernel(x, y), kernel.diagonal(x)

    return [numbers(each) for each in ops.compile(run, lambda: kernel.variables)(*arguments)]


@pytest.mark.few(4)
@every_kernel
def test_values_symmetry_diagonal_and_eigenvalues(case):
    y = case.x[1:4] + (0.1 if case.moves else 0.0)
    same, across, diagonal = evaluated(case.make(), case.x, y)
    expected = np.array([[case.formula(a, b) for b in case.x] for a in case.x])
    size = np.abs(expected).max()
    of_two = [[case.formula(a, b) for b in y] for a in case.x]
    np.testing.assert_allclose(across, of_two, rtol=1e-11, atol=1e-13 * size)
    np.testing.assert_allclose(same[:-1, :-1], expected[:-1, :-1], rtol=1e-11, atol=1e-13 * size)
    # The last row is the first one, at a distance that is the root of rounding.
    np.testing.assert_allclose(same, expected, rtol=1e-7, atol=3e-8 * size)
    np.testing.assert_allclose(same, same.T, rtol=1e-14, atol=1e-15 * size)
    # To the last bits: what a posterior subtracts from it may be all of it.
    np.testing.assert_allclose(np.diag(same), diagonal, rtol=2e-15)
    assert np.linalg.eigvalsh(same).min() > -1e-12 * size


def with_references():
    d = np.array([0.7, 1.9])
    yield gp.kernels.RBF(d, 1.7), 1.7 * sk.RBF(d)
    for kind, nu in (("Matern12", 0.5), ("Matern32", 1.5), ("Matern52", 2.5)):
        yield getattr(gp.kernels, kind)(d), sk.Matern(d, nu=nu)
    yield gp.kernels.RationalQuadratic(0.7, alpha=0.6), sk.RationalQuadratic(0.7, 0.6)
    yield gp.kernels.Periodic(1.3, 0.7), sk.ExpSineSquared(0.7, 1.3)
    yield gp.kernels.Linear() + 1.5, sk.DotProduct(np.sqrt(1.5))
    yield gp.kernels.RBF() + gp.kernels.White(0.1), sk.RBF() + sk.WhiteKernel(0.1)


@pytest.mark.slow
def test_they_are_those_of_scikit_learn():
    x, y = CASES[0].x, CASES[1].x[:3]
    for ours, theirs in with_references():
        if isinstance(ours, gp.kernels.Periodic):
            x, y = x[:, :1], y[:, :1]  # theirs is of one column
        else:
            x, y = CASES[0].x, CASES[1].x[:3]
        for expected, found in zip((theirs(x), theirs(x, y)), evaluated(ours, x, y), strict=False):
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.once
@pytest.mark.few(1)
@every_kernel
def test_gradients_by_parameters_and_inputs_are_finite_differences(case):
    rng = np.random.default_rng(1)
    n = len(case.x) - 1  # the last row is the first one, where some kernels have an edge
    signs, others = rng.normal(size=(n, n)), rng.normal(size=(n, 3))
    kernel, y = case.make(), case.x[:3] + (0.1 if case.moves else 0.0)
    x = keras.Variable(case.x[:n], dtype="float64")
    variables = [*kernel.trainable_variables, *([x] if case.moves else [])]

    def total():
        at = ops.convert_to_tensor(x)
        matrices = [(kernel(at), signs), (kernel(at, y), others), (kernel.diagonal(at), signs[0])]
        return sum(ops.sum(m * ops.convert_to_tensor(w)) for m, w in matrices)

    run = ops.compile(lambda _: ops.value_and_grad(total, variables)(), lambda: [x, *variables])
    _, gradients = run(0.0)
    for variable, gradient in zip(variables, map(numbers, gradients), strict=True):
        start = numbers(variable.value).copy()
        for index in list(np.ndindex(start.shape))[:6]:
            ends = []
            for step in (1e-5, -1e-5):
                moved = start.copy()
                moved[index] += step
                variable.assign(moved)
                ends.append(float(run(0.0)[0]))
            variable.assign(start)
            slope = (ends[0] - ends[1]) / 2e-5
            assert gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.once
@pytest.mark.few(1)
@every_kernel
def test_the_dtype_is_that_of_the_inputs_and_there_may_be_batch_axes(case):
    kernel = case.make()
    x = case.x.astype("float32")
    batch = np.stack([case.x[:4], case.x[-4:]])

    def run(x, batch):
        return (
            kernel(x),
            kernel.diagonal(x),
            kernel(batch),
            kernel(batch, batch[:, :2]),
            kernel(x, x),
        )

    narrow, diagonal, same, across, two = map(numbers, ops.compile(run)(x, batch))
    assert narrow.dtype == diagonal.dtype == two.dtype == "float32"
    assert same.dtype == "float64"
    assert same.shape == (2, 4, 4)
    assert across.shape == (2, 4, 2)
    each = [[case.formula(a, b) for b in rows] for rows in batch for a in rows]
    size = np.abs(each).max()
    np.testing.assert_allclose(same.reshape(8, 4), each, rtol=1e-7, atol=3e-8 * size)
    np.testing.assert_allclose(across, same[:, :, :2], rtol=1e-7, atol=3e-8 * size)
    expected = np.array([[case.formula(a, b) for b in case.x] for a in case.x])
    np.testing.assert_allclose(narrow, expected, rtol=1e-3, atol=1e-3 * size)


@pytest.mark.once
@pytest.mark.few(2)
@every_kernel
def test_it_is_saved_with_what_it_has_learned(case, tmp_path):
    kernel = case.make()
    kernel.build()
    for variable in kernel.trainable_variables:
        variable.assign(numbers(variable.value) + 0.1)
    config = keras.saving.serialize_keras_object(kernel)
    again = keras.saving.deserialize_keras_object(config)
    again.build()
    again.set_weights(kernel.get_weights())
    assert again.get_config() == kernel.get_config()
    if keras.backend.backend() == "torch":  # where nothing is compiled
        np.testing.assert_array_equal(numbers(again(case.x)), numbers(kernel(case.x)))
