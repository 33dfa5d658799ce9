"""Indexing a distribution: the density of a part of the batch is the part of the densities."""

import keras
import numpy as np
import pytest

from kelbo import bijectors as kb
from kelbo import ops
from kelbo.distributions import (
    Beta,
    Categorical,
    Dirichlet,
    Expanded,
    Independent,
    Laplace,
    Masked,
    Mixture,
    MixtureSameFamily,
    MultivariateNormalTriL,
    Normal,
    OneHotCategorical,
    Poisson,
    Transformed,
    ZeroInflated,
)
from kelbo.parameters import Composite

from .table import CASES, ONE_OF_EACH

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


ALL = slice(None)


def numbers(x):
    return ops.convert_to_numpy(x)


def indices_into(shape):
    """Indices in full, with an item for each axis and None for new ones."""
    if not shape:
        return [(None, None)]
    rest = (ALL,) * (len(shape) - 1)
    return [(*rest, shape[-1] - 1), (slice(None, None, 2), None, *rest)]


class Parts:
    """Densities of parts, and parts of the densities, for values of the whole batch."""

    def __init__(self, d, values, indices):
        batch, event = d.batch_shape, d.event_shape
        values = np.asarray(values, d.dtype)
        own = values.shape[: values.ndim - len(event)]
        samples = own[: max(len(own) - len(batch), 0)]
        # Where the batch is of one, so are the values: an index has one thing to choose from.
        for axis, size in enumerate(batch, start=-len(batch) - len(event)):
            if size == 1 and -axis <= values.ndim:
                values = np.take(values, [0], axis=axis)
        self.d, self.indices = d, indices
        self.values = np.broadcast_to(values, samples + batch + event)
        self.before, self.behind = (ALL,) * len(samples), (ALL,) * len(event)
        for index in indices:
            assert isinstance(d[index], type(d) | Expanded)
            assert d[index].dtype == d.dtype
            assert d[index].batch_shape == np.empty(batch)[index].shape
            assert d[index].event_shape == event

    def densities(self, values):
        parts = [
            self.d[index].log_prob(values[self.before + index + self.behind])
            for index in self.indices
        ]
        return self.d.log_prob(values), parts

    def check(self, whole, parts):
        for index, part in zip(self.indices, parts, strict=True):
            expected, message = numbers(whole)[self.before + index], f"{self.d!r}, {index}"
            np.testing.assert_allclose(
                numbers(part), expected, rtol=1e-4, atol=1e-5, err_msg=message
            )


def check_all(cases):
    """Compares the `Parts`, from one program."""

    def densities(*values):
        return [case.densities(x) for case, x in zip(cases, values, strict=True)]

    found = ops.compile(densities)(*(ops.convert_to_tensor(case.values) for case in cases))
    for case, (whole, parts) in zip(cases, found, strict=True):
        case.check(whole, parts)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_densities_of_each_family(part):
    made = [(case.make("float32"), case.values) for case in ONE_OF_EACH[part::8]]
    check_all([Parts(d, x, indices_into(d.batch_shape)[-1:]) for d, x in made])


@pytest.mark.slow
def test_parameters_of_the_whole_table():
    compared = 0
    for case in CASES:
        d = case.make("float32", validate=False)
        if isinstance(d, Composite) or type(d) is ZeroInflated:  # not its parameters alone
            continue
        for index in indices_into(d.batch_shape):
            part = d[index]
            batch = np.empty(d.batch_shape)[index].shape
            assert part.batch_shape == batch
            assert part.event_shape == d.event_shape
            for name, tensor in d._given.items():
                rank = d.parameters[name].event_rank
                tensor, sliced = numbers(tensor), numbers(part._given[name])
                event = tensor.shape[tensor.ndim - rank :]
                expected = np.broadcast_to(tensor, d.batch_shape + event)[index]
                np.testing.assert_array_equal(np.broadcast_to(sliced, batch + event), expected)
                compared += 1
    assert compared > 200


