"""The contract of the rules that work on whole matrices, with references from their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch
from hypothesis import strategies as st
from rule_case import BETA, DECAY, EPS, LR, Case, Outcome, Peer, change, decays, single
from rule_field import Field
from rule_peers import by_pytorch_optimizer, by_torch

from steepest import rules
from steepest.formula import Rule, chain, partition, rule
from steepest.rules.adafactor import EPS as FLOAT32

Array = np.ndarray
Update = Callable[[str, list[Array], Array], Array]
"""Of a tensor's name, all that came in, the newest last, and the tensor."""


# Runs of a reference: whole tensors, no state but the history.


def run(
    field: Field,
    update: Update,
    *,
    lr: float | Callable[[str], float] = 1.0,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
    after: Callable[[list[Array]], Array] = lambda steps: steps[-1],
) -> Outcome:
    """Where the updates lead. after: of the history of steps, lr included."""
    points: dict[str, Array] = {}
    for name, start in field.start.items():
        share = 0.0 if exempt == "vectors" and start.ndim < 2 else weight_decay
        rate = lr(name) if callable(lr) else lr
        p, seen, steps = start, [], []
        for k in range(field.steps):
            g = field.noise[k][name] + field.slope[name] * p
            seen.append(g + share * p if decay == "l2" else g)
            with np.errstate(all="ignore"):
                direction = update(name, seen, p)
            steps.append(rate * direction)
            p = p - after(steps) - (rate * share * p if decay == "lr" else share * p if decay == "independent" else 0.0)
        points[name] = p
    return Outcome(points)


def _by_rank(name: str, shape: tuple[int, ...]) -> str:
    return "matrices" if len(shape) >= 2 else "others"


@rule
def unchanged(u):
    return u


def for_matrices(made: Rule) -> Rule:
    """A rule for matrices, with the others' updates left as they are."""
    return partition(_by_rank, matrices=made, others=unchanged())


def on_matrices(formula: Callable[..., Rule]) -> Callable[..., Rule]:
    """A formula for matrices as a rule that sets its step, for all tensors."""
    return lambda lr=0.1, **settings: chain(for_matrices(formula(**settings)), rules.learning_rate(lr=lr))


def _beside_sgd(method: Callable[..., Rule]) -> Callable[..., Rule]:
    """A method for matrices beside plain gradient descent for the other tensors."""

    def make(lr: float = 0.001, **settings: Any) -> Rule:
        return partition(_by_rank, matrices=method(lr=lr, **settings), others=rules.sgd(lr=lr))

    return make


# Muon.


def momentum_average(
    seen: list[Array], beta: float = 0.95, nesterov: bool = True, corrected: bool = False
) -> Array | float:
    m = sum((1 - beta) * beta**age * u for age, u in enumerate(reversed(seen)))
    k = len(seen)
    if not corrected:
        return beta * m + (1 - beta) * seen[-1] if nesterov else m
    if not nesterov:
        return m / (1 - beta**k)
    return beta * m / (1 - beta ** (k + 1)) + (1 - beta) * seen[-1] / (1 - beta**k)


def newton_schulz(
    u: Array,
    *,
    steps: int = 5,
    a: float = 3.4445,
    b: float = -4.7750,
    c: float = 2.0315,
    eps: float = 1e-7,
    precision: str = "bfloat16",
    adjust: str = "original",
    layout: str = "out_in",
) -> Array:
    """The iteration as it is written; in bfloat16 each product is rounded."""
    wide = np.float64 if precision == "same" else np.float32
    f = wide

    def rounded(x: Array) -> Array:
        return np.asarray(x, ml_dtypes.bfloat16).astype(np.float32) if precision == "bfloat16" else np.asarray(x, wide)

    m, n = u.shape
    x = rounded(u.astype(wide))
    x = x.T if m > n else x
    size = np.maximum(rounded(np.sqrt(np.sum(x * x, dtype=wide))), rounded(np.asarray(eps, wide)))
    x = rounded(x / size)
    for _ in range(steps):
        gram = rounded(x @ x.T)
        mixed = rounded(f(b) * gram + f(c) * (gram @ gram))
        x = rounded(f(a) * x + mixed @ x)
    x = (x.T if m > n else x).astype(np.float64)
    out, inputs = (m, n) if layout == "out_in" else (n, m)
    ratios = {"original": math.sqrt(max(1, out / inputs)), "match_rms_adamw": 0.2 * math.sqrt(max(m, n)), "none": 1.0}
    return ratios[adjust] * x


