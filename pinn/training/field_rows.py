"""The rows of a problem over space: its equation, and soft conditions."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.jets import Jet
from pinn.networks.ansatz import Ansatz
from pinn.networks.window import Window
from pinn.noether.totals import face_nodes
from pinn.problem.axes import Interval
from pinn.problem.problem import Problem
from pinn.problem.scan import places
from pinn.problem.statement import face_value
from pinn.spectral import Grid
from pinn.training.box import interfaces
from pinn.training.objective import Block
from pinn.training.own_rows import PlacedRows
from pinn.training.plan import Plan, in_time
from pinn.training.rows import Nodes, Stage, unit_of

FRESH = {1: 61, 2: 13, 3: 7}
FRESH_TIMES = (0.37, 0.73, 1.0)
# Besides, so many points and times where the statement varies.
VARYING, VARYING_TIMES = 48, 2


def row_scale(ansatz: Ansatz, window: Window) -> Float[Array, " equations"]:
    """Return the size of each component of the equation, |∂R/∂u_J| · scale / (units of u_J).

    The sum is over the highest derivatives in time, or over all where a component has none.
    """
    problem, dynamics = ansatz.problem, ansatz.problem.dynamics
    names = tuple(n for n in dynamics.residual.needs if not problem.space.is_coordinate(n))
    jet_at = ansatz.base(window, tuple(dynamics.residual.needs))
    points = ansatz.box.nodes(ansatz.grid, window.grading, window.length.dtype)
    columns = list(points[:: max(len(points) // 32, 1)].T)
    if ansatz.time_index is not None:
        columns.insert(ansatz.time_index, jnp.zeros_like(columns[0]))

    def sizes(*point: Array) -> dict[str, Array]:
        jet = jet_at(*point)
        rest = {n: jet[n] for n in dynamics.residual.needs if n not in names}
        at = lambda v: dynamics.residual(Jet(problem.space, {**rest, **v}))  # noqa: E731
        slopes = jax.jacfwd(at)({n: jet[n] for n in names})
        return {n: jnp.sum(jnp.abs(s).reshape(s.shape[0], -1), axis=1) for n, s in slopes.items()}

    slopes = jax.tree.map(lambda s: jnp.max(s, axis=0), jax.vmap(sizes)(*columns))
    units = {n: unit_of(problem, window, n) for n in names}
    top = set(dynamics.top) if ansatz.time_index is not None else set(names)
    leading = sum(slopes[n] * units[n] for n in names if n in top)
    every = sum(slopes[n] * units[n] for n in names)
    return jnp.where(leading > 0.0, leading, jnp.where(every > 0.0, every, 1.0))


def equation_plan(ansatz: Ansatz, stage: Stage, slices: Nodes) -> Plan:
    """Return the rows residual / row_scale at the collocation points."""
    assert stage.places is not None
    points = in_time(ansatz, stage, slices.points, stage.places)
    return Plan(points, ansatz.problem.dynamics.residual.needs, (_equation_block(ansatz, stage),))


def driven_size(ansatz: Ansatz, stage: Stage, plan: Plan) -> Float[Array, ""]:
    """Return the largest row of the equation without any network, one where all vanish."""
    points = plan.points[:: max(len(plan.points) // 512, 1)]
    jet_at = ansatz.base(stage.window, tuple(plan.needs))
    rows = jax.vmap(lambda point: plan.blocks[0].values(jet_at(*point)))(points)
    size = jnp.max(jnp.abs(rows))
    return jnp.where(size > 0.0, size, 1.0)


def varied(problem: Problem) -> Float[np.ndarray, "points dimensions"]:
    """Return places in space where sources, coefficients and initial data vary."""
    found = places(problem, VARYING, seed=2)
    return np.stack([found[name] for name in problem.extent], axis=-1)


def fresh_plan(
    ansatz: Ansatz,
    stage: Stage,
    varying: Float[Array, " times"],
    varied: Float[np.ndarray, "points dimensions"],
) -> Plan:
    """Return the same rows at points that training does not see.

    They are even ones in the window's coordinate, and others where the statement varies: in space,
    and in time, as shares of the window.
    """
    problem, dtype = ansatz.problem, stage.window.length.dtype
    lines = [
        axis.lower + axis.length * np.linspace(0.0, 1.0, FRESH[len(problem.extent)] + 2)[1:-1]
        for axis in problem.extent.values()
    ]
    mesh = np.stack([m.ravel() for m in np.meshgrid(*lines, indexing="ij")], axis=-1)
    even = ansatz.box.placed(jnp.asarray(mesh, dtype), stage.window.grading)
    both = jnp.concatenate([even, jnp.asarray(varied, dtype)])
    times = jnp.zeros(1, dtype)
    if not problem.stationary:
        times = jnp.concatenate([jnp.asarray(FRESH_TIMES, dtype), varying])
    points = in_time(ansatz, stage, times, jnp.broadcast_to(both, (times.size, *both.shape)))
    return Plan(points, problem.dynamics.residual.needs, (_equation_block(ansatz, stage),))


def _equation_block(ansatz: Ansatz, stage: Stage) -> Block:
    residual = ansatz.problem.dynamics.residual
    return Block("equation", lambda jet: residual(jet) / stage.row_scale, residual.size)


def interface_plans(ansatz: Ansatz, stage: Stage, slices: Nodes) -> list[Plan]:
    """Return the rows that join the pieces of an axis at each of its breakpoints.

    There every field is continuous, with all its derivatives across the axis that are below the
    highest in the equation: what jumps there, jumps in the highest.
    """
    problem, found = ansatz.problem, []
    for name, breakpoints in interfaces(problem).items():
        needs = _continuous(problem, name)
        for place in breakpoints if needs else ():
            sides = [_face(problem, name, p) for p in (np.nextafter(place, -np.inf), place)]
            both = np.concatenate(sides)
            count = 1 if problem.stationary else slices.points.size
            shape = (count, *both.shape)
            places = jnp.asarray(np.broadcast_to(both, shape), stage.window.length.dtype)
            points = in_time(ansatz, stage, slices.points, places)
            found.append(Plan(points, needs, (_interface_block(ansatz, stage, needs, count),)))
    return found


def _continuous(problem: Problem, axis: str) -> tuple[str, ...]:
    """Return the entries that are continuous across an axis: below the highest of each field."""
    residual, space = problem.dynamics.residual, problem.space
    return tuple(
        f"{field}_{axis * k}" if k else field
        for field in space.fields
        for k in range(residual.highest_order(field, axis))
    )


def _face(problem: Problem, axis: str, place: float) -> np.ndarray:
    """Return points of a plane across an axis, as many along the others as soft conditions have."""
    lines = [
        np.array([place]) if name == axis else Grid.of({name: a}, {name: 24}).points[:, 0]
        for name, a in problem.extent.items()
    ]
    return np.stack([m.ravel() for m in np.meshgrid(*lines, indexing="ij")], axis=-1)


def _interface_block(ansatz: Ansatz, stage: Stage, needs: tuple[str, ...], count: int) -> Block:
    units = {name: unit_of(ansatz.problem, stage.window, name) for name in needs}

    def values(jet: Jet) -> Array:
        return jnp.concatenate([jnp.ravel(jet[name]) / units[name] for name in needs])

    def jumps(values: Array) -> Array:
        sides = values.reshape(count, 2, -1, values.shape[-1])
        return sides[:, 1] - sides[:, 0]

    size = sum(int(np.prod(ansatz.problem.space.shape(name))) for name in needs)
    return Block("interface", values, size, jumps)


def condition_plans(ansatz: Ansatz, stage: Stage, slices: Nodes) -> list[Plan]:
    """Return the rows of every boundary condition that is not built in, at its face."""
    problem, found = ansatz.problem, []
    for condition in problem.boundary:
        for end in () if condition.built_in(problem.space) else condition.ends:
            counts = {c: 24 for c in problem.extent}
            grid = Grid.of(problem.extent, counts)
            basis = grid.bases[grid.coordinates.index(condition.axis)]
            face = face_nodes(grid, (condition.axis, end), (basis.lower, basis.upper))[0]
            count = 1 if problem.stationary else slices.points.size
            places = jnp.asarray(np.broadcast_to(face, (count, *face.shape)))
            places = places.astype(stage.window.length.dtype)
            points = in_time(ansatz, stage, slices.points, places)
            left = condition.operator(problem.space)
            demanded = face_value(problem.space, condition, end)
            others = [c for c in problem.axes if c != condition.axis]
            scale = stage.window.scale[condition.field]

            def gap(jet: Jet, left=left, demanded=demanded, others=others, scale=scale) -> Array:
                value = jnp.asarray(demanded(*(jet[c] for c in others)), scale.dtype)
                return jnp.ravel(left(jet) - value) / scale

            size = int(np.prod(problem.fields[condition.field]))
            block = Block(f"condition on {condition.field}", gap, size)
            needs = (*left.needs, *others)
            found.append(Plan(points, needs, (block,)))
    return found


def soft_plans(
    ansatz: Ansatz, stage: Stage, slices: Nodes, own: Sequence[PlacedRows], span: Interval
) -> list[Plan]:
    """Return the rows of what is not built in: conditions, interfaces, and a user's own rows."""
    stated = condition_plans(ansatz, stage, slices) + interface_plans(ansatz, stage, slices)
    return stated + [_own_plan(ansatz, stage, rows, span) for rows in own]


def _own_plan(ansatz: Ansatz, stage: Stage, rows: PlacedRows, span: Interval) -> Plan:
    """Return one block of a user's own rows."""
    points, here = rows.inside(stage.window, ansatz.time_index, span)
    needs = rows.function.needs
    base_at = ansatz.base(stage.window, needs)
    units = {n: unit_of(ansatz.problem, stage.window, n) for n in ansatz.derivatives(needs)}
    block = rows.block(lambda point: base_at(*point), points, here, units)
    return Plan(points, needs, (block,))
