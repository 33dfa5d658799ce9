"""The command line: `kelbo fit digits`."""

from kelbo.cli.app import app, main

__all__ = ["app", "main"]