NS = ("steps", "a", "b", "c", "eps", "precision", "adjust", "layout")


def _orthogonalize(field: Field, lr: float, **settings: Any) -> Outcome:
    def update(name: str, seen: list[Array], p: Array) -> Array:
        return newton_schulz(seen[-1], **settings) if p.ndim >= 2 else seen[-1]

    return run(field, update, lr=lr)


def _muon(field: Field, lr: float, weight_decay: float = 0.1, decay: str = "lr", **settings: Any) -> Outcome:
    own = {name: settings[name] for name in ("beta", "nesterov", "corrected") if name in settings}
    matrix = {name: settings[name] for name in NS if name in settings}

    def update(name: str, seen: list[Array], p: Array) -> Array:
        return newton_schulz(np.asarray(momentum_average(seen, **own)), **matrix) if p.ndim >= 2 else seen[-1]

    matrices = run(field, update, lr=lr, weight_decay=weight_decay, decay=decay).points
    others = run(field, lambda name, seen, p: seen[-1], lr=lr).points
    return Outcome({name: matrices[name] if p.ndim >= 2 else others[name] for name, p in field.start.items()})


def corrected_adam(seen: list[Array], beta1: float, beta2: float, eps: float) -> Array:
    k = len(seen)
    m = sum((1 - beta1) * beta1**age * u for age, u in enumerate(reversed(seen))) / (1 - beta1**k)
    v = sum((1 - beta2) * beta2**age * u * u for age, u in enumerate(reversed(seen))) / (1 - beta2**k)
    return np.asarray(m / (np.sqrt(v) + eps))


def _muon_adamw(
    field: Field, lr: float, adamw_lr: float = 3e-4, beta1: float = 0.9, beta2: float = 0.95, adamw_eps: float = 1e-10,
    weight_decay: float = 0.0, decay: str = "lr", not_hidden: object = (), **settings: Any,
) -> Outcome:  # fmt: skip
    own = {name: settings[name] for name in ("beta", "nesterov") if name in settings}
    matrix = {name: settings[name] for name in NS if name in settings}

    def is_matrix(name: str) -> bool:
        return name == "weight" and not_hidden != "WEIGHT*"

    def update(name: str, seen: list[Array], p: Array) -> Array:
        if is_matrix(name):
            return newton_schulz(np.asarray(momentum_average(seen, **own)), **matrix)
        return corrected_adam(seen, beta1, beta2, adamw_eps)

    return run(
        field, update, lr=lambda name: lr if is_matrix(name) else adamw_lr, weight_decay=weight_decay, decay=decay
    )


def torch_muon(lr: float, **settings: Any) -> Callable[..., Any]:
    """PyTorch's for matrices, beside SGD."""

    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        muon = torch.optim.Muon([p for p in params if p.ndim == 2], lr=lr, **settings)
        sgd = torch.optim.SGD([p for p in params if p.ndim < 2], lr=lr)
        return lambda: (muon.step(), sgd.step())[0]

    return build


def torch_muon_adamw(lr: float, adamw: dict[str, Any], **settings: Any) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        muon = torch.optim.Muon([p for p in params if p.ndim == 2], lr=lr, **settings)
        other = torch.optim.AdamW([p for p in params if p.ndim < 2], **adamw)
        return lambda: (muon.step(), other.step())[0]

    return build


def other_muon_adamw(matrices: dict[str, Any], others: dict[str, Any]) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], Any]:
        import pytorch_optimizer

        groups = [
            {"params": [p for p in params if p.ndim == 2], "use_muon": True, **matrices},
            {"params": [p for p in params if p.ndim < 2], "use_muon": False, **others},
        ]
        return pytorch_optimizer.Muon(groups).step

    return build


def optax_muon(lr: float, consistent_rms: float | None = None, **settings: Any) -> Callable[[], Any]:
    """optax's for matrices, beside SGD."""

    def build() -> Any:
        import jax
        import optax

        def dimensions(params: Any) -> Any:
            return jax.tree.map(lambda p: optax.contrib.MuonDimensionNumbers(), params)

        muon = optax.contrib.scale_by_muon(weight_dimension_numbers=dimensions, **settings)
        shaped = optax.contrib._muon.scale_by_shape(dimensions, consistent_rms)
        parts = {"muon": optax.chain(muon, shaped, optax.scale(-lr)), "sgd": optax.sgd(lr)}
        labels = {"weight": "muon", "bias": "sgd", "gain": "sgd"}
        return optax.multi_transform(parts, labels)

    return build


