"""Ctrl-C before a study starts: the process ends at once, since there is nothing to keep."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
STOPPED_EARLY = "stopped before anything was run"


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Inside, until `started`, Ctrl-C ends the process with one line and status 130.

    An exception would not do: raised in the middle of an import it is swallowed, or turned into another error, by the
    code that is being imported. Nothing changes where Ctrl-C is ignored or handled already, or outside the main thread.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        started()


def started() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt: there may be runs to keep and processes to end."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hush() -> None:
    """From here on Ctrl-C ends the process without a word: it has been heard, and the process is about to end."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, f"steepest: {STOPPED_EARLY}\n".encode())
    os._exit(INTERRUPTED)
