"""Autoregressive: each entry is mapped as the entries before it say."""

from collections.abc import Callable, Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.conditioned import Conditioned
from kelbo.parameters import block_sizes, broadcast_shapes
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Autoregressive(Conditioned):
    r"""A map of vectors, $y_i = f_{c_i(x_1, \dots, x_{i-1})}(x_i)$.

    With `blocks` the entries before i are those of the blocks before its own.

    The Jacobian is triangular: its log-determinant is the sum of those of the maps of numbers.

    **Cost.** The forward direction calls the conditioner once. The inverse calls it once per entry,
    D times, one after another in a compiled loop: entry i can only be found when those before it
    are; with `blocks`, once per block. As it stands it is the inverse autoregressive flow (Kingma
    et al., 2016), fast to draw from; its `Inverse` is the masked autoregressive flow (Papamakarios,
    Pavlakou and Murray, 2017), fast to score data with.

    Args:
        conditioner: From $x$, of shape (..., D), to a bijector of numbers whose parameters for
            entry i depend on the entries before i alone (as `layers.MADE` makes them).
        batch_shape: The batch of the map where the conditioner brings one along by itself: such a
            map cannot be indexed.
        blocks: Sizes of the blocks in order, which sum to D; None makes each entry a block.
        context: What the conditioner is given beside $x$: a tensor whose leading axes are the
            batch of the map, or None.
        context_rank: How many trailing axes make up one context.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors import Autoregressive, Shift
        >>> def before(x):
        ...     return Shift(ops.cumsum(x, axis=-1) - x)
        >>> Autoregressive(before).inverse([1.0, 3.0, 6.0])
        [1., 2., 3.]
    """

    def __init__(
        self,
        conditioner: Callable[..., Bijector],
        batch_shape: Sequence[int | None] = (),
        blocks: Sequence[int] | None = None,
        context: ArrayLike | None = None,
        context_rank: int = 1,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(conditioner, 1, batch_shape, context, context_rank, dtype=dtype)
        self.blocks = None if blocks is None else tuple(blocks)

    def _arguments(self, parameters):
        arguments = super()._arguments(parameters)
        del arguments["event_rank"]
        return {**arguments, "blocks": self.blocks}

    def _forward_and_log_det(self, x):
        y, log_det = self._bijector_at(x)._forward_and_log_det(x)
        return y, ops.sum(log_det, axis=-1)

    def _inverse_and_log_det(self, y):
        if y.shape[-1] is None:
            raise ValueError("Autoregressive: the inverse needs to know the length of its vectors.")
        start = ops.zeros_like(y)
        batch = tuple(y.shape[:-1])
        if broadcast_shapes(self.batch_shape, batch) != batch:
            # The batch of a context is larger than that of y: what is computed from both has it.
            start = ops.zeros_like(self._bijector_at(start)._inverse_and_log_det(y)[0])
        blocks = block_sizes("Autoregressive", self.blocks, y.shape[-1])
        places = ops.convert_to_tensor(np.repeat(np.arange(len(blocks)), blocks), dtype="int32")

        def find_block(found, place):
            x, log_det = found
            here = ops.equal(places, place)
            entry, its_log_det = self._bijector_at(x)._inverse_and_log_det(y)
            return (ops.where(here, entry, x), ops.where(here, its_log_det, log_det)), None

        (x, log_det), _ = ops.scan(
            find_block, (start, start), ops.arange(len(blocks), dtype="int32")
        )
        return x, ops.sum(log_det, axis=-1)
