"""Every statement against its formula written out by hand, and what it prints."""

from __future__ import annotations

import re
from math import inf, log, sqrt

import pytest

from steepest.core.errors import InputError, UnknownNameError
from steepest.theory import Quantity, get, theorems
from steepest.theory.reading import FAMILIES

NUMBERS = {
    "L": 4.0, "mu": 0.5, "R": 1.5, "delta": 2.5, "g0": 1.25, "step": 0.2, "momentum": 0.3, "sigma": 0.7, "D": 3.0,
    "D_inf": 2.0, "D0": 2.25, "G": 1.75, "n": 6.0, "M": 0.2, "sigma_min": 0.4, "armijo": 0.3, "shrink": 0.6,
    "first_trial": 0.9, "inner_steps": 500.0, "penalty": 2.0, "beta1": 0.8, "beta2": 0.95, "lyapunov0": 1.1,
    "multiplier0": 0.6, "decrement0": 0.2, "saga0": 0.45, "coordinate_norms": 5.5, "root_moments": 2.2,
    "decrement": 0.35,
}  # fmt: skip
"""Values that no two symbols share, so that a symbol in another's place shows."""


def t(k):
    found = 1.0
    for _ in range(k - 1):
        found = (1 + sqrt(1 + 4 * found**2)) / 2
    return found


def huber_sum(N):
    walked = [1.0]
    for k in range(1, N):
        walked.append(1 + (t(k) - 1) / t(k + 1) * walked[-1])
    return sum(walked[:N])


def theta(N):
    found = 1.0
    for k in range(N):
        found = (1 + sqrt(1 + (8 if k == N - 1 else 4) * found**2)) / 2
    return found


def repeated(start, step, N):
    for _ in range(N):
        start = step(start)
    return start


def noisy_step(v):
    def step(b):
        L, mu, a = v["L"], v["mu"], v["step"]
        return (a * (L - mu) / 2 * sqrt(b) + sqrt((1 - a * (L + mu) / 2) ** 2 * b + a**2 * v["sigma"] ** 2)) ** 2

    return step


def shortest(v):
    return min(v["first_trial"], 2 * v["shrink"] * (1 - v["armijo"]) / v["L"])


def svrg_factor(v):
    a, L = v["step"] / 2, v["L"]
    return 1 / (v["mu"] * a * (1 - 2 * L * a) * v["inner_steps"]) + 2 * L * a / (1 - 2 * L * a)


def contraction(v):
    return max(abs(1 - v["step"] * v["mu"]), abs(1 - v["step"] * v["L"]))


def rho(v):
    return (sqrt(v["L"] / v["mu"]) - 1) / (sqrt(v["L"] / v["mu"]) + 1)


