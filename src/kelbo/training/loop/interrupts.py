"""Ctrl-C in the midst of a fit: heard between two compiled calls, with the model whole."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras


class Interruptible:
    """Mixin for the trainer: what runs many compiled calls may be stopped between two of them.

    The model sets `interrupted` and `_hears_interrupts` to False in its constructor.
    """

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Turns the first Ctrl-C into a request to stop, heard between two compiled calls.

        Whatever ends the call, the model is left with the state of the last compiled call.
        """
        if self._hears_interrupts:  # an evaluation that a callback of a fit asks for
            yield
            return
        self.interrupted = False
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            with self._kept_whole():
                yield
            return

        def request(signum: int, frame: Any) -> None:
            self.interrupted = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        signal.signal(signal.SIGINT, request)
        self._hears_interrupts = True
        try:
            with self._kept_whole():
                yield
            if self.interrupted:  # after the last call
                raise KeyboardInterrupt
        finally:
            self._hears_interrupts = False
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextlib.contextmanager
    def _kept_whole(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if keras.backend.backend() == "jax":
                # Keras does so after a fit, but not after an evaluation.
                self.jax_state_sync()
                self.forget_state()
            raise
