import numpy as np
import pytest

from kelbo.datasets import Dataset
from kelbo.errors import InputError
from kelbo.runs import FitConfig, choose_likelihood
from kelbo.runs.likelihoods import remarks, settle


@pytest.mark.parametrize(
    ("values", "likelihood"),
    [
        ((0.0, 1.0), "bernoulli"),
        ((0.0, 0.5, 1.0), "continuous_bernoulli"),
        ((-0.1, 1.0), "normal"),
        ((0.0, 1.1), "normal"),
    ],
)
def test_auto_goes_by_the_values(make_data, values, likelihood):
    data = make_data(*values)
    assert choose_likelihood(data) == likelihood
    assert settle(FitConfig(), data).likelihood == likelihood


def test_values_that_are_drawn_binary_are_bernoulli(make_data):
    config = FitConfig(binarize="dynamic")
    settled = settle(config, make_data(0.0, 0.5))
    assert settled.likelihood == "bernoulli"
    assert remarks(settled, make_data(0.0, 0.5)) == []


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli"])
def test_values_outside_the_support(make_data, likelihood):
    data = make_data(0.5, -2.0, 3.0, 0.25)  # twenty values, a half of them outside
    with pytest.raises(InputError) as caught:
        settle(FitConfig(likelihood=likelihood), data)
    said = str(caught.value)
    assert likelihood in said
    assert "10 values of made lie outside" in said
    assert "from -2 to 3" in said
    assert "normal" in said


def test_the_mean_of_a_normal_stays_where_the_data_are(make_data):
    normal = FitConfig(likelihood="normal")
    assert settle(normal, make_data(0.0, 0.3)).likelihood_loc_activation == "sigmoid"
    assert settle(normal, make_data(0.0, 3.0)).likelihood_loc_activation == "linear"
    given = normal.replace(likelihood_loc_activation="tanh")
    assert settle(given, make_data(0.0, 0.3)).likelihood_loc_activation == "tanh"


@pytest.mark.parametrize(
    ("likelihood", "values", "said"),
    [
        ("bernoulli", (0.0, 0.5), "continuous_bernoulli fits"),
        ("continuous_bernoulli", (0.0, 1.0), "bernoulli fits"),
        ("normal", (0.0, 1.0), "bernoulli fits"),
        ("normal", (0.0, 900.0), "Values reach 900"),
    ],
)
def test_what_is_odd_is_said(make_data, likelihood, values, said):
    (remark,) = remarks(FitConfig(likelihood=likelihood, scale="none"), make_data(*values))
    assert said in remark


@pytest.mark.parametrize(
    ("likelihood", "values"),
    [
        ("bernoulli", (0.0, 1.0)),
        ("continuous_bernoulli", (0.0, 0.5)),
        ("normal", (-2.0, 2.0)),
    ],
)
def test_what_fits_needs_no_remark(make_data, likelihood, values):
    assert remarks(FitConfig(likelihood=likelihood, scale="none"), make_data(*values)) == []


def test_ambiguous_channels_are_said():
    settings = FitConfig(likelihood="continuous_bernoulli")
    half = np.full((4, 3, 5, 3), 0.5, "float32")
    (said,) = remarks(settings, Dataset("made", half))
    assert "(3, 5, 3) could have their channels first or last" in said
    assert remarks(settings, Dataset("made", half[..., :2])) == []


@pytest.mark.parametrize(
    ("given", "values", "scale", "activation"),
    [
        ({}, (1.0, 900.0), "standard", "linear"),
        ({"scale": "minmax"}, (1.0, 900.0), "minmax", "sigmoid"),
        ({"scale": "standard"}, (0.0, 0.5), "standard", "linear"),
        ({"scale": "none"}, (1.0, 900.0), "none", "linear"),
        ({"likelihood_loc_activation": "tanh"}, (-1.0, 0.5), "none", "tanh"),
        ({}, (0.0, 0.5), "none", "sigmoid"),
        ({}, (0.0, 1.0), "none", "sigmoid"),
    ],
)
def test_data_are_scaled_where_they_need_it(make_data, given, values, scale, activation):
    settled = settle(FitConfig(**given), make_data(*values))
    assert (settled.scale, settled.likelihood_loc_activation) == (scale, activation)


def test_only_a_normal_likelihood_scales(make_data):
    given = FitConfig(likelihood="bernoulli", scale="standard")
    with pytest.raises(InputError, match="scale: standard goes with a normal likelihood"):
        settle(given, make_data(0.0, 1.0))
