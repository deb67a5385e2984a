"""Fields at the start: the jets of the exact initial data, their totals and their walls."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import factorial

import jax
import jax.numpy as jnp
import numpy as np

from pinn.errors import ProblemError, warn
from pinn.jets import Jet, JetFunction, prolong
from pinn.noether.charge import Charge
from pinn.noether.totals import face_nodes
from pinn.noether.walls import Face, faces
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.problem.scan import scan
from pinn.problem.statement import face_value
from pinn.spectral import Grid, Panelled, Quadrature

COUNTS = {1: (65, 129, 257, 513, 1025), 2: (24, 48, 96, 192), 3: (12, 24, 48)}
SETTLED = 1e-13
MOST = 400_000
AGREE = 1e-6


class UnsettledWarning(UserWarning):
    """An integral over the initial data is not known to rounding."""


def initial_jet_at(problem: Problem, entries: Iterable[str]) -> Callable[..., Jet]:
    """Return the map from a point of space to the jet of the exact initial data there.

    Entries that the initial data do not give follow from the equation.

    Raises:
        ProblemError: the equation does not give one of the entries pointwise.
    """
    dynamics, begin = problem.dynamics, problem.interval.lower
    names = tuple(entries)
    free = dynamics.free_entries(names)
    wanted = JetFunction(problem.space, lambda j: {n: j[n] for n in names}, "jet")
    onshell = dynamics.restricted(wanted)
    _check_free(problem, free)
    jet_at = prolong(_taylor(problem), problem.space, free)
    index = problem.space.coordinates.index(problem.time)

    def at(*point) -> Jet:
        whole = [*point[:index], jnp.full_like(point[0], begin), *point[index:]]
        return Jet(problem.space, onshell(jet_at(*whole)))

    return at


def _check_free(problem: Problem, free: Iterable[str]) -> None:
    space, orders = problem.space, problem.dynamics.orders
    index = space.coordinates.index(problem.time)
    for name in free:
        if not space.is_coordinate(name):
            entry = space.parse(name)
            if not orders[entry.field]:
                raise ProblemError(
                    f"The equation contains no {problem.time}-derivative of the field "
                    f"{entry.field!r}, which is then a constraint that nothing gives a value at "
                    "the start: eliminate it (a pressure by the vorticity, an integral by a field "
                    "with its own evolution), or add its evolution equation."
                )
            if entry.orders[index] >= orders[entry.field]:
                raise ProblemError(
                    f"A charge needs {name} at the start, which the equation does not give point "
                    "by point: give the charge a density= without it."
                )


def _taylor(problem: Problem):
    """Return Σ u_k(x) (t − t⁰)ᵏ/k!, whose time derivatives at the start are the initial data."""
    space, begin = problem.space, problem.interval.lower
    index = space.coordinates.index(problem.time)
    terms = [(space.parse(n), f) for n, f in problem.initial_state.items()]

    def fields(*point):
        elapsed, rest = point[index] - begin, [*point[:index], *point[index + 1 :]]
        values = {f: jnp.zeros(shape) for f, shape in space.fields.items()}
        for (field, orders), function in terms:
            power = elapsed ** orders[index] / factorial(orders[index])
            values[field] = values[field] + power * function(*rest)
        return values

    return fields


def settled_totals(
    problem: Problem, charges: Mapping[str, Charge]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return each charge's total at the start and the integral of its terms' sizes."""
    if not charges:
        return {}, {}
    needed = tuple({name for c in charges.values() for name in c.density.needs})
    jet_at = initial_jet_at(problem, needed)

    def measure(jet: Jet):
        return {n: (c.density(jet), c.term_size(jet)) for n, c in charges.items()}

    def integrate(weights, *columns):
        values = jax.vmap(lambda *point: measure(jet_at(*point)))(*columns)
        return jax.tree.map(lambda v: jnp.tensordot(weights, v, axes=1), values)

    compiled = jax.jit(integrate)

    def totals(grid: Quadrature):
        found = compiled(jnp.asarray(grid.weights), *jnp.asarray(grid.points.T))
        found = jax.tree.map(np.asarray, found)
        _check_finite(problem, found)
        return found

    spectral = (
        Grid.of(problem.extent, dict.fromkeys(problem.extent, count))
        for count in COUNTS[len(problem.extent)]
    )
    found, gaps = _settled(totals, spectral)
    if gaps:
        found, gaps = _settled(totals, _panels(problem))
    if gaps:
        warn(_unsettled(problem, gaps), UnsettledWarning)
    return {n: found[n][0] for n in charges}, {n: found[n][1] for n in charges}


