"""Do estimator A or a full-covariance posterior improve on the published recipe for Frey faces?

Fits examples/frey_faces.yaml with either SGVB estimator and either posterior, once per seed, and
prints the validation bound and the 1000-sample log-likelihood of each, with the differences from
the recipe within the same seed (same split, same weights to begin with).

    python examples/frey_faces_study.py [--seeds 5] [--epochs 200] [--out runs/frey_faces_study]
"""

import argparse
from pathlib import Path

import numpy as np

from kelbo import runs

VARIANTS = {
    "B, diagonal (the recipe)": {"kl": "analytic", "posterior": "normal"},
    "A, diagonal": {"kl": "monte_carlo", "posterior": "normal"},
    "B, full covariance": {"kl": "analytic", "posterior": "multivariate_normal"},
    "A, full covariance": {"kl": "monte_carlo", "posterior": "multivariate_normal"},
}


def figures(config: runs.FitConfig, out: Path) -> tuple[float, float, float, int]:
    """Validation loss, its divergence, the negative log-likelihood, and the epochs of one fit."""
    summary = runs.fit(config, out, force=True).summary
    validation = summary["validation"]
    log_likelihood = summary["log_likelihood"]["nats_per_example"]
    return validation["loss"], validation["kl"], -log_likelihood, summary["epochs"]


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation over the seeds."""
    return f"{values.mean():.1f} ± {values.std(ddof=min(1, len(values) - 1)):.1f}"


def main(seeds: int, epochs: int | None, out: Path) -> None:
    """Runs the study and prints a markdown table, in nats per face (lower is better)."""
    recipe = runs.FitConfig.from_yaml(Path(__file__).with_name("frey_faces.yaml"))
    if epochs is not None:
        recipe = recipe.replace(epochs=epochs)
    table = {}
    for name, changes in VARIANTS.items():
        rows = []
        for seed in range(seeds):
            folder = out / f"{changes['kl']}-{changes['posterior']}-{seed}"
            folder.parent.mkdir(parents=True, exist_ok=True)
            rows.append(figures(recipe.replace(**changes, seed=seed), folder))
            print(f"# {name}, seed {seed}: validation loss {rows[-1][0]:.1f}", flush=True)
        table[name] = np.array(rows)
    print(
        "\n| estimator, posterior | validation loss | KL | -log p(x) | "
        "loss less the recipe's | -log p(x) less the recipe's | epochs |"
    )
    print("|---|---|---|---|---|---|---|")
    recipe_figures = next(iter(table.values()))
    for name, rows in table.items():
        loss, kl, nll, epochs_run = rows.T
        difference = rows - recipe_figures
        print(
            f"| {name} | {spread(loss)} | {spread(kl)} | {spread(nll)} | "
            f"{spread(difference[:, 0])} | {spread(difference[:, 2])} | {epochs_run.mean():.0f} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/frey_faces_study"))
    options = parser.parse_args()
    main(options.seeds, options.epochs, options.out)
