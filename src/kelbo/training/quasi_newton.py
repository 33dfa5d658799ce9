"""Deterministic losses of few parameters: SciPy's L-BFGS with exact gradients."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.parameters import whole_number

# What stands for a loss that is not finite: the line search turns back from it.
_WORSE_THAN_ANY = 1e100


@dataclass(frozen=True)
class Minimum:
    """How a minimisation ended.

    Attributes:
        loss: The value at the end, that of the variables.
        iterations: Number of iterations.
        evaluations: Number of evaluations of the loss and its gradient.
        converged: Whether a minimum was found; else the number of iterations ended it.
        message: What SciPy says.
        history: The loss after each iteration, an array.
    """

    loss: float
    iterations: int
    evaluations: int
    converged: bool
    message: str
    history: np.ndarray


def minimize(
    loss: Callable[..., Any],
    variables: Sequence[keras.Variable],
    arguments: Sequence[Any] = (),
    *,
    max_iterations: int = 1000,
    tolerance: float = 1e-9,
    on_iteration: Callable[[int, float], None] | None = None,
) -> Minimum:
    r"""Minimises a loss by its variables, by L-BFGS: quick where there is no noise.

    The loss and its gradient are one compiled function; SciPy's L-BFGS-B (Byrd, Lu, Nocedal and
    Zhu, 1995) decides where it is called. The variables end at the best point that was seen, also
    where Ctrl-C ends the search. A loss that is not finite, far from the start, makes the search
    turn back.

    Args:
        loss: Takes `arguments` and returns a scalar. It reads `variables` by itself, and draws
            nothing at random.
        variables: What is changed: floating `keras.Variable`s.
        arguments: Arrays or tensors.
        max_iterations: When it ends at the latest.
        tolerance: It has converged where an iteration lowers the loss by less than this, relative
            to its size, or where no entry of the gradient is larger than this times 1e3.
        on_iteration: Called with the number of the iteration and the loss.

    Returns:
        How it ended.

    Raises:
        ValueError: There are no variables, or the loss is not finite at the start.
        KeyboardInterrupt: Ctrl-C.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.training.quasi_newton import minimize
        >>> x = keras.Variable([5.0, -3.0], dtype="float32")
        >>> minimize(lambda: ops.sum(ops.square(x - 1.0)), [x]).converged
        True
        >>> [round(float(v), 3) for v in x.value]
        [1.0, 1.0]
    """
    return Search(loss, variables, arguments)(max_iterations, tolerance, on_iteration)


class Search:
    """The search of `minimize`, to be started again and again from what the variables are.

    The loss and its gradient are compiled once for all of them.

    Args:
        loss: As in `minimize`.
        variables: As in `minimize`.
        arguments: As in `minimize`.

    Raises:
        ValueError: There are no variables.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        variables: Sequence[keras.Variable],
        arguments: Sequence[Any] = (),
    ):
        self.variables, self.arguments = list(variables), arguments
        if not self.variables:
            raise ValueError("minimize: there are no variables to change: nothing trains.")
        gradients = ops.value_and_grad(loss, self.variables)
        self._compiled = ops.compile(gradients, lambda: self.variables)

    def _evaluate(self, point):
        _put(self.variables, point)
        value, gradients = self._compiled(*self.arguments)
        gradient = _flat([ops.convert_to_numpy(g) for g in gradients])
        return float(ops.convert_to_numpy(value)), gradient

    def __call__(
        self,
        max_iterations: int = 1000,
        tolerance: float = 1e-9,
        on_iteration: Callable[[int, float], None] | None = None,
    ) -> Minimum:
        """Searches once.

        Args:
            max_iterations: As in `minimize`.
            tolerance: As in `minimize`.
            on_iteration: As in `minimize`.

        Returns:
            How it ended.

        Raises:
            ValueError: The loss is not finite at the start.
            KeyboardInterrupt: Ctrl-C.
        """
        from scipy import optimize

        max_iterations = whole_number("minimize", "max_iterations", max_iterations)
        best, history = [math.inf, None], []

        def evaluate(point):
            value, gradient = self._evaluate(point)
            if not (math.isfinite(value) and np.isfinite(gradient).all()):
                if best[1] is None:
                    raise ValueError(
                        f"minimize: the loss at the start is {value}, with a gradient of which "
                        f"{int((~np.isfinite(gradient)).sum())} entries are not finite: start from "
                        "other parameters, or look at the data."
                    )
                return _WORSE_THAN_ANY, np.zeros_like(point)
            if value < best[0]:
                best[:] = value, point.copy()
            return value, gradient

        def callback(_):
            history.append(best[0])
            if on_iteration is not None:
                on_iteration(len(history), best[0])

        start = _flat([ops.convert_to_numpy(variable.value) for variable in self.variables])
        try:
            found = optimize.minimize(
                evaluate,
                start,
                jac=True,
                method="L-BFGS-B",
                callback=callback,
                options={"maxiter": max_iterations, "ftol": tolerance, "gtol": tolerance * 1e3},
            )
        finally:
            _put(self.variables, start if best[1] is None else best[1])
        return Minimum(
            best[0],
            int(found.nit),
            int(found.nfev),
            bool(found.success),
            str(found.message),
            np.asarray(history),
        )


def _flat(arrays):
    return np.concatenate([np.asarray(each, "float64").reshape(-1) for each in arrays])


def _put(variables, point):
    at = 0
    for variable in variables:
        size = int(np.prod(variable.shape))
        variable.assign(point[at : at + size].reshape(variable.shape).astype(variable.dtype))
        at += size
