"""What the figures were taken on, and by which engine of ours."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib import metadata

import torch

import steepest.torch

_PACKAGES = ("steepest", "numba", "numpy", "torch", "jax", "optax", "torch-optimi", "pytorch_optimizer")


def described(threads: int) -> dict[str, str]:
    """Date, processor, system, versions, threads and engine, each as a line of text."""
    return {
        "date": date.today().isoformat(),
        "processor": f"{os.cpu_count()} cores {_processor()}",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version}" for name in _PACKAGES if (version := _version(name))),
        "threads": f"{threads} threads for every contender",
        "engine": f"Engine: {_engine()}",
    }


def _engine() -> str:
    optimizer = steepest.torch.AdamW([torch.nn.Parameter(torch.zeros(1))])
    return f"eager, {optimizer.why_eager}" if optimizer.why_eager else "compiled"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