# Shampoo.


def power(matrix: Array, exponent: float) -> Array:
    """Of a symmetric positive semidefinite matrix, by its singular values."""
    u, values, _ = np.linalg.svd((matrix + matrix.T) / 2)
    values = np.maximum(values, values[0] * np.finfo(np.float64).eps)
    return (u * values**exponent) @ u.T


def _blocks(shape: tuple[int, ...], size: int | None) -> list[tuple[slice, ...]]:
    ranges = [range(0, length, size or length) for length in shape]
    return [
        tuple(slice(i, min(i + (size or n), n)) for i, n in zip(corner, shape, strict=True))
        for corner in np.array(np.meshgrid(*ranges, indexing="ij")).reshape(len(shape), -1).T.tolist()
    ]


def shampoo_direction(
    seen: list[Array], *, eps: float = 1e-4, beta: float | None = None, exponent: float | None = None, every: int = 1,
    block_size: int | None = 1024, graft: str = "none", graft_eps: float = 1e-10,
) -> Array:  # fmt: skip
    shape = seen[-1].shape
    pieces = [u.reshape(shape or (1,)) for u in seen]
    known = 1 + (len(seen) - 1) // every * every
    result = np.empty_like(pieces[-1])
    for at in _blocks(pieces[0].shape, block_size):
        past = [u[at] for u in pieces[:known]]
        direction = pieces[-1][at]
        order = direction.ndim
        for axis in range(order):
            outer = [np.tensordot(u, u, axes=([i for i in range(order) if i != axis],) * 2) for u in past]
            start = eps * np.eye(direction.shape[axis])
            if beta is None:
                total = start + sum(outer)
            else:
                total = beta**known * start
                total = total + sum((1 - beta) * beta**age * x for age, x in enumerate(reversed(outer)))
            root = power(total, -(1 / (2 * order) if exponent is None else exponent))
            direction = np.moveaxis(np.tensordot(root, direction, axes=([1], [axis])), 0, axis)
        result[at] = direction
    result = result.reshape(shape)
    if graft == "none":
        return result
    other = seen[-1]
    if graft == "adagrad":
        other = other / (np.sqrt(sum(u * u for u in seen)) + graft_eps)
    if graft == "rms":
        decay = 0.999 if beta is None else beta
        second = sum((1 - decay) * decay**age * u * u for age, u in enumerate(reversed(seen)))
        other = other / (np.sqrt(second) + graft_eps)
    return result * (np.linalg.norm(other) / np.linalg.norm(result))


def _shampoo(
    field: Field, lr: float = 0.1, momentum: float = 0.0, beta2: float | None = None, beta: float | None = None,
    weight_decay: float = 0.0, decay: str = "l2", exempt: str = "none", **settings: Any,
) -> Outcome:  # fmt: skip
    directions: dict[str, list[Array]] = {}
    chosen = beta if beta2 is None else beta2

    def update(name: str, seen: list[Array], p: Array) -> Array:
        past = directions.setdefault(name, [])
        past.append(shampoo_direction(seen, beta=chosen, **settings))
        return np.asarray(sum(momentum**age * u for age, u in enumerate(reversed(past))))

    return run(field, update, lr=lr, weight_decay=weight_decay, decay=decay, exempt=exempt)


def other_shampoo(**settings: Any) -> Callable[..., Any]:
    """pytorch_optimizer's, for which a number is a vector of one."""

    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        import pytorch_optimizer

        views = [torch.nn.Parameter(p.detach().reshape(p.shape or (1,))) for p in params]
        optimizer = pytorch_optimizer.Shampoo(views, **settings)

        def step() -> None:
            for view, p in zip(views, params, strict=True):
                view.grad = p.grad.reshape(view.shape).clone()
            optimizer.step()

        return step

    return build


# SOAP.


