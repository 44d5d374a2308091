"""Methods of `minimize`: a direction and a step size, combined by a constructor; each is imported when first used.

Directions: SteepestDescent, Newton, NewtonCG, BFGS, SR1, LBFGS, NonlinearCG, GaussNewton; of one piece:
LevenbergMarquardt, LBFGSB, and RuleMethod, which any update rule is. Step sizes: Constant, Scheduled, Exact, Armijo,
StrongWolfe, HagerZhang, BarzilaiBorwein, Polyak, TrustRegion. For equations: NewtonRoot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from steepest.methods.bounded.lbfgsb import LBFGSB
    from steepest.methods.directions.bfgs import BFGS
    from steepest.methods.directions.gauss_newton import GaussNewton
    from steepest.methods.directions.lbfgs import LBFGS
    from steepest.methods.directions.newton import Newton
    from steepest.methods.directions.newton_cg import NewtonCG
    from steepest.methods.directions.nonlinear_cg import NonlinearCG
    from steepest.methods.directions.sr1 import SR1
    from steepest.methods.directions.steepest_descent import SteepestDescent
    from steepest.methods.levenberg_marquardt import LevenbergMarquardt
    from steepest.methods.newton_root import NewtonRoot
    from steepest.methods.preconditioner import Preconditioner
    from steepest.methods.rule_method import RuleMethod
    from steepest.methods.step_sizes.armijo import Armijo
    from steepest.methods.step_sizes.barzilai_borwein import BarzilaiBorwein
    from steepest.methods.step_sizes.constant import Constant, Scheduled
    from steepest.methods.step_sizes.exact import Exact
    from steepest.methods.step_sizes.hager_zhang import HagerZhang
    from steepest.methods.step_sizes.polyak import Polyak
    from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
    from steepest.methods.trust_region.trust_region import TrustRegion

_HOMES: Final = {
    "LBFGSB": "bounded.lbfgsb",
    "BFGS": "directions.bfgs",
    "GaussNewton": "directions.gauss_newton",
    "LBFGS": "directions.lbfgs",
    "Newton": "directions.newton",
    "NewtonCG": "directions.newton_cg",
    "NonlinearCG": "directions.nonlinear_cg",
    "SR1": "directions.sr1",
    "SteepestDescent": "directions.steepest_descent",
    "LevenbergMarquardt": "levenberg_marquardt",
    "NewtonRoot": "newton_root",
    "Preconditioner": "preconditioner",
    "RuleMethod": "rule_method",
    "Armijo": "step_sizes.armijo",
    "BarzilaiBorwein": "step_sizes.barzilai_borwein",
    "Constant": "step_sizes.constant",
    "Scheduled": "step_sizes.constant",
    "Exact": "step_sizes.exact",
    "HagerZhang": "step_sizes.hager_zhang",
    "Polyak": "step_sizes.polyak",
    "StrongWolfe": "step_sizes.strong_wolfe",
    "TrustRegion": "trust_region.trust_region",
}

__all__ = [
    "BFGS",
    "LBFGS",
    "LBFGSB",
    "SR1",
    "Armijo",
    "BarzilaiBorwein",
    "Constant",
    "Exact",
    "GaussNewton",
    "HagerZhang",
    "LevenbergMarquardt",
    "Newton",
    "NewtonCG",
    "NewtonRoot",
    "NonlinearCG",
    "Polyak",
    "Preconditioner",
    "RuleMethod",
    "Scheduled",
    "SteepestDescent",
    "StrongWolfe",
    "TrustRegion",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