BY_HAND = {
    "gd-convex-textbook": lambda v, N: v["R"] ** 2 / (2 * v["step"] * N),
    "gd-convex": lambda v, N: v["L"] * v["R"] ** 2 / (4 * N * v["step"] * v["L"] + 2),
    "gd-convex-long-step": lambda v, N: v["L"] * v["R"] ** 2 / 2 * max(
        1 / (2 * N * v["step"] * v["L"] + 1), (1 - v["step"] * v["L"]) ** (2 * N)
    ),
    "gd-convex-gradient": lambda v, N: (v["L"] * v["R"] / (N + 1)) ** 2,
    "gd-convex-gradient-from-gap": lambda v, N: 2 * v["L"] * v["delta"] / (2 * N + 1),
    "gd-strongly-convex-distance": lambda v, N: contraction(v) ** (2 * N) * v["R"] ** 2,
    "gd-strongly-convex-gap": lambda v, N: contraction(v) ** (2 * N) * v["delta"],
    "gd-strongly-convex-gradient": lambda v, N: contraction(v) ** (2 * N) * v["g0"] ** 2,
    "gd-strongly-convex-nesterov": lambda v, N: (
        (1 - 2 * v["step"] * v["mu"] * v["L"] / (v["mu"] + v["L"])) ** N * v["R"] ** 2
    ),
    "gd-strongly-convex-best-step": lambda v, N: (
        v["L"] / 2 * ((v["L"] - v["mu"]) / (v["L"] + v["mu"])) ** (2 * N) * v["R"] ** 2
    ),
    "gd-strongly-convex-mixed": lambda v, N: v["L"] * v["R"] ** 2 / 2 * max(
        v["mu"] / v["L"] / (v["mu"] / v["L"] - 1 + (1 - v["mu"] * v["step"]) ** (-2 * N)),
        (1 - v["step"] * v["L"]) ** (2 * N),
    ),
    "gd-smooth-textbook": lambda v, N: v["delta"] / (N * v["step"] * (1 - v["step"] * v["L"] / 2) + 1 / (2 * v["L"])),
    "gd-smooth": lambda v, N: (
        4 * v["L"] * v["delta"] / (2 + N * min(4 * v["step"] * v["L"] - (v["step"] * v["L"]) ** q for q in (2, 3)))
    ),
    "gd-pl": lambda v, N: (1 - v["mu"] / v["L"]) ** N * v["delta"],
    "gd-pl-sharper": lambda v, N: ((2 - 2 * v["mu"] / v["L"]) / (2 + v["mu"] / v["L"])) ** N * v["delta"],
    "line-search-strongly-convex": lambda v, N: ((v["L"] - v["mu"]) / (v["L"] + v["mu"])) ** (2 * N) * v["delta"],
    "line-search-convex": lambda v, N: 2 * v["L"] * v["D0"] ** 2 / (N + 4),
    "backtracking-smooth": lambda v, N: v["delta"] / (v["armijo"] * shortest(v) * N),
    "backtracking-convex": lambda v, N: v["R"] ** 2 / (2 * shortest(v) * N),
    "backtracking-pl": lambda v, N: (1 - 2 * v["mu"] * v["armijo"] * shortest(v)) ** N * v["delta"],
    "heavy-ball-quadratic": lambda v, N: rho(v) ** N * (1 + N * (1 + rho(v))) * v["R"],
    "heavy-ball-quadratic-short-first-step": lambda v, N: (
        rho(v) ** N * (1 + N * (1 - rho(v) ** 2) / (1 + rho(v) ** 2)) * v["R"]
    ),
    "heavy-ball-safe": lambda v, N: (1 - v["step"] * v["mu"]) ** N * v["delta"],
    "nesterov-convex-textbook": lambda v, N: 2 * v["L"] * v["R"] ** 2 / (N + 1) ** 2,
    "nesterov-convex-sequence": lambda v, N: v["L"] * v["R"] ** 2 / (2 * t(N) ** 2),
    "nesterov-convex": lambda v, N: v["L"] * v["R"] ** 2 / (2 * (2 * huber_sum(N) + 1)),
    "nesterov-convex-secondary": lambda v, N: v["L"] * v["R"] ** 2 / (2 * t(N + 1) ** 2),
    "nesterov-convex-linear": lambda v, N: 2 * v["L"] * v["R"] ** 2 / (N**2 + 5 * N + 6),
    "nesterov-strongly-convex": lambda v, N: (
        (1 - sqrt(v["mu"] / v["L"])) ** N * (v["delta"] + v["mu"] * v["R"] ** 2 / 2)
    ),
    "optimized-gradient": lambda v, N: v["L"] * v["R"] ** 2 / (2 * theta(N) ** 2),
    "optimized-gradient-simple": lambda v, N: v["L"] * v["R"] ** 2 / ((N + 1) * (N + 1 + sqrt(2))),
    "triple-momentum": lambda v, N: (1 - sqrt(v["mu"] / v["L"])) ** (2 * N) * v["L"] ** 2 / v["mu"] * v["R"] ** 2 / 2,
    "proximal-convex-textbook": lambda v, N: v["L"] * v["R"] ** 2 / (2 * N),
    "projected-convex-textbook": lambda v, N: v["L"] * v["R"] ** 2 / (2 * N),
    "proximal-convex": lambda v, N: v["L"] * v["R"] ** 2 / (4 * N),
    "projected-convex": lambda v, N: v["L"] * v["R"] ** 2 / (4 * N),
    "proximal-strongly-convex": lambda v, N: contraction(v) ** (2 * N) * v["R"] ** 2,
    "projected-strongly-convex": lambda v, N: contraction(v) ** (2 * N) * v["R"] ** 2,
    "fista-textbook": lambda v, N: 2 * v["L"] * v["R"] ** 2 / (N + 1) ** 2,
    "fista": lambda v, N: v["L"] * v["R"] ** 2 / (2 * t(N) ** 2),
    "fista-linear": lambda v, N: 2 * v["L"] * v["R"] ** 2 / (N**2 + 5 * N + 2),
    "frank-wolfe": lambda v, N: 2 * v["L"] * v["D"] ** 2 / (N + 2),
    "sgd-convex-constant": lambda v, N: v["R"] ** 2 / (2 * v["step"] * N) + v["step"] * v["G"] ** 2 / 2,
    "subgradient-best": lambda v, N: v["R"] * v["G"] / sqrt(N + 1),
    "sgd-convex-decreasing": lambda v, N: (
        (v["D"] ** 2 / (2 * v["step"]) + v["step"] * v["G"] ** 2) / sqrt(N) - v["step"] * v["G"] ** 2 / (2 * N)
    ),
    "sgd-strongly-convex-distance": lambda v, N: (v["G"] / v["mu"]) ** 2 / (1 if N == 1 else N + 1),
    "sgd-strongly-convex-average": lambda v, N: v["G"] ** 2 * (1 + log(N)) / (2 * v["mu"] * N),
    "sgd-strongly-convex-weighted": lambda v, N: 2 * v["G"] ** 2 / (v["mu"] * (N + 1)),
    "sgd-smooth-constant": lambda v, N: (
        (1 - 2 * v["step"] * v["mu"] * (1 - v["step"] * v["L"])) ** N * v["R"] ** 2
        + v["step"] * v["sigma"] ** 2 / (v["mu"] * (1 - v["step"] * v["L"]))
    ),
    "sgd-one-step": lambda v, N: repeated(v["R"] ** 2, noisy_step(v), N),
    "sgd-interpolation": lambda v, N: max(1 - v["step"] * v["mu"], v["step"] * v["L"] - 1) ** (2 * N) * v["R"] ** 2,
    "svrg": lambda v, N: svrg_factor(v) ** N * v["delta"],
    "saga-strongly-convex": lambda v, N: (1 - v["step"] * v["mu"]) ** N * v["lyapunov0"],
    "saga-convex": lambda v, N: 4 * v["n"] / N * (2 * v["L"] / v["n"] * v["R"] ** 2 + v["saga0"]),
    "online-constant": lambda v, N: v["D"] ** 2 / (2 * v["step"]) + v["step"] * v["G"] ** 2 * N / 2,
    "online-best-constant": lambda v, N: v["D"] * v["G"] * sqrt(N),
    "online-decreasing": lambda v, N: 1.5 * v["D"] * v["G"] * sqrt(N),
    "online-decreasing-sharper": lambda v, N: sqrt(2 * N) * v["D"] * v["G"],
    "online-any-decreasing": lambda v, N: (
        v["D"] ** 2 * sqrt(N) / (2 * v["step"]) + v["G"] ** 2 / 2 * sum(v["step"] / sqrt(k) for k in range(1, N + 1))
    ),
    "online-zinkevich": lambda v, N: v["D"] ** 2 * sqrt(N) / 2 + (sqrt(N) - 0.5) * v["G"] ** 2,
    "online-strongly-convex": lambda v, N: v["G"] ** 2 / (2 * v["mu"]) * (1 + log(N)),
    "adagrad": lambda v, N: (v["D_inf"] ** 2 / (2 * v["step"]) + v["step"]) * v["coordinate_norms"],
    "amsgrad": lambda v, N: (
        v["D_inf"] ** 2 * sqrt(N) / (2 * v["step"]) * v["root_moments"]
        + v["step"] * sqrt(1 + log(N)) / (2 * sqrt(1 - v["beta2"])) * v["coordinate_norms"]
    ),
    "adam-step": lambda v, N: (
        v["step"] * (1 - v["beta1"]) / sqrt((1 - v["beta2"]) * (1 - v["beta1"] ** 2 / v["beta2"]))
    ),
    "adam-step-corrected": lambda v, N: (
        v["step"] * (1 - v["beta1"]) / (1 - v["beta1"] ** N) * sqrt(
            sum(v["beta1"] ** (2 * j) / v["beta2"] ** j for j in range(N)) * (1 - v["beta2"] ** N) / (1 - v["beta2"])
        )
    ),
    "newton-local": lambda v, N: repeated(v["R"], lambda e: v["M"] * e**2 / (2 * (v["mu"] - v["M"] * e)), N),
    "newton-self-concordant": lambda v, N: repeated(v["decrement0"], lambda d: (d / (1 - d)) ** 2, N),
    "damped-newton-decrement": lambda v, N: repeated(v["decrement0"], lambda d: 2 * d**2, N),
    "damped-newton-decrease": lambda v, N: log(1 + v["decrement"]) - v["decrement"],
    "augmented-lagrangian-quadratic": lambda v, N: v["multiplier0"] / (1 + v["penalty"] * v["sigma_min"]) ** N,
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20])
def test_bound_is_its_formula(name, steps):
    values = NUMBERS | ({"step": NUMBERS["step"] / 2} if name == "svrg" else {})
    assert get(name).value(values, steps) == pytest.approx(BY_HAND[name](NUMBERS, steps), rel=1e-12)


