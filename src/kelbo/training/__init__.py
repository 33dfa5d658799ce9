"""kelbo.training."""
