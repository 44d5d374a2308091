"""Lets the tests of this folder share `tiny`, also with the worker processes that they start."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
