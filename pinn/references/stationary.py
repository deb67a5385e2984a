"""Stationary problems: Newton's method on the equations at collocation points."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float

from pinn.errors import PinnError
from pinn.jets import Jet
from pinn.problem.problem import Problem
from pinn.references.collocated import Collocated
from pinn.references.layout import components
from pinn.references.resolution import jumping, least_counts
from pinn.references.series import differentiated, space_tail
from pinn.references.solvability import (
    balanced,
    factorised,
    incompatible,
    no_solution,
    null_spaces,
    well_posed,
)
from pinn.spectral import Grid
from pinn.watch import Watch

FIRST = {1: 16, 2: 10, 3: 7}
GROWTH = 1.5
MOST, LONGEST = 3600, 1200
# Newton's method is tried with up to so many times the first points.
TRIES = 4.0
TAIL = 1e-12
# The rest of a Newton step, and of the equation in units of its terms, that is a solution's.
STEP, REST = 1e-8, 1e-3
SINGULAR = 1e14


@dataclass(frozen=True)
class Collocation:
    """Spectral collocation of a stationary problem.

    Args:
        modes: how many points along each coordinate, one number or one for each; by default as
            many as the series needs.
        iterations: the most Newton steps.
    """

    modes: int | tuple[int, ...] | None = None
    iterations: int = 40

    @property
    def name(self) -> str:
        """What tables call it."""
        return "collocation"


@dataclass(frozen=True)
class Stationary:
    """A stationary solution as a series over the grid, of shape (components, *modes).

    Args:
        coefficients: of the series.
        grid: its bases.
        counts: how many points there were along each axis.
        tail: how far the series fell.
        step: the last Newton correction, relative to the solution.
        rest: what is left of the equation between its points, in units of its terms.
        constants: the components whose mean is free and was set to zero.
    """

    coefficients: Float[Array, "components *modes"]
    grid: Grid
    counts: tuple[int, ...]
    tail: float
    step: float
    rest: float
    constants: tuple[tuple[str, int], ...] = ()


def solve_stationary(problem: Problem, method: Collocation, watch: Watch) -> Stationary:
    """Return the solution of a stationary problem, nearest to that of its linear part.

    Where constants may be added to it, it is the one whose mean vanishes.

    Raises:
        PinnError: Newton's method does not converge, with the residual that it stops at.
        ProblemError: there is no solution, or the conditions leave more than constants free.
        OutOfTime: the watch's budget was too short.
    """
    known = well_posed(problem)
    dimensions = len(problem.extent)
    counts = [max(FIRST[dimensions], n) for n in least_counts(problem)]
    if method.modes is not None:
        counts = np.broadcast_to(method.modes, dimensions).tolist()
    solved, first, failed = None, list(counts), None
    while True:
        watch(f"collocation with {' × '.join(map(str, counts))} points")
        collocated = Collocated.of(problem, _affordable(problem, counts))
        try:
            solved, failed = _newton(collocated, method, solved, known.constants), None
            values = np.asarray(solved.coefficients)[None]
            short = [t > TAIL for t in space_tail(solved.grid, values, _parts(problem))]
        except PinnError as error:  # with few points data that are compatible may seem not to be
            solved, failed, short = None, error, [True] * dimensions
        pairs = zip(counts, short, strict=True)
        longer = [int(np.ceil(GROWTH * n)) if more else n for n, more in pairs]
        limited = _affordable(problem, longer) != tuple(longer) or max(longer) > LONGEST
        hopeless = failed is not None and max(counts) > TRIES * max(first)
        if method.modes is not None or not any(short) or limited or hopeless:
            break
        counts = longer
    if solved is None:
        assert failed is not None
        raise failed
    if not solved.rest < REST:
        raise PinnError(_not_resolved(problem, solved))
    return solved


def _affordable(problem: Problem, counts: list[int]) -> tuple[int, ...]:
    """Return counts whose matrices fit, the largest of them cut first."""
    each, found = sum(prod(shape) for shape in problem.fields.values()), list(counts)
    while each * prod(found) > MOST:
        found[int(np.argmax(found))] -= 1
    return tuple(found)


def _parts(problem: Problem) -> list[slice]:
    return [part for part, _ in components(tuple(problem.fields), problem.space).values()]


def _newton(
    collocated: Collocated,
    method: Collocation,
    before: Stationary | None,
    constants: tuple[tuple[str, int], ...],
) -> Stationary:
    """Return the solution with given points, from that with fewer, or else from zero.

    A first step from zero is that of the linearised equation, with the conditions as they are.
    """
    zero = np.zeros(collocated.size)
    starts, rests = [zero], []
    if before is not None:
        starts.insert(0, collocated.fitted(np.asarray(before.coefficients), before.grid))
    for start in starts:
        flat, step, rest = _converged(collocated, start, method.iterations)
        if step < STEP and rest < REST:
            places = [collocated.constants[c] for c in constants]
            flat[places] -= [_mean(collocated, flat, *c) for c in constants]
            return Stationary(
                collocated.padded(jnp.asarray(flat)),
                collocated.grid,
                collocated.counts,
                _tail(collocated, flat),
                step,
                collocated.remainder(jnp.asarray(flat), collocated.linearised(flat)[0]),
                constants,
            )
        rests.append(rest)
    raise PinnError(_stalled(collocated, flat, min(rests)))


def _mean(collocated: Collocated, flat: np.ndarray, field: str, component: int) -> float:
    """Return the mean of one component over the box."""
    values = np.asarray(collocated.series(jnp.asarray(flat))[field])
    values = values.reshape((*values.shape[: len(collocated.counts)], -1))[..., component]
    for basis in collocated.bases[field]:
        weights = basis.weights @ basis.synthesis / (basis.upper - basis.lower)
        values = np.tensordot(weights, values, axes=1)
    return float(values)


def _tail(collocated: Collocated, flat: np.ndarray) -> float:
    values = np.asarray(collocated.padded(jnp.asarray(flat)))[None]
    return max(space_tail(collocated.grid, values, _parts(collocated.problem)))


def _stalled(collocated: Collocated, flat: np.ndarray, rest: float) -> str:
    problem = collocated.problem
    matrix, rows = collocated.linearised(flat)
    if np.all(np.isfinite(matrix)) and incompatible(
        [null_spaces(collocated, matrix, -rows).defect]
    ):
        return no_solution(problem, rest, "linearised equation")
    return (
        f"Newton's method for the stationary problem {problem.name!r} does not converge: it stops "
        f"where {rest:.1e} of the equation is left. There may be no solution; check the equation "
        "and its boundary conditions, or give exact=."
    )


def _not_resolved(problem: Problem, solved: Stationary) -> str:
    return jumping(problem) + (
        f"The stationary problem {problem.name!r} has no smooth solution that "
        f"{' × '.join(map(str, solved.counts))} points resolve: {solved.rest:.1e} of the equation "
        "is left between them. Conditions may be too many or too few, or a layer too thin; check "
        "them, smooth the data, or give exact=."
    )


def _converged(
    collocated: Collocated, flat: np.ndarray, iterations: int
) -> tuple[np.ndarray, float, float]:
    """Return where Newton's method ends, its last relative step, and what is left of the rows."""
    change = step = rest = np.inf
    for _ in range(iterations):
        matrix, rows = collocated.linearised(flat)
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(rows))):
            return flat, np.inf, np.inf
        move = _least(matrix, -rows)
        sizes = np.abs(matrix) @ (np.abs(flat) + np.abs(move)) + np.abs(rows)
        rest = float(np.max(np.abs(rows + matrix @ move) / (sizes + 1e-300)))
        step = float(np.max(np.abs(move)) / (np.max(np.abs(flat + move)) + 1e-300))
        flat = flat + move
        if not np.isfinite(step) or step < 1e-15 or (step < 1e-9 and step > 0.3 * change):
            break
        change = step
    return flat, step, rest


def _least(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution, the least one where a constant is free."""
    scaled, rows, columns = balanced(matrix)
    data = right / rows
    square = scaled.shape[0] == scaled.shape[1]
    factors = factorised(scaled) if square else None
    if factors is not None and factors.condition < SINGULAR:
        found = factors.solve(data)
    else:
        found = scipy.linalg.lstsq(scaled, data, 1e-12, lapack_driver="gelsd")[0]
    return found / columns


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
