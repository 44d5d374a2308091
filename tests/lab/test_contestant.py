"""Everything that may take part in a study, the space it is tuned in, and what is refused."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import numpy as np
import optax
import pytest
import tiny
import torch

from steepest import rules, schedules
from steepest.core.errors import InputError, InputTypeError, ProblemError, SteepestError, UnknownNameError
from steepest.core.sources import Source
from steepest.formula import Positive, Rule, chain, rule
from steepest.lab import SPACES, Dimension, Space
from steepest.lab.contestant import Contestant, contestant
from steepest.lab.problem_source import resolve
from steepest.problems import get
from steepest.run import run

OPEN = Space.of(Dimension("lr", 1e-4, 1.0))


@rule
def halved(u, *, share: Positive = 0.5):
    return share * u


def momentum_of_mine(*, lr: float, beta: float = 0.8) -> Rule:
    return rules.heavy_ball(lr=lr, beta=beta)


def with_space(*, lr: float, beta: float = 0.8) -> Rule:
    return rules.heavy_ball(lr=lr, beta=beta)


with_space.space = Space.of(Dimension("lr", 1e-2, 1.0), Dimension("beta", 0.1, 0.9, "linear"))


@pytest.mark.parametrize(
    ("item", "name", "space"),
    [
        ("adam", "adam", SPACES["adam"]),
        (rules.adam, "adam", SPACES["adam"]),
        (rules.sgd(lr=0.1), "sgd", Space()),
        (momentum_of_mine, "momentum_of_mine", OPEN),
        (with_space, "with_space", with_space.space),
        (halved, "halved", OPEN),
        (halved(share=0.1), "halved", OPEN),
        (rules.scale_by_adam, "scale_by_adam", OPEN),
        (torch.optim.AdamW, "torch.AdamW", OPEN),
        (functools.partial(torch.optim.SGD, momentum=0.9), "torch.SGD", OPEN),
        (functools.partial(torch.optim.SGD, lr=0.1), "torch.SGD", Space()),
        ("torch.optim:NAdam", "torch.NAdam", OPEN),
        (optax.adamw, "optax.adamw", Space.of(Dimension("learning_rate", 1e-4, 1.0))),
        (optax.sgd(0.1), "optax.GradientTransformationExtraArgs", Space()),
        (lambda lr: optax.sgd(lr), "<lambda>", OPEN),
    ],
)
def test_each_kind_has_its_name_and_space_and_can_be_run(item, name: str, space: Space):
    found = contestant(item)
    assert (found.name, found.space) == (name, space)
    setting = found.space.setting([0.5] * len(space.dimensions))
    trace = run(get("bowl"), found.make(setting, "constant", 3), steps=3)
    assert trace.status.ok and trace.last("value") != trace.evaluations["value"][0]


def test_a_setting_and_a_schedule_reach_the_method():
    assert contestant("adam").make({"lr": 0.1, "beta1": 0.5, "beta2": 0.7}, "constant", 9) == rules.adam(
        lr=0.1, beta1=0.5, beta2=0.7
    )
    assert contestant("sgd").make({"lr": 0.1}, "cosine", 9) == rules.sgd(lr=schedules.cosine(0.1, 9))
    assert contestant(momentum_of_mine).make({"lr": 0.1}, "step", 9) == rules.heavy_ball(
        lr=schedules.step_decay(0.1, 3, 0.1), beta=0.8
    )
    made = contestant(halved).make({"lr": 0.1}, "cosine", 9)
    assert made == chain(halved(), rules.learning_rate(lr=schedules.cosine(0.1, 9))).named("halved")
    torch_method = contestant(functools.partial(torch.optim.SGD, momentum=0.9)).make({"lr": 0.1}, "cosine", 9)
    assert torch_method.settings == {"momentum": 0.9, "lr": 0.1} and torch_method.schedule == schedules.cosine(0.1, 9)
    optax_method = contestant(optax.sgd).make({"learning_rate": 0.1}, "cosine", 9)
    assert optax_method.settings == {"learning_rate": 0.1} and optax_method.schedule == schedules.cosine(0.1, 9)


def fingerprint(found: Contestant, **setting: float) -> str:
    return found.fingerprint(found.make(setting, "constant", 5))


def test_fingerprints_tell_settings_and_code_apart_and_nothing_else(tmp_path: Path):
    assert fingerprint(contestant("sgd"), lr=0.1) == fingerprint(contestant(rules.sgd), lr=0.1)
    assert fingerprint(contestant("sgd"), lr=0.1) != fingerprint(contestant("sgd"), lr=0.2)
    adam = contestant(torch.optim.Adam)
    assert fingerprint(adam, lr=0.1) == fingerprint(contestant("torch.optim:Adam"), lr=0.1)
    assert fingerprint(adam, lr=0.1) != fingerprint(adam, lr=0.2)
    assert fingerprint(adam, lr=0.1) != fingerprint(contestant(torch.optim.AdamW), lr=0.1)
    sgds = {fingerprint(contestant(optax.sgd(lr))) for lr in (0.1, 0.2)} | {fingerprint(contestant(optax.adam(0.1)))}
    assert len(sgds) == 3 and fingerprint(contestant(optax.sgd(0.1))) in sgds
    text = "import torch\nclass Mine(torch.optim.SGD):\n    scale = {}\n"
    seen = set()
    for number in (1, 2):
        path = tmp_path / str(number) / "mine.py"
        path.parent.mkdir()
        path.write_text(text.format(number))
        seen.add(fingerprint(contestant(f"{path}:Mine"), lr=0.1))
    assert len(seen) == 2


USER_FILE = """
import functools, torch
from neighbour import LR
from steepest import rules
from steepest.formula import rule

@rule
def signed(u, *, power: float = 1.0):
    return u * power

