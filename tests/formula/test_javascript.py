"""JavaScript against NumPy: every rule in one Node process, number by number."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import example_rules as examples
import numpy as np
import pytest
from printed_rules import NEED_LR, OPAQUE
from random_expressions import expression
from rule_field import SHAPES, field

from steepest import rules
from steepest.core.errors import FormulaError
from steepest.formula import (
    Node,
    Rule,
    Slot,
    Unit,
    chain,
    dot,
    floor,
    maximum,
    mean,
    minimum,
    norm,
    partition,
    rule,
    sign,
    size,
    sqrt,
    total,
    where,
)
from steepest.formula.bundle import Bundle
from steepest.formula.javascript import javascript
from steepest.schedules import cosine

NODE = shutil.which("node")
STEPS = 25
RUN = """
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
const number = (key, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
const plain = (x) => (ArrayBuffer.isView(x) ? Array.from(x) : Array.isArray(x) ? x.map(plain) : x);
const read = (x) => (x === null ? null : Float64Array.from(x, Number));
const results = {};
for (const name of readdirSync(".").filter((file) => file.endsWith(".json") && file !== "results.json")) {
  const { starts, ndims, steps } = JSON.parse(readFileSync(name, "utf8"));
  const rule = await import(`./${name.replace(".json", ".mjs")}`);
  const params = starts.map(read);
  const state = rule.init(params, ndims);
  const seen = [];
  for (const { grads, at, settings, inputs } of steps) {
    const asked = rule.query ? rule.query(params, state, settings, at && at.map(read)) : null;
    rule.step(params, grads.map(read), state, settings, inputs);
    const answer = rule.answer ? rule.answer(params, state, settings) : null;
    seen.push(plain([...params, ...(asked ?? []), ...(answer ?? [])]));
  }
  const slots = Object.fromEntries(Object.entries(state.slots).map(([path, value]) => [path, plain(value)]));
  results[name.replace(".json", "")] = { seen, slots, step: state.step, ages: state.ages };
}
writeFileSync("results.json", JSON.stringify(results, number));
"""

needs_node = pytest.mark.skipif(NODE is None, reason="Node, which runs JavaScript, is not installed")


@rule(slots=(Slot("wide", dtype="float64"), Slot("share", like="tensor", init=0.5), Slot("whole", like="model")))
def every_kind(u, p, wide, share, whole, k, t, *, beta: Unit = 0.9):
    """Slots of each kind, one number read where another is written, reductions of reductions, k beside t."""
    wide = beta * wide + (1 - beta) * u
    share = beta * share + (1 - beta) * norm(u - mean(u)) / sqrt(size(u))
    scale = norm(wide / (share + 0.1), over="model") + total(u, over="model") * 1e-3 + mean(share, over="model")
    whole = 0.5 * whole + dot(u, p, over="model") / (1 + norm(k * share, over="model"))
    return where(abs(p) > share, u / scale, sign(u) * 0.01) + 1e-3 * whole / (t + k), wide, share, whole


@rule(slots=("a", "b"))
def swapped(u, a, b):
    """New values that are other slots' old ones."""
    return a - 0.5 * b + 0.1 * u, b + u, a


@rule
def corners(u, p, k):
    """Remainders and powers of negative numbers, extremes and signs of what is not a number."""
    bad = sqrt(u)
    return (
        (u % 0.7)
        + (u % -0.7)
        + where(u > 0, 0.0, u % p)
        + where(u == u, minimum(u, 1.0), bad)
        + u**3
        + (0 * u + 1) ** (1 / (0 * k))
        + (0 * u - 1) ** (1 / (0 * k))
        + floor(u) * 0.1
        + where((u > 0) & (p > 0) | (k > 3), 1.0, -1.0)
        + sign(0 * u)
        + where(maximum(bad, u) >= 0, 0.25, 0.5)
    ) * 0.05


CASES: dict[str, Rule] = {
    **{
        name: method(**({"lr": 0.1} if name in {*NEED_LR, "lars"} else {}))
        for name, method in rules.METHODS.items()
        if name not in OPAQUE
    },
    "clipped-averaged": chain(
        rules.clip_norm(max_norm=0.5), rules.adamw(lr=cosine(0.1, steps=20), exempt="vectors"), rules.average(beta=0.9)
    ),
    "clipped-by-tensor": chain(rules.clip_norm(max_norm=0.5, over="tensor"), rules.sgd(lr=0.1)),
    "clipped-by-value": chain(rules.clip_value(max_value=0.3), rules.sgd(lr=0.1), rules.polyak_average(start=3)),
    "amsgrad": rules.adam(amsgrad=True, weight_decay=0.1),
    "rmsprop-centered": rules.rmsprop(centered=True, momentum=0.9, eps_position="inside"),
    "nesterov-lookahead": rules.nesterov(lr=0.02, form="lookahead"),
    "adagrad-initial": rules.adagrad(initial=0.5),
    "polyak-step": examples.polyak_step(lowest=-1.0, eps=0.1),
    "precondition": chain(examples.precondition(), rules.learning_rate(lr=0.01)),
    "ascend": chain(examples.ascend(), rules.sgd(lr=0.1)),
    "slow-weights": chain(rules.sgd(lr=0.1), examples.slow_weights()),
    "switch": chain(
        examples.switch(first=rules.scale_by_adam(), second=rules.scale_by_lion()), rules.learning_rate(lr=0.1)
    ),
    "grafted": chain(
        examples.grafted(size=rules.scale_by_lion(), direction=rules.scale_by_adam()), rules.learning_rate(lr=0.1)
    ),
    "d-adaptation": examples.d_adaptation(growth=2.0),
    "normalize-tensor": chain(examples.normalize_tensor(), rules.learning_rate(lr=0.1)),
    "difference": chain(rules.clip_value(max_value=1.0), examples.difference(), rules.learning_rate(lr=0.1)),
    "optional-decay": chain(examples.optional_decay(share=0.1, mode="minus"), rules.learning_rate(lr=0.01)),
    "every-kind": every_kind(),
    "swapped": chain(swapped(), rules.learning_rate(lr=0.01)),
    "corners": corners(),
}


def constant(value: float, like: Any) -> Any:
    return like.tracer.constant(value) if isinstance(like, Node) else Bundle.one(value)


def random_rule(seed: int) -> Rule:
    rng = np.random.default_rng(seed)
    made = expression(lambda below: int(rng.integers(below)), ("u", "p", "m", "k", "a", "b"), depth=5)

    @rule(slots=("m",))
    def drawn(u, p, m, k, *, a: Unit = 0.25, b: Unit = 0.75):
        value = made({"number": constant, "u": u, "p": p, "m": m, "k": k, "a": a, "b": b})
        bounded = where(value * 0 == 0, minimum(maximum(value, -1.0), 1.0), 0.125)
        return 0.1 * bounded + 0.01 * u, 0.5 * m + bounded

    return drawn()


DRAWN = {f"drawn-{seed}": random_rule(seed) for seed in range(60)}


def walked(made: Rule, steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run in NumPy: what Node needs to repeat it, and what it must find. One tensor misses some gradients."""
    world = field(3, steps)
    names = list(world.start)
    params = {name: np.array(p) for name, p in world.start.items()}
    state = made.init(params)
    told, seen = [], []
    for step in range(steps):
        settings, extra, inputs = made.values(state.step), {}, {}
        if "value" in made.needs:
            extra["value"] = inputs["value"] = 2.0 + math.sin(step)
        if "hessian_diagonal" in made.needs:
            extra["hessian_diagonal"] = {name: np.abs(world.noise[step][name]) for name in names}
            inputs["hessian_diagonal"] = [flat(extra["hessian_diagonal"][name]) for name in names]
        query, at = made.link_with("query"), None
        if query is not None:
            at = world.at(step, params)
            asked = made.query(params, state, at if query[1].queries_gradient else None)
        grads: dict[str, Any] = world.at(step, params if query is None else asked)
        if step % 4 == 2 and not made.needs:
            grads["bias"] = None
        params, state, _ = made.update(params, grads, state, **extra)
        told.append({
            "grads": [None if grads[name] is None else flat(grads[name]) for name in names],
            "at": None if at is None else [flat(at[name]) for name in names],
            "settings": settings,
            "inputs": inputs,
        })
        points = [params, *([asked] if query is not None else [])]
        points += [made.answer(params, state)] if made.link_with("answer") is not None else []
        seen.append([flat(point[name]) for point in points for name in names])
    slots = {
        path: flat(tensors[""]) if "" in tensors else [flat(tensors[name]) for name in names]
        for path, tensors in state.slots.items()
    }
    starts = [flat(world.start[name]) for name in names]
    ndims = [len(SHAPES[name]) for name in names]
    found = {"seen": seen, "slots": slots, "step": state.step, "ages": [state.ages[name] for name in names]}
    return {"starts": starts, "ndims": ndims, "steps": told}, found


def flat(array: Any) -> list[float]:
    return [float(x) for x in np.ravel(array)]


@cache
def results() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What Node and NumPy found, for all rules."""
    import tempfile

    expected = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, made in {**CASES, **DRAWN}.items():
            told, expected[name] = walked(made, STEPS if name in CASES else 6)
            (place / f"{name}.json").write_text(json.dumps(told))
            (place / f"{name}.mjs").write_text(javascript(made))
        (place / "run.mjs").write_text(RUN)
        done = subprocess.run([str(NODE), "run.mjs"], cwd=place, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        found = json.loads((place / "results.json").read_text())
    return found, expected


def alike(ours: Any, theirs: Any, what: str) -> None:
    ours = np.array([float(x) for x in np.ravel(np.concatenate([np.ravel(np.array(x, dtype=object)) for x in ours]))])
    theirs = np.concatenate([np.ravel(x) for x in theirs])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12, err_msg=what)


@needs_node
@pytest.mark.parametrize("name", [*CASES, *DRAWN])
def test_equals_numpy(name: str) -> None:
    found, expected = (side[name] for side in results())
    assert (found["step"], found["ages"]) == (expected["step"], expected["ages"])
    for step, (ours, theirs) in enumerate(zip(found["seen"], expected["seen"], strict=True)):
        alike(ours, theirs, f"step {step}")
    assert found["slots"].keys() == expected["slots"].keys()
    for path, slot in found["slots"].items():
        alike([np.array(x, dtype=object) for x in slot], [np.ravel(x) for x in expected["slots"][path]], path)


@needs_node
def test_the_random_rules_are_not_all_alike() -> None:
    ends = {tuple(np.round(expected["seen"][-1][0], 9)) for expected in (results()[1][name] for name in DRAWN)}
    assert len(ends) > len(DRAWN) // 2
    assert all(np.isfinite(x).all() for name in CASES for x in results()[1][name]["seen"][-1])


@needs_node
def test_one_flat_array_is_a_model_of_one_tensor(tmp_path: Path) -> None:
    made = chain(rules.adam(lr=0.1), rules.average(beta=0.5))
    (tmp_path / "adam.mjs").write_text(javascript(made))
    (tmp_path / "run.mjs").write_text(
        'import { init, step, answer, hyper } from "./adam.mjs";\n'
        "const p = [1, -2];\nconst state = init(p);\n"
        'for (let k = 0; k < 3; k += 1) step(p, p.map((x) => 2 * x), state, { "scale_by_adam.beta1": 0.5 });\n'
        "console.log(JSON.stringify([p, Array.from(answer(p, state)), hyper]));\n"
    )
    done = subprocess.run([str(NODE), "run.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    ours, mean_of_it, hyper = json.loads(done.stdout)
    same = chain(rules.adam(lr=0.1, beta1=0.5), rules.average(beta=0.5))
    p, state = np.array([1.0, -2.0]), same.init(np.array([1.0, -2.0]))
    for _ in range(3):
        p, state, _ = same.update(p, 2 * p, state)
    np.testing.assert_allclose(ours, p, rtol=1e-12)
    np.testing.assert_allclose(mean_of_it, same.answer(p, state), rtol=1e-12)
    assert hyper == made.values(0)


def test_the_source_names_local_values_and_needs_no_other_module() -> None:
    source = javascript(rules.adam())
    assert "// m_hat" in source
    assert "import " not in source


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (examples.noise(), "noise draws random numbers, which has no JavaScript"),
        (examples.factored(), "factored is an opaque formula"),
        (partition(lambda name, shape: "all", all=rules.sgd(lr=0.1)), "a graph for each part"),
        (rule(slots=(Slot("m", dtype="float32"),))(lambda u, m: (u, m))(), "slot <lambda>.m must be like"),
        (rule(slots=(Slot("n", like="model"),))(lambda u, n: (u, n + norm(u)))(), "one number, but its new value is"),
    ],
)
def test_what_has_no_javascript_is_refused(made: Rule, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        javascript(made)
