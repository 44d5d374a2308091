"""Ctrl-C before anything was run: at any moment one line, status 130, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from steepest.cli import main
from steepest.cli.interrupts import ends_at_once, started

AT = """
import builtins, os, signal, sys
from steepest.cli import main

real, wanted = builtins.__import__, {module!r}

def interrupting(name, *more):
    if name == wanted or name.startswith(wanted + "."):
        builtins.__import__ = real
        try:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(100):
                pass
        except BaseException:  # what some packages do around their imports
            pass
    return real(name, *more)

builtins.__import__ = interrupting
sys.exit(main(["compare", "digits-mlp", "--jobs", "1", "--trials", "1", "--steps", "1", "--seeds", "1"]))
"""


@pytest.mark.parametrize("module", ["typer", "rich", "steepest.lab", "sqlalchemy", "torch", "scipy", "sklearn"])
def test_it_is_heard_in_the_middle_of_an_import(tmp_path: Path, module: str):
    done = subprocess.run(
        [sys.executable, "-c", AT.format(module=module)], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "steepest: stopped before anything was run\n"


@pytest.mark.parametrize("after", [0.0, 0.15, 0.4, 0.8])
def test_it_is_heard_from_outside(tmp_path: Path, after: float):
    code = (
        "import os, sys; from steepest.cli import interrupts, main\n"
        "real = interrupts.signal.signal\n"
        "def told(*a):\n    real(*a); os.write(1, b'x') if a[1] is interrupts._end else None\n"
        "interrupts.signal.signal = told\n"
        "sys.exit(main(['compare', 'digits-mlp', '--jobs', '2']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(1) == b"x"
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        error = process.stderr.read().decode()
    assert error.count("\n") == 1 and error.startswith("steepest: stopped") and "Traceback" not in error


def test_the_handler_is_as_before_afterwards_and_from_the_start_of_a_study():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with ends_at_once():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        started()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert main(["compare", "no-such-problem"]) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_ignores_it_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ends_at_once():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_one_while_the_process_ends_says_nothing(tmp_path: Path):
    code = (
        "import atexit, os, signal, sys; from steepest import lab\n"
        "from steepest.cli import main\n"
        "def stop(*a, **k): raise KeyboardInterrupt\n"
        "lab.compare = stop; sys.argv = ['steepest', 'compare', 'bowl']\n"
        "atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), [None for _ in range(100)]))\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "steepest: stopped before anything was run\n")
