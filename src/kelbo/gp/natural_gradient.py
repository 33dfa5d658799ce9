"""Natural gradients of the variational distribution, beside an optimizer of Keras."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kelbo import ops
from kelbo.keras_internals import trained_variables
from kelbo.layers.training_examples import training_examples
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import Tensor


@dataclass(frozen=True)
class _Split:
    """Means and roots, and the other variables; Keras does not look into a plain object."""

    pairs: list[tuple[keras.Variable, keras.Variable]]
    others: list[keras.Variable]


@registered
class NaturalGradient(keras.optimizers.Optimizer):
    r"""Steps along the natural gradient for $q(u)$, and those of another optimizer for all else.

    For a normal distribution $N(m, S)$ of natural parameters $\theta$ and expectation parameters
    $\eta$ the step is $\theta \leftarrow \theta - \gamma\, \partial \mathcal{L} / \partial \eta$:

    $$S_{new}^{-1} = S^{-1} + 2 \gamma \frac{\partial \mathcal{L}}{\partial S}, \qquad
      m_{new} = m - \gamma\, S_{new} \frac{\partial \mathcal{L}}{\partial m}$$

    where $\mathcal{L}$ is the negative bound of all data. Where the likelihood is normal and the
    batch is all data, one step with $\gamma = 1$ ends at the optimum. Elsewhere small steps at the
    start, which grow, keep it from leaving the matrices that are positive definite; a step that
    would is not taken. (Hensman, Fusi and Lawrence, 2013, eq. 11; Salimbeni, Eleftheriadis and
    Hensman, 2018, "Natural gradients in practice", with the ramp.)

    The variables are those of `gp.layers.GPLayer` and of the models that are made of it.

    Args:
        optimizer: Optimizer of kernel, features and likelihood: an object, or a name that Keras
            knows.
        step: $\gamma$, the length of a step at the end of the ramp.
        first_step: Its length at the start; None for `step`, or what `step` is where that is less.
        ramp: Number of steps in which the logarithm of the length grows evenly.
        name: Name of the optimizer.

    Raises:
        ValueError: A length is not a positive number, or `ramp` no whole number of at least 1.

    Example:
        >>> import numpy as np
        >>> from kelbo import gp
        >>> x = np.linspace(-3, 3, 50)[:, None]
        >>> model = gp.SVGP(gp.kernels.RBF(), gp.likelihoods.Gaussian(0.1), inducing=x[::5])
        >>> model.compile(gp.NaturalGradient("adam", step=1.0))
        >>> history = model.fit(x, np.sin(x[:, 0]), batch_size=50, epochs=1, verbose=0)
    """

    def __init__(
        self,
        optimizer: Any = "adam",
        step: float = 0.1,
        first_step: float | None = None,
        ramp: int = 100,
        name: str = "natural_gradient",
    ):
        super().__init__(learning_rate=0.0, name=name)  # that of the other is handed on
        first_step = step if first_step is None else first_step
        for argument, value in (("step", step), ("first_step", first_step)):
            if not 0 < value < math.inf:
                raise ValueError(
                    f"NaturalGradient: {argument} must be a positive number, got {value!r}."
                )
        self.optimizer = keras.optimizers.get(optimizer)
        self.step, self.first_step = float(step), float(first_step)
        self.ramp = whole_number("NaturalGradient", "ramp", ramp)
        self._split = _Split([], [])

    @property
    def learning_rate(self) -> Any:
        """That of the other optimizer; it may be set."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.optimizer.learning_rate = learning_rate

    @property
    def variables(self) -> list[keras.Variable]:
        """The count of steps, and the variables of the other optimizer."""
        return [*super().variables, *self.optimizer.variables]

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Finds the distributions among the variables, and makes what the other optimizer needs.

        Args:
            variables: The trainable variables of the model.

        Raises:
            ValueError: There is no distribution among them.
        """
        if self.built:
            return
        variables = list(variables)
        by_id = {id(variable): variable for variable in variables}
        pairs = [
            (by_id[id(root.mean_beside)], root)
            for root in variables
            if id(getattr(root, "mean_beside", None)) in by_id
        ]
        if not pairs:
            raise ValueError(
                "NaturalGradient: there is no q(u) that trains among the variables: it is for "
                "models of kelbo.gp with variational features, such as SVGP."
            )
        taken = {id(variable) for pair in pairs for variable in pair}
        others = [variable for variable in variables if id(variable) not in taken]
        if others:
            self.optimizer.build(others)
        self._split = _Split(pairs, others)
        super().build(variables)

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> None:
        """One step, as `keras.optimizers.Optimizer.apply`.

        Args:
            grads: Gradients of the loss.
            trainable_variables: The variables, all that the optimizer was built with; None for
                these in that order.

        Raises:
            ValueError: The number of training examples is not known.
        """
        variables = list(trainable_variables or trained_variables(self))
        if not self.built:
            self.build(variables)
        count = training_examples()
        if count is None:
            raise ValueError(
                "NaturalGradient needs the number of training examples, which models of Kelbo "
                "know: use it by the fit of one."
            )
        found = {id(v): gradient for v, gradient in zip(variables, grads, strict=True)}
        length = self._length()
        for mean, root in self._split.pairs:
            # The loss is that of one example.
            scale = ops.cast(length, mean.dtype) * ops.cast(count, mean.dtype)
            values = ops.convert_to_tensor(mean), ops.convert_to_tensor(root)
            moved = natural_step(*values, found[id(mean)], found[id(root)], scale)
            mean.assign(moved[0])
            root.assign(moved[1])
        if self._split.others:
            self.optimizer.apply([found[id(v)] for v in self._split.others], self._split.others)
        self.iterations.assign_add(1)

    def _length(self):
        done = ops.cast(self.iterations, "float32") / self.ramp
        low, high = math.log(self.first_step), math.log(self.step)
        return ops.exp(low + (high - low) * ops.minimum(done, 1.0))

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Gives variables the moving averages of the other optimizer, if it keeps such."""
        if self._split.others:
            self.optimizer.finalize_variable_values(self._split.others)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "step": self.step,
            "first_step": self.first_step,
            "ramp": self.ramp,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "NaturalGradient":
        """The optimizer that `get_config` described."""
        optimizer = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**{**config, "optimizer": optimizer})


