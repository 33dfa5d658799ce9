"""Many steps in one compiled call, on JAX.

The only module beside `ops` that names a backend.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kelbo.training.loop.batches import Batches, Pass
from kelbo.training.loop.memory import Memory


class DeviceBatches:
    """The batches of an epoch as one compiled call sees them: the data on the device, and an order.

    Args:
        batches: The examples. Arrays that are on the device already are not copied.
        memory: Where host memory comes from that the device shares.
    """

    def __init__(self, batches: Batches, memory: Memory):
        self._memory = memory
        self._taken = []
        self.data = jax.tree.map(self._place, batches.data)
        self.batch_size = batches.batch_size
        self.steps = len(batches)
        self.examples = batches.examples
        # Of one pass over the examples; a step of fewer examples may follow.
        self.full_steps = batches.examples // batches.batch_size
        self.rewind(batches.passes)

    def _place(self, array: Any) -> jax.Array:
        if isinstance(array, jax.Array) or jax.default_backend() != "cpu":
            return jnp.asarray(array)
        array = _canonical(array)
        taken = self._memory.take(array.nbytes)
        self._taken.append(taken)
        shared = taken.view(array.dtype).reshape(array.shape)
        np.copyto(shared, array)
        return jax.device_put(shared)

    def release(self) -> None:
        """Lets go of the data: no loop runs on them any more."""
        jax.block_until_ready(self.data)
        self.data = None
        self._memory.give_back(self._taken)
        self._taken = []

    def rewind(self, passes: Sequence[Pass] | None = None) -> None:
        """Goes back to the first step, with other passes over the examples where they are given."""
        if passes is not None:
            self.passes = passes
        self.next_step = 0

    def advance(self, steps: int) -> list[Pass]:
        """Moves on by `steps` steps, or those that are left: the stretches of passes they are.

        There is at least one, which holds no step at the end of the epoch.
        """
        begin, end = self.next_step, min(self.next_step + steps, self.steps)
        found, first = [], 0
        for stretch in self.passes:
            shift = stretch.start - first
            part = Pass(stretch.order, max(begin, first) + shift, 0)
            first += stretch.stop - stretch.start
            part = replace(part, stop=min(end, first) + shift)
            if part.start < part.stop:
                found.append(part)
        self.next_step = end
        return found or [Pass(self.passes[-1].order, 0, 0)]


def _canonical(array):
    array = np.asarray(array)
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def _take(data, indices):
    return jax.tree.map(lambda a: a.at[indices].get(mode="promise_in_bounds"), data)


class StepLoop:
    """Runs many train or test steps of a model as one compiled loop.

    The number of steps is an argument of the compiled loop, so that every split of an epoch into
    calls runs the same machine code and ends with the same bits.

    Args:
        step: `train_step` or `test_step` of a Keras model on JAX: (state, data) to (logs, state).
        losses: Names of the logs that must stay finite.
    """

    def __init__(self, step: Callable[..., Any], losses: Sequence[str] = ("loss",)):
        self._step = step
        self._losses = tuple(losses)
        self._run = jax.jit(
            self._loop, donate_argnums=0, static_argnames=("batch_size", "with_short_step")
        )
        self.seconds_per_step = None

    def _loop(self, state, metrics, data, order, begin, end, *, batch_size, with_short_step):
        # The metrics are not donated: the trainer keeps the arrays that they are reset to.
        state = (*state, metrics)

        def full_batch(i):
            return _take(data, jax.lax.dynamic_slice_in_dim(order, i * batch_size, batch_size))

        def body(i, carry):
            state, _, broken = carry
            logs, state = self._step(state, full_batch(i))
            return state, logs, self._first_broken(broken, logs, i)

        logs_shape, _ = jax.eval_shape(lambda s: self._step(s, full_batch(0)), state)
        logs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), logs_shape)
        broken = jnp.full(len(self._losses), -1, jnp.int32)
        state, logs, broken = jax.lax.fori_loop(begin, end, body, (state, logs, broken))
        if with_short_step:
            short = order.shape[0] % batch_size
            logs, state = self._step(state, _take(data, order[-short:]))
            broken = self._first_broken(broken, logs, order.shape[0] // batch_size)
        return logs, broken, state

    def _first_broken(self, broken, logs, step):
        """For each loss the first step where it was not finite, or -1."""
        found = ~jnp.isfinite(jnp.stack([logs[name] for name in self._losses]))
        return jnp.where((broken < 0) & found, step, broken).astype(jnp.int32)

    def run(
        self, state: Any, batches: DeviceBatches, steps: int
    ) -> tuple[Any, tuple[int, str] | None, Any]:
        """Runs the next `steps` steps of the epoch, or those that are left.

        Args:
            state: State of the model, as Keras hands it to a train function. It is donated.
            batches: Data and order; its `next_step` moves on.
            steps: How many steps at most.

        Returns:
            The last step's logs; the first step where a loss was not finite and the name of that
            loss, or None; and the state.
        """
        first, broken = batches.next_step, None
        for part in batches.advance(steps):
            full_stop = min(part.stop, batches.full_steps)
            logs, found, state = self._run(
                tuple(state[:-1]),
                state[-1],
                batches.data,
                part.order,
                min(part.start, full_stop),
                full_stop,
                batch_size=min(batches.batch_size, batches.examples),
                with_short_step=part.start < part.stop > batches.full_steps,
            )
            if broken is None:
                broken = min(
                    (
                        (first + step - part.start, name)
                        for step, name in zip(found.tolist(), self._losses, strict=True)
                        if step >= 0
                    ),
                    key=lambda pair: pair[0],
                    default=None,
                )
            first += part.stop - part.start
        return logs, broken, state

    def measure(self, state: Any, batches: DeviceBatches, most: int = 20) -> float:
        """Seconds per step: compiles the loop, then times a few steps on a copy of the state."""
        if self.seconds_per_step is None:
            steps = min(most, batches.full_steps)
            for timed in (False, True):
                copy = jax.tree.map(jnp.copy, state)
                batches.next_step = 0
                started = time.perf_counter()
                jax.block_until_ready(self.run(copy, batches, steps))
                if timed:
                    self.seconds_per_step = (time.perf_counter() - started) / max(steps, 1)
            batches.next_step = 0
        return self.seconds_per_step


class PredictLoop:
    """Runs all predict steps of a model as one compiled loop, and joins their outputs.

    Args:
        step: `predict_step` of a Keras model on JAX: (state, data) to (outputs, updates).
    """

    def __init__(self, step: Callable[..., Any]):
        self._step = step
        self._run = jax.jit(self._loop, static_argnames=("batch_size",))

    def _loop(self, state, data, *, batch_size):
        def step(non_trainable, batch):
            outputs, non_trainable = self._step((state[0], non_trainable), batch)
            return non_trainable, outputs

        examples = jax.tree.leaves(data)[0].shape[0]
        full = examples - examples % batch_size
        steps = jax.tree.map(
            lambda a: a[:full].reshape(full // batch_size, batch_size, *a.shape[1:]), data
        )
        non_trainable, outputs = jax.lax.scan(step, state[1], steps)
        outputs = jax.tree.map(lambda a: a.reshape(full, *a.shape[2:]), outputs)
        if full < examples:
            non_trainable, rest = step(non_trainable, jax.tree.map(lambda a: a[full:], data))
            outputs = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), outputs, rest)
        return outputs, (state[0], non_trainable)

    def run(self, state: Any, batches: DeviceBatches) -> tuple[Any, Any]:
        """The outputs for all examples, and the state."""
        batch_size = min(batches.batch_size, batches.examples)
        return self._run(tuple(state), batches.data, batch_size=batch_size)