def mine(lr=LR):
    return rules.sgd(lr=lr)

def broken(lr):
    return 1 / 0

opt = functools.partial(torch.optim.SGD, momentum=0.5)
number = 7
class Nested:
    rule = rules.sgd(lr=0.5)
"""


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("LR = 0.25\n")
    path = tmp_path / "my_methods.py"
    path.write_text(USER_FILE)
    yield path
    sys.modules.pop("neighbour", None)


@pytest.mark.parametrize("name", ["signed", "mine", "opt", "Nested.rule"])
def test_objects_of_a_file_take_part_under_their_own_names(user_file: Path, name: str):
    path_before = list(sys.path)
    found = contestant(f"{user_file}:{name}")
    assert found.name == name and found.reference == f"{user_file}:{name}" and sys.path == path_before
    method = found.make(found.space.setting([0.5]), "constant", 2)
    assert run(get("bowl"), method, steps=2).status.ok


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("sined", UnknownNameError, "unknown name in my_methods.py 'sined'; did you mean signed"),
        ("number", InputTypeError, "number: a method must be a rule, .* got int"),
        ("broken", ProblemError, r"broken: ZeroDivisionError: division by zero \(my_methods.py:15\)"),
        ("", ProblemError, "must be a file or module and a name in it"),
    ],
)
def test_what_a_file_lacks_or_raises_is_one_line(user_file: Path, name: str, error: type, words: str):
    with pytest.raises(error, match=words) as raised:
        contestant(f"{user_file}:{name}")
    assert "\n" not in str(raised.value)


def test_only_names_that_a_file_defines_are_offered(user_file: Path):
    with pytest.raises(UnknownNameError, match=r"unknown name in my_methods\.py 'rul'") as raised:
        contestant(f"{user_file}:rul")
    assert not {"rule", "rules", "functools"} & set(raised.value.known) and "signed" in raised.value.known


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0\n", r"bad.py: ZeroDivisionError: division by zero \(bad.py:1\)"),
        ("def f(:\n", r"bad.py: SyntaxError: .* \(bad.py:1\)"),
        ("import nowhere_at_all\n", r"ModuleNotFoundError: .*nowhere_at_all.* \(bad.py:1\)"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_run_is_one_line_and_leaves_no_module(tmp_path: Path, text: str, words: str):
    path = tmp_path / "bad.py"
    path.write_text(text)
    before = set(sys.modules)
    for load in (contestant, resolve):
        with pytest.raises(ProblemError, match=words):
            load(f"{path}:make")
    assert {name for name in set(sys.modules) - before if "steepest_source" in name} == set()


def test_files_and_modules_that_are_not_there_are_named():
    with pytest.raises(ProblemError, match=r"there is no file 'no.py'"):
        Source.parse("no.py:make")
    with pytest.raises(ProblemError, match=r"followed by a name in it, as in 'no.py:make'"):
        Source.parse("no.py")
    with pytest.raises(ProblemError, match=r"'nowhere\.at\.all' is not a module"):
        contestant("nowhere.at.all:f")
    with pytest.raises(UnknownNameError, match="did you mean NAdam"):
        contestant("torch.optim:NAdm")


def needs_more(lr: float, momentum: float) -> Rule:
    return rules.heavy_ball(lr=lr, beta=momentum)


def forgets_step(lr: float) -> Rule:
    return rules.scale_by_adam()


def misspelt(lr: float) -> Rule:
    return rules.sgd(lr=lr)


misspelt.space = Space.of(Dimension("rate", 1e-3, 1.0))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (needs_more, "needs_more: momentum must have a default"),
        (forgets_step, "takes lr but returns a rule without learning_rate"),
        (misspelt, r"its space names 'rate', which it does not take; it takes \['lr'\]"),
        (lambda: 3, "must return a rule, .* got int"),
        (lambda lr: rules.sgd(lr=-lr), r"sgd: lr must be in \(0, inf\), got -0.01"),
        (None, "got NoneType"),
        (object(), "got object"),
        (np.zeros(3), "got ndarray"),
    ],
)
def test_what_cannot_take_part_is_refused(item, words: str):
    with pytest.raises(SteepestError, match=words):
        contestant(item)


def test_an_optimizer_whose_rate_has_another_name_is_refused_a_schedule():
    class Renamed(torch.optim.SGD):
        def __init__(self, params, learning_rate=0.1):
            super().__init__(params, lr=learning_rate)

    found = contestant(Renamed)
    assert found.space.names == ("learning_rate",)
    found.make({"learning_rate": 0.1}, "constant", 3)
    with pytest.raises(InputError, match="schedule must be 'constant'"):
        found.make({"learning_rate": 0.1}, "cosine", 3)


def test_problems_come_from_names_files_functions_and_objects(tmp_path: Path):
    line = tiny.line()
    assert resolve("bowl").name == "bowl" and resolve(line) is line and resolve(tiny.line).name == "line"
    path = tmp_path / "p.py"
    path.write_text(
        "from steepest.problems import get\nSEEN = []\n"
        "def make(seed):\n    SEEN.append(seed)\n    return get('bowl')\n"
        "def bare():\n    return get('beale')\nready = get('parabola')\nwrong = 3\n"
        "def raising(seed):\n    return {}[seed]\n"
    )
    names = [resolve(f"{path}:{name}").name for name in ("make", "bare", "ready")]
    assert names == ["bowl", "beale", "parabola"] and Source.parse(f"{path}:SEEN").load() == [0]
    with pytest.raises(InputTypeError, match="wrong: a problem must be"):
        resolve(f"{path}:wrong")
    with pytest.raises(ProblemError, match=r"raising: KeyError: 0 \(p.py:11\)"):
        resolve(f"{path}:raising")