def natural_step(
    mean: Tensor, root: Tensor, of_mean: Tensor, of_root: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    r"""A normal distribution after a step along the natural gradient.

    With $S = C C^\top$ and $P = \Phi(C^\top \bar C)$, the lower triangle with half its diagonal,
    the new precision is $C^{-\top} (I + \gamma (P + P^\top)) C^{-1}$, so that no inverse of C is
    needed. (Murray, 2016, "Differentiation of the Cholesky decomposition", for P.)

    Args:
        mean: $m$, of shape (latents, M).
        root: $C$: lower triangular, of shape (latents, M, M), or its diagonal, (latents, M).
        of_mean: Gradient of a loss by the mean.
        of_root: Gradient by the root.
        step: $\gamma$, a scalar.

    Returns:
        The new mean and root; the old ones where the new covariance were none.
    """
    if len(root.shape) == len(mean.shape):
        new = root / ops.sqrt(1.0 + step * root * of_root)
        moved = mean - step * new * new * of_mean
        return _where_finite(moved, mean, new, 1), _where_finite(new, root, new, 1)
    root = ops.tril(root)
    inner = ops.tril(ops.matmul(_transposed(root), ops.tril(of_root)))
    identity = ops.eye(root.shape[-1], dtype=root.dtype)
    inner = inner * (1.0 - 0.5 * identity)
    precision = identity + step * (inner + _transposed(inner))
    # An upper factor K of it: then C K^-T is lower triangular.
    flipped = ops.flip(precision, axis=(-2, -1))
    upper = ops.flip(ops.cholesky(flipped, max_tries=0, raises=False), axis=(-2, -1))
    new = _transposed(ops.solve_triangular(upper, _transposed(root), lower=False))
    gradient = ops.matmul(_transposed(new), of_mean[..., None])
    moved = mean - step * ops.matmul(new, gradient)[..., 0]
    return _where_finite(moved, mean, new, 2), _where_finite(new, root, new, 2)


def _where_finite(new, old, root, rank):
    """The new where the root is one, process by process."""
    axes = tuple(range(-rank, 0))
    is_finite = ops.all(ops.isfinite(root), axis=axes, keepdims=True)
    if len(new.shape) < len(root.shape):
        is_finite = is_finite[..., 0]
    return ops.where(is_finite, new, old)


def _transposed(a):
    return ops.swapaxes(a, -1, -2)
