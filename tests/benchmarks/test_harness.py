"""The harness, with contenders that do no work, and one real benchmark (slow)."""

import json
import re

import pytest
from benchmarks.problems import LikelihoodProblem, TrainingProblem
from benchmarks.registry import BENCHMARKS, Benchmark

from benchmarks import cli, harness, tables

FAKE = """
import time
from pathlib import Path


class Contender:
    def __init__(self, problem):
        self.log = Path({log!r})
        self.note = {note!r}

    def setup(self):
        self.rounds = 0

    def round(self):
        self.rounds += 1
        with self.log.open("a") as log:
            log.write({name!r})
        {action}
        return {{"loss": {loss} + self.rounds}}
"""


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Returns a function that writes contenders and gives a benchmark of them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    log = tmp_path / "log"
    log.touch()

    def make(rounds=4, warmup=2, **contenders):
        modules = {}
        for name, settings in contenders.items():
            settings = {"action": "time.sleep(0.01)", "note": "", "loss": 0.0} | settings
            source = settings.get("source") or FAKE.format(log=str(log), name=name, **settings)
            (tmp_path / f"fake_{name}.py").write_text(source)
            modules[name] = f"fake_{name}"
        problem = TrainingProblem("digits", features=64, hidden=4, epochs=2)
        return Benchmark("fakes", "nap", problem, modules, ("a",), rounds, warmup)

    make.log = log
    return make


def test_contenders_take_turns_and_the_first_moves_on(fakes):
    result = harness.run(fakes(a={}, b={}, rounds=2, warmup=1))
    assert fakes.log.read_text() == "ab" + "ba" + "ab"
    assert [len(outcome.seconds) for outcome in result.outcomes] == [2, 2]
    assert [outcome.figures for outcome in result.outcomes] == [{"loss": 3.0}] * 2
    assert not result.failed


def test_seconds_are_per_unit_of_work(fakes):
    nap = {"action": "time.sleep(0.2)"}
    (outcome,) = harness.run(fakes(a=nap, rounds=1, warmup=0)).outcomes
    assert 0.1 <= outcome.seconds[0] < 0.2  # two epochs a round


def test_a_waiting_contender_uses_no_cpu(fakes):
    nap = {"action": "time.sleep(0.2)"}
    result = harness.run(fakes(a=nap, b=nap, rounds=2, warmup=1))
    assert all(outcome.restlessness < tables.SPINNING for outcome in result.outcomes)
    assert all(0 < o.memory_setup <= o.memory < 1e9 for o in result.outcomes)


def test_a_contender_that_spins_is_reported(fakes):
    result = harness.run(fakes(a={}, rounds=1, warmup=0))
    (outcome,) = result.outcomes
    assert not any("waited" in text for text in tables.warnings(result))
    outcome.waited, outcome.cpu_waiting = 10.0, 3.0
    assert "a used 30% of a CPU while it should have waited." in tables.warnings(result)


def test_what_is_not_installed_is_said_and_fails_nothing(fakes):
    absent = {"source": "import a_package_that_nobody_has"}
    result = harness.run(fakes(a={}, b=absent))
    assert result.outcomes[1].error == "not installed: a_package_that_nobody_has"
    assert not result.failed
    assert len(result.outcomes[0].seconds) == 4
    assert "not installed: a_package_that_nobody_has" in tables.markdown([result], {})


def test_a_part_that_is_missing_from_an_installed_package_is_a_failure(fakes):
    (outcome,) = harness.run(fakes(a={"source": "import json.no_such_part"})).outcomes
    assert outcome.error == "No module named 'json.no_such_part'"
    assert not outcome.absent


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("if self.rounds == 2: raise ValueError('no')", "ValueError: no"),
        ("if self.rounds == 2: import os; os._exit(3)", "the process ended with status 3"),
    ],
)
def test_a_contender_that_breaks_leaves_the_others_running(fakes, action, error):
    result = harness.run(fakes(a={}, b={"action": action}, rounds=3, warmup=0))
    assert result.failed
    assert result.outcomes[1].error == error
    assert result.summary()[1]["seconds"] == []
    assert len(result.outcomes[0].seconds) == 3


