"""What Keras computes in float32 on PyTorch, whatever it is given, written anew for float64."""

from collections.abc import Callable
from typing import Any

import keras
import torch


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """`keras.ops.associative_scan`: all prefixes, in about 2 log2(n) calls of `f`."""
    leaves = [keras.ops.convert_to_tensor(x) for x in keras.tree.flatten(elems)]
    leaves = [torch.movedim(x, axis, 0) for x in leaves]
    if reverse:
        leaves = [x.flip(0) for x in leaves]

    def combine(a, b):
        a, b = ([torch.movedim(x, 0, axis) for x in side] for side in (a, b))
        combined = f(keras.tree.pack_sequence_as(elems, a), keras.tree.pack_sequence_as(elems, b))
        return [torch.movedim(x, axis, 0) for x in keras.tree.flatten(combined)]

    def prefixes(xs):
        n = xs[0].shape[0]
        if n < 2:
            return xs
        # The odd prefixes are the prefixes of the pairs; one more step gives the even ones.
        odd = prefixes(combine([x[0 : n - 1 : 2] for x in xs], [x[1::2] for x in xs]))
        even = [x[:1] for x in xs]
        if n > 2:
            later = combine([x[: (n - 1) // 2] for x in odd], [x[2::2] for x in xs])
            even = [torch.cat(pair) for pair in zip(even, later, strict=True)]
        return [_interleave(*pair) for pair in zip(even, odd, strict=True)]

    leaves = prefixes(leaves)
    if reverse:
        leaves = [x.flip(0) for x in leaves]
    return keras.tree.pack_sequence_as(elems, [torch.movedim(x, 0, axis) for x in leaves])


def _interleave(even, odd):
    both = torch.stack([even[: len(odd)], odd], dim=1).flatten(0, 1)
    return both if len(even) == len(odd) else torch.cat([both, even[-1:]])


def _segment_reduction(reduce, empty):
    def segment(data, segment_ids, num_segments=None, sorted=False):
        data = keras.ops.convert_to_tensor(data)
        ids = keras.ops.convert_to_tensor(segment_ids).long()
        count = num_segments or int(ids.max()) + 1
        # What belongs to no segment goes to one more row, which is dropped.
        ids = torch.where((ids >= 0) & (ids < count), ids, count)
        ids = ids.reshape(-1, *[1] * (data.ndim - 1)).expand_as(data)
        start = torch.full(
            (count + 1, *data.shape[1:]), empty, dtype=data.dtype, device=data.device
        )
        return start.scatter_reduce(0, ids, data, reduce)[:-1]

    return segment


segment_sum = _segment_reduction("sum", 0.0)
segment_prod = _segment_reduction("prod", 1.0)
segment_max = _segment_reduction("amax", -torch.inf)
segment_min = _segment_reduction("amin", torch.inf)
