"""The fingerprint changes with what defines a run, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from steepest.problems import TrainingProblem, digits_mlp
from steepest.problems.fingerprint import fingerprint

WIDTH = 3


def model():
    return nn.Linear(4, WIDTH)


class Net(nn.Linear):
    def __init__(self):
        super().__init__(4, WIDTH)


def loss(model, batch):
    return cross_entropy(model(batch[0]), batch[1])


def make(**changes):
    x, y = np.arange(80, dtype=np.float32).reshape(20, 4), np.arange(20) % 3
    arguments = {"model": model, "loss": loss, "train": (x, y), "validation": (x, y), "batch_size": 8} | changes
    return TrainingProblem("mine", arguments.pop("model"), arguments.pop("loss"), **arguments).fingerprint()


def test_it_changes_with_everything_that_defines_a_run():
    x, y = np.arange(80, dtype=np.float32).reshape(20, 4), np.arange(20) % 3
    bumped = x.copy()
    bumped[19, 3] = np.nextafter(bumped[19, 3], np.float32(np.inf))
    found = [
        make(),
        make(train=(bumped, y)),
        make(validation=(bumped, y)),
        make(train=(x.astype(np.float64), y)),
        make(train=(x.reshape(20, 2, 2), y)),
        make(train={"x": x, "y": y}),
        make(train=(x[:19], y[:19])),
        make(test=(x, y)),
        make(batch_size=9),
        make(metric=loss),
        make(loss=lambda m, b: cross_entropy(m(b[0]), b[1])),
        make(loss=lambda m, b: 2 * cross_entropy(m(b[0]), b[1])),
        make(model=lambda: nn.Linear(4, 3)),
        make(model=partial(nn.Linear, 4, 3)),
        make(model=partial(nn.Linear, 4, 3, bias=False)),
    ]
    assert len(set(found)) == len(found)
    assert make() == make(train=(torch.from_numpy(x), torch.from_numpy(y))) == found[0]
    assert make(target=1.0, summary="other words") == found[0], "what no run depends on"


def test_it_follows_values_that_functions_reach(monkeypatch):
    def scaled(factor):
        return lambda m, b: factor * loss(m, b)

    assert make(loss=scaled(1.0)) == make(loss=scaled(1.0)) != make(loss=scaled(2.0))
    weights = [torch.ones(3), torch.tensor([1.0, 2.0, 1.0])]
    assert make(loss=scaled(weights[0])) == make(loss=scaled(torch.ones(3))) != make(loss=scaled(weights[1]))
    smooth = [nn.CrossEntropyLoss(label_smoothing=s) for s in (0.0, 0.1)]
    assert make(loss=scaled(smooth[0])) != make(loss=scaled(smooth[1]))
    before, of_class = make(), fingerprint(Net)
    monkeypatch.setitem(globals(), "WIDTH", 4)
    assert make() != before and fingerprint(Net) != of_class
    monkeypatch.setitem(globals(), "WIDTH", 3)
    assert make() == before


SCRIPT = """
import numpy as np, torch
from torch import nn
from torch.nn.functional import cross_entropy
from steepest.problems import TrainingProblem, get

KEYS = {{"a", "b", "c", "d"}}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, {width})

    def forward(self, x):
        return self.layer(x) if "a" in {{"a", "b", "c"}} and KEYS else x

def helper(x):
    return {factor} * x

def loss(model, batch):
    return helper(cross_entropy(model(batch[0]), batch[1]))

x, y = np.arange(80, dtype=np.float32).reshape(20, 4), np.arange(20) % 3
problem = TrainingProblem("mine", Net, loss, (x, y), (x, y), batch_size=8, metric=lambda m, b: float(len(b)))
print(problem.fingerprint())
"""
RUN_ALL = """
import runpy, sys
import __main__
from steepest.problems import get

for path in sys.argv[1:]:
    runpy.run_path(path, run_name="__main__")
for path in sys.argv[1:]:
    exec(compile(open(path, encoding="utf-8").read(), "<string>", "exec"), {"__name__": "__main__"})
print(*(get(name).fingerprint() for name in ("quadratic", "beale", "digits-mlp")))
"""


def test_it_is_the_same_in_another_process(tmp_path):
    """From files and from strings, as `python -c` has them; another hash seed, another folder; not another source."""
    changes = {"plain": {}, "wider": {"width": 4}, "doubled": {"factor": 2}}

    def run(hash_seed, folder):
        paths = [tmp_path / folder / f"{name}.py" for name in changes]
        (tmp_path / folder).mkdir()
        for path, values in zip(paths, changes.values(), strict=True):
            path.write_text(SCRIPT.format(**{"width": 3, "factor": 1} | values))
        command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", RUN_ALL, *map(str, paths)]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()

    first = run("1", "here")
    assert first == run("2", "there")
    assert first[-1] == digits_mlp().fingerprint()
    assert len({*first[:3]}) == 3 and len({*first[3:6]}) == 3


def test_parts_do_not_run_together():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint([1, [2]]) != fingerprint([[1], 2]) != fingerprint([1, 2])
    assert fingerprint(lambda: ab + c) != fingerprint(lambda: a + bc)  # noqa: F821
    assert fingerprint(1) != fingerprint(True) != fingerprint("1") != fingerprint(b"1")
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"a": 1, "b": 2})
    assert fingerprint({"b", "a"}) == fingerprint({"a", "b"})


def test_recursion_ends():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    loop = []
    loop.append(loop)
    assert fingerprint(even) == fingerprint(even) != fingerprint(odd)
    assert fingerprint(loop) == fingerprint(loop)
