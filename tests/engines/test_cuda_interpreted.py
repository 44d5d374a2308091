"""The CUDA engine's agreement with NumPy without a device: in Triton's interpreter, in a process of its own.

Triton decides when it is imported whether it interprets; so another process does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton", reason="the CUDA engine needs Triton")

SUITE = Path(__file__).with_name("test_cuda_agreement.py")


def test_the_suite_passes_in_the_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rs", str(SUITE)],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found = re.search(r"^[.s]{20,}", done.stdout, re.MULTILINE)
    assert found is not None and done.stdout.count("needs a CUDA device") == 1, done.stdout[-2000:]
