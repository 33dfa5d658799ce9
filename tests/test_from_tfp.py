"""The page docs/from-tfp.md: every name of ours that it names exists, and its code runs."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import bijectors, distributions, layers, losses, models, ops

PAGE = (Path(__file__).parents[1] / "docs" / "from-tfp.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
PACKAGES = {
    "distributions": distributions,
    "bijectors": bijectors,
    "layers": layers,
    "losses": losses,
    "models": models,
    "ops": ops,
}
CODE = sorted(
    code
    for code in {code for _, text in ROWS for code in re.findall(r"`([^`]+)`", text)}
    if "(" in code and code.startswith(tuple(PACKAGES))
)


def rows_under(title):
    """The rows of one table: a name of theirs, and what is said of it."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)


def names_space():
    """What stands in the expressions of the tables."""
    normal = distributions.Normal(np.zeros(2, "float32"), 1.0)
    return {
        **PACKAGES,
        "a": 2.0,
        "b": 3.0,
        "base": distributions.Normal.standard((2,)),
        "bijector": bijectors.Exp(),
        "conditionals": {
            "z": distributions.Normal.standard((2,)),
            "x": layers.ConditionalNormal((3,)),
        },
        "component": layers.ConditionalNormal((1,)),
        "components": [distributions.Normal(0.0, 1.0), distributions.Cauchy(0.0, 1.0)],
        "components_distribution": normal,
        "concentration": 2.0,
        "cov_diag_factor": [1.0, 1.0],
        "cov_perturb_factor": [[1.0], [1.0]],
        "d": 3,
        "df": 3.0,
        "diagonal": bijectors.Exp(),
        "dimension": 3,
        "distribution": distributions.Poisson(1.0),
        "batch_shape": (4,),
        "shape": (4,),
        "event_shape": (2,),
        "event_shape_in": (4,),
        "event_shape_out": (2, 2),
        "forward": np.exp,
        "inverse": np.log,
        "log_det": lambda x: x,
        "high": 255,
        "k": 2,
        "loc": [0.0, 1.0],
        "logits": 0.5,
        "low": 0,
        "lower_upper": np.array([[2.0, 0.5], [0.25, 3.0]], "float32"),
        "np": np,
        "permutation": [1, 0],
        "mask": [True],
        "mean": 0.5,
        "mean_direction": [0.6, 0.8],
        "mixture_distribution": distributions.Categorical(probs=[0.5, 0.5]),
        "n": 100,
        "parts": {"z": normal, "x": lambda z: distributions.Normal(z, 1.0)},
        "network": keras.layers.Dense(4),
        "p": normal,
        "prior": distributions.Normal.standard((2,)),
        "q": normal,
        "PFamily": distributions.Delta,
        "QFamily": distributions.VonMises,
        "rate": 2.0,
        "scale": 1.5,
        "scale_tril": [[1.0, 0.0], [0.5, 1.0]],
        "f": bijectors.Exp(),
        "g": bijectors.Identity(),
        "sizes": [1, 1],
        "total_count": 3.0,
        "units": 4,
        "variance": 2.0,
    }


def test_every_name_of_ours_exists():
    used = re.findall(r"\b(distributions|bijectors|layers|losses|models|ops)\.(\w+)", PAGE)
    ours = {(package, name) for package, name in used if f"tfp.{package}.{name}" not in PAGE}
    ours -= {("layers", "Dense"), ("layers", "IndependentNormal")}  # of Keras, of TFP
    assert len(ours) > 80
    missing = [f"{p}.{n}" for p, n in ours if not hasattr(PACKAGES[p], n)]
    assert not missing


def test_no_name_is_missed_or_listed_twice():
    counts = {"Layers": 30, "Distributions": 136, "Bijectors": 80}
    for title, count in counts.items():
        names = [name for name, _ in rows_under(title)]
        assert len(names) == len(set(names)) == count


def test_what_there_is_is_not_called_none():
    wrong = []
    for table, package in (("Distributions", distributions), ("Bijectors", bijectors)):
        wrong += [
            name
            for name, ours in rows_under(table)
            if ours.startswith("none") and hasattr(package, name) and name != "Split"
        ]
    assert not wrong


@pytest.mark.parametrize("code", CODE)
def test_expressions_of_the_tables_run(code):
    assert eval(code, names_space()) is not None


def test_the_order_of_the_entries_of_a_triangle_is_theirs():
    filled = ops.convert_to_numpy(bijectors.FillTriangular().forward(np.arange(1.0, 7.0)))
    np.testing.assert_array_equal(filled, [[4, 0, 0], [6, 5, 0], [3, 2, 1]])


