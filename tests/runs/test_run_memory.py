import pytest

from kelbo import datasets, runs
from kelbo.errors import InputError
from kelbo.runs import memory_need
from kelbo.runs.data import load_data


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hidden": [7, 5], "latent_dim": 3},
        {"hidden": [], "decoder_hidden": [4]},
        {"likelihood": "normal", "posterior": "multivariate_normal", "latent_dim": 4},
        {"context": ["labels"], "hidden": [7], "latent_dim": 3},
    ],
)
def test_the_number_of_weights_is_that_of_the_model(settings, monkeypatch):
    counted = []

    def note(config, weights, likelihood):
        counted.append(weights)

    monkeypatch.setattr("kelbo.runs.building.require_memory", note)
    config = runs.FitConfig(data="digits", **settings)
    model = runs.build_model(config, load_data(config))
    trained = sum(variable.value.size for variable in model.trainable_variables)
    assert counted == [trained]


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": [10**6, 10**6]},
        {"hidden": [10**18]},
        {"hidden": [10**18], "context": ["labels"]},
        {"decoder_hidden": [10**18, 10**18]},
        {"samples": 10**15},
        {"latent_dim": 100_000, "posterior": "multivariate_normal"},
    ],
)
def test_sizes_that_no_machine_holds_are_refused_at_once(settings):
    config = runs.FitConfig(data="digits", **settings)
    with pytest.raises(InputError, match=r"out of memory: a model of [\d,]+ weights .* smaller"):
        runs.build_model(config, load_data(config))


def test_the_memory_of_the_machine_decides(monkeypatch):
    config, digits = runs.FitConfig(data="digits", optimizer="sgd"), datasets.load("digits")
    for there, enough in ((100_000, False), (10**9, True), (None, True)):
        monkeypatch.setattr(memory_need, "machine_memory", lambda there=there: there)
        if enough:
            assert runs.build_model(config, digits).built
        else:
            with pytest.raises(InputError, match="this machine has 1 GB"):
                runs.build_model(config, digits)


def test_what_the_machine_says():
    assert memory_need.machine_memory() > 2**28


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), memory_need.enough_memory():
        1 / 0  # noqa: B018
    with (
        pytest.raises(InputError, match="more than there is; wait"),
        memory_need.enough_memory("wait"),
    ):
        raise MemoryError
