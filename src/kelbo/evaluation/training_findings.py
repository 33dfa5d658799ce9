"""Findings on how the training went, from the figures of its epochs alone."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kelbo.evaluation.curve import Curve
from kelbo.evaluation.finding import Finding

# Parts of the drop of a curve. Within the last tenth of the epochs it falls by so much ...
_STILL_FALLING, _FAST = 0.01, 0.06
# (validation with it, by so much of that) ...
_FOLLOWS = 0.25
# ... or has risen, since its best epoch, by so much; ...
_OVERFITTING, _RUINED = 0.05, 0.5
# ... or validation lies above training by so much.
_GAP = 0.25
# Fewer epochs do not tell their noise, nor a rise from it.
_FEWEST = 5
# Of what it has come down: so much noise is a fit that is thrown about, and such jumps are grave
# though the loss came back.
_UNSTEADY, _TALL = 0.15, 0.25

_LEARNING_RATE = "A smaller learning rate, or a largest norm of the gradient (clipping)."
_REGULARIZE = (
    "Stop early: keep the weights of the best validation loss.",
    "A smaller network, dropout or weight decay; or more data.",
)


def training_findings(
    history: Mapping[str, Sequence[float | None]],
    epoch_of_weights: int | None = None,
    start: float | None = None,
    validation_error: float | None = None,
) -> list[Finding]:
    """What the figures of the epochs say.

    Args:
        history: A value per epoch by name, as Keras returns it: `loss` and, where there is one,
            `val_loss`. Others are not looked at; None stands for an epoch that was not measured.
        epoch_of_weights: The epoch whose weights were kept, from 1; None for the last.
        start: The loss before training, where it is known; else the first epoch stands for it.
        validation_error: Standard error of the validation loss, over examples.

    Returns:
        Findings; none where there is no loss.
    """
    train, validation = Curve.of(history.get("loss")), Curve.of(history.get("val_loss"))
    if train is None:
        return []
    found = [*_no_improvement(train, start), *_instability(train)]
    if validation is not None and not found:
        found += _jumps(validation.until(epoch_of_weights), "validation")
    stuck = any(finding.name == "no_improvement" for finding in found)
    overfitting = []
    if validation is not None:
        overfitting = _overfitting(train, validation.until(epoch_of_weights))
        found += overfitting or _gap(train, validation, epoch_of_weights, validation_error)
    settled = "the loss has fallen and settled"
    if not stuck and not overfitting:
        trend = _trend(train, validation)
        found += trend
        if not trend and _falls(train, *train.fall()):
            settled = "the validation loss has settled, while that of training still falls"
    return found or [Finding("training", "fine", settled)]


def _no_improvement(train: Curve, start: float | None) -> list[Finding]:
    if start is None and len(train.values) < 3:
        return []
    begun = train.values[0] if start is None else start
    ended = float(np.median(train.values[-3:] if len(train.values) > 5 else train.values[-1]))
    if begun - ended > max(2.0 * train.noise, 1e-3 * abs(begun), min(0.01, 0.1 * abs(begun))):
        return []
    whence = "the first epoch" if start is None else "before training"
    return [
        Finding(
            "no_improvement",
            "fault",
            f"the loss never improved on its start: {begun:.4g} nats {whence}, {ended:.4g} at the "
            "end",
            (
                "Another learning rate: a much larger one where the loss hardly moves, a smaller "
                "one where it leaps or rises.",
                "Look at the data: their scale, and whether there is anything to learn.",
            ),
        )
    ]


def _instability(train: Curve) -> list[Finding]:
    return _jumps(train, "training") or _thrown_about(train) or _ended_above_its_best(train)


def _jumps(curve: Curve, of: str) -> list[Finding]:
    jumps = curve.jumps()
    if not len(jumps):
        return []
    values, first = curve.values, jumps[0]
    heights = [values[i] - values[i - 1] for i in jumps]
    tallest = max(heights)
    since = values[jumps[-1] :]
    ended = float(np.median(since[-3:]) if len(since) > 2 else values[-1])
    recovered = ended - values[first - 1] <= max(4.0 * curve.noise, 0.1 * tallest)
    times = "once" if len(jumps) == 1 else f"{len(jumps)} times, by up to {tallest:.3g} nats"
    mild = recovered and (len(jumps) == 1 or tallest <= _TALL * curve.descent)
    return [
        Finding(
            "instability",
            "note" if mild else "warning",
            f"the {of} loss jumped {times}, first in epoch {curve.epochs[first]}, from "
            f"{values[first - 1]:.4g} to {values[first]:.4g} nats"
            + (", and came back" if recovered else ", and did not come back"),
            (_LEARNING_RATE, "A floor under the scales of posterior and likelihood."),
        )
    ]


def _thrown_about(train: Curve) -> list[Finding]:
    noise, level = train.noise, abs(float(np.median(train.values)))
    if noise > _UNSTEADY * max(train.descent, 0.0) and noise > 0.05 * max(level, 5.0):
        return [
            Finding(
                "instability",
                "warning",
                f"the training loss is unsteady: it goes up and down by {noise:.3g} nats from "
                "epoch to epoch",
                (_LEARNING_RATE, "Larger batches."),
            )
        ]
    return []


def _ended_above_its_best(train: Curve) -> list[Finding]:
    """A loss that was better in the middle of the fit; one that rises from its start warms up."""
    smooth = train.smoothed()
    best = int(np.argmin(smooth))
    rise = float(np.median(smooth[-3:]) - smooth[best])
    fallen = float(np.quantile(smooth, 0.95) - smooth[best])
    least = max(4.0 * train.noise, _OVERFITTING * fallen, 0.01)
    if len(smooth) < 10 or best < len(smooth) // 4 or rise <= least:
        return []
    return [
        Finding(
            "instability",
            "warning",
            f"the training loss ended {rise:.3g} nats above its best, of epoch "
            f"{train.epochs[best]}",
            (_LEARNING_RATE, "Keep the weights of the best validation loss."),
        )
    ]


def _overfitting(train: Curve, validation: Curve) -> list[Finding]:
    smooth = validation.smoothed()
    best = int(np.argmin(smooth))
    rise = float(np.median(smooth[-3:]) - smooth[best])
    after = train.smoothed()[train.epochs >= validation.epochs[best]]
    fallen = float(after[0] - np.min(after)) if len(after) else 0.0
    drop = float(np.quantile(validation.values, 0.95) - smooth[best])
    least = max(4.0 * validation.noise, _OVERFITTING * drop, 0.01)
    if len(validation.values) < _FEWEST or rise <= least or fallen <= 2.0 * train.noise:
        return []
    return [
        Finding(
            "overfitting",
            "fault" if rise > _RUINED * (validation.values[0] - smooth[best]) else "warning",
            f"overfitting: the validation loss has risen by {rise:.3g} nats since epoch "
            f"{validation.epochs[best]}, while that of training fell by {fallen:.3g}",
            _REGULARIZE,
        )
    ]


def _gap(
    train: Curve, validation: Curve, epoch_of_weights: int | None, error: float | None
) -> list[Finding]:
    of_validation = validation.until(epoch_of_weights)
    kept = train.until(epoch_of_weights).at(of_validation.epochs)
    gap = float(np.median(of_validation.values[-3:]) - np.median(kept.values[-3:]))
    noise = max(4.0 * validation.noise, 2.0 * kept.noise, 3.0 * (error or 0.0))
    least = max(_GAP * max(kept.descent, 0.0), noise, 0.1)
    if len(kept.values) < 3 or gap <= least:
        return []
    return [
        Finding(
            "validation_gap",
            "warning",
            f"the validation loss is {gap:.3g} nats above that of training",
            (
                "Look whether both parts are of one kind: shuffled before they were split, scaled "
                "alike.",
                *_REGULARIZE,
            ),
        )
    ]


def _trend(train: Curve, validation: Curve | None) -> list[Finding]:
    """Whether more epochs would help: training falls, and validation has its best at its end."""
    if len(train.values) < 2:
        return [
            Finding("still_falling", "note", "one epoch alone shows no trend", ("More epochs.",))
        ]
    told, window, unclear = train, train.window, ""
    fall, error = train.fall()
    if validation is not None:
        best = validation.epochs[int(np.argmin(validation.smoothed()))]
        follows, uncertainty = validation.fall()
        stopped = best < validation.epochs[-1] - max(window, 2)
        if fall > 0 and not _falls(train, fall, error):
            if stopped:
                return []
            # Evaluated with the same noise every time, it shows what that of training hides.
            told, fall, error = validation, follows, uncertainty
        elif stopped or follows + 2.0 * uncertainty < _FOLLOWS * fall:
            if len(train.values) >= _FEWEST or fall <= _FAST * train.drop:
                return []
            unclear = ", and too few epochs show whether that of validation follows"
    if not _falls(told, fall, error):
        return []
    epochs = told.epochs[-1] - told.epochs[-1 - told.window]
    within = "epoch" if epochs == 1 else f"{epochs} epochs"
    of = "" if told is train else "validation "
    return [
        Finding(
            "still_falling",
            "warning" if fall > _FAST * told.drop else "note",
            f"the {of}loss is still falling: by {fall:.3g} nats in the last {within}{unclear}",
            ("More epochs: twice as many.",),
        )
    ]


def _falls(curve: Curve, fall: float, error: float) -> bool:
    return fall > max(3.0 * error, _STILL_FALLING * curve.drop, 0.0) and math.isfinite(fall)