def soap_direction(
    seen: list[Array], axes: list[int], *, beta1: float = 0.95, beta2: float = 0.95, shampoo_beta: float | None = None,
    eps: float = 1e-8, every: int = 10, bias_correction: bool = True, normalize: bool = False,
) -> Array:  # fmt: skip
    """The whole history anew: bases as matrices, Adam in the Kronecker product of the bases."""
    share = 1 - (beta2 if shampoo_beta is None else shampoo_beta)
    if len(seen) == 1:
        return 0 * seen[0]

    def outer(u: Array, axis: int) -> Array:
        rows = np.moveaxis(u, axis, 0).reshape(u.shape[axis], -1)
        return rows @ rows.T

    grams = {axis: share * outer(seen[0], axis) for axis in axes}
    bases = {axis: np.linalg.eigh(gram)[1][:, ::-1] for axis, gram in grams.items()}
    order, shape = seen[0].ndim, seen[0].shape
    v = np.zeros(shape)
    for k, u in enumerate(seen[1:], 1):
        whole = np.ones((1, 1))
        for axis in range(order):
            whole = np.kron(whole, bases.get(axis, np.eye(shape[axis])))
        v = beta2 * v + (1 - beta2) * (whole.T @ u.reshape(-1)).reshape(shape) ** 2
        m = sum((1 - beta1) * beta1**age * x for age, x in enumerate(reversed(seen[1 : k + 1])))
        n = (whole @ ((whole.T @ np.asarray(m).reshape(-1)) / (np.sqrt(v.reshape(-1)) + eps))).reshape(shape)
        for axis in axes:
            grams[axis] = (1 - share) * grams[axis] + share * outer(u, axis)
            if k % every == 0:
                product = grams[axis] @ bases[axis]
                places = np.argsort(-np.sum(bases[axis] * product, axis=0), kind="stable")
                v = np.take(v, places, axis=axis)
                bases[axis] = np.linalg.qr(product[:, places])[0]
    if normalize:
        n = n / (1e-30 + np.sqrt(np.mean(n * n)))
    return n * math.sqrt(1 - beta2**k) / (1 - beta1**k) if bias_correction else n


def _soap(
    field: Field, lr: float = 3e-3, vectors: bool = True, max_dim: int = 10_000, weight_decay: float = 0.0,
    decay: str = "lr", exempt: str = "none", **settings: Any,
) -> Outcome:  # fmt: skip
    def update(name: str, seen: list[Array], p: Array) -> Array:
        axes = [] if p.ndim < (1 if vectors else 2) else [a for a, length in enumerate(p.shape) if length <= max_dim]
        return soap_direction(seen, axes, **settings)

    return run(field, update, lr=lr, weight_decay=weight_decay, decay=decay, exempt=exempt)


def _soap_of_matrices(field: Field, lr: float, **settings: Any) -> Outcome:
    """Vectors have too many eigenvectors for one gradient: they are left as they are."""
    soaped, plain = _soap(field, lr=lr, **settings).points, run(field, lambda name, seen, p: seen[-1], lr=lr).points
    return Outcome({name: soaped[name] if p.ndim >= 2 else plain[name] for name, p in field.start.items()})


def _late_adam(field: Field, lr: float, **settings: Any) -> Outcome:
    return run(field, lambda name, seen, p: soap_direction(seen, [], **settings), lr=lr)


# Adafactor.


def mean_since(values: list[Array], exponent: float) -> Array:
    """Each value with the weight that it got at its update, s, times what later ones left of it."""
    shares = [k**-exponent for k in range(1, len(values) + 1)]
    weights = [s * math.prod(1 - later for later in shares[k + 1 :]) for k, s in enumerate(shares)]
    return np.asarray(sum(w * x for w, x in zip(weights, values, strict=True)))


def factored_direction(
    seen: list[Array], exponent: float = 0.8, eps: float = FLOAT32, eps_position: str = "floor"
) -> Array:
    inside = eps_position == "inside"
    squares = [u * u + (eps if inside else 0.0) for u in seen]
    r = mean_since([x.mean(axis=1) for x in squares], exponent)
    c = mean_since([x.mean(axis=0) for x in squares], exponent)
    second = np.outer(r, c) / (r.mean() if inside else max(r.mean(), eps))
    return seen[-1] / (np.sqrt(second) if inside else np.maximum(np.sqrt(second), eps))


def rms_direction(seen: list[Array], exponent: float = 0.8, eps: float = FLOAT32, eps_position: str = "floor") -> Array:
    inside = eps_position == "inside"
    second = np.sqrt(mean_since([u * u + (eps if inside else 0.0) for u in seen], exponent))
    return seen[-1] / (second if inside else np.maximum(second, eps))


def _rms(x: Array) -> float:
    return math.sqrt(float(np.mean(x * x)))


