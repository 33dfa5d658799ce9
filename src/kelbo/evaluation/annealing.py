"""Chains of annealed importance sampling: tuned first, then run, forwards or backwards."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.bijectors import onto
from kelbo.evaluation.annealed_path import Path, temperatures, transition
from kelbo.evaluation.latent_model import LatentModel
from kelbo.latent.parts import pairs
from kelbo.parameters import whole_number

_ACCEPTANCE = 0.65
_FIRST_STEP_SIZE = 0.5
# Chains that step sizes are tuned on, transitions before the first temperature, the fewest after
# that, and how fast.
_TUNING_CHAINS, _FIRST_TUNING, _LEAST_TUNING, _TUNING_RATE = 4, 40, 200, 0.2
# Compiled calls per run of chains: the progress bar moves, and Ctrl-C is heard, between them.
_CALLS = 20
# Temperatures that compiled programs have room for: each takes any number up to a power of 2.
_LEAST_ROOM = 512
# Whose seeds they are.
_TUNING, _FORWARDS, _BACKWARDS = 1, 2, 3


@dataclass(frozen=True)
class Annealing:
    """Annealed importance sampling for one model: settings, and compiled functions.

    Attributes:
        model: The model.
        steps: Number of ratios of densities in a weight.
        chains: Chains per example.
        start: "prior" or "posterior".
        leapfrog_steps: Steps per Hamiltonian trajectory.
        preprocessed: Whether the examples went through the model's preprocessing.
    """

    model: LatentModel
    steps: int
    chains: int
    start: str
    leapfrog_steps: int
    preprocessed: bool = False

    @property
    def _name(self):
        return f"{self.start} {self.leapfrog_steps} {self.preprocessed}"

    @property
    def _tuning_per_temperature(self):
        return -(-_LEAST_TUNING // (self.steps - 1)) if self.steps <= _LEAST_TUNING else 1

    def path(self, x: Any, seed: Any, index: Any) -> Path:
        """The path of a batch of examples; the same preprocessing at every call."""
        seeds = ops.SeedSequence(seed).fold_in(index)
        observed = self.model.observed(x, seeds, preprocess=not self.preprocessed)
        return Path(self.model.problem(observed), self.start == "prior")

    def tuned_step_sizes(self, x: Any, seed: int, index: int, bar: "Bar") -> Any:
        """Step sizes that are accepted with a probability of 0.65, by chains of their own.

        Because the chains that count do not choose their step sizes, each of their transitions
        leaves its density as it is, and the bounds hold.

        Args:
            x: A batch of examples.
            seed: Integer seed.
            index: Number of the batch.
            bar: Is told of every compiled call.

        Returns:
            An array of shape (steps - 1, batch): one per temperature and example.
        """
        betas = temperatures(self.steps)[1:-1]
        # Few temperatures are far apart: there the chains stay a while at each.
        stay = self._tuning_per_temperature
        betas = np.concatenate([np.full(_FIRST_TUNING, betas[0]), np.repeat(betas, stay)])
        count, betas = len(betas), _padded(betas)

        def begin(x, seed, index, betas):
            path = self.path(x, seed, index)
            draws = path.draw(_TUNING_CHAINS, _seeds(seed, index, _TUNING))
            start = float(np.log(_FIRST_STEP_SIZE))
            sizes = ops.full((path.problem.batch_size,), start, dtype="float32")
            recorded = ops.tile(sizes[None], (ops.shape(betas)[0], 1))
            return path.at(draws), sizes, recorded

        def go_on(state, x, betas, first, last, seed, index):
            path = self.path(x, seed, index)

            def step(i, state):
                point, log_size, recorded = state
                seeds = _seeds(seed, index, _TUNING).fold_in(i + 1)
                point, probability = transition(
                    path.at, point, betas[i], ops.exp(log_size), self.leapfrog_steps, seeds
                )
                recorded = ops.slice_update(recorded, (i, 0), log_size[None])
                error = ops.mean(probability, axis=0) - _ACCEPTANCE
                return point, log_size + _TUNING_RATE * error, recorded

            return ops.fori_loop(first, last, step, state)

        state = self.model.compiled(f"tuning {self._name}", begin)(x, seed, index, betas)
        run = self.model.compiled(f"tune {self._name}", go_on)
        for first, last in _ranges(count):
            state = run(state, x, betas, first, last, seed, index)
            bar.advance()
        recorded = ops.convert_to_numpy(state[2])[:count]
        return np.exp(recorded[_FIRST_TUNING + stay - 1 :: stay])

    def log_weights(
        self, x: Any, step_sizes: Any, seed: int, index: int, bar: "Bar", z: Any = None
    ) -> tuple[Any, Any]:
        """Log weights of chains, and how often their proposals were accepted.

        Args:
            x: A batch of examples.
            step_sizes: From `tuned_step_sizes`.
            seed: Integer seed.
            index: Number of the batch.
            bar: Is told of every compiled call.
            z: Draws from the exact posterior, one per example: the chains start from them and run
                backwards, to the start of the path. None for chains that run forwards.

        Returns:
            Two tensors, of shape (batch, chains) and (batch,).
        """
        betas = temperatures(self.steps)
        rises, betas = np.diff(betas), betas[1:-1]
        if z is not None:
            rises, betas, step_sizes = rises[::-1], betas[::-1], step_sizes[::-1]
        count = len(betas)
        rises, betas, step_sizes = _padded(rises), _padded(betas), _padded(step_sizes)

        def begin(x, z, rise, seed, index):
            path = self.path(x, seed, index)
            if z is None:
                draws = path.draw(self.chains, _seeds(seed, index, _FORWARDS))
            else:
                latent = path.unconstrained(keras.tree.map_structure(lambda a: a[None], z))
                draws = ops.tile(latent, (self.chains, *[1] * (len(latent.shape) - 1)))
            point = path.at(draws)
            accepted = ops.zeros((path.problem.batch_size,), "float32")
            return point, rise * point["ratio"], accepted

        def go_on(state, x, betas, rises, sizes, first, last, seed, index, direction):
            path = self.path(x, seed, index)

            def step(i, state):
                point, log_weight, accepted = state
                seeds = _seeds(seed, index, direction).fold_in(i + 1)
                point, probability = transition(
                    path.at, point, betas[i], sizes[i], self.leapfrog_steps, seeds
                )
                log_weight = log_weight + rises[i + 1] * point["ratio"]
                return point, log_weight, accepted + ops.mean(probability, axis=0)

            return ops.fori_loop(first, last, step, state)

        name = f"{self._name} {self.chains}"
        if z is None:
            forwards = self.model.compiled(
                f"start {name}", lambda x, rise, seed, index: begin(x, None, rise, seed, index)
            )
            state = forwards(x, rises[0], seed, index)
        else:
            state = self.model.compiled(f"end {name}", begin)(x, z, rises[0], seed, index)
        run = self.model.compiled(f"anneal {name}", go_on)
        direction = _FORWARDS if z is None else _BACKWARDS
        for first, last in _ranges(count):
            state = run(state, x, betas, rises, step_sizes, first, last, seed, index, direction)
            bar.advance()
        _, log_weight, accepted = state
        return ops.transpose(log_weight), accepted / float(count)

    def calls(self, runs: int) -> int:
        """How many compiled calls tuning and `runs` sets of chains take, per batch."""
        betas = self.steps - 1
        tuning = _FIRST_TUNING + self._tuning_per_temperature * betas
        return len(_ranges(tuning)) + runs * len(_ranges(betas))


def _seeds(seed: Any, index: Any, role: Any) -> ops.SeedSequence:
    return ops.SeedSequence(seed).fold_in(index).fold_in(role)


def _padded(values: np.ndarray) -> Any:
    """Values per temperature in single precision, as a tensor that many numbers of steps share."""
    room = max(_LEAST_ROOM, 1 << (len(values) - 1).bit_length()) - len(values)
    widths = [(0, room), *[(0, 0)] * (values.ndim - 1)]
    return ops.convert_to_tensor(np.pad(values, widths, mode="edge").astype("float32"))


def _ranges(count: int) -> list[tuple[int, int]]:
    size = -(-count // _CALLS)
    return [(first, min(first + size, count)) for first in range(0, count, size)]


class Bar:
    """A progress bar over compiled calls, or nothing.

    Args:
        total: How many calls there will be.
        verbose: Whether it is shown.
    """

    def __init__(self, total: int, verbose: bool):
        self._bar = keras.utils.Progbar(total, unit_name="call") if verbose else None
        self._done = 0

    def advance(self) -> None:
        """One call is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._done)


