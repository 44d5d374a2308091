"""Writes a report to a file, atomically, and never over anything but an earlier report."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from steepest.core.errors import InputError
from steepest.report.data import ReportData
from steepest.report.page import render

_MARK = b'<meta name="generator" content="steepest">'
_HEAD = 2048


def write(data: ReportData, path: str | Path) -> None:
    """Render the page and write it to `path`, atomically. Raises InputError where the path cannot be written."""
    check_writable(path)
    text = render(data)
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise _unwritable(path, error.strerror) from error


def check_writable(path: str | Path) -> None:
    """InputError where `write` could not write to `path`; to be asked before a long study. Leaves no file behind.

    What is there already must be an earlier report, or an empty file: anything else would be lost.

    >>> check_writable("/none/report.html")
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputError: report: path must be writable, got '/none/report.html' (No such file or directory)
    """
    target = Path(path)
    try:
        if target.exists():
            _check_earlier(target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
        if target.exists() and not os.access(target, os.W_OK):
            raise _unwritable(path, "Permission denied")
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def _check_earlier(target: Path) -> None:
    """Only an earlier report or an empty file may be replaced; nothing else is even opened."""
    mode = target.stat().st_mode
    if stat.S_ISREG(mode):
        with target.open("rb") as file:
            head = file.read(_HEAD)
        if not head or _MARK in head:
            return
    raise InputError(f"report: path must be a new file or an earlier report, got {str(target)!r}")


def _unwritable(path: str | Path, reason: str | None) -> InputError:
    return InputError(f"report: path must be writable, got {str(path)!r} ({reason})")
