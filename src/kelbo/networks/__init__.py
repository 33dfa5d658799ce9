"""Networks that a person brings: checked, built on a shape, asked for the shape they return."""

from kelbo.networks.building import build_network, output_shape, reason_of
from kelbo.networks.checking import as_network
from kelbo.networks.lookups import require_known_numbers
from kelbo.networks.whole_numbers import takes_whole_numbers

__all__ = [
    "as_network",
    "build_network",
    "output_shape",
    "reason_of",
    "require_known_numbers",
    "takes_whole_numbers",
]
