"""What a pool's processes are told to do in tests; each thing done leaves a line in a file."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chore:
    """what: how it goes. name: to tell them apart. seconds: how long it takes."""

    name: str
    what: str = "well"
    seconds: float = 0.0
    alone: bool = False


def serve(payload: bytes) -> Callable[[Chore], str]:
    folder = Path(payload.decode())

    def answer(chore: Chore) -> str:
        note(folder, f"{chore.name} begins")
        time.sleep(chore.seconds)
        do(chore, folder)
        note(folder, f"{chore.name} ends")
        return f"{chore.name} by {os.getpid()}"

    return answer


def note(folder: Path, text: str) -> None:
    with (folder / "notes").open("a") as file:
        file.write(f"{text}\n")


def do(chore: Chore, folder: Path) -> None:
    match chore.what:
        case "well":
            pass
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "once":
            if not (folder / chore.name).exists():
                (folder / chore.name).touch()
                os._exit(3)
        case "orphan":
            if os.fork() == 0:  # a child that keeps all files of its parent open
                time.sleep(30)
                os._exit(0)
            os._exit(4)
        case "busy":
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**10)  # many minutes in C
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**10)
        case code:
            os._exit(int(code))
