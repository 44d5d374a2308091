"""Generated source: what it loads and stores, counted while it runs on arrays that log; and the text itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from logging_arrays import Log, elements
from uncompiled import kernels, run_uncompiled

from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper, Storage
from steepest.engines.cpu import table
from steepest.engines.cpu.program import Program
from steepest.formula import Rule, chain, norm, rule
from steepest.rules import adam, adamw, average, clip_norm, lamb, lars, learning_rate, lion, sgd
from steepest.schedules import cosine

CLIP = clip_norm(max_norm=1.0)
FULL = chain(CLIP, adamw(), average())
LAMB = lamb(weight_decay=0.1)

Passes = tuple[tuple[str, str], ...]
"""For each pass the arrays that it loads and those that it stores, as words."""


@rule(slots=("a", "b", "c"))
def dear(u, a, b, c):
    x = u * a + b * c
    return norm(x) * x, a, b, c


COUNTED: Mapping[str, tuple[Rule, dict[str, Any], Passes, float]] = {
    "sgd": (sgd(lr=0.1), {}, (("u p", "p"),), 12),
    "lion": (lion(), {}, (("u p m", "p m"),), 20),
    "adamw": (adamw(), {}, (("u p m v", "p m v"),), 28),
    "amsgrad": (adam(amsgrad=True), {}, (("u p m v v_max", "p m v v_max"),), 36),
    "clip, average": (FULL, {}, (("u", ""), ("u p m v mean", "p m v mean")), 40),
    "lamb": (LAMB, {}, (("u p m v", "m v"), ("p m v", "p")), 40),
    "lars": (lars(lr=0.1, weight_decay=0.1), {}, (("u p", ""), ("u p v", "p v")), 28),
    "clip, lamb": (chain(CLIP, LAMB), {}, (("u", ""), ("u p m v", "m v"), ("p m v", "p")), 44),
    "adamw, atomic": (adamw(), {"nonfinite": "skip"}, (("u", ""), ("u p m v", "p m v")), 32),
    "clip, average, atomic": (FULL, {"nonfinite": "skip"}, (("u", ""), ("u p m v mean", "p m v mean")), 40),
    "lamb, atomic": (LAMB, {"nonfinite": "raise"}, (("u p m v", ""), ("u p m v", "p m v")), 44),
    "adamw, zero": (adamw(), {"zero_gradients": True}, (("u p m v", "u p m v"),), 32),
    "clip, zero": (chain(CLIP, sgd(lr=0.1)), {"zero_gradients": True}, (("u", ""), ("u p", "u p")), 20),
    "temporary": (chain(dear(), sgd(lr=0.1)), {}, (("u a b c", "*"), ("p *", "p")), 32),
    "number of a tensor": (
        chain(examples.normalize_tensor(), learning_rate(lr=0.1)),
        {},
        (("u", ""), ("u p", "p")),
        16,
    ),
}


def word(array: str) -> str:
    return array.rpartition(".")[2]


def check_counts(log: Log, passes: Passes, arrays: Mapping[str, list[Any]]) -> None:
    """Each pass touched each element of its arrays once, and nothing of the others. "*" is memory between passes."""
    for number, (loads, stores) in enumerate(passes):
        for name, tensors in arrays.items():
            for array in filter(elements, tensors):
                assert log.loaded(number, array) == {int(name in loads.split())}, (number, name)
                assert log.stored(number, array) == {int(name in stores.split())}, (number, name)


def held(stepper: RuleStepper, params: Mapping[str, Any], grads: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The memory of parameters, gradients and slots by name."""
    slots = stepper.state.slots.items()
    shaped = {word(path): list(t.values()) for path, t in slots if path not in {"normalize_tensor.size"}}
    return {"u": list(grads.values()), "p": list(params.values()), **shaped}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", COUNTED)
