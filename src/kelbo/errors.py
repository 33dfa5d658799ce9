"""The error that stands for a person's mistake, not a programmer's."""


class InputError(ValueError):
    """Something that a person gave (a file, a value, an option) cannot be used.

    The message is one line: what was given, what was expected, what to do. The command line
    prints it as it is and exits with status 2.
    """