def _adafactor(
    field: Field, lr: float = 0.01, exponent: float = 0.8, eps1: float = FLOAT32, eps2: float = 1e-3,
    eps_position: str = "floor", threshold: float = 1.0, relative: bool = True, scale_parameter: bool = True,
    momentum: float = 0.0, min_size: int = 1, weight_decay: float = 0.0, decay: str = "lr", exempt: str = "none",
) -> Outcome:  # fmt: skip
    def update(name: str, seen: list[Array], p: Array) -> Array:
        is_factored = p.ndim == 2 and min(p.shape) >= min_size
        u = (factored_direction if is_factored else rms_direction)(seen, exponent, eps1, eps_position)
        u = u / max(1.0, _rms(u) / threshold)
        rho = min(lr, 1 / math.sqrt(len(seen))) if relative else lr
        return u * rho * (max(eps2, _rms(p)) if scale_parameter else 1.0) / lr

    def after(steps: list[Array]) -> Array:
        return np.asarray(sum((1 - momentum) * momentum**age * u for age, u in enumerate(reversed(steps))))

    kept = after if momentum else (lambda steps: steps[-1])
    return run(field, update, lr=lr, weight_decay=weight_decay, decay=decay, exempt=exempt, after=kept)


def _factored(field: Field, lr: float, **settings: Any) -> Outcome:
    return run(field, lambda name, seen, p: factored_direction(seen, **settings) if p.ndim >= 2 else seen[-1], lr=lr)


def _relative(
    field: Field, lr: float = 0.01, eps: float = 1e-3, relative: bool = True, scale_parameter: bool = True
) -> Outcome:
    def update(name: str, seen: list[Array], p: Array) -> Array:
        rho = min(lr, 1 / math.sqrt(len(seen))) if relative else lr
        return seen[-1] * rho * (max(eps, _rms(p)) if scale_parameter else 1.0)

    return run(field, update)


def _decay_by_rate(field: Field, lr: float, weight_decay: float = 0.0, exempt: str = "none") -> Outcome:
    return run(field, lambda name, seen, p: 0.1 * seen[-1] + (
        0.0 if exempt == "vectors" and p.ndim < 2 else lr * weight_decay) * p)  # fmt: skip


def optax_adafactor(lr: float, least: int, momentum: float = 0.0, weight_decay: float = 0.0) -> Callable[[], Any]:
    """As optax.adafactor chains it, but with the averaging factor in float64, which it computes in float32."""

    def build() -> Any:
        import jax.numpy as jnp
        import optax
        from optax._src.factorized import scale_by_factored_rms

        def factor(step: Any, exponent: float) -> Any:
            return 1.0 - jnp.asarray(step + 1, dtype=jnp.float64) ** -exponent

        return optax.chain(
            scale_by_factored_rms(min_dim_size_to_factor=least, decay_rate_fn=factor),
            optax.clip_by_block_rms(1.0),
            optax.scale(lr),
            optax.scale_by_param_block_rms(),
            *([optax.ema(momentum, debias=False)] if momentum else []),
            *([optax.add_decayed_weights(weight_decay)] if weight_decay else []),
            optax.scale(-1),
        )

    return build


# The cases.

NS_DRAWN = {
    "steps": st.integers(1, 6), "a": st.floats(3.0, 3.6), "b": st.floats(-5, -4.5), "c": st.floats(1.9, 2.1),
    "eps": EPS, "precision": st.just("same"), "adjust": st.sampled_from(["original", "match_rms_adamw", "none"]),
}  # fmt: skip
EXACT = {"precision": "same"}


def matrix_at_most(shape: tuple[int, ...]) -> bool:
    """Vectors and numbers go beside it; see `for_matrices`."""
    return len(shape) <= 2


