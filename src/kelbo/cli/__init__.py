"""kelbo.cli."""
