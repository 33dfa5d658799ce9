"""The benchmarks: which problem, which contenders, how many rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.problems import LikelihoodProblem, TrainingProblem


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
    problem: TrainingProblem | LikelihoodProblem
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
BENCHMARKS = {benchmark.name: benchmark for benchmark in (MNIST, DIGITS, LOG_LIKELIHOOD)}


def quick(benchmark: Benchmark) -> Benchmark:
    """Returns the benchmark cut down to some seconds: to see it work, not to report."""
    problem = benchmark.problem
    if isinstance(problem, LikelihoodProblem):
        smaller = replace(problem, images=50, samples=500, peer_images=5)
    elif problem.data == "mnist":
        smaller = replace(problem, examples=6000)
    else:
        smaller = problem
    return replace(
        benchmark, problem=smaller, unit=f"{benchmark.unit} (cut down)", rounds=3, warmup=1
    )
