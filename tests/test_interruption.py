"""Ctrl-C, wherever Python is when it comes."""

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref

import pytest

from kelbo import interruption
from kelbo.interruption import held_back, raised_again


@pytest.fixture(autouse=True)
def heard():
    """As in a program that was started by hand: in the background a shell has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c(*args):
    signal.raise_signal(signal.SIGINT)


def in_a_weak_reference():
    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, ctrl_c)
    del thing
    return reference


def in_a_finalizer():
    class Thing:
        __del__ = ctrl_c

    Thing()


def in_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        ctrl_c()

    gc.callbacks.append(callback)
    gc.collect()


PLACES = [in_a_weak_reference, in_a_finalizer, in_the_garbage_collector]


def swallowed_and_waited_for(place):
    with raised_again():
        place()
        threading.Event().wait(60)


@pytest.mark.parametrize("place", PLACES)
def test_what_python_cannot_raise_is_raised_after_it(place, capfd):
    with pytest.raises(KeyboardInterrupt):
        swallowed_and_waited_for(place)
    assert capfd.readouterr().err == ""


def test_other_errors_that_python_cannot_raise_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Thing:
        def __del__(self):
            raise ZeroDivisionError

    with raised_again():
        Thing()
    assert [unraisable.exc_type for unraisable in told] == [ZeroDivisionError]


def work(done, times):
    with held_back():
        try:
            for _ in range(times):
                ctrl_c()
        except BaseException:  # as libraries do
            done.append("stopped")
        done.append("whole")


@pytest.mark.parametrize(("times", "left"), [(1, ["whole"]), (2, ["stopped", "whole"])])
def test_held_back_until_the_work_is_whole_and_the_second_at_once(times, left):
    done = []
    with pytest.raises(KeyboardInterrupt):
        work(done, times)
    assert done == left
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    work(done, 0)


def test_what_another_handler_hears_is_its_own():
    heard = []
    signal.signal(signal.SIGINT, lambda *args: heard.append(args))
    with held_back():
        ctrl_c()
    assert len(heard) == 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_back():
        ctrl_c()


def test_while_libraries_are_loaded():
    code = f"""
import importlib.util, signal
spec = importlib.util.spec_from_file_location("interruption", {interruption.__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
signal.signal(signal.SIGINT, signal.default_int_handler)
with module.ending_at_once():
    try:
        signal.raise_signal(signal.SIGINT)
    except BaseException:
        pass
    print("not reached")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "kelbo: interrupted\n")
