"""Arrays, errors, the counting oracle, statuses and facts."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from steepest.core import errors
from steepest.core.arrays import assign, copy, is_array, is_finite, like, namespace, to_numpy
from steepest.core.errors import MissingExtraError, UnknownNameError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.status import Status
from steepest.core.stepper import Stepper, StepReport

LIBRARIES = {
    "numpy": lambda x, dtype="float32": np.asarray(x, dtype=dtype),
    "torch": lambda x, dtype="float32": torch.as_tensor(np.asarray(x), dtype=getattr(torch, dtype)),
    "jax": lambda x, dtype="float32": jnp.asarray(x, dtype=dtype),
}
each_library = pytest.mark.parametrize("library", LIBRARIES)


@each_library
def test_arrays(library: str) -> None:
    array: Any = LIBRARIES[library]([1.0, 2.0])
    assert is_array(array)
    assert namespace(array) is namespace(array[:1])
    scalar = like(0.5, array)
    assert (type(scalar), scalar.dtype, tuple(scalar.shape)) == (type(array), array.dtype, ())
    assert is_finite(array)
    for bad in (np.nan, np.inf, -np.inf):
        assert not is_finite(LIBRARIES[library]([1.0, bad]))
    assert is_finite(array[:0])
    np.testing.assert_array_equal(to_numpy(array), [1.0, 2.0])
    assert isinstance(to_numpy(array), np.ndarray)


@each_library
def test_copies_share_nothing(library: str) -> None:
    array = LIBRARIES[library]([1.0, 2.0])
    twin = copy(array)
    assert type(twin) is type(array)
    if library == "jax":
        with pytest.raises(TypeError, match="cannot be changed in place"):
            assign(array, twin)
        return
    assign(array, LIBRARIES[library]([5.0, 6.0], "float64"))
    np.testing.assert_array_equal(to_numpy(array), [5.0, 6.0])
    np.testing.assert_array_equal(to_numpy(twin), [1.0, 2.0])
    assert to_numpy(array).dtype == np.float32


def test_torch_parameters_are_written_without_a_graph() -> None:
    p = torch.nn.Parameter(torch.zeros(2))
    assign(p, torch.ones(2))
    assert p.is_leaf
    assert p.requires_grad
    assert not copy(p).requires_grad
    np.testing.assert_array_equal(to_numpy(p), 1.0)


@pytest.mark.parametrize("value", [1.0, [1.0], "x", None])
def test_what_is_no_array(value: object) -> None:
    assert not is_array(value)


def test_errors_are_what_numpys_and_torchs_users_catch() -> None:
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.InputTypeError, TypeError)
    assert issubclass(errors.FormulaError, TypeError)
    assert issubclass(errors.NonfiniteError, ValueError)
    assert issubclass(errors.MissingExtraError, ImportError)
    leaves = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(e, errors.SteepestError) for e in leaves)


def test_unknown_names_offer_the_nearest() -> None:
    error = UnknownNameError("method", "adm", ["adam", "adamw", "lion"])
    assert str(error) == "unknown method 'adm'; did you mean adam, adamw?"
    assert str(UnknownNameError("method", "zzz", ["lion", "adam"])) == "unknown method 'zzz'; known: adam, lion"
    assert str(UnknownNameError("method", "zzz", [])) == "unknown method 'zzz'; known: none"


def test_errors_cross_processes() -> None:
    for error in (
        UnknownNameError("method", "adm", ["adam"]),
        MissingExtraError("PyTorch", "torch"),
        errors.InputError("x must be y"),
        errors.HyperparameterError("adam", "beta1", "must be in [0, 1), got 1.0"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
    assert "pip install 'steepest[torch]'" in str(MissingExtraError("PyTorch", "torch"))


class Parabola(Objective):
    def __init__(self) -> None:
        self.x = {"x": np.array([3.0])}

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        return self.x

    @property
    def samples(self) -> int:
        return 7

    def value_and_gradient(self) -> Evaluation:
        return Evaluation(float(self.x["x"][0] ** 2), {"x": 2 * self.x["x"]})


def test_the_oracle_counts_every_call() -> None:
    heard: list[float] = []
    objective = Parabola()
    oracle = Oracle(objective, lambda evaluation: heard.append(evaluation.value))
    assert oracle.tensors is objective.tensors
    assert oracle.value() == 9.0
    evaluation = oracle.value_and_gradient()
    oracle.value_and_gradient()
    np.testing.assert_array_equal(evaluation.gradients["x"], [6.0])
    assert oracle.calls.to_dict() == {"value": 1, "gradient": 2, "samples": 14, "hessian_vector": 0}
    assert heard == [9.0, 9.0]
    assert objective.measure() == {"value": 9.0}
    assert oracle.calls.gradient == 2, "measuring is not charged"
    objective.advance()


def test_every_status_has_a_message() -> None:
    for status in Status:
        assert status.message
        assert Status(str(status)) is status
        assert bool(status.advice) or status in {Status.CONVERGED, Status.STOPPED, Status.RUNNING}
    assert [s for s in Status if s.ok] == [Status.CONVERGED, Status.MAX_STEPS, Status.MAX_CALLS, Status.STOPPED]


def test_facts() -> None:
    assert ProblemFacts(L=10.0, mu=2.0).kappa == 5.0
    assert ProblemFacts(L=10.0).kappa is None
    assert ProblemFacts(L=10.0, mu=0.0).kappa is None
    assert MethodFacts("sgd", step=0.1).to_dict() == {"family": "sgd", "step": 0.1, "momentum": None, "schedule": None}
    assert ProblemFacts().to_dict()["source"] == "not stated"


def test_a_step_report_is_a_value() -> None:
    report = StepReport(3)
    assert (report.applied, report.finite, report.value, dict(report.seen)) == (True, None, None, {})
    with pytest.raises(AttributeError):
        report.step = 4  # type: ignore[misc]
    assert not isinstance(object(), Stepper)


def test_importing_the_rules_needs_neither_torch_nor_jax() -> None:
    code = (
        "import sys, steepest, steepest.rules, steepest.schedules, steepest.engines\n"
        "assert not {'torch', 'jax', 'optax', 'numba', 'scipy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_rule_runs_without_torch_and_jax() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None; sys.modules['jax'] = None\n"
        "import numpy as np\n"
        "from steepest.rules import adamw\n"
        "r = adamw(); p = np.ones(2)\n"
        "r.update(p, p, r.init(p))\n"
        "try:\n    import steepest.torch\n"
        "except ImportError as error:\n    assert \"pip install 'steepest[torch]'\" in str(error)\n"
        "else:\n    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