def _settled(totals, grids) -> tuple[dict, dict[str, float]]:
    """Return totals on finer and finer grids until two agree, and what is left between the last."""
    last, gaps = None, {}
    for grid in grids:
        found = totals(grid)
        if last is not None:
            gaps = {n: _gap(found[n], last[n]) for n in found}
            gaps = {n: gap for n, gap in gaps.items() if not gap <= SETTLED}
            if not gaps:
                break
        last = found
    return found, gaps


def _gap(found: tuple, last: tuple) -> float:
    """Return how far two totals are apart, in units of the integral of the terms' sizes."""
    size = float(np.max(found[1], initial=0.0))
    gap = float(np.max(np.abs(found[0] - last[0]), initial=0.0))
    return gap / size if size else gap


def _panels(problem: Problem) -> Iterator[Panelled]:
    """Return panels that end where the data jump or vary, each half as long as those before."""
    knots = {name: variation.knots for name, variation in scan(problem).items()}
    coarse, orders = {1: 8, 2: 3, 3: 1}, {1: 16, 2: 12, 3: 8}
    dimensions = len(problem.extent)
    grid = Panelled.of(problem.extent, coarse[dimensions], orders[dimensions], knots)
    while grid.size <= MOST:
        yield grid
        grid = grid.halved()


def _unsettled(problem: Problem, gaps: Mapping[str, float]) -> str:
    worst = max(gaps, key=lambda name: gaps[name])
    return (
        f"The integral of {worst!r} of {problem.name!r} over the initial data does not settle: two "
        f"refinements differ by {gaps[worst]:.1e} of its terms, and so uncertain is the level that "
        "drift is measured from; smooth the initial data."
    )


def _check_finite(problem: Problem, found) -> None:
    for name, (value, _) in found.items():
        if not np.all(np.isfinite(value)):
            raise ProblemError(
                f"The charge {name!r} of {problem.name!r} is not finite for the initial data: "
                "check its density, and the initial functions."
            )


def check_initial(problem: Problem) -> None:
    """Refuse initial data that contradict a boundary condition.

    Raises:
        ProblemError: they differ by more than 1e-6 of the size of the data.
    """
    grid = Grid.of(problem.extent, dict.fromkeys(problem.extent, 9))
    for condition in problem.boundary:
        for face in faces(problem.extent):
            if condition.axis == face[0] and face[1] in condition.ends:
                _check_face(problem, condition, face, grid)


def _check_face(problem: Problem, condition: AbstractCondition, face: Face, grid: Grid) -> None:
    operator: JetFunction = condition.operator(problem.space)
    axis = problem.extent[face[0]]
    jet_at = initial_jet_at(problem, operator.needs)
    value = face_value(problem.space, condition, face[1])
    others = [c for c in problem.axes if c != face[0]]
    points, _ = face_nodes(grid, face, (axis.lower, axis.upper))

    def both(*point):
        known = dict(zip(problem.extent, point, strict=True))
        known[problem.time] = jnp.full_like(point[0], problem.interval.lower)
        return operator(jet_at(*point)), value(*(known[c] for c in others))

    have, want = jax.tree.map(np.asarray, jax.jit(jax.vmap(both))(*jnp.asarray(points.T)))
    inside = jax.vmap(lambda *p: operator(jet_at(*p)))(*jnp.asarray(grid.points.T))
    size = max(np.max(np.abs(inside)), np.max(np.abs(want)), 1e-300)
    worst = np.max(np.abs(have - want))
    if not worst <= AGREE * size:
        raise ProblemError(
            f"The initial data contradict {type(condition).__name__}({condition.field!r}, "
            f"{condition.axis!r}) at {face[0]} = {axis.upper if face[1] else axis.lower:g} by "
            f"{worst:.1e} at the start: make them agree there."
        )