def test_every_bound_is_written_by_hand():
    assert BY_HAND.keys() == {theorem.name for theorem in theorems() if theorem.bound is not None}


def test_every_number_of_a_bound_matters():
    """A symbol that a bound prints changes its value, but where one term of a maximum or minimum hides it."""
    hidden = {
        ("gd-convex-long-step", "step"), ("gd-strongly-convex-distance", "L"), ("gd-strongly-convex-gap", "L"),
        ("gd-strongly-convex-gradient", "L"), ("proximal-strongly-convex", "L"), ("projected-strongly-convex", "L"),
        ("sgd-interpolation", "L"), ("backtracking-smooth", "first_trial"), ("backtracking-convex", "first_trial"),
        ("backtracking-pl", "first_trial"),
    }  # fmt: skip
    for theorem in theorems():
        if theorem.bound is None:
            continue
        values = NUMBERS | ({"step": 0.1} if theorem.name == "svrg" else {})
        for key in theorem.bound.symbols().keys() - {"N"}:
            changed = theorem.value({**values, key: values[key] * 1.01}, 5)
            assert changed != theorem.value(values, 5) or (theorem.name, key) in hidden, (theorem.name, key)


def test_svrg_halves_the_gap_at_its_usual_constants():
    values = {"L": 3.0, "mu": 0.06, "step": 1 / 30, "inner_steps": 50 * 50.0, "delta": 8.0}
    assert get("svrg").value(values, 3) == pytest.approx(1.0, rel=1e-12)


