"""A convex quadratic of any condition number."""

from __future__ import annotations

import numpy as np

from steepest.core.errors import InputError
from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Point, Real, Vector


def quadratic(
    kappa: float = 10.0,
    dim: int = 10,
    *,
    mu: float = 1.0,
    rotation: int | None = 0,
    start: Point | None = None,
    perturbation: float = 0.0,
) -> FunctionProblem:
    """The quadratic f(x) = ½ (x − x*)ᵀ H (x − x*) with x* = (1, …, 1), minimum 0, and L = κ μ.

    kappa in [1, inf), 10: the condition number. dim in [2, inf), 10 (1 where kappa is 1): the dimension. mu in
    (0, inf), 1: the smallest eigenvalue; the eigenvalues of H are spaced evenly in the logarithm from μ to κ μ.
    rotation: the seed of the orthogonal matrix whose columns are the eigenvectors, uniform among all such matrices;
    None leaves H diagonal, where methods that scale coordinates have it easy. start: `dim` numbers; left out, the
    point that is 1 away from x* along every eigenvector, so that every curvature takes part. perturbation in
    [0, inf), 0: the spread that the seed adds to the start.

    Raises HyperparameterError and InputError for values outside these ranges.

    >>> quadratic(kappa=4.0, dim=3, rotation=None).gradient([2.0, 2.0, 2.0])
    array([1., 2., 4.])
    """
    kappa = Range(low=1).check("quadratic", "kappa", kappa)
    dim = int(Range(low=1, integer=True).check("quadratic", "dim", dim))
    mu = Range(low=0, open_low=True).check("quadratic", "mu", mu)
    if dim == 1 and kappa != 1:
        raise InputError(f"quadratic: dim must be in [2, inf) where kappa > 1, got 1 with kappa {kappa:g}")
    if rotation is not None:
        rotation = int(Range(low=0, high=2**32 - 1, integer=True).check("quadratic", "rotation", rotation))
    basis = np.eye(dim) if rotation is None else _orthogonal(dim, rotation)
    spectrum = mu * np.geomspace(1.0, kappa, dim)
    hessian = (basis * spectrum) @ basis.T
    hessian = (hessian + hessian.T) / 2
    centre = np.ones(dim)

    def value(x: Vector) -> Real:
        found: Real = np.dot(x - centre, hessian @ (x - centre)) / 2
        return found

    def gradient(x: Vector) -> Vector:
        return hessian @ (x - centre)

    def product(x: Vector, v: Vector) -> Vector:
        return hessian @ v

    return FunctionProblem(
        "quadratic",
        value,
        gradient,
        centre + basis.sum(axis=1) if start is None else start,
        hessian=lambda x: hessian,
        hessian_vector=product,
        minimizer=centre,
        facts=ProblemFacts("quadratic", L=float(spectrum[-1]), mu=float(spectrum[0]), f_star=0.0, source="exact"),
        domain=(-3.0, 5.0),
        source="textbook",
        perturbation=perturbation,
        summary=f"½ (x − x*)ᵀH(x − x*) in {dim} variables, condition number {kappa:g}",
    )


def _orthogonal(dim: int, seed: int) -> Vector:
    """An orthogonal matrix, uniform among all: QR of a normal matrix, the signs fixed by R's diagonal."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))
    return np.asarray(q * np.sign(np.diag(r)))
