import io
import os
import sys

import pytest

from kelbo.cli.screen import complain, say, unheard


@pytest.fixture
def pipe():
    """A stream into a pipe, and what closes the pipe's other end."""
    reading, writing = os.pipe()
    closed = []

    def close():
        if not closed:
            closed.append(os.close(reading))

    with open(writing, "w", encoding="utf-8") as stream:
        yield stream, close, reading
        close()


def test_what_nobody_reads_stops_nothing(pipe, monkeypatch):
    stream, close, _ = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    close()
    done = []
    with unheard():
        for number in range(3):
            say("a line")
            print("another", flush=True)
            complain("an error")
            done.append(number)
        print("x" * 100_000)
    assert done == [0, 1, 2]
    assert sys.stdout is stream


def test_what_somebody_reads_arrives(pipe, monkeypatch):
    stream, _, reading = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    with unheard():
        say("a line of [brackets]")
        print("another")
    assert os.read(reading, 1000) == b"a line of [brackets]\nanother\n"


def test_other_errors_of_the_stream_are_told(pipe, monkeypatch):
    stream, _, _ = pipe
    monkeypatch.setattr(sys, "stdout", stream)

    def fail(text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kelbo.cli.screen._Outlet.write", lambda self, text: fail(text))
    with pytest.raises(OSError, match="No space"), unheard():
        print("a line")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_ends_nothing(encoding, monkeypatch):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with unheard():
        say("153.2 ± 1.5, run données, \N{MINUS SIGN}1 …")
    said = buffer.getvalue().decode(encoding)
    assert "-1 ..." in said
    assert "153.2 +- 1.5" in said or "153.2 ± 1.5" in said
