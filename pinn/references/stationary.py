"""Stationary problems: Newton's method on the equations at collocation points."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float

from pinn.errors import PinnError
from pinn.jets import Jet
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.references.box import Box
from pinn.references.layout import components
from pinn.references.series import differentiated, space_tail
from pinn.spectral import Grid

LADDERS = {1: (16, 32, 64, 128, 256), 2: (10, 16, 24, 32), 3: (7, 9, 11)}
TAIL = 1e-12
Fields = Callable[[Array], dict[str, Array]]


@dataclass(frozen=True)
class Collocation:
    """Spectral collocation of a stationary problem.

    Args:
        modes: how many points along each coordinate; by default as many as the series needs.
        iterations: the most Newton steps.
    """

    modes: int | None = None
    iterations: int = 40

    @property
    def name(self) -> str:
        """What tables call it."""
        return "collocation"


@dataclass(frozen=True)
class Stationary:
    """A stationary solution as a series over the grid, of shape (components, *modes)."""

    coefficients: Float[Array, "components *modes"]
    grid: Grid
    counts: tuple[int, ...]
    tail: float


def solve_stationary(problem: Problem, method: Collocation) -> Stationary:
    """Return the solution of a stationary problem, nearest to that of its linear part.

    Raises:
        PinnError: Newton's method does not converge.
    """
    dimensions = len(problem.extent)
    ladder = LADDERS[dimensions] if method.modes is None else (method.modes,)
    for count in ladder:
        counts = tuple(
            count + (1 - count % 2) * isinstance(a, Periodic) for a in problem.extent.values()
        )
        solved = _newton(problem, Box.of(problem, counts), method)
        if solved.tail < TAIL:
            break
    return solved


def _newton(problem: Problem, box: Box, method: Collocation) -> Stationary:
    parts = components(tuple(problem.fields), problem.space)
    size = sum(part.stop - part.start for part, _ in parts.values())

    def fields(flat: Array) -> dict[str, Array]:
        state = flat.reshape((size, *box.shape))
        turned = {n: jnp.moveaxis(state[p], 0, -1) for n, (p, _) in parts.items()}
        shaped = {n: turned[n].reshape(box.shape + s) for n, (_, s) in parts.items()}
        return {n: box.lifted(n, v, None) for n, v in shaped.items()}

    series = fields(_solution(problem, box, fields, size * prod(box.shape), method.iterations))
    shape = box.grid.shape
    flat = [box.coefficients(v).reshape((*shape, -1)) for v in series.values()]
    values = jnp.concatenate([jnp.moveaxis(s, -1, 0) for s in flat])
    return Stationary(
        values,
        box.grid,
        box.shape,
        max(space_tail(box.grid, np.asarray(values)[None], [p for p, _ in parts.values()])),
    )


def _solution(problem: Problem, box: Box, fields: Fields, size: int, iterations: int) -> Array:
    """Return the values at the points, from the linearised equation or else from zero."""
    residual = jax.jit(lambda flat: _residual(problem, box, fields(flat)))
    jacobian = jax.jit(jax.jacfwd(residual))
    zero = jnp.zeros(size)
    for start in (lambda: _linear_solution(problem, box, fields, zero), lambda: zero):
        found = _converged(residual, jacobian, start(), iterations)
        if found is not None:
            return found
    raise PinnError(
        f"Newton's method for the stationary problem {problem.name!r} does not converge, neither "
        "from the solution of the equation linearised about zero nor from zero: check the equation "
        "and its boundary conditions, or give exact=."
    )


def _linear_solution(problem: Problem, box: Box, fields: Fields, zero: Array) -> Array:
    """Return the solution of the equation linearised about the zero field, walls as they are.

    A Newton step from zero values would be linearised about what the walls' data imply between
    them, which can be large and rough.
    """
    origin = jax.tree.map(jnp.zeros_like, fields(zero))

    def linear(flat: Array) -> Array:
        equation = lambda series: _residual(problem, box, series)  # noqa: E731
        value, slope = jax.jvp(equation, (origin,), (fields(flat),))
        return value + slope

    return _least(jax.jit(jax.jacfwd(linear))(zero), -jax.jit(linear)(zero))


def _converged(
    residual: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    flat: Array,
    iterations: int,
) -> Array | None:
    """Return where Newton's method ends up, None where it does not settle."""
    change = new = np.inf
    for _ in range(iterations):
        move = _least(jacobian(flat), -residual(flat))
        new = float(jnp.max(jnp.abs(move)) / (jnp.max(jnp.abs(flat + move)) + 1e-300))
        flat = flat + move
        if not np.isfinite(new) or new < 1e-14 or (new < 1e-9 and new > 0.5 * change):
            break
        change = new
    return flat if new < 1e-8 else None


def _least(matrix: Array, right: Array) -> Array:
    """Return the least solution, for a constant may be free (Poisson on a torus)."""
    if not np.all(np.isfinite(matrix)) or not np.all(np.isfinite(right)):
        return jnp.full_like(right, jnp.nan)
    found = scipy.linalg.lstsq(np.asarray(matrix), np.asarray(right), 1e-13, lapack_driver="gelsy")
    return jnp.asarray(found[0])


def _residual(problem: Problem, box: Box, series: dict[str, Array]) -> Array:
    space, values = problem.space, {}
    for name in problem.dynamics.residual.needs:
        if space.is_coordinate(name):
            values[name] = jnp.asarray(box.mesh[name])
        else:
            entry = space.parse(name)
            values[name] = box.differentiated(series[entry.field], entry.orders)
    count = prod(box.shape)
    flat = {n: v.reshape((count, *v.shape[len(box.shape) :])) for n, v in values.items()}
    rows = jax.vmap(lambda v: problem.dynamics.residual(Jet(space, v)))(flat)
    return rows.T.ravel()


def along_series(problem: Problem, grid: Grid, entries: tuple[str, ...]) -> Callable[..., Jet]:
    """Return the map (coefficients, *x) ↦ jet of a stationary solution."""
    space = problem.space
    parts = components(tuple(problem.fields), space)

    def jet_at(coefficients: Array, *point: Array) -> Jet:
        values: dict[str, Any] = dict(zip(space.coordinates, point, strict=True))
        for name in (n for n in entries if not space.is_coordinate(n)):
            entry = space.parse(name)
            part, shape = parts[entry.field]
            value = differentiated(grid, coefficients[part], entry.orders, 1)
            for basis, x in zip(grid.bases, point, strict=True):
                value = jnp.tensordot(value, basis.functions(x), axes=(1, 0))
            values[space.canonical(name)] = value.reshape(shape)
        return Jet(space, {n: values[n] for n in map(space.canonical, entries)})

    return jet_at
