"""What every test runs under: one hypothesis profile, one torch thread, fixed seeds."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
# The contract suite and its example rules are modules that several test files share.
sys.path += [str(HERE / folder) for folder in ("rules", "formula", "torch", "engines")]

# Kernels that tests compile are kept between runs, but not among the user's own.
os.environ["XDG_CACHE_HOME"] = str(HERE.parent / ".pytest_cache" / "home")

# A shell that starts the tests in the background has Ctrl-C ignored, here and in every process started from here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "steepest",
    derandomize=True,
    deadline=None,
    max_examples=20,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("steepest")

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
