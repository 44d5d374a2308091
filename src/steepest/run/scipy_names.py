"""SciPy's names of methods and options: the one table where strings become objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from steepest.core.errors import InputError, InputTypeError, UnknownNameError
from steepest.formula import Rule
from steepest.methods.method import Method
from steepest.run.iterate import Limits

_LIMITS: Final = ("gtol", "ftol", "xtol", "norm", "maxiter", "maxfun", "curvature")


@dataclass(frozen=True)
class Entry:
    """What a name stands for: a class of `steepest.methods`, how options make it, and how limits are called there."""

    make: Callable[[Callable[[str], Any], Mapping[str, Any]], Method]
    options: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


def _with_wolfe(kind: str, c2: float) -> Callable[[Callable[[str], Any], Mapping[str, Any]], Method]:
    def make(get: Callable[[str], Any], options: Mapping[str, Any]) -> Method:
        settings = {"c1": options.get("c1", 1e-4), "c2": options.get("c2", c2)}
        if "maxls" in options:
            settings["max_trials"] = options["maxls"]
        memory = {"memory": options["maxcor"]} if "maxcor" in options else {}
        made: Method = get(kind)(step_size=get("StrongWolfe")(**settings), **memory)
        return made

    return make


def _trust(kind: str, subproblem: str) -> Callable[[Callable[[str], Any], Mapping[str, Any]], Method]:
    def make(get: Callable[[str], Any], options: Mapping[str, Any]) -> Method:
        names = {"initial_trust_radius": "radius", "max_trust_radius": "largest", "eta": "eta"}
        settings = {ours: options[theirs] for theirs, ours in names.items() if theirs in options}
        made: Method = get(kind)(step_size=get("TrustRegion")(subproblem, **settings))
        return made

    return make


def _plain(kind: str) -> Callable[[Callable[[str], Any], Mapping[str, Any]], Method]:
    def make(get: Callable[[str], Any], options: Mapping[str, Any]) -> Method:
        made: Method = get(kind)()
        return made

    return make


def _lbfgsb(get: Callable[[str], Any], options: Mapping[str, Any]) -> Method:
    names = {"maxcor": "memory", "maxls": "max_trials"}
    made: Method = get("LBFGSB")(**{ours: options[theirs] for theirs, ours in names.items() if theirs in options})
    return made


_REGION: Final = ("initial_trust_radius", "max_trust_radius", "eta")
METHODS: Final[Mapping[str, Entry]] = {
    "bfgs": Entry(_with_wolfe("BFGS", 0.9), ("c1", "c2"), {"xrtol": "xtol"}),
    "l-bfgs": Entry(_with_wolfe("LBFGS", 0.9), ("c1", "c2", "maxcor", "maxls")),
    "l-bfgs-b": Entry(_lbfgsb, ("maxcor", "maxls")),
    "cg": Entry(_with_wolfe("NonlinearCG", 0.1), ("c1", "c2")),
    "newton": Entry(_with_wolfe("Newton", 0.9), ("c1", "c2")),
    "newton-cg": Entry(_with_wolfe("NewtonCG", 0.9), ("c1", "c2")),
    "dogleg": Entry(_trust("Newton", "dogleg"), _REGION),
    "trust-exact": Entry(_trust("Newton", "exact"), _REGION),
    "trust-ncg": Entry(_trust("NewtonCG", "steihaug"), _REGION),
    "steepest-descent": Entry(_plain("SteepestDescent")),
    "gauss-newton": Entry(_plain("GaussNewton")),
    "lm": Entry(_plain("LevenbergMarquardt"), (), {"max_nfev": "maxfun"}),
}
"""SciPy's names, in lower case, and three it lacks ("l-bfgs", "newton", "steepest-descent", "gauss-newton", "lm")."""

NOT_HERE: Final = ("nelder-mead", "powell", "cobyla", "cobyqa", "slsqp", "tnc", "trust-constr", "trust-krylov")
"""SciPy's names of methods that are not here."""


def chosen(method: Any, size: int, options: Mapping[str, Any] | None, tol: float | None) -> tuple[Method, Limits]:
    """The method as an object, and the run's limits, from `minimize`'s arguments.

    Options are checked one by one: for a name, the limits and what the table lists; for an object, the limits alone.
    Raises UnknownNameError with the nearest names, InputError for `disp=True`, for nothing here prints.
    """
    given = dict(options or {})
    entry = None
    if isinstance(method, str):
        name = method.lower()
        if name in NOT_HERE:
            raise InputError(f"minimize: method {method!r} of SciPy is not here; known: {', '.join(METHODS)}")
        if name not in METHODS:
            raise UnknownNameError("method", method, METHODS)
        entry = METHODS[name]
        given = {entry.renamed.get(key, key): value for key, value in given.items()}
    if given.pop("disp", False):
        raise InputError("minimize: option disp must be False: nothing is printed; print(result), or use callback")
    known = _LIMITS + (entry.options if entry is not None else ())
    for key in given:
        if key not in known:
            raise UnknownNameError("option", key, known)
    if tol is not None:
        given.setdefault("gtol", tol)
    given.setdefault("maxiter", max(1000, 200 * size))
    limits = Limits(**{key: given[key] for key in _LIMITS if key in given})
    if entry is not None:
        return entry.make(lambda kind: getattr(import_module("steepest.methods"), kind), given), limits
    if isinstance(method, Rule):
        from steepest.methods.rule_method import RuleMethod

        return RuleMethod(method), limits
    if isinstance(method, type) and issubclass(method, Method):
        raise InputTypeError(f"minimize: method must be an object, as {method.__name__}(), got the class")
    if not isinstance(method, Method):
        raise InputTypeError(f"minimize: method must be a name, a method or an update rule, got {method!r:.80}")
    return method, limits
