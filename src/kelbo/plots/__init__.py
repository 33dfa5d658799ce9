"""kelbo.plots."""
