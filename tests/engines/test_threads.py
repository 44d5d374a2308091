"""The same bits at any number of threads, in a forked child, and from two Python threads at once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from live import assert_same_bits, everything, go, grads_like, numpy_params, torch_params

from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.engines.cpu import pool
from steepest.formula import chain
from steepest.rules import adamw, average, clip_norm, lamb

LAMB = lamb(lr=0.1, weight_decay=0.1)
FULL = chain(clip_norm(max_norm=1.0), adamw(lr=0.1), average(beta=0.9))
LARGE = {"a": (300, 301), "b": (16_384,), "c": (7,), "d": (16_385,), "e": ()}


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_large(made: Any = LAMB, seed: int = 0) -> RuleStepper:
    stepper = RuleStepper(made, torch_params(shapes=LARGE, seed=seed), engine="cpu")
    go(stepper, 3, seed=seed)
    return stepper


@pytest.mark.parametrize("made", [FULL, LAMB], ids=["full", "lamb"])
def test_any_number_of_threads_gives_the_same_bits(made: Any) -> None:
    with torch_threads(1):
        one = run_large(made)
    with torch_threads(2):
        if pool.threads() < 2:
            pytest.skip("needs two processors and OpenMP")
        two = run_large(made)
    assert everything(one) == everything(two)


# What JAX and Python 3.12 say of every fork of a process with threads, whoever forks.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("library", [numpy_params, torch_params])
def test_a_forked_child_goes_on_to_the_same_bits(library: Any) -> None:
    """Serially: the threads of the pool are the parent's. (PyTorch's own parallel operations hang in such a child.)"""
    with torch_threads(2):
        stepper = RuleStepper(LAMB, library(shapes=LARGE), engine="cpu")
        grads = [grads_like(stepper.tensors, step) for step in range(5)]
        for g in grads[:3]:
            stepper.apply(Evaluation(0.0, g))
        read, write = os.pipe()
        child = os.fork()
        if not child:
            code = 1
            try:
                with os.fdopen(write, "w") as file:
                    file.write(finished(stepper, grads[3:]))
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        with os.fdopen(read) as file:
            theirs = file.read()
        assert os.waitpid(child, 0)[1] == 0
        assert theirs == finished(stepper, grads[3:])


def finished(stepper: RuleStepper, grads: list[dict[str, Any]]) -> str:
    """A hash of everything after these steps."""
    for g in grads:
        stepper.apply(Evaluation(0.0, g))
    return hashlib.sha256(repr(sorted(everything(stepper).items())).encode()).hexdigest()


def test_two_python_threads_step_two_optimizers_at_once() -> None:
    with torch_threads(2):
        alone = [everything(run_large(seed=seed)) for seed in (1, 2)]
        found: dict[int, Any] = {}
        together = [
            threading.Thread(target=lambda s=seed: found.update({s: everything(run_large(seed=s))})) for seed in (1, 2)
        ]  # type: ignore[misc]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
    assert [found[1], found[2]] == alone


def test_a_stepper_may_be_used_from_another_thread() -> None:
    plain, stepper = (RuleStepper(FULL, torch_params(), engine="cpu") for _ in range(2))
    go(plain, 4)
    for step in range(4):
        thread = threading.Thread(target=go, args=(stepper, 1), kwargs={"first": step})
        thread.start()
        thread.join()
    assert_same_bits(stepper, plain)
