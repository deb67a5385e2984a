"""Projection on a level set, differentiable to any order."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, Int

Point = Float[Array, " n"]
Constraints = Callable[[Point, Any], Float[Array, " m"]]

ITERATIONS = 40
HALVINGS = 60
CLOSE, FAR = 1e-6, 1.0
DAMPINGS = (1.0, 0.5, 0.25, 0.0625)


class _Search(NamedTuple):
    """Where the search for the level set stands, and the directions in which it moves."""

    point: Point
    size: Float[Array, ""]
    basis: Float[Array, "n k"]
    count: Int[Array, ""]
    failures: Int[Array, ""]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def project(constraints: Constraints, point: Point, arguments: Any) -> Point:
    """Return x* = x + Gᵀλ with c(x*, a) = 0, where G = ∂c/∂x at x.

    The point moves along the gradients at the point itself, by Newton's method for λ, damped while
    the constraints do not shrink (Hairer, Lubich & Wanner 2006, algorithm IV.4.2,
    doi:10.1007/3-540-30666-8); where they do not reach the level set, on from there along the
    gradients at the place reached. Constraints that depend on each other are recognised by the
    singular values of G and resolved by least squares: of Kepler's energy, angular momentum and
    Laplace–Runge–Lenz vector three count. Where all gradients vanish (a system at rest) the point
    stays. Where the level is never taken, the point comes as near as it can.

    The derivative is the implicit one: with P = G⁺G the projector on the gradients at x, G* = ∂c/∂x
    at x* and w = dx + dP (x* − x),

        dx* = w − (G* P)⁺ (G* w + ∂c/∂a da),

    which jax.jvp, jax.grad and any nesting of them differentiate in their turn. It holds where the
    number of independent constraints does not change and the first gradients reach the level set.

    Args:
        constraints: c, made dimensionless, as a function of the point and the arguments. It must
            not close over traced values: they belong in the arguments.
        point: x, made dimensionless.
        arguments: a, any tree of real arrays.
    """

    def basis_at(x: Point) -> Array:
        return _gradient_basis(_slope(constraints, x, arguments))

    def size(x: Point) -> Array:
        return largest(constraints(x, arguments))

    def improve(search: _Search) -> _Search:
        x, basis = search.point, search.basis
        inner = _slope(constraints, x, arguments) @ basis
        move = -basis @ (_inverse(inner) @ constraints(x, arguments))
        tried = jnp.stack([x + share * move for share in DAMPINGS])
        sizes = jax.vmap(size)(tried)
        best = jnp.argmin(sizes)
        better = sizes[best] < search.size
        x = jnp.where(better, tried[best], x)
        return _Search(
            x,
            jnp.where(better, sizes[best], search.size),
            jnp.where(better, basis, basis_at(x)),
            search.count + 1,
            jnp.where(better, 0, search.failures + 1),
        )

    going = lambda s: (s.failures < 2) & (s.count < ITERATIONS)  # noqa: E731
    zero = jnp.zeros((), jnp.int32)
    start = _Search(point, size(point), basis_at(point), zero, zero)
    return jax.lax.while_loop(going, improve, start).point


@project.defjvp
def _project_jvp(constraints: Constraints, primals: tuple, tangents: tuple) -> tuple[Point, Point]:
    (point, arguments), (moved, changed) = primals, tangents
    found = project(constraints, point, arguments)
    offset = found - point

    def shifted(x: Point, a: Any) -> Point:
        return _gradient_projector(_slope(constraints, x, a)) @ offset

    projector = _gradient_projector(_slope(constraints, point, arguments))
    turned = jax.jvp(shifted, (point, arguments), (moved, changed))[1]
    free = moved + turned
    excess = jax.jvp(constraints, (found, arguments), (free, changed))[1]
    inner = _slope(constraints, found, arguments) @ projector
    return found, free - _inverse(inner) @ excess


def share_within_reach(
    miss: Callable[[Array], Array], project_at: Callable[[Array], Array], dtype: DTypeLike
) -> Float[Array, ""]:
    """Return how far to go from a state on the level set to another, so as to find it again.

    Far beyond the interval that it is trained on, a network's state may be of any size, and
    Newton's method need not find the level set from there; near a state on it, it does. The way is
    halved until the state misses the level by less than `FAR`, and on until Newton's method finds
    it. A state that misses by less than `CLOSE` is trusted.

    Args:
        miss: by how much the state at a share of the way misses the level, relative to its scale.
        project_at: the same after Newton's method.
        dtype: of the share.
    """
    enough = float(jnp.finfo(dtype).eps) ** 0.6  # Newton's method then ends at round-off
    whole = jnp.ones((), dtype)

    def halve_blindly(search: tuple[Array, Array]) -> tuple[Array, Array]:
        share, count = search
        return 0.5 * share, count + 1

    def halve(search: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        share, count, _ = search
        reached = project_at(share) < enough
        return jnp.where(reached, share, 0.5 * share), count + 1, reached

    away = lambda s: ~(miss(s[0]) < FAR) & (s[1] < HALVINGS)  # noqa: E731
    going = lambda s: ~s[2] & (s[1] < HALVINGS)  # noqa: E731
    count = jnp.zeros((), jnp.int32)
    share, _ = jax.lax.while_loop(away, halve_blindly, (whole, count))
    start = (share, count, miss(share) < CLOSE)
    return jax.lax.stop_gradient(jax.lax.while_loop(going, halve, start)[0])


def project_within_reach(
    constraints: Constraints, point: Point, near: Point, arguments: Any
) -> Point:
    """Return the projection of a point, or of one on the way to it, from which it succeeds.

    Args:
        constraints: as for `project`.
        point: x.
        near: a point about on the level set.
        arguments: as for `project`.
    """
    begin, end, fixed = jax.lax.stop_gradient((near, point, arguments))
    between = lambda share: begin + share * (end - begin)  # noqa: E731
    miss = lambda x: largest(constraints(x, fixed))  # noqa: E731
    share = share_within_reach(
        lambda share: miss(between(share)),
        lambda share: miss(project(constraints, between(share), fixed)),
        point.dtype,
    )
    return project(constraints, near + share * (point - near), arguments)


def largest(values: Array) -> Float[Array, ""]:
    """Return the largest size of some values, infinity where one is no number.

    A maximum alone may lose what is not a number, as XLA computes it on a CPU.
    """
    known = jnp.all(jnp.isfinite(values))
    return jnp.where(known, jnp.max(jnp.abs(values), initial=0.0), jnp.inf)


def independent_count(constraints: Constraints, point: Point, arguments: Any) -> Array:
    """Return how many of the constraints are independent at a point."""
    basis = _gradient_basis(_slope(constraints, point, arguments))
    return jnp.sum(jnp.any(basis != 0.0, axis=0))


def _slope(constraints: Constraints, point: Point, arguments: Any) -> Float[Array, "m n"]:
    return jax.jacfwd(constraints)(point, arguments)


def _cutoff(slope: Array) -> float:
    """Return the singular value, relative to the largest, below which a direction is dependent."""
    return float(jnp.finfo(slope.dtype).eps) ** 0.6


def _inverse(slope: Float[Array, "m n"]) -> Float[Array, "n m"]:
    return jnp.linalg.pinv(slope, rtol=_cutoff(slope))


def _gradient_projector(slope: Float[Array, "m n"]) -> Float[Array, "n n"]:
    return _inverse(slope) @ slope


def _gradient_basis(slope: Float[Array, "m n"]) -> Float[Array, "n k"]:
    """Return orthonormal columns that span the gradients, and zero columns for dependent ones."""
    _, sizes, rows = jnp.linalg.svd(slope, full_matrices=False)
    kept = sizes > _cutoff(slope) * jnp.max(sizes, initial=0.0)
    return rows.T * kept.astype(slope.dtype)[None]