NS_CHANGES = {
    "steps": change(4), "a": change(3.3), "b": change(-4.9), "c": change(2.0), "eps": change(1e3),
    "precision": change("float32", "same"), "adjust": change("match_rms_adamw", "none"),
}  # fmt: skip
LAYOUT, LAYOUTS = {"layout": st.sampled_from(["out_in", "in_out"])}, {"layout": change("in_out")}
MOMENTUM = {"beta": BETA, "nesterov": st.booleans(), "corrected": st.booleans()}
MOMENTUM_CHANGES = {"beta": change(0.5), "nesterov": change(False), "corrected": change(True)}
PLACED = {name: DECAY[name] for name in ("weight_decay", "decay")}
SHAMPOO_DRAWN = {
    "eps": st.floats(-4, 0).map(lambda x: 10.0**x), "exponent": st.one_of(st.none(), st.floats(0.1, 0.5)),
    "every": st.integers(1, 4), "block_size": st.one_of(st.none(), st.integers(1, 4)),
    "graft": st.sampled_from(["none", "sgd", "adagrad", "rms"]), "graft_eps": EPS,
}  # fmt: skip
SHAMPOO_CHANGES = {
    "eps": change(1.0), "exponent": change(0.5), "every": change(7), "block_size": change(1),
    "graft": change("sgd", "adagrad", "rms"), "graft_eps": change(0.1, graft="rms"),
}  # fmt: skip
SOME = st.floats(0.3, 0.99)
ADAM_OF_SOAP = {"beta1": BETA, "beta2": SOME, "eps": EPS, "bias_correction": st.booleans(), "normalize": st.booleans()}
SOAP_DRAWN = {
    **ADAM_OF_SOAP, "shampoo_beta": st.one_of(st.none(), SOME), "every": st.integers(1, 12),
    "max_dim": st.integers(1, 4),
}  # fmt: skip
ADAM_OF_SOAP_CHANGES = {
    "beta1": change(0.5), "beta2": change(0.5), "eps": change(0.1), "bias_correction": change(False),
    "normalize": change(True),
}  # fmt: skip
SOAP_CHANGES = {**ADAM_OF_SOAP_CHANGES, "shampoo_beta": change(0.5), "every": change(3), "max_dim": change(2)}
FACTORED_DRAWN = {
    "exponent": st.floats(0.3, 1.5), "eps": EPS, "eps_position": st.sampled_from(["floor", "inside"])
}  # fmt: skip
FACTORED_CHANGES = {"exponent": change(0.5), "eps": change(1.0), "eps_position": change("inside", eps=0.1)}

