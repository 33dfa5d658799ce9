"""The group of commands: what ends a command other than well becomes one line and an exit status.

| status | meaning |
|---|---|
| 0 | done |
| 1 | the loss became NaN or infinite |
| 2 | bad input: an option, a file, the data |
| 130 | interrupted by Ctrl-C |
"""

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from kelbo.cli.screen import complain, unheard
from kelbo.errors import InputError
from kelbo.interruption import INTERRUPTED, raised_again
from kelbo.runs.outcomes import Diverged, Interrupted

# The base of all errors in options. Its module has moved between versions of typer.
_OptionError = typer.BadParameter.__mro__[2]


class Commands(TyperGroup):
    """A typer group that never shows a traceback for what a person did."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:
        """Runs the command line and exits."""
        args = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        extra.setdefault("prog_name", "kelbo")
        # Commands find what was typed in `ctx.obj`.
        with unheard(), raised_again():
            status = self._status(args or ["--help"], obj=shlex.join(["kelbo", *args]), **extra)
        sys.exit(status)

    def _status(self, args, **extra):
        try:
            status = super().main(args=args, **extra)
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        except (Diverged, Interrupted, InputError) as error:
            complain(str(error))
            return {Diverged: 1, Interrupted: INTERRUPTED}.get(type(error), 2)
        except _OptionError as error:
            complain(error.format_message())
            return 2
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            complain(f"{where}{error.strerror or error}")
            return 2
        except Exception as error:
            from kelbo import ops

            if not ops.is_out_of_memory(error):
                raise
            complain("out of memory; ask for less at a time (examples, samples, --n)")
            return 2
        if status == INTERRUPTED:  # so newer versions of typer end on Ctrl-C
            complain("interrupted")
        return status if isinstance(status, int) else 0
