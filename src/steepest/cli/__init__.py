"""The command line: the only place for printing."""

from __future__ import annotations

import sys

from steepest.cli.interrupts import INTERRUPTED, ends_at_once, hush

__all__ = ["main"]

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 where something is refused, 130 on Ctrl-C."""
    try:
        with ends_at_once():
            status = _run(arguments)
    except KeyboardInterrupt:
        status = _stopped()
    if status == INTERRUPTED and arguments is None:  # the process has nothing left to do
        hush()
    return status


def _run(arguments: list[str] | None) -> int:
    import typer  # takes a while to import, and Ctrl-C must find `main` ready

    from steepest.cli.commands import app
    from steepest.core.errors import SteepestError

    try:
        status = app(args=arguments, prog_name="steepest", standalone_mode=False)
    except SteepestError as error:
        return _refuse(str(error))
    except typer.Abort:
        return _stopped()
    except Exception as error:
        if not hasattr(error, "format_message"):  # what the argument parser refuses
            raise
        return _refuse(error.format_message())
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    print(f"steepest: error: {' '.join(message.split())}", file=sys.stderr)
    return REFUSED


def _stopped() -> int:
    print("steepest: stopped", file=sys.stderr)
    return INTERRUPTED
