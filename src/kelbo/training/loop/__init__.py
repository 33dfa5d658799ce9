"""The fused loop: many train steps in one compiled call."""

from kelbo.training.loop.fused import FusedTrainer

__all__ = ["FusedTrainer"]
