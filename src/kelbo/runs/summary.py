"""summary.json: the final figures of a run, and what they were made with."""

import math
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kelbo.datasets import Dataset
from kelbo.models import VAE
from kelbo.runs import figures
from kelbo.runs.config import FitConfig
from kelbo.runs.data import examples, settled_batch_size
from kelbo.runs.verdict import loss_before_training, run_verdict
from kelbo.version import __version__


def summarize(
    model: VAE,
    config: FitConfig,
    data: Dataset,
    history: Mapping[str, Sequence[float]],
    command: str,
    notes: Sequence[str],
    path: Path,
) -> dict[str, Any]:
    """The final figures of a trained model.

    Args:
        model: The trained model.
        config: Its settings, without "auto".
        data: Its data.
        history: Figures per epoch.
        command: What was typed.
        notes: What a person should know.
        path: The run folder.

    Returns:
        Figures in nats per example, the verdict on them, sizes, times and versions, as JSON can
        hold them.
    """
    summary = {"train": figures.bound(model, data.train, config.batch_size)}
    if data.x_test is not None:
        summary["validation"] = figures.bound(model, data.test, config.batch_size)
    x, _ = examples(data, "validation")
    samples, most = config.log_likelihood_samples, config.log_likelihood_examples
    found = None
    if samples and most:
        found = figures.estimate(model, x, samples, most, config.seed)
        summary["log_likelihood"] = figures.log_likelihood(found)
    epoch = _epoch_of_weights(config, history)
    start = loss_before_training(config, data, history)
    verdict = run_verdict(path, model, config, x, history, found, epoch, start)
    return {
        **summary,
        "verdict": verdict.as_dict(),
        "data": {
            "name": data.name,
            "source": data.source,
            "train_examples": len(data.x_train),
            "validation_examples": 0 if data.x_test is None else len(data.x_test),
            "event_shape": list(data.event_shape),
            **({} if data.feature_names is None else {"features": list(data.feature_names)}),
            **({} if data.context is None else {"context": data.context.as_list()}),
            **({"reading": list(data.remarks)} if data.remarks else {}),
            "scale": config.scale,
            "batch_size": settled_batch_size(config, data),
        },
        "likelihood": config.likelihood,
        "parameters": sum(math.prod(v.shape) for v in model.trainable_variables),
        "epochs": len(history["loss"]),
        "epoch_of_weights": epoch,
        **({} if start is None else {"loss_before_training": start}),
        "seconds_of_epochs": round(sum(history["seconds"]), 3),
        "seed": config.seed,
        "backend": keras.backend.backend(),
        "versions": _versions(),
        "command": command,
        "notes": list(notes),
    }


def _epoch_of_weights(config, history):
    """With early stopping the weights of the best epoch are kept, else those of the last."""
    if config.patience is None:
        return len(history["loss"])
    return int(np.nanargmin(history["val_loss"])) + 1


def _versions():
    backend = keras.backend.backend()
    library = sys.modules.get(backend)
    return {
        "kelbo": __version__,
        "keras": keras.__version__,
        backend: getattr(library, "__version__", "unknown"),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