def test_each_array_is_read_and_written_once_a_pass(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, settings, passes, moved = COUNTED[name]
    monkeypatch.setattr(table, "CHUNK", 8)
    rng = np.random.default_rng(0)
    params = {
        n: np.asarray(rng.normal(size=s), dtype) for n, s in {"a": (3, 7), "b": (8,), "c": (), "d": (0, 2)}.items()
    }
    count = sum(p.size for p in params.values())
    log = Log()
    with run_uncompiled(monkeypatch, log) as raise_errors:
        stepper = RuleStepper(made, params, engine="cpu", **settings)
        grads = {n: np.asarray(rng.normal(size=p.shape), dtype) for n, p in params.items()}
        stepper.apply(Evaluation(0.0, grads))
        raise_errors()
    check_counts(log, passes, held(stepper, params, grads))
    assert log.bytes == moved * count * (2 if dtype == "float64" else 1)


def test_unscaling_clipping_averaging_and_zeroing_ride_in_the_same_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {name: np.ones(5, np.float32) for name in "ab"}
    grads = {name: np.ones(5, np.float32) for name in "ab"}
    log = Log()
    with run_uncompiled(monkeypatch, log) as raise_errors:
        stepper = RuleStepper(FULL, params, engine="cpu", zero_gradients=True, maximize=True)
        stepper.apply(Evaluation(0.0, grads), {"scale": 8.0})
        raise_errors()
    check_counts(log, (("u", ""), ("u p m v mean", "u p m v mean")), held(stepper, params, grads))
    assert log.bytes == 44 * 10
    assert not np.any(grads["a"])


BLOCKED = 1 + 4 / 256


@pytest.mark.parametrize(
    ("storage", "numbers", "passes", "moved"),
    [
        (Storage(), torch.bfloat16, (("u p m v", "p m v"),), 2 + 2 + 2 + 16),
        (Storage(rounding="stochastic"), torch.bfloat16, (("u p m v", "p m v"),), 2 + 2 + 2 + 16),
        (Storage(rounding="kahan"), torch.bfloat16, (("u p low m v", "p low m v"),), 2 + 4 + 4 + 16),
        (Storage("bfloat16"), torch.float32, (("u p m v", "p m v"),), 4 + 4 + 4 + 8),
        (Storage("8bit"), torch.float32, (("u p m v scale", "p m v scale"),), 4 + 4 + 4 + 4 * BLOCKED),
        (Storage("8bit", "stochastic"), torch.bfloat16, (("u p m v scale", "p m v scale"),), 6 + 4 * BLOCKED),
    ],
)
def test_rounded_arrays_move_fewer_bytes(
    storage: Storage, numbers: torch.dtype, passes: Passes, moved: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"a": torch.randn(16, 256).to(numbers)}
    grads = {name: torch.randn(p.shape).to(numbers) for name, p in params.items()}
    log = Log()
    with run_uncompiled(monkeypatch, log) as raise_errors:
        stepper = RuleStepper(adamw(), params, engine="cpu", storage=storage)
        stepper.apply(Evaluation(0.0, grads))
        raise_errors()
    arrays = held(stepper, params, grads)
    scales = [t for path, tensors in stepper.state.slots.items() if path.endswith(".scale") for t in tensors.values()]
    check_counts(log, passes, {**arrays, **({"scale": scales} if scales else {})})
    assert log.bytes == 4096 * moved


def test_the_count_sees_an_element_that_is_read_twice() -> None:
    program = Program(adamw().graph(), Storage().formats(adamw().slots(), "float32", False))
    good = program.source.text
    bad = good.replace("x_a0 = a0[i]", "x_a0 = a0[i] + a0[i] - a0[i]")
    assert bad != good
    for written, moved in ((good, 28), (bad, 36)):
        log = Log()
        (kernel,) = kernels(written, log)
        arrays = [np.ones(5, np.float32) for _ in program.plan.arrays]
        tables = _tables(arrays, np.ones((1, len(program.source.layouts[0].rows))))
        log.enter(0, 0, 1, {tables[-1].ctypes.data, *tables[-1][:6].tolist()})
        kernel(0, 1, tables[-1].ctypes.data)
        assert log.bytes == moved * 5
        assert log.loaded(0, arrays[0]) == ({1} if written is good else {3})


def _tables(arrays: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
    """One tensor in one chunk."""
    chunks = np.array([0, 0, arrays[0].size, 0], dtype=np.int64)
    pointers = np.array([array.ctypes.data for array in arrays], dtype=np.int64)
    empty = np.zeros(8)
    given = [chunks, pointers, rows, empty, empty.copy(), empty.copy()]
    return [*given, np.array([*(array.ctypes.data for array in given), 1, 1], dtype=np.int64)]


# The text


def text(made: Rule, numbers: str = "float32", storage: Storage | None = None, **options: bool) -> str:
    formats = (storage or Storage()).formats(made.slots(), numbers, small=False)
    return Program(made.graph(), formats, title="rule", **options).source.text


TEXTS = {
    "full": lambda: text(FULL),
    "lamb": lambda: text(lamb(weight_decay=0.1, exempt="vectors"), "float64", atomic=True, zero=True),
    "8bit": lambda: text(LAMB, "bfloat16", Storage("8bit", "stochastic"), zero=True),
    "kahan": lambda: text(chain(examples.noise(), adamw()), "bfloat16", Storage("bfloat16", "kahan")),
    "numbers": lambda: text(chain(examples.d_adaptation(), learning_rate(lr=0.1))),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_clean_python(name: str) -> None:
    written = TEXTS[name]()
    assert max(map(len, written.splitlines())) <= 200
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--output-format=concise",
        "--select",
        "E,F,W",
        "--line-length",
        "200",
    ]
    given = {"input": written, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, "--config", "builtins=['CACHE']", "-"], **given)  # type: ignore[call-overload]
    if "No module named ruff" in done.stderr:
        pytest.skip("needs ruff")
    assert done.returncode == 0, done.stdout


def test_the_text_says_what_it_computes() -> None:
    written = TEXTS["full"]()
    for comment in ("# u", "# p", "# slot:scale_by_adam.m", "# learning_rate.lr", "# scale_by_adam.eps"):
        assert comment in written
    assert written.startswith('"""rule: 40 bytes an element in 2 passes."""')


def test_numbers_are_not_in_the_text_and_choices_are() -> None:
    plain = text(chain(clip_norm(max_norm=0.7), adamw(lr=0.1234, beta1=0.87, eps=3e-7, weight_decay=0.045)))
    other = text(chain(clip_norm(max_norm=2.0), adamw(lr=cosine(0.1, steps=9), beta1=0.5, eps=1.0, weight_decay=0.2)))
    assert plain == other
    assert not [number for number in ("0.7", "0.1234", "0.87", "3e-07", "0.045", "0.999") if number in plain]
    assert text(adam(amsgrad=True)) != text(adam())
    assert text(adamw(), "float64") != text(adamw())
    assert text(adamw(), zero=True) != text(adamw()) != text(adamw(), atomic=True)


def test_the_text_is_the_same_in_every_process() -> None:
    """It keys the cache of compiled kernels."""
    program = (
        "import hashlib\nfrom steepest.engines.cpu.program import Program\nfrom steepest.engines import Storage\n"
        "from steepest.formula import chain\nfrom steepest.rules import *\n"
        "made = chain(clip_norm(max_norm=1.0), lamb(weight_decay=0.1), average())\n"
        "formats = Storage('8bit', 'stochastic').formats(made.slots(), 'bfloat16', False)\n"
        "print(hashlib.sha256(Program(made.graph(), formats, zero=True).source.text.encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_only_sums_are_float64_in_a_float32_kernel_and_nothing_is_float32_in_a_float64_one() -> None:
    plain, wide = text(FULL), text(FULL, "float64")
    assert re.findall(r"(?<!view_)float64\(.*", plain) == ["float64(x_a0) * float64(x_a0))"]
    assert "float32" not in wide
