"""kelbo.datasets."""
