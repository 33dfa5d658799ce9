"""Training: the ordinary Keras `fit`, run as few large compiled calls."""

from kelbo.training.checkpoint import Checkpoint
from kelbo.training.loop.fused import FusedTrainer
from kelbo.training.mapping import map_rows
from kelbo.training.players import Players, PlayersTrainer
from kelbo.training.watch import NonFiniteLossError

__all__ = [
    "Checkpoint",
    "FusedTrainer",
    "NonFiniteLossError",
    "Players",
    "PlayersTrainer",
    "map_rows",
]
