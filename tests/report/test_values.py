from pathlib import Path

import numpy as np
import pytest

from kelbo.report.values import label_of, text_of

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, DASH),
        (True, "yes"),
        (np.bool_(False), "no"),
        (1234567, "1234567"),
        (np.int64(-3), f"{MINUS}3"),
        (0.0, "0"),
        (0.001, "0.001"),
        (1e-5, "1.000e-05"),
        (-1e-5, f"{MINUS}1.000e-05"),
        (6.3, "6.30"),
        (-798.4321, f"{MINUS}798.43"),
        (12345.678, "12,345.68"),
        (1.5e9, "1.500e+09"),
        (np.float32(0.25), "0.25"),
        (float("nan"), "NaN"),
        (float("inf"), "∞"),
        (float("-inf"), f"{MINUS}∞"),
        ([256, 2], "256, 2"),
        ((), DASH),
        ({"a": 1, "b": None}, f"a: 1, b: {DASH}"),
        (Path("runs/a"), "runs/a"),
        ("as it is", "as it is"),
        (list(range(63)), ", ".join(map(str, range(60))) + " and 3 more"),
    ],
)
def test_values_as_a_person_reads_them(value, text):
    assert text_of(value) == text


def test_keys_become_words():
    assert label_of("val_loss") == "val loss"
