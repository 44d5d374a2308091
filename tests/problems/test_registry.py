"""The table of built-in problems."""

from __future__ import annotations

import subprocess
import sys

import pytest

from steepest import problems
from steepest.core.errors import InputTypeError, UnknownNameError
from steepest.core.oracle import Oracle


@pytest.mark.parametrize("name", problems.names())
def test_every_problem_is_what_its_line_says(name):
    problem = problems.get(name)
    assert problem.name == name
    assert problem.summary and "\n" not in problem.summary and len(problem.summary) < 100
    if name not in problems.MGH:
        assert getattr(problems, problems.PROBLEMS[name].factory)().fingerprint() == problem.fingerprint()
        assert problems.PROBLEMS[name].factory in dir(problems)
    assert 0 < len(problems.summary(name)) < 90
    problem.check()
    oracle = Oracle(problem.start(seed=3))
    value, gradients = oracle.value_and_gradient()
    assert value == oracle.value() and gradients.keys() == oracle.tensors.keys()
    assert oracle.calls.samples == problem.start(seed=3).samples


def test_names_are_the_table_in_order():
    assert problems.names() == tuple(problems.PROBLEMS)
    assert {"parabola", "bowl", "quadratic", "rosenbrock", "beale", "digits-mlp"} <= set(problems.names())


@pytest.mark.parametrize("lookup", [problems.get, problems.summary])
def test_an_unknown_name_offers_the_nearest(lookup):
    with pytest.raises(UnknownNameError, match="unknown problem 'rosenbruck'; did you mean rosenbrock"):
        lookup("rosenbruck")


def test_settings_are_those_of_the_function():
    assert len(problems.get("rosenbrock", dim=7).x0) == 7
    assert problems.get("mgh-gulf", m=10).residuals([5.0, 2.5, 0.15]).shape == (10,)
    with pytest.raises(InputTypeError, match=r"rosenbrock: has no setting 'dims'; did you mean dim\?"):
        problems.get("rosenbrock", dims=7)
    with pytest.raises(InputTypeError, match="mgh-wood: has no setting 'dim'"):
        problems.get("mgh-wood", dim=7)


def test_fingerprints_are_all_different():
    found = {problems.get(name).fingerprint() for name in problems.names() if name != "digits-mlp"}
    assert len(found) == len(problems.names()) - 1


def test_listing_imports_no_heavy_library():
    code = (
        "import sys, steepest.problems as p\n"
        "[p.summary(name) for name in p.names()], p.get('bowl'), p.FunctionProblem\n"
        "print([name for name in ('torch', 'sklearn', 'jax', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("missing", "extra"), [("torch", "PyTorch.*torch"), ("sklearn.datasets", "scikit-learn.*lab")])
def test_a_missing_library_says_what_to_install(missing, extra):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import steepest.problems as p\n"
        "from steepest.core.errors import MissingExtraError\n"
        "try: p.get('digits-mlp')\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    what, name = extra.split(".*")
    assert done.stdout.strip() == f"{what} is not installed; install it with: pip install 'steepest[{name}]'"


def test_no_other_attribute():
    with pytest.raises(AttributeError, match="no attribute 'wood'"):
        _ = problems.wood