def test_limits_that_the_statements_share():
    values = {"L": 2.0, "R": 1.0, "step": 0.4, "mu": 1e-12}
    mixed, convex = get("gd-strongly-convex-mixed"), get("gd-convex")
    assert mixed.value(values, 9) == pytest.approx(convex.value(values, 9), rel=1e-3)
    one = {"step": 0.1, "beta1": 0.9, "beta2": 0.999}
    assert get("adam-step").value(one, 1) == pytest.approx(0.7270292, rel=1e-6)
    assert get("adam-step-corrected").value(one, 1) == pytest.approx(0.1, rel=1e-12)
    assert get("adam-step-corrected").value(one, 10**6) == pytest.approx(get("adam-step").value(one, 1), rel=1e-9)


def test_names_and_families():
    names = [theorem.name for theorem in theorems()]
    assert len(names) == len(set(names)) >= 80
    assert {theorem.family for theorem in theorems()} == set(FAMILIES)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert sum((theorems(family) for family in FAMILIES), ()) != () and theorems("frank-wolfe")[0].name == "frank-wolfe"
    with pytest.raises(UnknownNameError, match="unknown theorem 'gd-convx'; did you mean gd-convex"):
        get("gd-convx")
    with pytest.raises(UnknownNameError, match="unknown family 'gradient-decent'; did you mean gradient-descent"):
        theorems("gradient-decent")


