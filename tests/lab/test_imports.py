"""`steepest.lab` imports its parts when they are used: all of them are there, and a worker process loads few."""

from __future__ import annotations

import subprocess
import sys

import pytest

from steepest import lab


def test_every_public_name_is_there_and_no_other():
    assert set(lab.__all__) == set(lab._HOMES) == set(dir(lab))
    for name in lab.__all__:
        assert getattr(lab, name).__class__.__name__ != "module", f"{name} is the thing, not a file of its name"
    with pytest.raises(AttributeError, match="no attribute 'comparee'"):
        _ = lab.comparee


def test_a_worker_loads_neither_the_store_nor_the_statistics_nor_the_report():
    script = (
        "import sys, steepest.lab.workers\n"
        "print(sorted({'sqlalchemy', 'scipy.stats', 'jinja2', 'plotly', 'steepest.report', 'steepest.statistics', "
        "'steepest.lab.comparison', 'torch', 'jax', 'numba'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
