"""Writes a page to a file, atomically, and never over anything but an earlier page."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from steepest.core.errors import InputError
from steepest.report.data import ReportData
from steepest.report.page import render

MARK = '<meta name="generator" content="steepest">'
"""What the head of every page has, so that it may be replaced."""
_HEAD = 2048


def write(data: ReportData, path: str | Path) -> None:
    """Render the page and write it to `path`, atomically. Raises InputError where the path cannot be written."""
    check_writable(path)
    write_page(render(data), path)


def write_page(text: str, path: str | Path, *, argument: str = "report: path") -> None:
    """Write a page that has `MARK` in its head to `path`, atomically. Raises InputError as `check_writable`."""
    check_writable(path, argument=argument)
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise _unwritable(argument, path, error.strerror) from error


def check_writable(path: str | Path, *, argument: str = "report: path") -> None:
    """InputError where a page could not be written to `path`; to be asked before long work. Leaves no file behind.

    What is there already must be an earlier page, or an empty file: anything else would be lost. argument: whose, for
    the message.

    >>> check_writable("/none/report.html")
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputError: report: path must be writable, got '/none/report.html' (No such file or directory)
    """
    target = Path(path)
    try:
        if target.exists():
            _check_earlier(argument, target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
        if target.exists() and not os.access(target, os.W_OK):
            raise _unwritable(argument, path, "Permission denied")
    except OSError as error:
        raise _unwritable(argument, path, error.strerror) from error


def _check_earlier(argument: str, target: Path) -> None:
    """Only an earlier report or an empty file may be replaced; nothing else is even opened."""
    mode = target.stat().st_mode
    if stat.S_ISREG(mode):
        with target.open("rb") as file:
            head = file.read(_HEAD)
        if not head or MARK.encode() in head:
            return
    raise InputError(f"{argument} must be a new file or an earlier report, got {str(target)!r}")


def _unwritable(argument: str, path: str | Path, reason: str | None) -> InputError:
    return InputError(f"{argument} must be writable, got {str(path)!r} ({reason})")
