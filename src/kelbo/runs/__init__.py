"""kelbo.runs."""
