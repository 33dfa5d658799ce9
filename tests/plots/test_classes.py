import numpy as np
import pytest

from kelbo.errors import InputError
from kelbo.plots.classes import Classes, Quantity, as_labels


@pytest.mark.parametrize("labels", [[2, 0, 2], [2.0, 0.0, 2.0], np.array([2, 0, 2], object)])
def test_whole_numbers_are_classes(labels):
    classes = as_labels(labels, None, 3)
    assert classes.names == ("0", "2")
    assert classes.codes.tolist() == [1, 0, 1]


def test_strings_are_classes_in_sorted_order():
    classes = as_labels(["cat", "ape", "cat"], None, 3)
    assert classes.names == ("ape", "cat")
    assert classes.present().tolist() == [0, 1]


def test_names_belong_to_integer_labels_though_some_are_absent():
    classes = as_labels([3, 1], ["a", "b", "c", "d"], 2)
    assert [classes.names[code] for code in classes.codes] == ["d", "b"]
    assert classes.present().tolist() == [1, 3]


def test_names_belong_to_distinct_labels_otherwise():
    classes = as_labels([10, 20, 10], ["ten", "twenty"], 3)
    assert [classes.names[code] for code in classes.codes] == ["ten", "twenty", "ten"]


def test_numbers_of_many_values_are_a_quantity_unless_named():
    years = np.arange(1990, 2020)
    assert isinstance(as_labels(years, None, 30), Quantity)
    assert isinstance(as_labels(years, list(map(str, years)), 30), Classes)


def test_a_mask_selects_points():
    kept = np.array([True, False, True])
    assert as_labels([0, 1, 2], None, 3).select(kept).codes.tolist() == [0, 2]
    assert Quantity(np.array([0.1, 0.2, 0.3])).select(kept).values.tolist() == [0.1, 0.3]


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1], [2]], 0])
def test_labels_of_a_wrong_shape_are_refused(labels):
    with pytest.raises(InputError, match=r"labels must have shape \(3,\).*got shape"):
        as_labels(labels, None, 3)


def test_names_that_do_not_match_are_refused():
    with pytest.raises(InputError, match="got 2 names for 3 distinct labels from 0 to 7"):
        as_labels([0, 3, 7], ["a", "b"], 3)
