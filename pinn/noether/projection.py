"""Projection on a level set, differentiable to any order."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

Point = Float[Array, " n"]
Constraints = Callable[[Point, Any], Float[Array, " m"]]
Beginning = Callable[[Any, Float[Array, ""], Int[Array, ""]], tuple[Point, Any]]

ITERATIONS = 40
HALVINGS, TRIALS = 60, 12
CLOSE, FAR, FAR_AWAY = 1e-6, 1.0, float("inf")
DAMPINGS = (1.0, 0.5, 0.25, 0.0625)


class _Search(NamedTuple):
    """Where the search for the level set stands, and the directions in which it moves."""

    point: Point
    values: Float[Array, " m"]
    slope: Float[Array, "m n"]
    basis: Float[Array, "n k"]
    count: Int[Array, ""]
    failures: Int[Array, ""]


class _Way(NamedTuple):
    """How far the way to a state is gone, what is given up there, and the projection."""

    share: Float[Array, ""]
    given_up: Int[Array, ""]
    point: Point
    reached: Bool[Array, ""]
    count: Int[Array, ""]


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
    return _searched(constraints, point, arguments, FAR_AWAY)[0]


def _searched(
    constraints: Constraints, point: Point, arguments: Any, limit: Float[Array, ""] | float
) -> tuple[Point, Float[Array, ""], Float[Array, ""]]:
    """Return x*, and the largest constraint at x and at x*.

    Nothing is searched for where the constraints at x are not below a limit.
    """

    def size(x: Point) -> Array:
        return largest(constraints(x, arguments))

    def improve(search: _Search) -> _Search:
        x, basis = search.point, search.basis
        move = -basis @ (_inverse(search.slope @ basis) @ search.values)
        tried = jnp.stack([x + share * move for share in DAMPINGS])
        sizes = jax.vmap(size)(tried)
        best = jnp.argmin(sizes)
        better = sizes[best] < largest(search.values)
        x = jnp.where(better, tried[best], x)
        values, slope = _linearised(constraints, x, arguments)
        basis = jnp.where(better, basis, _gradient_basis(slope))
        failures = jnp.where(better, 0, search.failures + 1)
        return _Search(x, values, slope, basis, search.count + 1, failures)

    values, slope = _linearised(constraints, point, arguments)
    missed, zero = largest(values), jnp.zeros((), jnp.int32)
    going = lambda s: (s.failures < 2) & (s.count < ITERATIONS) & (missed < limit)  # noqa: E731
    start = _Search(point, values, slope, _gradient_basis(slope), zero, zero)
    found = jax.lax.while_loop(going, improve, start)
    return found.point, missed, largest(found.values)


@project.defjvp
def _project_jvp(constraints: Constraints, primals: tuple, tangents: tuple) -> tuple[Point, Point]:
    found = project(constraints, *primals)
    return found, _implicit(constraints, found, primals, tangents)


def _implicit(constraints: Constraints, found: Point, primals: tuple, tangents: tuple) -> Point:
    """Return dx*, see `project`, of the x* that was found from the primals x and a."""
    (point, arguments), (moved, changed) = primals, tangents
    offset = found - point

    def shifted(x: Point, a: Any) -> Point:
        return _gradient_projector(_slope(constraints, x, a)) @ offset

    projector = _gradient_projector(_slope(constraints, point, arguments))
    turned = jax.jvp(shifted, (point, arguments), (moved, changed))[1]
    free = moved + turned
    excess = jax.jvp(constraints, (found, arguments), (free, changed))[1]
    inner = _slope(constraints, found, arguments) @ projector
    return free - _inverse(inner) @ excess


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def project_within_reach(
    constraints: Constraints, begin: Beginning, most: int, known: Any
) -> tuple[Point, Float[Array, ""], Int[Array, ""]]:
    """Return the projection of a state, or of one on the way to it, from which it succeeds.

    Far beyond the interval that it is trained on, a network's state may be of any size, and
    Newton's method need not find the level set from there; near a state on it, it does. The way is
    halved until the state misses the level by less than `FAR`, and on until Newton's method finds
    it. A state that misses by less than `CLOSE` is trusted. Where the level is not found even at
    the beginning of the way, constraints are given up one after the other until the others hold.
    Derivatives are those of `project` at the share of the way that was gone.

    Args:
        constraints: c, as for `project`.
        begin: x and a as functions of what is known, of the share of the way, 0 at a state about
            on the level set and 1 at the one to project, and of how many constraints are given up.
            It must not close over traced values.
        most: how many constraints may be given up.
        known: what they are functions of, any tree of real arrays.

    Returns:
        x*, the share of the way, and how many constraints are given up.
    """
    dtype = jnp.result_type(*jax.tree.leaves(known))
    enough, none = float(jnp.finfo(dtype).eps) ** 0.6, jnp.zeros((), jnp.int32)

    def nearer(way: _Way) -> _Way:
        share = 0.5 * way.share
        missed = largest(constraints(*begin(known, share, none)))
        return _Way(share, none, way.point, missed < FAR, way.count + 1)

    def attempt(way: _Way) -> _Way:
        halving, given_up = way.count < tries, jnp.maximum(way.count - tries, 0)
        share = jnp.where(halving & (way.count > 0), 0.5 * way.share, way.share)
        limit = jnp.where(halving, FAR, FAR_AWAY).astype(dtype)
        found, missed, left = _searched(constraints, *begin(known, share, given_up), limit)
        reached = (missed < limit) & ((left < enough) | ((missed < CLOSE) & halving))
        return _Way(share, given_up, found, reached, way.count + 1)

    twice, unreached = jnp.full((), 2.0, dtype), jnp.zeros((), bool)
    ends = (begin(known, jnp.full((), share, dtype), none) for share in (0.0, 1.0))
    same = [jnp.all(a == b) for a, b in zip(*map(jax.tree.leaves, ends), strict=True)]
    tries = jnp.where(jnp.all(jnp.stack(same)), 1, HALVINGS).astype(none.dtype)
    point = jax.eval_shape(begin, known, twice, none)[0]
    way = _Way(twice, none, jnp.zeros(point.shape, point.dtype), unreached, none)
    # Before any search, so that many that are vectorised over set out on theirs together.
    way = jax.lax.while_loop(lambda way: ~way.reached & (way.count < tries), nearer, way)
    tries = jnp.minimum(tries, TRIALS)
    way = way._replace(reached=unreached, count=jnp.where(way.reached, none, tries))
    going = lambda way: ~way.reached & (way.count <= tries + most)  # noqa: E731
    way = jax.lax.while_loop(going, attempt, way)
    return way.point, way.share, way.given_up


@project_within_reach.defjvp
def _within_reach_jvp(
    constraints: Constraints, begin: Beginning, most: int, primals: tuple, tangents: tuple
) -> tuple[tuple, tuple]:
    point, share, given_up = project_within_reach(constraints, begin, most, *primals)
    begun = jax.jvp(
        lambda known: begin(known, jax.lax.stop_gradient(share), given_up), primals, tangents
    )
    moved = _implicit(constraints, point, *begun)
    still = jnp.zeros_like(share), np.zeros((), jax.dtypes.float0)
    return (point, share, given_up), (moved, *still)


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


def _linearised(
    constraints: Constraints, point: Point, arguments: Any
) -> tuple[Float[Array, " m"], Float[Array, "m n"]]:
    """Return c and ∂c/∂x at once, no slope where it is no number, over which LAPACK dwells."""

    def twice(x: Point) -> tuple[Array, Array]:
        values = constraints(x, arguments)
        return values, values

    slope, values = jax.jacfwd(twice, has_aux=True)(point)
    return values, jnp.where(jnp.all(jnp.isfinite(slope)), slope, 0.0)


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
