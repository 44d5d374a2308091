"""The symbols that theorems are written in. `key` is where a setting keeps a symbol's number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from steepest.theory.expression import Values
from steepest.theory.functions import absolute, maximum, sqrt
from steepest.theory.symbols import Named, Sequence, Symbol

N = Symbol("N", "N", "N", "number of steps from x₀")
T = Symbol("N", "T", "T", "number of rounds")

L = Symbol("L", "L", "L", "Lipschitz constant L of the gradient")
mu = Symbol("mu", "μ", r"\mu", "constant μ of strong convexity, or of Polyak and Łojasiewicz")
sigma = Symbol("sigma", "σ", r"\sigma", "noise σ at the minimizer")
D = Symbol("D", "D", "D", "diameter D of the feasible set")
D_inf = Symbol("D_inf", "D∞", r"D_\infty", "diameter D∞ of the feasible set in the maximum norm")
D0 = Symbol("D0", "D₀", "D_0", "radius D₀ of the initial level set about x*")
G = Symbol("G", "G", "G", "bound G on gradients")
n = Symbol("n", "n", "n", "number n of terms")
M = Symbol("M", "M", "M", "Lipschitz constant M of the Hessian")
sigma_min = Symbol("sigma_min", "s", "s", "smallest singular value s of BA⁻¹Bᵀ")

alpha = Symbol("step", "α", r"\alpha", "step")
beta = Symbol("momentum", "β", r"\beta", "momentum")
beta1 = Symbol("beta1", "β₁", r"\beta_1", "β₁")
beta2 = Symbol("beta2", "β₂", r"\beta_2", "β₂")
armijo = Symbol("armijo", "c", "c", "Armijo's constant c")
shrink = Symbol("shrink", "τ", r"\tau", "backtracking factor τ")
first = Symbol("first_trial", "α₀", r"\alpha_0", "first trial α₀")
m = Symbol("inner_steps", "m", "m", "number m of inner steps")
penalty = Symbol("penalty", "c", "c", "penalty c")

R = Symbol("R", "R", "R", "distance R = ‖x₀ − x*‖")
Delta = Symbol("delta", "Δ", r"\Delta", "gap Δ = f(x₀) − f*")
g0 = Symbol("g0", "‖∇f(x₀)‖", r"\|\nabla f(x_0)\|", "‖∇f(x₀)‖")
lyapunov0 = Symbol("lyapunov0", "V₀", "V_0", "V₀")
multiplier0 = Symbol("multiplier0", "‖λ₀ − λ*‖", r"\|\lambda_0 - \lambda^*\|", "‖λ₀ − λ*‖")
decrement0 = Symbol("decrement0", "λ₀", r"\lambda_0", "Newton decrement λ₀ at the start")
saga0 = Symbol("saga0", "E₀", "E_0", "E₀ = f(x₀) − f* − ⟨∇f(x*), x₀ − x*⟩")

STARTS: Final = frozenset({"R", "delta", "g0", "lyapunov0", "multiplier0", "decrement0", "saga0"})
"""Keys of what a start decides: a theorem applies without them, only its number does not follow."""

coordinate_norms = Symbol("coordinate_norms", "Σᵢ‖g₁:T,ᵢ‖₂", r"\sum_i \|g_{1:T,i}\|_2", "Σᵢ‖g₁:T,ᵢ‖₂")
root_moments = Symbol("root_moments", "Σᵢ√v̂_T,ᵢ", r"\sum_i \sqrt{\hat v_{T,i}}", "Σᵢ√v̂_T,ᵢ")
decrement = Symbol("decrement", "λ_(N−1)", r"\lambda_{N-1}", "Newton decrement λ before the step")
FROM_RUN: Final = {
    "coordinate_norms": ("coordinate_norms", 0),
    "root_moments": ("root_moments", 0),
    "decrement": ("newton_decrement", 1),
}
"""Keys of what only a run shows, from step to step: a column of its trace, and by how many rows it lies before."""

h = Named("h", "h", alpha * L)
q = Named("q", "q", mu / L)
kappa = Named("κ", r"\kappa", L / mu)
rho = Named("ρ", r"\rho", (sqrt(kappa) - 1) / (sqrt(kappa) + 1))
r = Named("r", "r", maximum(absolute(1 - alpha * mu), absolute(1 - alpha * L)))


def sequence_t(shift: int = 0) -> Sequence:
    """t_N, or t_{N+shift}, of Nesterov's and Beck and Teboulle's momentum."""
    text = f"t_{{N+{shift}}}" if shift else "t_N"
    definition = ("t₁ = 1, tₖ₊₁ = (1 + √(1 + 4 tₖ²))/2", r"t_1 = 1,\ t_{k+1} = \frac{1 + \sqrt{1 + 4 t_k^2}}{2}")
    return Sequence("t_(N+1)" if shift else "t_N", text, lambda values: _T(int(values["N"]) + shift), definition)


def theta() -> Sequence:
    """θ_N of the optimized gradient method."""
    definition = (
        "θ₀ = 1, θₖ₊₁ = (1 + √(1 + 4 θₖ²))/2, the last one (1 + √(1 + 8 θ²))/2",
        r"\theta_0 = 1,\ \theta_{k+1} = \frac{1 + \sqrt{1 + 4 \theta_k^2}}{2},\ "
        r"\theta_N = \frac{1 + \sqrt{1 + 8 \theta_{N-1}^2}}{2}",
    )
    return Sequence("θ_N", r"\theta_N", _last_theta, definition)


def huber_sum() -> Sequence:
    """c_N: how far N steps of Nesterov's method go where the gradient is constant, in units of a gradient step."""
    definition = (
        "c_N = Σ_{k≤N} dₖ, d₁ = 1, dₖ₊₁ = 1 + βₖ dₖ, βₖ = (tₖ − 1)/tₖ₊₁",
        r"c_N = \sum_{k \le N} d_k,\ d_1 = 1,\ d_{k+1} = 1 + \beta_k d_k,\ \beta_k = (t_k - 1)/t_{k+1}",
    )
    return Sequence("c_N", "c_N", lambda values: _C(int(values["N"])), definition)


