"""Parameters of kernels that are one number for all columns, or one for each."""

from kelbo import ops
from kelbo.gp.kernels.kernel import Kernel
from kelbo.layers.weights import ConstrainedWeight
from kelbo.typing import Tensor


def for_columns(kernel: Kernel, parameter: ConstrainedWeight, x: Tensor) -> Tensor:
    """The value of a parameter, in the dtype of inputs whose columns it goes with.

    Args:
        kernel: The kernel, for the error.
        parameter: One of its parameters.
        x: Inputs, of shape (..., n, d).

    Returns:
        A tensor of the shape (), (1,) or (d,).

    Raises:
        ValueError: There are not as many numbers as columns.
    """
    if parameter.shape not in ((), (1,), (x.shape[-1],)):
        raise ValueError(
            f"{type(kernel).__name__}: {parameter.name} has the shape {parameter.shape}, but the "
            f"inputs have {x.shape[-1]} columns, in the shape {tuple(x.shape)}: give one number, "
            "or one for each column."
        )
    return ops.cast(parameter(), x.dtype)
