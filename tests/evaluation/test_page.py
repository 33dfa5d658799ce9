"""The page docs/evaluation.md: its example runs, and every name of ours that it names exists."""

import re
from pathlib import Path

import pytest

import kelbo as kb

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()


@pytest.mark.slow
def test_the_example_runs(capsys):
    names = {}
    for block in PAGE.split("```python\n")[1:]:
        exec(block.split("```")[0], names)
    said = capsys.readouterr().out
    for words in (
        "log p(x) =",
        "gap:",
        "log p(x) >=",
        "rate",
        "units are active",
        "squared MMD",
        "still falling",
    ):
        assert words in said


def test_names_exist():
    table = PAGE.split("\n\n")[2]
    called = set(re.findall(r"`(\w+)\(", table))
    assert called == {name for name in kb.evaluation.__all__ if name[0].islower()} - {
        "pareto_k",
        "pareto_k_threshold",
    }
    for package, name in re.findall(r"`(objectives|layers|bijectors)\.(\w+)", PAGE):
        assert hasattr(getattr(kb, package), name)
