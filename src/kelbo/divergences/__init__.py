"""kelbo.divergences."""
