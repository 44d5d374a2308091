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


HALF = "test_float32_equals_numpy_to_the_bit or test_random_rules"
HALVES = (HALF, f"not ({HALF})")
"""The suite's tests in two processes of about the same length."""


@pytest.mark.parametrize("chosen", HALVES, ids=["one", "other"])
def test_the_suite_passes_in_the_interpreter(chosen: str) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rs", "-k", chosen]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(SUITE)],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    skipped = 0 if chosen == HALF else 1
    found = re.search(r"^[.s]{10,}", done.stdout, re.MULTILINE)
    assert found is not None and done.stdout.count("needs a CUDA device") == skipped, done.stdout[-2000:]
