"""Derivatives by automatic differentiation, of PyTorch and JAX; each imported where it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from steepest.core.errors import InputTypeError, MissingExtraError
from steepest.methods.oracle import Functions
from steepest.methods.vectors import Matrix, Vector
from steepest.run.flatten import Layout
from steepest.run.returned import one_number

if TYPE_CHECKING:
    from steepest.run.given import Given

Library = Literal["torch", "jax"]


def automatic(given: Given, library: Library, layout: Layout, on_device: bool) -> tuple[Functions, str]:
    """Value and gradient in one evaluation."""
    gradient = _torch_gradient if _module(library).__name__ == "torch" else _jax_gradient
    return Functions(both=gradient(given, layout, on_device)), f"automatic ({library})"


def automatic_hessian(given: Given, library: Library, layout: Layout) -> Callable[[Vector, Vector], Matrix]:
    """∇²f as a matrix: n products by PyTorch's double backward, or `jax.hessian`."""
    if library == "jax":
        import jax

        second = jax.hessian(_jax_function(given, layout))

        def by_jax(v: Vector, g: Vector) -> Matrix:
            return np.asarray(second(_jax_input(layout, v)), dtype=np.float64)

        return by_jax
    product = automatic_product(given, "torch", layout, False)

    def matrix(v: Vector, g: Vector) -> Matrix:
        rows: Matrix = np.stack([product(v, row, g) for row in np.eye(layout.size)])
        return 0.5 * (rows + rows.T)

    return matrix


def automatic_product(
    given: Given, library: Library, layout: Layout, on_device: bool
) -> Callable[[Vector, Vector, Vector], Vector]:
    """(x, v, g) ↦ ∇²f(x) v."""
    if library == "jax":
        import jax

        slope = jax.grad(_jax_function(given, layout))

        def forward(v: Vector, d: Vector, g: Vector) -> Vector:
            _, product = jax.jvp(slope, (_jax_input(layout, v),), (_jax_input(layout, d),))
            return np.asarray(product, dtype=np.float64)

        return forward
    import torch

    def double_backward(v: Vector, d: Vector, g: Vector) -> Vector:
        leaf, loss = _torch_loss(given, layout, v)
        leaves = leaf if isinstance(leaf, list) else [leaf]
        gradients = torch.autograd.grad(loss, leaves, create_graph=True, materialize_grads=True)
        along = torch.cat([gradient.reshape(-1) for gradient in gradients]) @ _torch_input(layout, d)
        if not along.requires_grad:
            return _torch_output(layout, torch.zeros_like(_torch_input(layout, v)), on_device)
        products = torch.autograd.grad(along, leaves, materialize_grads=True)
        flat = torch.cat([product.reshape(-1) for product in products])
        return _torch_output(layout, flat, on_device)

    return double_backward


def automatic_residuals(
    given: Given, library: Library, layout: Layout
) -> tuple[Callable[[Vector], Vector], Callable[[Vector, Vector], Matrix]]:
    """Residuals and their Jacobian: row by row in PyTorch, `jax.jacobian` in JAX."""
    _module(library)
    if library == "jax":
        import jax

        def fun(flat: Any) -> Any:
            return given.fun(layout.shaped(flat), *given.args)

        slopes = jax.jacobian(fun)
        return (
            lambda v: np.atleast_1d(np.array(fun(_jax_input(layout, v)), dtype=np.float64)),
            lambda v, r: np.array(slopes(_jax_input(layout, v)), dtype=np.float64).reshape(len(r), layout.size),
        )
    import torch

    def residuals(v: Vector) -> Vector:
        with torch.no_grad():
            _, r = _torch_loss(given, layout, v)
        return np.atleast_1d(r.detach().cpu().double().numpy())

    def jacobian(v: Vector, known: Vector) -> Matrix:
        leaf, r = _torch_loss(given, layout, v)
        leaves = leaf if isinstance(leaf, list) else [leaf]
        rows = []
        for one in r.reshape(-1):
            parts = torch.autograd.grad(one, leaves, retain_graph=True, materialize_grads=True)
            rows.append(torch.cat([part.reshape(-1) for part in parts]))
        return torch.stack(rows).detach().cpu().double().numpy()

    return residuals, jacobian


def _torch_gradient(given: Given, layout: Layout, on_device: bool) -> Callable[[Vector], tuple[float, Vector]]:
    import torch

    def both(v: Vector) -> tuple[float, Vector]:
        with torch.enable_grad():
            leaf, loss = _torch_loss(given, layout, v)
            if not isinstance(loss, torch.Tensor):
                raise InputTypeError(f"minimize: fun must return a PyTorch tensor, got {type(loss).__name__}")
            f = one_number(loss)
            if not loss.requires_grad:
                raise InputTypeError("minimize: fun's value does not depend on x by PyTorch's operations")
            leaves = leaf if isinstance(leaf, list) else [leaf]
            gradients = torch.autograd.grad(loss.reshape(()), leaves, materialize_grads=True)
        flat = gradients[0] if len(leaves) == 1 else torch.cat([g.reshape(-1) for g in gradients])
        return f, _torch_output(layout, flat.reshape(-1), on_device)

    return both


def _torch_loss(given: Given, layout: Layout, v: Vector) -> tuple[Any, Any]:
    """What to differentiate by, and the function's answer there."""
    import torch

    if layout.module is None:
        leaf = _torch_input(layout, v).detach().requires_grad_(torch.is_grad_enabled())
        return leaf, given.fun(layout.shaped(leaf), *given.args)
    shaped = layout.shaped(_torch_input(layout, v))
    with torch.no_grad():
        parameters = [(shaped[name], p) for name, p in layout.module.named_parameters() if name in shaped]
        for source, parameter in parameters:
            parameter.copy_(source)
    return [parameter for _, parameter in parameters], given.fun(layout.module, *given.args)


def _torch_input(layout: Layout, v: Vector) -> Any:
    """A tensor of its own: the function may keep it, or change it."""
    import torch

    if layout.library == "torch":
        native = layout.native(v)
        return native.clone() if native is v else native
    return torch.from_numpy(v.copy())


def _torch_output(layout: Layout, flat: Any, on_device: bool) -> Vector:
    if layout.library == "torch":
        return layout.host(flat, on_device)
    return flat.detach().cpu().double().numpy()


def _jax_gradient(given: Given, layout: Layout, on_device: bool) -> Callable[[Vector], tuple[float, Vector]]:
    import jax

    both = jax.value_and_grad(_jax_function(given, layout))

    def evaluate(v: Vector) -> tuple[float, Vector]:
        f, g = both(_jax_input(layout, v))
        return one_number(f), np.array(g, dtype=np.float64)

    return evaluate


def _jax_function(given: Given, layout: Layout) -> Callable[[Any], Any]:
    def fun(flat: Any) -> Any:
        answer = given.fun(layout.shaped(flat), *given.args)
        if getattr(answer, "size", None) == 1 and getattr(answer, "shape", ()) != ():
            return answer.reshape(())
        if getattr(answer, "size", 1) != 1:
            one_number(np.empty(answer.shape))
        return answer

    return fun


def _jax_input(layout: Layout, v: Vector) -> Any:
    import jax.numpy as jnp

    return layout.native(v) if layout.library == "jax" else jnp.asarray(v)


def _module(library: Library) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise MissingExtraError({"torch": "PyTorch", "jax": "JAX"}[library], library) from error
