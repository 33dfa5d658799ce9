"""The page that a run leaves for a person: one HTML file with its figures and pictures."""

from kelbo.report.page import write

__all__ = ["write"]