def test_ratio_is_taken_round_by_round():
    ratio = harness.ratio([2.0, 20.0, 4.0], [1.0, 10.0, 2.0])
    assert ratio == {"median": 2.0, "low": 2.0, "high": 2.0}


def test_ratio_range():
    ratio = harness.ratio(list(range(1, 22)), [1.0] * 21)
    assert ratio == pytest.approx({"median": 11.0, "low": 2.0, "high": 20.0})


def test_tables_and_json_hold_what_was_measured(fakes):
    result = harness.run(fakes(a={"loss": 70.0}, b={"note": "scaled"}, rounds=3, warmup=1))
    text = tables.markdown([result], {"cpu": "abacus"})
    assert text.startswith("cpu abacus.\n\n### fakes\n")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [len(row) for row in rows] == [7] * 4
    assert re.fullmatch(r"\d+\.\d+ ms", rows[2][1])
    assert rows[2][3] == "1.00 (1.00-1.00)"
    assert rows[2][5] == "74.00"
    assert rows[3][6] == "scaled |"
    document = json.loads(json.dumps(tables.document([result], {"cpu": "abacus"})))
    contenders = document["benchmarks"][0]["contenders"]
    assert [len(contender["seconds"]) for contender in contenders] == [3, 3]
    assert contenders[1]["ratios"]["a"]["low"] > 0


def test_check_compares_the_losses(fakes):
    lines, agree = tables.losses(harness.run(fakes(a={}, b={"loss": 0.5}, rounds=1)))
    assert agree
    assert lines[-1] == "  agree: 0.500 nats apart, 2.5 allowed"
    lines, agree = tables.losses(harness.run(fakes(a={}, b={"loss": 3.0}, rounds=1)))
    assert not agree
    lines, agree = tables.losses(harness.run(fakes(a={}, b={"loss": "float('nan')"}, rounds=1)))
    assert not agree


def test_missing_data_are_said_and_the_other_benchmarks_run(monkeypatch, capsys, fakes):
    monkeypatch.delenv("KELBO_DATA_DIR", raising=False)
    monkeypatch.setitem(BENCHMARKS, "fakes", fakes(a={}))
    assert cli.main(["mnist", "fakes", "--rounds", "1"]) == 1
    shown = capsys.readouterr().out
    assert "mnist: skipped, set KELBO_DATA_DIR to the folder that holds mnist.npz" in shown
    assert len(fakes.log.read_text()) == 3


def test_unknown_names_are_refused(capsys):
    for line in (["minst"], ["digits", "--contenders", "nobody"], ["--rounds", "0"]):
        with pytest.raises(SystemExit, match="2"):
            cli.main(line)
    assert "no benchmark minst; there are mnist, digits, log_likelihood" in capsys.readouterr().err


def test_every_contender_is_a_file():
    root = harness.__file__.rsplit("/", 1)[0]
    for benchmark in BENCHMARKS.values():
        for module in benchmark.contenders.values():
            path = module.replace("benchmarks.", root + "/", 1).rsplit(".", 1)
            with open(f"{path[0]}/{path[1]}.py") as file:
                assert "class Contender" in file.read()


def test_weights_are_the_same_for_all_and_start_no_two_layers_alike():
    encoder, decoder = LikelihoodProblem().encoder_weights(), LikelihoodProblem().decoder_weights()
    assert [w.shape for w in decoder[::2]] == [(50, 200), (200, 200), (200, 784)]
    assert (encoder[0] == LikelihoodProblem().encoder_weights()[0]).all()
    assert (encoder[4] != encoder[6]).any()


@pytest.mark.slow
def test_digits_by_hand(tmp_path):
    file = tmp_path / "digits.json"
    assert cli.main(["digits", "--quick", "--contenders", "hand_jax", "--json", str(file)]) == 0
    (contender,) = json.loads(file.read_text())["benchmarks"][0]["contenders"]
    assert len(contender["seconds"]) == 3
    assert contender["figures"]["loss"] < 30  # 80 epochs; an untrained model has about 45
