"""A run that is paused, saved and continued gives the bits of one that is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

from steepest import minimize, rules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import (
    BFGS,
    LBFGS,
    LBFGSB,
    SR1,
    BarzilaiBorwein,
    HagerZhang,
    LevenbergMarquardt,
    Newton,
    NewtonCG,
    NonlinearCG,
    SteepestDescent,
    TrustRegion,
)
from steepest.methods.state import pack, unpack
from steepest.methods.step_sizes.constant import Scheduled
from steepest.schedules import cosine

START = np.resize([-1.2, 1.0], 6)
METHODS = [
    BFGS(),
    BFGS(TrustRegion("dogleg")),
    LBFGS(memory=3),
    LBFGS(memory=20),
    LBFGS(step_size=HagerZhang()),
    LBFGSB(memory=3),
    SR1(),
    Newton(),
    Newton(TrustRegion("exact")),
    NewtonCG(),
    NonlinearCG("HZ"),
    SteepestDescent(BarzilaiBorwein("alternating")),
    SteepestDescent(Scheduled(cosine(1e-3, steps=40))),
    LevenbergMarquardt(),
    rules.adam(lr=0.02),
    rules.nesterov(lr=1e-4),
    rules.schedule_free_sgd(lr=1e-3),
]


def residuals(x):
    return np.concatenate((10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]))


def run(method, **kwargs):
    if isinstance(method, LevenbergMarquardt):
        return minimize(residuals, START, method=method, **kwargs)
    return minimize(rosen, START, jac=rosen_der, hess=rosen_hess, method=method, **kwargs)


def same(one, two):
    assert (one.nit, one.nfev, one.njev, one.fun, one.status) == (two.nit, two.nfev, two.njev, two.fun, two.status)
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.trace.steps["value"], two.trace.steps["value"])


@pytest.mark.parametrize("pause", [1, 7])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name}-{getattr(getattr(m, 'step_size', m), 'name', '')}")
def test_a_saved_run_goes_on_bit_for_bit(method, pause, tmp_path):
    options = {"maxiter": 25, "gtol": 1e-9}
    whole = run(method, options=options)
    paused = run(method, options=options, callback=lambda r: r.nit == pause)
    if whole.nit <= pause:
        return
    assert paused.status is Status.STOPPED and paused.nit == pause
    paused.save(tmp_path / "state")
    resumed = run(method, options=options, resume=tmp_path / "state")
    if method.name in {"schedule_free_sgd", "nesterov"}:  # the answer of the paused run was evaluated too
        np.testing.assert_array_equal(resumed.x, whole.x)
        np.testing.assert_array_equal(resumed.trace.steps["value"], whole.trace.steps["value"])
    else:
        same(resumed, whole)


@pytest.mark.parametrize("method", [BFGS(), LBFGS(), rules.adam(lr=0.02)], ids=lambda m: m.name)
def test_continue_takes_more_steps_and_leaves_the_first_result_alone(method):
    first = run(method, options={"maxiter": 5, "gtol": 1e-9})
    before = (first.x.copy(), first.fun, first.nit, len(first.trace.steps["value"]))
    more = first.continue_(7)
    assert more.nit == 12
    same(more, run(method, options={"maxiter": 12, "gtol": 1e-9}))
    again = first.continue_(7)
    same(again, more)
    np.testing.assert_array_equal(first.x, before[0])
    assert (first.fun, first.nit, len(first.trace.steps["value"])) == before[1:]


def test_a_state_in_memory_resumes_too_and_stays_as_it_is():
    paused = run(BFGS(), options={"maxiter": 5})
    one = run(BFGS(), resume=paused.state)
    two = run(BFGS(), resume=paused.state)
    same(one, two)
    assert paused.state.steps == 5


def test_what_cannot_be_resumed_is_refused(tmp_path):
    paused = run(BFGS(), options={"maxiter": 5})
    with pytest.raises(InputError, match="resume is of BFGS"):
        run(LBFGS(), resume=paused.state)
    with pytest.raises(InputError, match="resume is of 6 numbers, and x0 has 2"):
        minimize(rosen, START[:2], jac=rosen_der, method=BFGS(), resume=paused.state)
    with pytest.raises(InputError, match="must be a readable file"):
        run(BFGS(), resume=tmp_path / "nothing")
    with pytest.raises(InputTypeError, match="must be a result's state or a path"):
        run(BFGS(), resume=3)
    (tmp_path / "noise").write_bytes(b"noise")
    with pytest.raises(InputError, match="not a state saved by steepest"):
        run(BFGS(), resume=tmp_path / "noise")
    with pytest.raises(InputError, match="path must be writable"):
        paused.save(tmp_path / "no" / "where")


def test_pack_keeps_every_bit():
    state = run(LBFGS(memory=3), options={"maxiter": 9}).state
    found = unpack(pack(state.walk))
    assert type(found) is type(state.walk)
    for name in ("S", "Y", "SY"):
        np.testing.assert_array_equal(getattr(found.own, name), getattr(state.walk.own, name))
    assert found.own.SY.flags.f_contiguous
    assert (found.length, found.slope, found.own.first) == (state.walk.length, state.walk.slope, state.walk.own.first)
    assert np.isnan(unpack(pack(float("nan"))))
    with pytest.raises(InputError, match="cannot be saved"):
        pack(object())


def test_tensors_resume_too():
    torch = pytest.importorskip("torch")
    x0 = torch.tensor([-1.2, 1.0])

    def f(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    whole = minimize(f, x0, method=LBFGS(memory=3), options={"maxiter": 12})
    paused = minimize(f, x0, method=LBFGS(memory=3), options={"maxiter": 5})
    resumed = minimize(f, x0, method=LBFGS(memory=3), options={"maxiter": 12}, resume=paused.state.to_bytes())
    assert torch.equal(resumed.x, whole.x) and resumed.nfev == whole.nfev
