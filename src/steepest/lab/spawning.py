"""A spawned process that answers what it is sent, and ends with its parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import Any, final


@final
class Spawned:
    """A process that makes `serve(payload)` and sends back what that makes of each thing sent to it.

    process, connection: to watch it and to speak with it. It ends when the connection is closed, or with its parent.
    """

    def __init__(self, serve: Callable[[bytes], Callable[[Any], Any]], payload: bytes) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.process = _Process(target=_live, args=(theirs, serve, payload))
        try:
            self.process.start()
        except BaseException:
            self.connection.close()
            if self.process.pid is not None:
                self.process.kill()
            raise
        finally:
            theirs.close()


def ending(code: int | None) -> str:
    """What a process died of, in words.

    >>> ending(-11), ending(3)
    ('its process died of SIGSEGV (segmentation fault)', 'its process ended with exit code 3')
    >>> ending(137)
    'its process ended with exit code 137 (as after SIGKILL: killed, as the system does when memory runs out)'
    """
    if code is None:
        return "its process broke off"
    if code < 0:
        name, words = _signal(-code)
        return f"its process died of {name} ({words})" if words else f"its process died of {name}"
    if 128 < code < 128 + 65 and all(found := _signal(code - 128)):
        return f"its process ended with exit code {code} (as after {found[0]}: {found[1]})"
    return f"its process ended with exit code {code}"


def _signal(number: int) -> tuple[str, str]:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}", ""
    if name == "SIGKILL":
        return name, "killed, as the system does when memory runs out"
    return name, (signal.strsignal(number) or "").lower()


class _Process(SpawnProcess):
    """A spawned process that does not import the parent's main script.

    A worker needs nothing from it, and a script that calls `compare` at its top level would start its study again in
    every worker.
    """

    def start(self) -> None:
        main = sys.modules["__main__"]
        missing = object()
        kept = {name: getattr(main, name, missing) for name in ("__spec__", "__file__")}
        try:
            main.__spec__ = None
            with contextlib.suppress(AttributeError):
                del main.__file__
            with _interrupts_wait():
                super().start()
        finally:
            for name, value in kept.items():
                if value is not missing:
                    setattr(main, name, value)


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C reaches this process after the context; a process started inside never hears it, also while it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live(pipe: connection.Connection, serve: Callable[[bytes], Callable[[Any], Any]], payload: bytes) -> None:
    """In the new process: leave Ctrl-C to the parent, end with it, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    answer = serve(payload)
    while True:
        try:
            given = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(answer(given))


def _end_with(sentinel: Any) -> None:
    connection.wait([sentinel])
    os._exit(1)
