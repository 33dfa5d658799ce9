"""kelbo.objectives."""
