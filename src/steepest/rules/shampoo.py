"""Shampoo."""

from __future__ import annotations

from typing import Any, Literal

from steepest.core.arrays import namespace
from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import Count, Positive, Rule, Slot, Unit, method, rule
from steepest.rules.blocks import assembled, blocks, flat, matrices_shape
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.inverse_root import gram, inverse_root, multiplied
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum as momentum_rule

Graft = Literal["none", "sgd", "adagrad", "rms"]


def _matrices(shape: tuple[int, ...], block_size: int | None) -> tuple[int, ...]:
    return matrices_shape(shape, block_size)


@rule(
    slots=(
        Slot("statistics", like=_matrices),
        Slot("roots", like=_matrices),
        Slot("squares", when=lambda statics: statics["graft"] in {"adagrad", "rms"}, nonnegative=True),
    ),
    opaque=True,
    batched=True,
)
def scale_by_shampoo(
    u,
    statistics,
    roots,
    squares,
    k,
    *,
    eps: Positive = 1e-4,
    beta: Unit | None = None,
    exponent: Positive | None = None,
    every: Count = 1,
    block_size: Count | None = 1024,
    graft: Graft = "none",
    graft_eps: Positive = 1e-10,
):
    """Shampoo: each dimension of a tensor has a matrix of second moments, whose inverse root multiplies the update.

    For a matrix u of m × n, from L = ε Iₘ and R = ε Iₙ:

        L ← L + u uᵀ          R ← R + uᵀ u
        u ← L^(−1/4) u R^(−1/4)

    A tensor of d dimensions has d matrices, of its slices' inner products, to the power −1/(2 d): a vector is
    multiplied by the inverse root of all its outer products (full-matrix AdaGrad). beta: averages in place of sums,
    L ← β L + (1 − β) u uᵀ. exponent: another power than 1/(2 d). every: roots are computed anew at the first update
    and then at each so many; they are old in between. block_size: dimensions longer than that are cut, and each block
    of the tensor has matrices of its own; None never cuts, and an embedding of 50,000 rows then has 2.5e9 numbers in
    its first matrix. graft: the update has the norm, tensor by tensor, of another rule's: "sgd" of u itself, "adagrad"
    of u / (√Σu² + ε_g), "rms" of u / (√mean + ε_g), whose mean decays by β (0.999 where beta is None).

    Shapes: statistics and roots hold all matrices of a tensor in one flat array, block by block and dimension by
    dimension; squares is like u. Units: without grafting, u comes out a pure number with the default exponent, as ε has
    the units of the gradient's square. eps, exponent, graft_eps in (0, ∞); beta in [0, 1); every, block_size in
    {1, 2, …}, block_size a fixed number. Roots come from eigenvalues in float64.
    Raises HyperparameterError for a value outside its range.
    Source: Gupta, Koren & Singer 2018, arXiv:1802.09568, Algorithms 1 and 2; blocks, grafting and averages: Anil et al.
    2020, arXiv:2002.09018. Dialect: the paper's, up to a dimension of 1,024; pytorch_optimizer.Shampoo is eps=1e-6,
    block_size=None. The default of eps is that of Google's first implementation (tf.contrib).

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_shampoo(eps=1e-12), learning_rate(lr=1.0))
    >>> p = np.zeros((2, 2))
    >>> r.update(p, np.array([[0.0, 9.0], [4.0, 0.0]]), r.init(p))[0].round(6)
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    if 0 in u.shape:
        return u, statistics, roots, squares
    shape = tuple(u.shape[1:])
    grads = u.reshape(u.shape[0], *(shape or (1,)))
    fresh = (k - 1) % int(every) == 0
    new_statistics, new_roots, updates = [], [], []
    for part in blocks(shape, None if block_size is None else int(block_size), None):
        piece = update = part.piece(grads)
        power = -(1.0 / (2 * len(part.shape)) if exponent is None else exponent)
        for number, axis in enumerate(part.axes):
            outer = gram(piece, axis)
            before = _start(outer, eps) if k <= 1 else part.matrix(statistics, number)
            matrix = before + outer if beta is None else beta * before + (1 - beta) * outer
            root = inverse_root(matrix, power) if fresh else part.matrix(roots, number)
            update = multiplied(update, root, axis)
            new_statistics.append(matrix)
            new_roots.append(root)
        updates.append((part, update))
    result = assembled(updates, u)
    if graft != "none":
        result, squares = _grafted(result, u, squares, k, graft, beta, graft_eps)
    return result, flat(new_statistics, statistics), flat(new_roots, roots) if fresh else roots, squares


def _start(outer: Any, eps: float) -> Any:
    """ε I."""
    return eps * namespace(outer).eye(outer.shape[-1], dtype=outer.dtype, device=getattr(outer, "device", None))


def _grafted(
    result: Any, u: Any, squares: Any, k: int, graft: Graft, beta: float | None, eps: float
) -> tuple[Any, Any]:
    """The updates at the norm of another rule's, and that rule's moments."""
    xp, other = namespace(u), u
    if graft == "adagrad":
        squares = squares + u * u
        other = u / (xp.sqrt(squares) + eps)
    if graft == "rms":
        decay = 0.999 if beta is None else beta
        squares = decay * squares + (1 - decay) * u * u
        other = u / (xp.sqrt(squares) + eps)
    norm, wanted = _norm(result), _norm(other)
    return result * xp.where(norm > 0, wanted / norm, xp.ones_like(norm)), squares


def _norm(tensors: Any) -> Any:
    """Of each tensor of a stack, in an order of summation that does not depend on how many there are."""
    norms = namespace(tensors).linalg.vector_norm(tensors.reshape(tensors.shape[0], -1), axis=-1)
    return norms.reshape(-1, *(1 for _ in tensors.shape[1:]))


@method(scale_by_shampoo__beta="beta2", momentum__beta="momentum")
def shampoo(
    lr: float | Schedule = 0.1,
    *,
    momentum: float | Schedule = 0.0,
    eps: float | Schedule = 1e-4,
    beta2: float | Schedule | None = None,
    exponent: float | Schedule | None = None,
    every: int = 1,
    block_size: int | None = 1024,
    graft: Graft = "none",
    graft_eps: float | Schedule = 1e-10,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Shampoo with a learning rate: see `scale_by_shampoo`.

    Where momentum is not 0, it comes after the scaling.
    lr in (0, ∞); momentum in [0, 1), of the preconditioned updates, as `momentum` has it; eps, exponent, graft_eps in
    (0, ∞); beta2 in [0, 1), None for sums; every, block_size in {1, 2, …}; weight_decay = λ in [0, ∞), placed by
    `decay` but where `exempt`.
    Source: Gupta, Koren & Singer 2018, arXiv:1802.09568, Algorithm 2, which has no momentum.

    >>> shampoo(lr=0.1).slots().keys()
    dict_keys(['scale_by_shampoo.statistics', 'scale_by_shampoo.roots'])
    """
    if graft not in {"none", "sgd", "adagrad", "rms"}:
        raise InputError(f"shampoo: graft must be 'none', 'sgd', 'adagrad' or 'rms', got {graft!r}")
    scaling = scale_by_shampoo(
        eps=eps, beta=beta2, exponent=exponent, every=every, block_size=block_size, graft=graft, graft_eps=graft_eps
    )
    buffer = () if momentum == 0.0 else (momentum_rule(beta=momentum),)
    return decayed((scaling, *buffer), learning_rate(lr=lr), decay, weight_decay, exempt)