def inverse_roots() -> Sequence:
    """Σ 1/√t over the rounds."""
    return Sequence(
        "S_T",
        "S_T",
        lambda values: _S(int(values["N"])),
        ("S_T = Σ_{t≤T} 1/√t", r"S_T = \sum_{t \le T} 1/\sqrt{t}"),
    )


class _Growing:
    """The terms of a sequence, each computed once."""

    def __init__(self, first: float, after: Callable[[int, float], float]) -> None:
        self._terms, self._after = [first], after

    def __call__(self, index: int) -> float:
        while len(self._terms) < index:
            self._terms.append(self._after(len(self._terms), self._terms[-1]))
        return self._terms[index - 1] if index > 0 else 0.0


def momentum_t(k: int) -> float:
    """βₖ = (tₖ − 1)/tₖ₊₁."""
    return (_T(k) - 1) / _T(k + 1)


def theta_before(k: int) -> float:
    """θₖ of the optimized gradient method for k < N."""
    return _T(k + 1)


def _last_theta(values: Values) -> float:
    steps = int(values["N"])
    return float((1 + (1 + 8 * _T(steps) ** 2) ** 0.5) / 2) if steps else 1.0


_T = _Growing(1.0, lambda _, t: float((1 + (1 + 4 * t * t) ** 0.5) / 2))
_DISTANCES = _Growing(1.0, lambda k, d: 1 + momentum_t(k) * d)
_C = _Growing(1.0, lambda k, c: c + _DISTANCES(k + 1))
_S = _Growing(1.0, lambda t, s: float(s + (t + 1) ** -0.5))
