"""The benchmarks: which problem, which contenders, how many rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.problems import (
    AnnealingProblem,
    DensityProblem,
    DistributionProblem,
    GANProblem,
    ImportanceWeightedProblem,
    LikelihoodProblem,
    Problem,
    TrainingProblem,
)


@dataclass(frozen=True)
class Benchmark:
    """One problem and those who solve it.

    Attributes:
        name: As typed on the command line.
        unit: What one reported time is the time of.
        problem: Given to every contender, in its child process.
        contenders: Name to module; the module has a class ``Contender`` (see README.md).
        references: The contenders to whose time the others' is divided, round by round.
        rounds: Rounds that count.
        warmup: Rounds before them that are thrown away.
    """

    name: str
    unit: str
    problem: Problem
    contenders: dict[str, str]
    references: tuple[str, ...]
    rounds: int
    warmup: int = 2


def _modules(package: str, *names: str) -> dict[str, str]:
    return {name: f"benchmarks.{package}.{name}" for name in names}


MNIST = Benchmark(
    name="mnist",
    unit="epoch of 60,000 images, 784-256-2, batch 100",
    problem=TrainingProblem("mnist", features=784, hidden=256, epochs=10),
    contenders=_modules("training", "hand_jax", "kelbo", "keras_jax", "torch_eager", "pythae"),
    references=("hand_jax", "kelbo"),
    rounds=5,
    warmup=1,
)
DIGITS = Benchmark(
    name="digits",
    unit="epoch of 1797 images, 64-64-2, batch 100",
    problem=TrainingProblem("digits", features=64, hidden=64, epochs=200),
    contenders=_modules("training", "hand_jax", "kelbo", "keras_jax", "torch_eager"),
    references=("hand_jax", "kelbo"),
    rounds=9,
)
LOG_LIKELIHOOD = Benchmark(
    name="log_likelihood",
    unit="log-likelihood of 1000 images, 5000 samples each, decoder 50-200-200-784",
    problem=LikelihoodProblem(),
    contenders=_modules("log_likelihood", "matmul_floor", "hand_jax", "kelbo", "pythae"),
    references=("matmul_floor", "kelbo"),
    rounds=5,
    warmup=1,
)
IMPORTANCE_WEIGHTED = Benchmark(
    name="importance_weighted",
    unit="step of the importance-weighted bound, 50 samples, 784-200-200-50, batch 100",
    problem=ImportanceWeightedProblem(),
    contenders=_modules("importance_weighted", "hand_jax", "kelbo"),
    references=("hand_jax",),
    rounds=9,
    warmup=1,
)
ANNEALING = Benchmark(
    name="annealing",
    unit="log-likelihood of 100 images by annealing, 300 steps, 16 chains, decoder 50-200-200-784",
    problem=AnnealingProblem(),
    contenders={
        "matmul_floor": "benchmarks.log_likelihood.matmul_floor",
        "kelbo": "benchmarks.annealing.kelbo",
    },
    references=("matmul_floor",),
    rounds=3,
    warmup=1,
)


_OF_WHAT = {
    "Normal": "of 1,000,000 numbers, each with its own parameters",
    "Gamma": "of 1,000,000 numbers, each with its own parameters",
    "MultivariateNormalTriL": "of 100,000 vectors of 10 numbers under one factor",
    "Categorical": "of 100,000 classes of 10, each with its own logits",
    "TruncatedNormal": "of 1,000,000 numbers under one distribution",
    "VonMises": "of 1,000,000 numbers under one distribution",
}
DISTRIBUTIONS = [
    Benchmark(
        name=f"{family}.{method}",
        unit=f"compiled {method} {what}",
        problem=DistributionProblem(family, method),
        contenders=_modules("distributions", "numpyro", "kelbo"),
        references=("numpyro",),
        rounds=15,
    )
    for family, what in _OF_WHAT.items()
    for method in ("log_prob", "sample")
]
DENSITY = [
    Benchmark(
        name=f"moons_{flow}",
        unit=f"epoch of 4500 two-moons points, {kind}, 5 layers of 64 x 2, batch 100",
        problem=DensityProblem(flow),
        contenders=_modules("density", "flowjax", "kelbo", "zuko"),
        references=("flowjax", "kelbo"),
        rounds=7,
        warmup=1,
    )
    for flow, kind in (("spline", "spline coupling"), ("maf", "masked autoregressive"))
]
GANS = [
    Benchmark(
        name=name,
        unit=f"step of a GAN, 4-64-64-2 against 2-64-64-1, batch 128, {how}",
        problem=GANProblem(steps),
        contenders=_modules("gan", "hand_jax", "kelbo"),
        references=("hand_jax",),
        rounds=9,
    )
    for name, steps, how in (
        ("gan_1_to_1", 1, "both move in each"),
        ("gan_5_to_1", 5, "the generator moves in every fifth"),
    )
]
_MODELS = (MNIST, DIGITS, LOG_LIKELIHOOD, IMPORTANCE_WEIGHTED, ANNEALING)
BENCHMARKS = {b.name: b for b in (*_MODELS, *DISTRIBUTIONS, *DENSITY, *GANS)}
# Names that stand for several benchmarks on the command line.
GROUPS = {
    "distributions": [benchmark.name for benchmark in DISTRIBUTIONS],
    "moons": [benchmark.name for benchmark in DENSITY],
    "gan": [benchmark.name for benchmark in GANS],
}


def quick(benchmark: Benchmark) -> Benchmark:
    """Returns the benchmark cut down to some seconds: to see it work, not to report."""
    return replace(
        benchmark,
        problem=benchmark.problem.smaller(),
        unit=f"{benchmark.unit} (cut down)",
        rounds=3,
        warmup=1,
    )
