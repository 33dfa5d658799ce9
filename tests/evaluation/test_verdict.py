"""The verdict on a fit: it finds each fault where there is one, and none where there is none."""

import io
import json

import keras
import numpy as np
import pytest
from rich.console import Console

import kelbo as kb
from kelbo import evaluation
from kelbo.evaluation import Finding, ImportanceEstimate, Verdict

EPOCHS = np.arange(1, 101)


def noise(scale, seed=0, count=100):
    return scale * np.random.default_rng(seed).normal(size=count)


def settling(end=50.0, fall=60.0, pace=4.0, scale=0.2, seed=0):
    """A loss that falls and settles, with noise."""
    return end + fall * np.exp(-EPOCHS / pace) + noise(scale, seed)


def with_jump(at, by, back):
    loss = settling()
    loss[at : at + 3 if back else None] += by
    return loss


HISTORIES = {  # name: (history, further arguments, what is found)
    "settled": ({"loss": settling(), "val_loss": settling(51, seed=1)}, {}, []),
    "settled at once, in noise": ({"loss": settling(pace=0.5, scale=0.5)}, {}, []),
    "settled, few epochs": ({"loss": [9.0, 5.0, 3.1, 3.0, 3.01, 2.99, 3.0]}, {}, []),
    "an absurd first epoch": ({"loss": [1e6, *settling()[1:]]}, {}, []),
    "negative losses": ({"loss": settling(-200), "val_loss": settling(-198, seed=1)}, {}, []),
    "a slow warm-up of the divergence": (
        {"loss": 60 - 20 * np.exp(-EPOCHS / 30)},
        {"start": 99},
        [],
    ),
    "small losses": ({"loss": settling(0.5, 0.6, scale=0.002)}, {}, []),
    "no validation in some epochs": ({"loss": settling(), "val_loss": [51.0, None] * 50}, {}, []),
    "still falling": ({"loss": 200 / EPOCHS**0.5 + noise(0.02)}, {}, ["still_falling"]),
    "still falling, three epochs": (
        {"loss": [90, 70, 60], "val_loss": [80, 65, 58]},
        {},
        ["still_falling"],
    ),
    "still falling, which the noise of training hides": (
        {"loss": 10 - 0.002 * EPOCHS + noise(0.2), "val_loss": 10 - 0.002 * EPOCHS},
        {"start": 11.0},
        ["still_falling"],
    ),
    "still falling, validation as it comes": (
        {"loss": [100, 80, 64], "val_loss": [85, 90, 86]},
        {},
        ["still_falling"],
    ),
    "still falling, small numbers": ({"loss": [0.01, 0.008, 0.0064]}, {}, ["still_falling"]),
    "settled in three epochs": ({"loss": [100, 50, 49.9]}, {}, []),
    "validation in the first epoch alone": (
        {"loss": 10 + 100 * 0.6**EPOCHS + noise(0.01), "val_loss": [75.0] + [None] * 99},
        {},
        [],
    ),
    "spikes": ({"loss": settling() + 12 * (EPOCHS % 30 == 29)}, {}, ["instability"]),
    "spikes of validation": (
        {"loss": settling(), "val_loss": settling(51, seed=1) + 30 * (EPOCHS % 30 == 29)},
        {},
        ["instability"],
    ),
    "one epoch": ({"loss": [90.0]}, {}, ["still_falling"]),
    "validation has stopped to follow": (
        {"loss": 200 / EPOCHS**0.5, "val_loss": settling(21, pace=8, scale=0.05)},
        {},
        [],
    ),
    "validation rises": (
        {"loss": settling(pace=30), "val_loss": settling(55) + 0.1 * EPOCHS},
        {},
        ["overfitting"],
    ),
    "the best weights were kept": (
        {"loss": settling(), "val_loss": settling(51) + np.maximum(0, EPOCHS - 70) * 0.1},
        {"epoch_of_weights": 60},
        [],
    ),
    "validation is of another kind": (
        {"loss": settling(), "val_loss": settling(90, seed=1)},
        {},
        ["validation_gap"],
    ),
    "a jump that came back": ({"loss": with_jump(60, 80, True)}, {}, ["instability"]),
    "a jump that stayed": ({"loss": with_jump(60, 40, False)}, {}, ["instability"]),
    "better in the middle": (
        {"loss": settling() + np.maximum(0, EPOCHS - 80) * 0.4},
        {},
        ["instability"],
    ),
    "validation rises, then training too": (
        {
            "loss": settling(pace=30) + np.maximum(0, EPOCHS - 90) * 0.9,
            "val_loss": settling(55) + 0.2 * EPOCHS,
        },
        {},
        ["instability", "overfitting"],
    ),
    "thrown about": ({"loss": settling(scale=25)}, {}, ["instability"]),
    "never improved": ({"loss": 110 + noise(0.5)}, {}, ["no_improvement"]),
    "one step an epoch, three epochs": (
        {"loss": [1.73, 0.89, 0.44], "val_loss": [0.9, 0.66, 0.7]},
        {"start": 0.87},
        ["still_falling"],
    ),
    "hardly moved": ({"loss": 110 - 1e-5 * EPOCHS}, {}, ["no_improvement"]),
    "all learned in the first epoch": ({"loss": 50 + noise(0.1)}, {"start": 110.0}, []),
    "worse than before": ({"loss": 50 + 0.5 * EPOCHS}, {"start": 49.0}, ["no_improvement"]),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_what_the_epochs_say(name):
    history, arguments, expected = HISTORIES[name]
    history = {key: [None if v is None else float(v) for v in c] for key, c in history.items()}
    found = evaluation.judge(history, **arguments)
    assert [finding.name for finding in found.findings] == expected, str(found)
    assert all(finding.advice for finding in found.findings)
    assert bool(found.fine) == (not expected)


def test_a_fall_and_a_spike_are_told_by_what_they_are():
    both = {"loss": list(200 / EPOCHS**0.5), "val_loss": list(settling(21, pace=8, scale=0.05))}
    assert "that of training still falls" in str(evaluation.judge(both))
    spikes = evaluation.judge({"loss": settling() + 7 * (EPOCHS % 30 == 29)})
    assert spikes.healthy  # small beside the fall, and over
    assert "jumped 3 times, by up to 7" in str(spikes)
    assert "and came back" in str(spikes)
    tall = evaluation.judge({"loss": settling() + 40 * (EPOCHS % 30 == 29)})
    assert not tall.healthy
    rare = {"loss": list(settling(pace=30)), "val_loss": [*[None] * 4, 51.0] * 20}
    rare["val_loss"] = [
        v and 50 + 60 * np.exp(-e / 30) for v, e in zip(rare["val_loss"], EPOCHS, strict=True)
    ]
    assert "in the last 10 epochs" in str(evaluation.judge(rare))


def test_noise_alone_is_no_finding():
    for seed in range(100):
        scale = (0.05, 0.5, 2.0)[seed % 3]
        history = {
            "loss": settling(scale=scale, seed=seed),
            "val_loss": settling(51, scale=2 * scale, seed=100 + seed),
        }
        found = evaluation.judge(history)
        assert not found.findings, (seed, str(found))


def test_grave_things_come_first_and_notes_are_no_alarm():
    note, fault = Finding("a", "note", "a note", ("do",)), Finding("b", "fault", "a fault")
    well = Finding("c", "fine", "all else is well")
    found = Verdict.of([note, well, fault])
    assert str(found).splitlines() == [
        "fault: a fault",
        "note: a note",
        "  - do",
        "well: all else is well",
    ]
    assert found.headline == "1 fault (well: all else is well)"
    assert not found.healthy
    mild = Verdict.of([note, well])
    assert mild.healthy
    assert str(mild).startswith("nothing suspicious: all else is well\nnote: a note")
    assert Verdict.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    stream = io.StringIO()
    Console(file=stream, width=200).print(found)
    assert stream.getvalue().split() == str(found).split()


@pytest.mark.parametrize(
    ("size", "k", "samples", "severity"),
    [
        (800.0, 0.2, 1000, "fine"),
        (400.0, 0.9, 1000, "fine"),  # even weights: the tail does no harm
        (70.0, 0.9, 1000, "note"),
        (2.5, 0.9, 1000, "warning"),
        (1.2, np.nan, 10, "warning"),
        (6.0, np.nan, 10, None),  # too few to tell
    ],
)
def test_what_importance_weights_say(size, k, samples, severity):
    ones = np.ones(40)
    estimate = ImportanceEstimate(-90 * ones, ones, size * ones, k * ones, samples)
    found = evaluation.judge(estimate=estimate)
    said = [*found.findings, *found.fine]
    assert [finding.severity for finding in said] == ([severity] if severity else [])


def make(kernel=((0.9, 0.0), (0.0, 0.6)), bias=(0.0, 0.0), scale=(0.45, 0.8)):
    """A VAE whose posterior is N(kernel'x + bias, scale^2); x is standard normal."""
    vae = kb.models.VAE(
        prior=kb.distributions.Normal.standard((2,)),
        likelihood=kb.layers.ConditionalNormal((2,)),
        posterior=kb.layers.ConditionalNormal((2,), scale="log_scale"),
        seed=0,
    )
    keras.utils.set_random_seed(0)
    vae.build((None, 2))
    vae.posterior.heads["loc"].set_weights([np.array(kernel), np.array(bias)])
    vae.posterior.heads["scale"].set_weights([np.zeros((2, 2)), np.log(scale)])
    return vae


@pytest.mark.core
def test_what_the_latent_values_say():
    x = np.random.default_rng(0).normal(size=(200, 2)).astype("float32")
    nothing = np.zeros((2, 2))
    cases = {
        (): make(),
        ("posterior_collapse",): make(kernel=nothing, scale=(0.999, 1.001)),
        ("inactive_units",): make(kernel=((0.9, 0), (0, 0)), scale=(0.45, 1.0)),
        ("prior_mismatch",): make(bias=(3.0, 0.0)),
        ("posterior_collapse", "prior_mismatch"): make(kernel=nothing, bias=(4.0, 0.0)),
    }
    for expected, vae in cases.items():
        found = evaluation.verdict(vae, x, samples=0)
        assert tuple(finding.name for finding in found.findings) == expected, str(found)
    narrow = evaluation.verdict(make(nothing + 0.1 * np.eye(2), scale=(0.05, 0.05)), x, samples=0)
    assert "do not fill the prior" in str(narrow)
    broken = evaluation.verdict(make(bias=(np.nan, 0.0)), x, samples=0)
    assert broken.findings[0].name == "not_numbers"
    assert "is NaN for 200 of 200 examples" in broken.findings[0].sentence
    alone = evaluation.verdict(make(), x[:1], {"loss": [3.0, 2.0]}, samples=0)
    assert [finding.name for finding in alone.findings] == ["still_falling"]
    with pytest.raises(ValueError, match="1 of the 400 values of x are NaN"):
        evaluation.verdict(make(), np.where(np.arange(400).reshape(200, 2) == 3, np.nan, x))