def test_undefined_moments_are_nan_and_infinite_ones_infinite():
    cauchy, t = distributions.Cauchy(1.0, 2.0), distributions.StudentT([0.5, 1.5], 0.0, 1.0)
    expected = {
        "cauchy": ((cauchy.mean(), cauchy.variance(), cauchy.stddev()), np.nan),
        "t without a mean": ((t.mean()[0], t.variance()[0]), np.nan),
        "t without a variance": ((t.variance()[1],), np.inf),
    }
    for family in (distributions.HalfCauchy(1.0, 2.0), distributions.InverseGamma(0.5, 1.0)):
        moments = family.mean(), family.variance(), family.stddev()
        expected[type(family).__name__] = (moments, np.inf)
    for name, (moments, value) in expected.items():
        numbers = [float(m) for m in moments]
        np.testing.assert_array_equal(numbers, [value] * len(numbers), err_msg=name)


@pytest.mark.parametrize(
    "family",
    [
        distributions.Bernoulli(0.0),
        distributions.Binomial(3.0, 0.0),
        distributions.Categorical(logits=[0.0, 1.0]),
        distributions.OneHotCategorical(logits=[0.0, 1.0]),
        distributions.Poisson(2.0),
        distributions.Geometric(0.0),
        distributions.NegativeBinomial(2.0, 0.0),
    ],
    ids=lambda d: type(d).__name__,
)
def test_draws_of_all_discrete_families_are_floating(family):
    draw = family.sample(seed=0)
    assert keras.backend.standardize_dtype(draw.dtype) == "float32"
    whole = ops.cast(draw, "int32")
    assert np.isfinite(ops.convert_to_numpy(family.log_prob(whole))).all()


def test_the_first_of_a_chain_is_applied_first():
    chain = bijectors.Chain([bijectors.Exp(), bijectors.Shift(-1.0)])
    assert float(chain.forward(1.0)) == pytest.approx(np.expm1(1.0))


def test_a_permutation_of_theirs_is_the_inverse_of_ours():
    # lu_reconstruct: the rows of L U, gathered by the inverse of the permutation.
    lower_upper = np.array([[2.0, 0.5, 1.0], [0.25, 3.0, -1.0], [0.5, -0.75, 4.0]], "float32")
    theirs, x = np.array([1, 2, 0]), np.array([1.0, 2.0, 3.0], "float32")
    matrix = (np.tril(lower_upper, -1) + np.eye(3)) @ np.triu(lower_upper)
    expected = matrix[np.argsort(theirs)] @ x
    ours = bijectors.InvertibleLinear(
        lower_upper, lower_upper, np.diag(lower_upper), permutation=np.argsort(theirs)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(ours.forward(x)), expected, rtol=1e-5)


def test_the_cholesky_factors_of_correlations_are_reached_by_another_map():
    # The example in their documentation.
    theirs = [[1, 0, 0], [0.5**0.5, 0.5**0.5, 0], [2 / 3, 2 / 3, 1 / 3]]
    bijector = bijectors.CorrelationCholesky()
    ours = ops.convert_to_numpy(bijector.forward([2.0, 2.0, 1.0]))
    np.testing.assert_allclose(np.linalg.norm(ours, axis=-1), 1.0, rtol=1e-6)
    assert np.abs(ours - theirs).max() > 0.1
    back = bijector.forward(bijector.inverse(np.array(theirs, "float32")))
    np.testing.assert_allclose(ops.convert_to_numpy(back), theirs, atol=1e-6)


def test_maps_that_are_said_to_be_theirs_are():
    x = np.array([0.5, -1.0, 2.0])
    steps = np.concatenate([x[:1], np.exp(x[1:])])
    ascending = ops.convert_to_numpy(bijectors.Ordered().forward(x))
    np.testing.assert_allclose(ascending, np.cumsum(steps), rtol=1e-5)
    # IteratedSigmoidCentered: sticks broken at the sigmoids of x less the log of what is to come.
    shares = 1.0 / (1.0 + np.exp(-(x - np.log([3.0, 2.0, 1.0]))))
    rest = np.cumprod(np.append(1.0, 1.0 - shares))
    centered = ops.convert_to_numpy(bijectors.Simplex().forward(x))
    np.testing.assert_allclose(centered, np.append(shares, 1.0) * rest, rtol=1e-5)


def test_counts_of_a_negative_binomial_are_of_what_probs_is_the_chance_of():
    family = distributions.NegativeBinomial(2.0, probs=0.75)
    assert float(family.mean()) == pytest.approx(2.0 * 0.75 / 0.25)


def test_shapes_of_batches_are_as_said():
    normal = distributions.Normal(np.zeros((2, 3), "float32"), 1.0)
    assert distributions.Independent(normal).event_shape == (2, 3)
    assert distributions.Independent(normal, 1).event_shape == (3,)
    assert normal[0].batch_shape == (3,)


def test_the_model_that_moved_over_runs():
    code = PAGE.split("```python\n")[2].split("```")[0]
    x, y = np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")
    names = {"x": x, "y": y}
    exec(code, names)
    assert tuple(names["mean"].shape) == (8, 1)
    assert names["kb"] is kb
