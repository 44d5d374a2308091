"""The result of `minimize`, with SciPy's fields and the trace."""

from __future__ import annotations

import copy
import html
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from steepest.core.errors import InputError
from steepest.core.facts import ProblemFacts
from steepest.core.status import Status
from steepest.core.version import VERSION
from steepest.methods.method import Point
from steepest.run.flatten import Layout
from steepest.run.iterate import COLUMNS, Ending, RunState
from steepest.trace import Trace

if TYPE_CHECKING:
    from steepest.run.problem_at_hand import AtHand
    from steepest.theory import Certificates, Theorem


@final
class Result:
    """Where a minimization is, or ended: SciPy's fields, the trace, and the state to go on from.

    x: the lowest point of the run's end, in the form of x0. fun: f(x), ½‖r‖² for residuals. jac: ∇f(x), in the form
    of x0. success: whether the stopping test was met; never at a point that is not finite or outside the bounds.
    status: how it ended, see `Status`. message: that in words, what was seen, and what to try next. nit: steps. nfev,
    njev, nhev: values, gradients, Hessians with Hessian-vector products; nfev has those of differences too.
    derivatives: how each was obtained. trace: one row a step. state: all that is needed to go on.
    """

    def __init__(self, at_hand: AtHand, state: RunState, ending: Ending, answer: Point | None = None) -> None:
        self._at_hand, self._state, self._ending = at_hand, state, ending
        self._rows = len(state.rows)
        point = state.walk.point if answer is None else answer
        self._point = point
        self.nit: int = state.steps
        self.fun: float = point.f
        self.nfev: int = state.count.value
        self.njev: int = state.count.gradient
        self.nhev: int = state.count.hessian + state.count.hessian_vector

    @property
    def x(self) -> Any:
        """The point, in the form of x0."""
        return self._at_hand.shown(self._point.x)

    @property
    def jac(self) -> Any:
        """The gradient there, in the form of x0."""
        return self._at_hand.shown_gradient(self._point.g)

    @property
    def residuals(self) -> Any:
        """r(x) for a method of least squares or roots, else None; fun is evaluated for it, off the count."""
        return self._at_hand.residuals_off_count(self._point.x)

    @property
    def status(self) -> Status:
        """How it ended."""
        return self._ending.status

    @property
    def success(self) -> bool:
        """Whether the stopping test was met, at a finite and feasible point."""
        return self.status is Status.CONVERGED and math.isfinite(self.fun) and self._at_hand.feasible(self._point.x)

    @property
    def message(self) -> str:
        """How it ended, what was seen there, and what to try next."""
        status, reason = self._ending
        advice = f"; try {status.advice}" if status.advice else ""
        return f"{status.message}{f': {reason}' if reason else ''}{advice}"

    @property
    def method(self) -> str:
        """The method's canonical text."""
        return self._state.method

    @property
    def derivatives(self) -> Mapping[str, str]:
        """How each derivative was obtained: "given", "automatic (torch)", "differences '2-point', …"."""
        return self._at_hand.how

    @property
    def state(self) -> RunState:
        """The run's state, for `minimize(…, resume=state)`; it changes while the run goes on."""
        return self._state

    @property
    def trace(self) -> Trace:
        """The record of the run: row 0 is the start, row k is after k steps; x too, where it is one or two numbers."""
        table = np.array(self._state.rows[: self._rows], dtype=np.float64).reshape(self._rows, len(COLUMNS))
        steps = {name: table[:, index] for index, name in enumerate(COLUMNS)}
        if self._state.path:
            path = np.array(self._state.path[: self._rows])
            steps |= {f"x[{i}]": path[:, i] for i in range(path.shape[1])}
        meta = {
            "problem": self._at_hand.name,
            "method": self.method,
            "method_facts": self._at_hand.method.facts.to_dict(),
            "derivatives": dict(self.derivatives),
            "dimension": int(self._point.x.shape[0]),
            "status": str(self.status),
            "reason": self._ending.reason,
            "versions": {"steepest": VERSION, "numpy": np.__version__},
        }
        return Trace(steps, meta=meta)

    def continue_(self, maxiter: int, *, callback: Any = None) -> Result:
        """Take up to `maxiter` more steps from here: the same bits as a run that was not interrupted.

        This result stays as it is. Raises InputError for a run that ended at a value that is not finite.
        """
        return self._at_hand.resumed(copy.deepcopy(self._state), self.nit + maxiter, callback)

    def save(self, path: str | Path) -> None:
        """Write the state to a file, atomically, for `minimize(…, resume=path)`. Raises InputError."""
        target = Path(path)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(self._state.to_bytes())
            part.replace(target)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise InputError(f"save: path must be writable, got {str(path)!r} ({error.strerror})") from error

    def certify(
        self,
        problem: Any = None,
        *,
        theorem: Theorem | str | None = None,
        minimizer: Any = None,
        estimate: bool = True,
        force: bool = False,
    ) -> Certificates:
        """Hold the run against what is proven of its method: `steepest.theory.certify` on its trace.

        problem: `ProblemFacts` with the function's class and what is known of L, μ, f*, R, or a problem of the library;
        without, no class is known, and no theorem of a class applies. minimizer: x*, in the form of x0; where x is one
        or two numbers, distances are measured with it. theorem, estimate, force: as there.

        >>> from steepest import minimize, rules, theory
        >>> run = minimize(lambda x: 5 * x[0] ** 2, [1.0], jac=lambda x: 10 * x, method=rules.sgd(lr=0.05))
        >>> found = run.certify(theory.ProblemFacts("quadratic", L=10.0, mu=10.0, f_star=0.0), theorem="gd-pl")
        >>> found.items[0].reasons
        ('step 0.05 is not 1/L = 0.1',)
        """
        from steepest.theory.certifying import certify

        point = None if minimizer is None else [float(number) for number in Layout(minimizer).start]
        facts = ProblemFacts() if problem is None else problem
        return certify(
            self.trace,
            method=self._at_hand.method,
            problem=facts,
            theorem=theorem,
            minimizer=point,
            estimate=estimate,
            force=force,
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the run: contours with the path where x is two numbers, else f and the gradient's norm by step.

        ax: Matplotlib axes; a new figure without. Gives the axes. Needs the extra `plot`. The function is evaluated on
        a grid for the contours, off the count.
        """
        from steepest.plots.descent import convergence, path

        trace = self.trace
        title = f"{self.method.partition('(')[0]}: {self.status}"
        if "x[1]" in trace.steps:
            x = np.stack([trace.steps["x[0]"], trace.steps["x[1]"]], axis=1)
            return path(x, self._at_hand.value_off_count, title=title, ax=ax)
        return convergence(trace.steps["value"], trace.steps["gradient_norm"], title=title, ax=ax)

    def __repr__(self) -> str:
        lines = [(name, repr(getattr(self, name))) for name in ("fun", "x", "jac")]
        fields = {
            "message": self.message,
            "success": str(self.success),
            "status": str(self.status),
            **{name: "\n".join(_short(text)) for name, text in lines},
            "nit": f"{self.nit}",
            "nfev": f"{self.nfev}   njev: {self.njev}   nhev: {self.nhev}",
            "method": self.method,
            "derivatives": "; ".join(f"{name} {how}" for name, how in self.derivatives.items()),
        }
        return "\n".join(f"{name:>11}: {text}" for name, text in fields.items())

    def _repr_html_(self) -> str:
        norm = self._state.rows[self._rows - 1][8]
        rows = {
            "": f"<b>{html.escape(str(self.status))}</b>: {html.escape(self.message)}",
            "f(x)": f"{self.fun:.10g}",
            "‖∇f(x)‖": f"{norm:.3g}",
            "x": html.escape(" ".join(_short(repr(self.x)))),
            "steps": f"{self.nit} ({self.nfev} values, {self.njev} gradients, {self.nhev} Hessians or products)",
            "method": html.escape(self.method),
        }
        body = "".join(f"<tr><th style='text-align:left'>{k}</th><td>{v}</td></tr>" for k, v in rows.items())
        return f"<table>{body}</table>"


def _short(text: str) -> list[str]:
    lines = text.splitlines() or [""]
    return lines if len(lines) <= 4 else [*lines[:3], "…"]
