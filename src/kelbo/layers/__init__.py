"""kelbo.layers."""