MATRIX: list[Case] = [
    Case("scale_by_momentum_average", single(rules.scale_by_momentum_average), {"lr": LR, **MOMENTUM},
         lambda field, lr, **s: run(field, lambda name, seen, p: np.asarray(momentum_average(seen, **s)), lr=lr),
         MOMENTUM_CHANGES),
    Case("orthogonalize", on_matrices(rules.orthogonalize), {"lr": LR, **NS_DRAWN, **LAYOUT}, _orthogonalize,
         {**NS_CHANGES, **LAYOUTS}, normed=True, by_row=True, across=EXACT, takes=matrix_at_most),
    Case("orthogonalize_flattened", on_matrices(rules.orthogonalize_flattened), {"lr": LR, **NS_DRAWN}, _orthogonalize,
         NS_CHANGES, normed=True, by_row=True, across=EXACT),
    Case("muon", _beside_sgd(rules.muon),
         {"lr": LR, **MOMENTUM, **{n: s for n, s in NS_DRAWN.items() if n not in "abc"}, **LAYOUT, **PLACED}, _muon,
         {**MOMENTUM_CHANGES, **{n: c for n, c in NS_CHANGES.items() if n not in "abc"}, **LAYOUTS,
          **{n: c for n, c in decays("lr").items() if n != "exempt"}}, (
        Peer("torch.optim.Muon, defaults", {}, torch_muon(0.001)),
        Peer("torch.optim.Muon",
             {"lr": 0.02, "beta": 0.8, "nesterov": False, "adjust": "match_rms_adamw", "steps": 3, "eps": 1.0,
              "weight_decay": 0.3},
             torch_muon(0.02, momentum=0.8, nesterov=False, adjust_lr_fn="match_rms_adamw", ns_steps=3, eps=1.0,
                        weight_decay=0.3)),
        Peer("optax.contrib.scale_by_muon",
             {"lr": 0.02, "corrected": True, "layout": "in_out", "precision": "same", "eps": 1e-30,
              "weight_decay": 0.0},
             optax_muon(0.02, eps=1e-30), optax=True),
        Peer("optax.contrib.scale_by_muon, consistent",
             {"lr": 0.02, "beta": 0.8, "nesterov": False, "adjust": "match_rms_adamw", "precision": "same",
              "eps": 1e-30, "weight_decay": 0.0},
             optax_muon(0.02, eps=1e-30, beta=0.8, nesterov=False, consistent_rms=0.2), optax=True),
    ), normed=True, by_row=True, across=EXACT, takes=matrix_at_most),
    Case("muon_adamw", rules.muon_adamw,
         {"lr": LR, "adamw_lr": LR, "beta": BETA, "nesterov": st.booleans(),
          **{n: s for n, s in NS_DRAWN.items() if n not in "abc"}, "beta1": BETA, "beta2": BETA, "adamw_eps": EPS,
          "not_hidden": st.sampled_from(["WEIGHT*", "*embed*"]), **PLACED}, _muon_adamw,
         {"adamw_lr": change(0.02), "beta": change(0.5), "nesterov": change(False),
          **{n: c for n, c in NS_CHANGES.items() if n not in "abc"}, "beta1": change(0.5), "beta2": change(0.5),
          "adamw_eps": change(0.1), "not_hidden": change("WEIGHT*"),
          **{n: c for n, c in decays("lr").items() if n != "exempt"}, "lr": change(0.1)}, (
        Peer("torch.optim.Muon and AdamW", {"lr": 0.02, "adamw_lr": 0.01, "weight_decay": 0.1},
             torch_muon_adamw(0.02, {"lr": 0.01, "betas": (0.9, 0.95), "eps": 1e-10, "weight_decay": 0.1},
                              weight_decay=0.1)),
        Peer("pytorch_optimizer.Muon, defaults", {}, other_muon_adamw({}, {})),
        Peer("pytorch_optimizer.Muon",
             {"lr": 0.01, "adamw_lr": 0.02, "beta": 0.8, "nesterov": False, "weight_decay": 0.1, "beta1": 0.8,
              "beta2": 0.9, "adamw_eps": 1e-3, "adjust": "match_rms_adamw"},
             other_muon_adamw({"lr": 0.01, "momentum": 0.8, "nesterov": False, "weight_decay": 0.1,
                               "use_adjusted_lr": True},
                              {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1})),
    ), normed=True, by_row=True, across=EXACT),
    Case("scale_by_shampoo", single(rules.scale_by_shampoo),
         {"lr": LR, "beta": st.one_of(st.none(), SOME), **SHAMPOO_DRAWN}, _shampoo,
         {"beta": change(0.9), **SHAMPOO_CHANGES}, normed=True, by_row=True, across={"eps": 1.0}),
    Case("shampoo", rules.shampoo,
         {"lr": LR, "momentum": BETA, "beta2": st.one_of(st.none(), SOME), **SHAMPOO_DRAWN, **DECAY}, _shampoo,
         {**decays("l2"), "momentum": change(0.5), "beta2": change(0.9), **SHAMPOO_CHANGES}, (
        Peer("pytorch_optimizer.Shampoo", {"lr": 0.02, "eps": 0.5}, other_shampoo(lr=0.02, matrix_eps=0.5)),
        Peer("pytorch_optimizer.Shampoo, decoupled", {"lr": 0.02, "eps": 0.5, "weight_decay": 0.1, "decay": "lr"},
             other_shampoo(lr=0.02, matrix_eps=0.5, weight_decay=0.1, weight_decouple=True)),
    ), normed=True, by_row=True, across={"eps": 1.0}),
    Case("scale_by_soap", on_matrices(rules.scale_by_soap), {"lr": LR, **SOAP_DRAWN}, _soap_of_matrices, SOAP_CHANGES,
         normed=True, by_row=True, across={}),
    Case("scale_by_late_adam", single(rules.scale_by_late_adam), {"lr": LR, **ADAM_OF_SOAP}, _late_adam,
         ADAM_OF_SOAP_CHANGES, normed=True),
    Case("soap", rules.soap, {"lr": LR, **SOAP_DRAWN, "vectors": st.booleans(), **DECAY}, _soap,
         {**decays("lr"), **SOAP_CHANGES, "vectors": change(True)}, (
        Peer("pytorch_optimizer.SOAP, one basis", {"lr": 0.02, "every": 100, "weight_decay": 0.0},
             by_pytorch_optimizer("SOAP", lr=0.02, precondition_frequency=100, weight_decay=0.0)),
        Peer("pytorch_optimizer.SOAP", {"lr": 0.02, "weight_decay": 0.0, "beta1": 0.8, "beta2": 0.9, "every": 3},
             by_pytorch_optimizer("SOAP", lr=0.02, weight_decay=0.0, betas=(0.8, 0.9), precondition_frequency=3),
             narrow=True),
        Peer("pytorch_optimizer.SOAP, one-sided",
             {"lr": 0.02, "weight_decay": 0.0, "max_dim": 2, "shampoo_beta": 0.7, "bias_correction": False},
             by_pytorch_optimizer("SOAP", lr=0.02, weight_decay=0.0, max_precondition_dim=2, shampoo_beta=0.7,
                                  correct_bias=False), narrow=True),
    ), normed=True, by_row=True, across={}),
    Case("scale_by_factored_rms", on_matrices(rules.scale_by_factored_rms), {"lr": LR, **FACTORED_DRAWN}, _factored,
         FACTORED_CHANGES, normed=True, by_row=True),
    Case("scale_by_decaying_rms", single(rules.scale_by_decaying_rms), {"lr": LR, **FACTORED_DRAWN},
         lambda field, lr, **s: run(field, lambda name, seen, p: rms_direction(seen, **s), lr=lr), FACTORED_CHANGES),
    Case("clip_rms", single(rules.clip_rms), {"lr": LR, "threshold": st.floats(0.01, 10)},
         lambda field, lr, threshold=1.0: run(
             field, lambda name, seen, p: seen[-1] / max(1.0, _rms(seen[-1]) / threshold), lr=lr),
         {"threshold": change(0.5)}, normed=True),
    Case("relative_step", rules.relative_step,
         {"lr": LR, "eps": st.floats(0, 1), "relative": st.booleans(), "scale_parameter": st.booleans()}, _relative,
         {"lr": change(0.02), "eps": change(2.0), "relative": change(False, lr=0.5, scale_parameter=False),
          "scale_parameter": change(False)}, normed=True),
    Case("decay_by_rate", lambda lr=0.1, **s: chain(rules.learning_rate(lr=0.1), rules.decay_by_rate(lr=lr, **s)),
         {"lr": LR, "weight_decay": st.floats(0, 0.3), "exempt": DECAY["exempt"]}, _decay_by_rate,
         {"lr": change(0.02, weight_decay=0.1), "weight_decay": change(0.2),
          "exempt": change("vectors", weight_decay=0.1)}),
    Case("adafactor", rules.adafactor,
         {"lr": LR, "exponent": st.floats(0.3, 1.5), "eps1": EPS, "eps2": st.floats(0, 1),
          "eps_position": st.sampled_from(["floor", "inside"]), "threshold": st.floats(0.1, 10),
          "relative": st.booleans(), "scale_parameter": st.booleans(), "momentum": BETA, "min_size": st.integers(1, 4),
          **DECAY}, _adafactor,
         {**decays("lr"), "exponent": change(0.5), "eps1": change(1.0), "eps2": change(2.0),
          "eps_position": change("inside", eps1=0.1), "threshold": change(0.5), "relative": change(False, lr=0.5),
          "scale_parameter": change(False), "momentum": change(0.5), "min_size": change(3)}, (
        Peer("torch.optim.Adafactor", {}, by_torch(torch.optim.Adafactor, eps=(FLOAT32, 1e-3))),
        Peer("torch.optim.Adafactor, all set",
             {"lr": 0.3, "exponent": 0.5, "eps1": 0.1, "eps2": 0.5, "threshold": 1.5, "weight_decay": 0.1},
             by_torch(torch.optim.Adafactor, lr=0.3, beta2_decay=-0.5, eps=(0.1, 0.5), d=1.5, weight_decay=0.1)),
        Peer("optax.adafactor",
             {"lr": 0.05, "eps1": 1e-30, "eps_position": "inside", "relative": False, "weight_decay": 0.1,
              "decay": "independent"}, optax_adafactor(0.05, 1, weight_decay=0.1), optax=True),
        Peer("optax.adafactor, momentum",
             {"lr": 0.05, "eps1": 1e-30, "eps_position": "inside", "relative": False, "momentum": 0.9, "min_size": 128},
             optax_adafactor(0.05, 128, momentum=0.9), optax=True),
        Peer("pytorch_optimizer.AdaFactor",
             {"lr": 0.01, "eps1": 1e-30, "eps_position": "inside", "momentum": 0.9},
             by_pytorch_optimizer("AdaFactor", betas=(0.9, 0.999), momentum_dtype=torch.float64), narrow=True),
    ), normed=True, by_row=True),
]  # fmt: skip

MATRIX_REQUIRED = {"decay_by_rate": {"lr": 0.1}}
"""Arguments without a default."""
