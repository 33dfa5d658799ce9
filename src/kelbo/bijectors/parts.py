"""What `Stack` and `Split` share: several maps side by side."""

from collections.abc import Callable, Sequence
from typing import Any

from kelbo import ops
from kelbo.bijectors.image import holds_all, over_axes
from kelbo.parameters import Constraint, constraints
from kelbo.typing import ArrayLike, Tensor


def in_each(
    sets: Sequence[Constraint], rank: int, parts_of: Callable[[Any], Sequence[Any]]
) -> Constraint:
    """The values of which each part is in a set of its own.

    Args:
        sets: One set for each part.
        rank: How many trailing axes make up one value.
        parts_of: From a tensor to its parts.

    Returns:
        A constraint; that of the real numbers where all sets hold all of them.
    """
    if all(holds_all(one) for one in sets):
        return constraints.real_matrix if rank > 1 else constraints.real_vector

    def contains(value: ArrayLike) -> Tensor:
        result = None
        for one, part in zip(sets, parts_of(value), strict=True):
            # A part has the axes of the value, or lacks the first of them.
            own_rank = rank - (len(value.shape) - len(part.shape))
            within = over_axes(one.contains(part), own_rank - one.event_rank)
            result = within if result is None else ops.logical_and(result, within)
        return result

    manifolds = dict.fromkeys(one.manifold for one in sets)
    words = "product of a " + " and a ".join(word or "line" for word in manifolds)
    return Constraint(
        "made of parts, which are " + ", ".join(f"[{one.rule}]" for one in sets),
        contains,
        event_rank=rank,
        manifold=next(iter(manifolds)) if len(manifolds) == 1 else words,
    )


def broadcast_parts(parts: Sequence[Any], log_dets: Sequence[Any], rank: int) -> list[Tensor]:
    """The parts of a value, brought to one batch shape so that they can be put together.

    Args:
        parts: Tensors whose last `rank` axes make up one value.
        log_dets: One tensor per part, of the shape of its batch.
        rank: How many axes.

    Returns:
        Tensors that differ only in the last `rank` axes.
    """
    if len({tuple(log_det.shape) for log_det in log_dets}) == 1:
        return list(parts)
    batch = ops.shape(sum(log_dets))
    return [
        ops.broadcast_to(part, (*batch, *ops.shape(part)[len(part.shape) - rank :]))
        for part in parts
    ]