FACTORS = np.stack([np.eye(2), [[1.0, 0.0], [0.5, 2.0]], [[3.0, 0.0], [-0.5, 0.5]]])
LOC = np.arange(6.0).reshape(3, 2)


def vectors():
    return Independent(Normal(LOC, 1.0), 1)


MADE_OF_OTHERS = {
    "parameters that broadcast": lambda: Normal(LOC[:, :1], [1.0, 2.0]),
    "one parameter for all": lambda: Normal(LOC, 1.0),
    "masked entries": lambda: Independent(Masked(Normal(LOC, 1.0), [True, False]), 1),
    "a larger mask": lambda: Masked(Normal(0.0, 1.0), [[True, False, True], [True, True, False]]),
    "expanded": lambda: Expanded(Normal([[0.0], [1.0]], 1.0), (4, 2, 3)),
    "expanded in a mixture": lambda: Mixture(
        Categorical(logits=LOC), [Expanded(Normal(0.0, 1.0), (3,)), Laplace(0.0, [1.0, 2.0, 3.0])]
    ),
    "expanded by one, in a larger batch": lambda: Transformed(
        Expanded(Normal(0.0, 1.0), (1,)), kb.Shift(LOC)
    ),
    "weights that broadcast": lambda: MixtureSameFamily(
        Categorical(probs=[0.3, 0.7]), Normal(LOC, 1.0)
    ),
    "components that broadcast": lambda: MixtureSameFamily(
        Categorical(logits=LOC), Normal([0.0, 1.0], 1.0)
    ),
    "components of vectors": lambda: MixtureSameFamily(
        Categorical(logits=LOC), MultivariateNormalTriL(np.zeros((3, 2, 2)), FACTORS[:, None])
    ),
    "inflated": lambda: ZeroInflated(Poisson(LOC + 1.0), probs=[0.2, 0.6]),
    "a batch of shifts": lambda: Transformed(Normal(0.0, 1.0), kb.Shift(LOC)),
    "shifts of entries": lambda: Transformed(vectors(), kb.Shift([5.0, 7.0])),
    "a batch of shifts of entries": lambda: Transformed(vectors(), kb.Shift(LOC)),
    "a batch of matrices": lambda: Transformed(vectors(), kb.ScaleTriL(FACTORS)),
    "rows of a matrix": lambda: Transformed(
        Independent(Normal(np.zeros((4, 3, 2)), 1.0), 2), kb.ScaleTriL(FACTORS)
    ),
    "a chain": lambda: Transformed(
        Independent(Normal(np.zeros(2), 1.0), 1),
        kb.Chain([kb.ScaleTriL(FACTORS), kb.Shift(LOC), kb.Exp()]),
    ),
    "a chain that grows": lambda: Transformed(
        vectors(),
        kb.Chain([kb.Shift(LOC), kb.Simplex(), kb.Scale(np.ones((3, 1)) * 2.0)]),
    ),
    "an inverse": lambda: Transformed(
        Dirichlet(np.arange(1.0, 10.0).reshape(3, 3)),
        kb.Inverse(kb.Chain([kb.Shift(LOC), kb.Simplex()])),
    ),
    "a stack": lambda: Transformed(
        vectors(), kb.Stack([kb.Shift([1.0, 2.0, 3.0]), kb.Scale([1.0, 2.0, 3.0])])
    ),
    "a split": lambda: Transformed(
        Independent(Normal(np.zeros((3, 3)), 1.0), 1),
        kb.Split([kb.ScaleTriL(FACTORS), kb.Shift(LOC[:, :1])], [2, 1]),
    ),
    "a triangle": lambda: Transformed(
        Independent(Normal(np.zeros((3, 3)), 1.0), 1),
        kb.CholeskyFactor(kb.Chain([kb.Exp(), kb.Scale(LOC + 1.0)])),
    ),
    "a planar map": lambda: Transformed(
        vectors(), kb.Planar(LOC + 1.0, LOC + 1.0, [1.0, 2.0, 3.0])
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_densities_of_what_is_made_of_others(part):
    each = [make() for make in list(MADE_OF_OTHERS.values())[part::4]]
    draws = ops.compile(lambda: [d.sample((2,), seed=0) for d in each])()
    check_all(
        [
            Parts(d, numbers(x), indices_into(d.batch_shape))
            for d, x in zip(each, draws, strict=True)
        ]
    )


def test_indices_as_those_of_arrays():
    d = Normal(np.arange(12.0).reshape(3, 4), 1.0)
    loc = numbers(d.loc)
    for index in (1, -1, np.int64(2), ..., None, slice(1, None), (0, 1), (..., 1), (1, ...)):
        np.testing.assert_array_equal(numbers(d[index].loc), loc[index])
    for index in ((None, ..., None), (slice(0, 0),), (..., slice(None, None, 3)), (-1, None, -4)):
        np.testing.assert_array_equal(numbers(d[index].loc), loc[index])
    assert Normal(0.0, 1.0)[()].batch_shape == Normal(0.0, 1.0)[...].batch_shape == ()


@pytest.mark.slow
def test_settings_come_along():
    d = OneHotCategorical(logits=LOC, straight_through=True)[0]
    assert d.straight_through
    x, log_prob = Transformed(vectors(), kb.Exp())[1:].sample_and_log_prob((5,), seed=0)
    assert (tuple(x.shape), tuple(log_prob.shape)) == ((5, 2, 2), (5, 2))


def test_what_is_repeated_is_not_copied_out():
    d = Normal(np.zeros((1000, 1)), np.ones((1, 1000)))[2:, 5:]
    assert d.batch_shape == (998, 995)
    assert (tuple(d.loc.shape), tuple(d.scale.shape)) == ((998, 1), (1, 995))


def test_gradients_flow_through_slices():
    loc = keras.Variable([1.0, 2.0, 3.0])

    def total():
        return ops.sum(Beta(loc, 2.0)[1:].log_prob(0.3))

    _, (gradient,) = ops.compile(ops.value_and_grad(total, [loc]), [loc])()
    assert (numbers(gradient) != 0).tolist() == [False, True, True]


def test_going_along_the_first_axis():
    locs = [float(d.loc) for d in Normal([1.0, 2.0, 3.0], 1.0)]
    assert locs == [1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match=r"Normal: the batch shape \(\) has no first axis"):
        list(Normal(0.0, 1.0))


REFUSED = {
    "a scalar": (lambda: Normal(0.0, 1.0)[0], IndexError, r"1 items in the index \[0\], .* 0 axes"),
    "too many": (lambda: Normal(LOC, 1.0)[0, :, ..., 1], IndexError, r"\[0, :, \.\.\., 1\], but"),
    "two ellipses": (lambda: Normal(LOC, 1.0)[..., ...], IndexError, "more than one Ellipsis"),
    "too large": (lambda: Normal(LOC, 1.0)[3], IndexError, "3 is out of range .* 3 entries"),
    "too small": (lambda: Normal(LOC, 1.0)[-4], IndexError, "-4 is out of range"),
    "backwards": (lambda: Normal(LOC, 1.0)[::-1], IndexError, r"\[::-1\] has a step of -1"),
    "an array": (lambda: Normal(LOC, 1.0)[np.array([0, 1])], TypeError, "index the parameters"),
    "a truth": (lambda: Normal(LOC, 1.0)[True], TypeError, "True cannot index"),
    "the event": (lambda: vectors()[0, 0], IndexError, r"the batch shape \(3,\) has 1 axes"),
    "a context": (
        lambda: Transformed(
            vectors(), kb.Autoregressive(lambda x: kb.Shift(0.0 * x), batch_shape=(3,))
        )[0],
        NotImplementedError,
        "Index what the function is given",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_indexed(call, error, message):
    with pytest.raises(error, match=message):
        call()
