"""kelbo.models."""
