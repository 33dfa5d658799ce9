"""Unconstrained coordinates of latent values, with parts or without."""

import math
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Identity, onto
from kelbo.distributions import Distribution, Joint


def unconstrained(distribution: Distribution, z: Any) -> Any:
    """What is mapped to values of a support.

    Args:
        distribution: The distribution that has the support.
        z: Values, of shape (chains, batch, *event shape), or a dict of them by part.

    Returns:
        A tensor of shape (chains, batch, *shape); of parts, their coordinates one after another.
    """
    if not isinstance(distribution, Joint):
        return onto(distribution.support).inverse(z)
    each = []
    for name in distribution.names:
        u = onto(distribution.part(name, z).support).inverse(z[name])
        each.append(ops.reshape(u, (*ops.shape(u)[:2], math.prod(u.shape[2:]))))
    return ops.concatenate(each, axis=-1)


def constrained(distribution: Distribution, u: Any) -> tuple[Any, Any]:
    """The inverse of `unconstrained`, and the logarithm of the determinant of its Jacobian.

    Args:
        distribution: The distribution that has the support.
        u: Coordinates.

    Returns:
        The values, and a tensor of shape (chains, batch), or 0.
    """
    if not isinstance(distribution, Joint):
        return _mapped(distribution, u)
    values, total, start = {}, 0.0, 0
    for name in distribution.names:
        part = distribution.part(name, values)
        shape = onto(part.support).inverse_event_shape(part.event_shape)
        stop = start + math.prod(shape)
        piece = ops.reshape(u[..., start:stop], (*ops.shape(u)[:2], *shape))
        values[name], log_det = _mapped(part, piece)
        total, start = total + log_det, stop
    return values, total


def as_vectors(z: Any) -> Any:
    """Latent values as vectors, their parts one after another.

    Args:
        z: Of shape (n, *event shape), or a dict of such tensors by part.

    Returns:
        The tensor itself, or one of shape (n, length) of the parts in the order of their names.
    """
    if not isinstance(z, dict):
        return z
    parts = [ops.convert_to_tensor(z[name]) for name in sorted(z)]
    rows = [ops.reshape(part, (ops.shape(part)[0], math.prod(part.shape[1:]))) for part in parts]
    return ops.concatenate(rows, axis=-1)


def _mapped(distribution, u):
    bijector = onto(distribution.support)
    if isinstance(bijector, Identity):
        return u, 0.0
    z, log_det = bijector.forward_and_log_det(u)
    axes = tuple(range(2, len(log_det.shape)))
    return z, ops.sum(log_det, axis=axes) if axes else log_det


def count(rows: Any) -> Any:
    """Number of rows of an array, or of a nest of them.

    Args:
        rows: The nest.

    Returns:
        A number, or a tensor where it is not known before the code runs.
    """
    return ops.shape(keras.tree.flatten(rows)[0])[0]
