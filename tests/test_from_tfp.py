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
        "mask": [True],
        "mean": 0.5,
        "mean_direction": [0.6, 0.8],
        "mixture_distribution": distributions.Categorical(probs=[0.5, 0.5]),
        "n": 100,
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


def test_the_model_that_moved_over_runs():
    code = PAGE.split("```python\n")[2].split("```")[0]
    x, y = np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")
    names = {"x": x, "y": y}
    exec(code, names)
    assert tuple(names["mean"].shape) == (8, 1)
    assert names["kb"] is kb
