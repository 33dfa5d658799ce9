"""Tests of what is refused, made of tables: a name, what raises, and the words of its error."""

import re

import pytest


def pattern(message):
    """The words of an error as a regular expression, in which ".*" alone has a meaning.

    What begins with who refuses, as "Normal: ", is the beginning of the error.
    """
    start = "^" if re.match(r"\w+: ", message) else ""
    return start + ".*".join(re.escape(part) for part in message.split(".*"))


def refuses_arguments(table):
    """A test that each entry raises a ValueError of its words, in one line.

    Args:
        table: Name -> (what raises, the words of its error as `pattern` takes them).
    """

    @pytest.mark.parametrize(("make", "message"), table.values(), ids=table)
    def test(make, message):
        _assert_refused(make, message)

    return test


def refuses_values(table):
    """The same of values of parameters, which `validate=False` lets pass, as the error says."""

    @pytest.mark.parametrize(("make", "message"), table.values(), ids=table)
    def test(make, message):
        assert "validate=False" in _assert_refused(make, message)
        make(validate=False)

    return test


def _assert_refused(make, message):
    with pytest.raises(ValueError, match=pattern(message)) as error:
        make()
    assert "\n" not in str(error.value)
    return str(error.value)
