"""BlockAutoregressive: a whole network that is monotone in each entry."""

import math
from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.monotone_system import solve_monotone_system
from kelbo.parameters import broadcast_shapes, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class BlockAutoregressive(Bijector):
    r"""A tanh network of vectors, $y = g\, f(x) + (1 - g)\, x$, with blocks of weights.

    Each of the D entries owns a block of units in each layer. Weights from a block to itself are
    positive, those from earlier to later blocks are free, the others are 0: so $f_i$ depends on
    $x_1, \dots, x_i$ and increases in $x_i$. The derivative $\partial f_i / \partial x_i$ is the
    product of the layers' positive blocks and the slopes of tanh, computed in logarithms. The gate
    $g$ keeps a share of $x$ itself, so that every value is reached (De Cao, Aziz and Titov, 2019,
    sections 3 and 4).

    **Cost.** The forward direction is one pass through the network. The inverse has no closed form:
    its entries are found one after another, each by bisection, about 22 D passes in float32 and 42
    D in float64, in a compiled loop. First derivatives are exact. So turn it the way in which it is
    used: its `Inverse` is fast to score data with.

    Args:
        kernels: The weights of each layer between different blocks, of shapes (D a, D b) for a
            units per block before the layer and b after it, a = 1 before the first and b = 1 after
            the last; only the blocks from an earlier entry to a later one are read.
        log_diagonals: Logarithms of the positive weights within each block, of shapes (D, a, b).
        biases: Biases of each layer, of shapes (..., D b): leading axes are a batch, as a context
            makes it.
        gate_logit: The logit of $g$, of shape (..., D).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: The numbers of layers differ or the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> from kelbo.bijectors import BlockAutoregressive
        >>> flow = BlockAutoregressive(
        ...     kernels=[np.zeros((2, 6)), np.zeros((6, 2))],
        ...     log_diagonals=[np.zeros((2, 1, 3)), np.zeros((2, 3, 1))],
        ...     biases=[np.zeros(6), np.zeros(2)],
        ...     gate_logit=np.zeros(2),
        ... )
        >>> flow.forward([0.0, 0.0])
        [0., 0.]
    """

    event_rank = 1
    domain = codomain = constraints.real_vector

    def __init__(
        self,
        kernels: Sequence[ArrayLike],
        log_diagonals: Sequence[ArrayLike],
        biases: Sequence[ArrayLike],
        gate_logit: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self._layers = len(kernels)
        if not self._layers == len(log_diagonals) == len(biases) or self._layers < 2:
            raise ValueError(
                "BlockAutoregressive: give one kernel, one log_diagonal and one bias for each of "
                f"at least 2 layers; got {len(kernels)}, {len(log_diagonals)} and {len(biases)}."
            )
        named = {"gate_logit": gate_logit}
        rules = {"gate_logit": constraints.real_vector}
        for i, (kernel, diagonal, bias) in enumerate(
            zip(kernels, log_diagonals, biases, strict=True)
        ):
            named |= {f"kernel_{i}": kernel, f"log_diagonal_{i}": diagonal, f"bias_{i}": bias}
            rules |= {
                f"kernel_{i}": constraints.real_matrix,
                f"log_diagonal_{i}": constraints.real,
                f"bias_{i}": constraints.real_vector,
            }
        self.parameters = rules
        super().__init__(**named, dtype=dtype, validate=validate)
        self._check_blocks()

    def _has_batch(self, name):
        # The three axes of a diagonal and the two of a kernel are no batch.
        return name == "gate_logit" or name.startswith("bias")

    def _parameter_batch_shape(self, name):
        return super()._parameter_batch_shape(name) if self._has_batch(name) else ()

    def _check_blocks(self):
        size, before = self.gate_logit.shape[-1], 1
        for i in range(self._layers):
            kernel, diagonal, bias = self._layer(i)
            after = diagonal.shape[-1]
            fits = (
                tuple(diagonal.shape) == (size, before, after)
                and tuple(kernel.shape) == (size * before, size * after)
                and bias.shape[-1] == size * after
            )
            if not fits:
                raise ValueError(
                    f"BlockAutoregressive: layer {i} follows {before} units in each of {size} "
                    f"blocks, but its kernel has the shape {tuple(kernel.shape)}, its log_diagonal "
                    f"{tuple(diagonal.shape)} and its bias {tuple(bias.shape)}."
                )
            before = after
        if before != 1:
            raise ValueError(
                f"BlockAutoregressive: the last layer must end in 1 unit per block, not {before}."
            )

    def _layer(self, i):
        return tuple(self._given[f"{name}_{i}"] for name in ("kernel", "log_diagonal", "bias"))

    def _arguments(self, parameters):
        def of_each_layer(name):
            return [parameters[f"{name}_{i}"] for i in range(self._layers)]

        return {
            "kernels": of_each_layer("kernel"),
            "log_diagonals": of_each_layer("log_diagonal"),
            "biases": of_each_layer("bias"),
            "gate_logit": parameters["gate_logit"],
        }

    def _weights(self, i):
        """The layer's whole matrix: positive blocks on its diagonal, free ones above it."""
        kernel, log_diagonal, _ = self._layer(i)
        size, before, after = log_diagonal.shape
        kernel = ops.reshape(kernel, (size, before, size, after))
        blocks = ops.eye(size, dtype=self.dtype)[:, None, :, None]
        earlier = ops.triu(ops.ones((size, size), dtype=self.dtype), 1)[:, None, :, None]
        full = kernel * earlier + ops.exp(log_diagonal)[:, :, None, :] * blocks
        return ops.reshape(full, (size * before, size * after))

    def _network(self, x, weights):
        """f(x), and the logarithms of the derivatives of its entries by their own."""
        size = x.shape[-1]
        log_slope = None
        for i, matrix in enumerate(weights):
            _, log_diagonal, bias = self._layer(i)
            x = ops.matmul(x, matrix) + bias
            if log_slope is None:
                log_slope = log_diagonal[:, 0, :]
            else:
                log_slope = ops.logsumexp(log_slope[..., :, None] + log_diagonal, axis=-2)
            if i + 1 < len(weights):
                own = ops.reshape(x, (*ops.shape(x)[:-1], size, log_diagonal.shape[-1]))
                # log(1 - tanh^2), without the cancellation.
                log_slope = log_slope + 2.0 * (math.log(2.0) - own - ops.softplus(-2.0 * own))
                x = ops.tanh(x)
        return x, log_slope[..., 0]

    def _mapped(self, x, weights):
        value, log_slope = self._network(x, weights)
        gate = ops.sigmoid(self.gate_logit)
        log_gate, log_rest = -ops.softplus(-self.gate_logit), -ops.softplus(self.gate_logit)
        y = x + gate * (value - x)
        return y, ops.logaddexp(log_gate + log_slope, log_rest + ops.zeros_like(y))

    def _forward_and_log_det(self, x):
        y, log_slopes = self._mapped(x, [self._weights(i) for i in range(self._layers)])
        return y, ops.sum(log_slopes, axis=-1)

    def _inverse_and_log_det(self, y):
        weights = [self._weights(i) for i in range(self._layers)]
        shape = broadcast_shapes(self.batch_shape, y.shape[:-1])
        if tuple(shape) != tuple(y.shape[:-1]):
            y = y + ops.zeros_like(self._mapped(y, weights)[0])

        def entries(x):
            value, log_slopes = self._mapped(x, weights)
            return value, ops.exp(log_slopes)

        # tanh is at most 1, so f is bounded by its last layer: x = (y - g f) / (1 - g).
        bound = ops.sum(ops.abs(weights[-1]), axis=0) + ops.abs(self._layer(self._layers - 1)[2])
        odds = ops.exp(self.gate_logit)
        center, reach = y * (1.0 + odds), bound * odds + 1e-3 * (1.0 + ops.abs(y))
        x = solve_monotone_system(entries, y, center - reach, center + reach)
        return x, -ops.sum(self._mapped(x, weights)[1], axis=-1)
