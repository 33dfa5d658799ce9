"""Models with several players: each has a loss of its own, and an optimizer for its variables."""

from kelbo.training.players.optimizer import Players
from kelbo.training.players.trainer import PlayersTrainer

__all__ = ["Players", "PlayersTrainer"]
