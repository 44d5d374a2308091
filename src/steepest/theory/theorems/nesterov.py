"""Nesterov's method in its forms, the optimized gradient method, and triple momentum."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, ExactGradients, Minimizer, Problem
from steepest.theory.expression import Number, sqrt
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import Delta, L, N, R, alpha, beta, huber_sum, kappa, mu, rho, sequence_t, theta

_STEP: Final[tuple[Assumption, ...]] = (
    ExactGradients(),
    Problem("smooth"),
    Compare(alpha, "=", 1 / L),
)
_CONVEX: Final = (*_STEP, Problem("convex"), Minimizer())
_T: Final = Declared("momentum_rule", "t_k", "βₖ = (tₖ − 1)/tₖ₊₁", r"\beta_k = (t_k - 1)/t_{k+1}")
_LINEAR: Final = Declared("momentum_rule", "(k−1)/(k+2)", "βₖ = (k − 1)/(k + 2)", r"\beta_k = (k-1)/(k+2)")
_CONSTANT: Final = Declared(
    "momentum_rule", "constant", "a constant β", r"\text{a constant } \beta", default="constant"
)

THEOREMS: Final = (
    Theorem(
        "nesterov-convex-textbook",
        "nesterov",
        "the rate that textbooks prove",
        (*_CONVEX, _T),
        Quantity.GAP,
        2 * L * R**2 / (N + 1) ** 2,
        "loose",
        "Nesterov 1983; Beck & Teboulle 2009, SIAM J. Imaging Sci. 2, Theorem 4.4",
        ("v",),
        ratio="3 at N = 1, 1.196 at N = 20",
    ),
    Theorem(
        "nesterov-convex-sequence",
        "nesterov",
        "the rate with tₖ itself",
        (*_CONVEX, _T),
        Quantity.GAP,
        L * R**2 / (2 * sequence_t() ** 2),
        "loose",
        "Nesterov 1983; Beck & Teboulle 2009, SIAM J. Imaging Sci. 2, Theorem 4.4",
        ("v",),
        ratio="3 at N = 1, 1.07 at N = 20",
    ),
    Theorem(
        "nesterov-convex",
        "nesterov",
        "exact rate",
        (*_CONVEX, _T),
        Quantity.GAP,
        L * R**2 / (2 * (2 * huber_sum() + 1)),
        "numerically exact",
        "a Huber function of one variable; equal to performance estimation at N = 1, 2, 5, 10, 20",
        ("own", "pep"),
        start=0,
    ),
    Theorem(
        "nesterov-convex-secondary",
        "nesterov",
        "the look-ahead point is better",
        (*_CONVEX, _T),
        Quantity.SECONDARY_GAP,
        L * R**2 / (2 * sequence_t(1) ** 2),
        "loose",
        "Kim & Fessler 2016, Math. Program. 159",
        ("m", "pep"),
        ratio="1.146 at N = 1, 1.052 at N = 20",
    ),
    Theorem(
        "nesterov-convex-linear",
        "nesterov",
        "exact rate of the momentum (k − 1)/(k + 2)",
        (*_CONVEX, _LINEAR),
        Quantity.GAP,
        2 * L * R**2 / (N**2 + 5 * N + 6),
        "numerically exact",
        "Taylor, Hendrickx & Glineur 2017, Math. Program. 161, Table 1",
        ("v", "pep"),
    ),
    Theorem(
        "nesterov-constant-convex",
        "nesterov",
        "no 1/N² for constant momentum",
        (*_CONVEX, _CONSTANT),
        None,
        None,
        "not known",
        "f = ½λx² with λ = (1 − β)/(2Nα): N f(x_N) tends to a constant",
        ("own", "pep"),
        negative=True,
        says="the worst case is O(1/N), not O(1/N²); with β = 0.9 gradient descent's is better for N = 2 … 30",
    ),
    Theorem(
        "nesterov-strongly-convex",
        "nesterov",
        "linear rate with constant momentum",
        (*_STEP, Problem("strongly convex"), _CONSTANT, Compare(beta, "=", rho)),
        Quantity.GAP,
        (1 - 1 / sqrt(kappa)) ** N * (Delta + mu * R**2 / 2),
        "loose",
        "d'Aspremont, Scieur & Taylor 2021, Acceleration Methods, Corollary 4.15; Nesterov 2018, section 2.2.1",
        ("v",),
        ratio="κ = 10: 1.248 at N = 1, 5.157 at N = 10, 33.5 at N = 20; κ = 100: 1.052, 1.233, 1.765",
        linear=True,
        start=0,
    ),
    Theorem(
        "nesterov-quadratic",
        "nesterov",
        "spectral radius on quadratics",
        (*_STEP, Problem("quadratic"), Compare(mu, ">", Number(0)), _CONSTANT, Compare(beta, "=", rho)),
        None,
        None,
        "exact",
        "Lessard, Recht & Packard 2016, SIAM J. Optim. 26",
        ("m", "own"),
        says="‖x_N − x*‖ falls by 1 − 1/√κ a step in the limit",
    ),
    Theorem(
        "nesterov-quadratic-best",
        "nesterov",
        "best constants on quadratics",
        (
            ExactGradients(),
            Problem("quadratic"),
            Compare(mu, ">", Number(0)),
            _CONSTANT,
            Compare(alpha, "=", 4 / (3 * L + mu)),
            Compare(beta, "=", (sqrt(3 * kappa + 1) - 2) / (sqrt(3 * kappa + 1) + 2)),
        ),
        None,
        None,
        "exact",
        "Lessard, Recht & Packard 2016, SIAM J. Optim. 26",
        ("m", "own"),
        says="‖x_N − x*‖ falls by 1 − 2/√(3κ + 1) a step in the limit",
    ),
    Theorem(
        "optimized-gradient",
        "optimized-gradient",
        "exact, and no first-order method has a better one",
        _CONVEX,
        Quantity.GAP,
        L * R**2 / (2 * theta() ** 2),
        "exact",
        "Kim & Fessler 2016, Math. Program. 159, Theorem 2; lower bound Drori 2017, Theorem 3",
        ("v", "pep"),
        horizon=True,
        start=0,
    ),
    Theorem(
        "optimized-gradient-simple",
        "optimized-gradient",
        "without θ",
        _CONVEX,
        Quantity.GAP,
        L * R**2 / ((N + 1) * (N + 1 + sqrt(2))),
        "loose",
        "Kim & Fessler 2016, Math. Program. 159",
        ("v",),
        horizon=True,
    ),
    Theorem(
        "triple-momentum",
        "triple-momentum",
        "the fastest known for smooth strongly convex functions",
        (ExactGradients(), Problem("strongly convex"), Problem("smooth")),
        Quantity.GAP,
        (1 - 1 / sqrt(kappa)) ** (2 * N) * L * kappa * R**2 / 2,
        "numerically exact",
        "Van Scoy, Freeman & Lynch 2018, IEEE Control Syst. Lett. 2",
        ("pep",),
        linear=True,
        remark="the exponent is 2N; 2(N + 1) is printed too, and is false",
    ),
)
"""Acceleration."""
