"""kelbo.report."""