@pytest.mark.parametrize("theorem", theorems(), ids=lambda theorem: theorem.name)
def test_a_statement_is_complete(theorem):
    assert theorem.source and theorem.mark and theorem.title and theorem.assumptions
    assert (theorem.bound is None) == (theorem.quantity is None) == bool(theorem.says)
    assert theorem.tight != "exact" or not theorem.ratio or "N = 1" in theorem.ratio
    text = "\n".join(theorem.lines())
    assert theorem.name in text and theorem.source in text and theorem.statement() in text
    for latex in (
        theorem.latex(),
        *(tex for _, tex in theorem.definitions()),
        *(a.latex() for a in theorem.assumptions),
    ):
        assert latex.count("{") == latex.count("}") and latex.count(r"\left") == latex.count(r"\right")
    defined = " ".join(text for text, _ in theorem.definitions())
    if theorem.bound is not None:
        for letter in ("h", "q", "κ", "ρ"):
            if re.search(rf"(?<!\w){letter}(?![\w₀-₉])", theorem.bound.text()):
                assert f"{letter} = " in defined, "every abbreviation is explained"


def test_printing():
    assert get("gd-convex").statement() == "f(x_N) − f* ≤ L R²/(4 N h + 2)"
    assert get("gd-convex").latex() == r"f(x_N) - f^* \le \frac{L {R}^{2}}{4 N h + 2}"
    assert get("gd-strongly-convex-gap").statement() == "f(x_N) − f* ≤ r²ᴺ Δ"
    assert get("gd-pl-sharper").statement() == "f(x_N) − f* ≤ ((2 − 2 q)/(2 + q))ᴺ Δ"
    assert get("sgd-convex-constant").statement() == "E[f(x̄_N) − f*] ≤ R²/(2 α N) + α G²/2"
    assert get("gd-smooth").definitions() == (("h = α L", r"h = \alpha L"),)
    assert repr(get("gd-convex")).startswith("<theorem gd-convex: f(x_N)")


def test_a_value_needs_its_numbers():
    with pytest.raises(InputError, match="gd-convex: needs distance R = ‖x₀ − x\\*‖, which is not known"):
        get("gd-convex").value({"L": 1.0, "step": 1.0}, 3)
    with pytest.raises(InputError, match=r"gd-convex: steps must be in \[0, inf\), got -1"):
        get("gd-convex").value(NUMBERS, -1)
    with pytest.raises(InputError, match="l-bfgs: states no bound"):
        get("l-bfgs").value(NUMBERS, 1)


def test_far_ends_of_a_bound():
    assert get("gd-convex-textbook").value(NUMBERS, 0) == inf
    assert get("gd-strongly-convex-mixed").value(NUMBERS, 10**6) == 0.0, "1/0² overflows, and the bound is 0"
    assert get("gd-strongly-convex-gap").value(NUMBERS | {"step": 10.0}, 10**6) == inf
    assert get("newton-local").value(NUMBERS | {"R": 10.0}, 3) == inf, "outside of its region"
    assert {theorem.quantity for theorem in theorems()} - {None} <= set(Quantity)