def prepare(
    owner: str, model: Any, steps: int, chains: int, start: str, leapfrog_steps: int, **more: Any
) -> Annealing:
    """Checks what annealing is asked for.

    Args:
        owner: Name of the function, for errors.
        model: The model.
        steps: As in `Annealing`.
        chains: As in `Annealing`.
        start: As in `Annealing`.
        leapfrog_steps: As in `Annealing`.
        **more: As in `Annealing`.

    Returns:
        An `Annealing`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: A number is too small, `start` is unknown, or the latent values are discrete.
    """
    if start not in ("prior", "posterior"):
        raise ValueError(f'{owner}: start must be "prior" or "posterior", got {start!r}.')
    latent = LatentModel(owner, model)
    posterior, prior = latent.kinds()
    for part, prior_part in pairs(owner, posterior, prior).values():
        first = prior_part if start == "prior" else part
        if prior_part.support.is_discrete or first.support.is_discrete:
            raise ValueError(
                f"{owner}: the latent values are discrete ({prior_part!r}), and Hamiltonian Monte "
                "Carlo needs continuous ones. Take importance_log_likelihood."
            )
        onto(first.support)  # says so where there is no such bijector
    return Annealing(
        latent,
        whole_number(owner, "steps", steps, 2),
        whole_number(owner, "chains", chains),
        start,
        whole_number(owner, "leapfrog_steps", leapfrog_steps),
        **more,
    )
