"""The rows of a problem over space: its equation, soft conditions, and each charge."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet, JetFunction
from pinn.networks.box import Ansatz
from pinn.networks.window import Window
from pinn.noether.charge import Charge
from pinn.noether.totals import face_nodes, total
from pinn.problem.statement import face_value
from pinn.spectral import Grid
from pinn.training.objective import AbstractObjective, Block, Objective
from pinn.training.rows import Nodes, Stage

Unravel = Callable[[Array], PyTree[Array]]
Points = dict[str, Array]


def row_scale(ansatz: Ansatz, window: Window) -> Float[Array, " equations"]:
    """Return the size of each component of the equation, |∂R/∂u_J| · scale / (units of u_J).

    The unit of time is the window's length, those of space the half axes; the sum is over the
    highest derivatives in time, or over all where a component has none.
    """
    problem, dynamics = ansatz.problem, ansatz.problem.dynamics
    names = tuple(n for n in dynamics.residual.needs if not problem.space.is_coordinate(n))
    jet_at = ansatz.jet(ansatz.base(window), window, tuple(dynamics.residual.needs))
    points = ansatz.grid.points[:: max(len(ansatz.grid.points) // 32, 1)]
    columns = list(jnp.asarray(points.T, window.length.dtype))
    if ansatz.time_index is not None:
        columns.insert(ansatz.time_index, jnp.zeros_like(columns[0]))

    def sizes(*point: Array) -> dict[str, Array]:
        jet = jet_at(*point)
        rest = {n: jet[n] for n in dynamics.residual.needs if n not in names}
        at = lambda v: dynamics.residual(Jet(problem.space, {**rest, **v}))  # noqa: E731
        slopes = jax.jacfwd(at)({n: jet[n] for n in names})
        return {n: jnp.sum(jnp.abs(s).reshape(s.shape[0], -1), axis=1) for n, s in slopes.items()}

    slopes = jax.tree.map(lambda s: jnp.max(s, axis=0), jax.vmap(sizes)(*columns))
    units = {n: _unit(ansatz, window, n) for n in names}
    top = set(dynamics.top) if ansatz.time_index is not None else set(names)
    leading = sum(slopes[n] * units[n] for n in names if n in top)
    every = sum(slopes[n] * units[n] for n in names)
    return jnp.where(leading > 0.0, leading, jnp.where(every > 0.0, every, 1.0))


def _unit(ansatz: Ansatz, window: Window, name: str) -> Array:
    """Return the size of an entry: the field's scale over the units of its coordinates."""
    problem = ansatz.problem
    entry, unit = problem.space.parse(name), window.scale[problem.space.parse(name).field]
    for index, (c, order) in enumerate(zip(problem.space.coordinates, entry.orders, strict=True)):
        length = window.length if index == ansatz.time_index else 0.5 * problem.extent[c].length
        unit = unit / length**order
    return unit


def equation_rows(
    ansatz: Ansatz, stage: Stage, slices: Nodes, unravel: Unravel
) -> AbstractObjective:
    """Return the rows residual / row_scale at the collocation points."""
    residual = ansatz.problem.dynamics.residual
    assert stage.places is not None
    points = _in_time(ansatz, stage, slices, stage.places)
    block = Block("equation", lambda jet: residual(jet) / stage.row_scale, residual.size)
    return _objective(ansatz, stage.window, unravel, residual.needs, points, [block])


def condition_rows(
    ansatz: Ansatz, stage: Stage, slices: Nodes, unravel: Unravel
) -> list[AbstractObjective]:
    """Return the rows of every boundary condition that is not built in, at its face."""
    problem, found = ansatz.problem, []
    for condition in problem.boundary:
        for end in () if condition.hard else condition.ends:
            counts = {c: 24 for c in problem.extent}
            grid = Grid.of(problem.extent, counts)
            basis = grid.bases[grid.coordinates.index(condition.axis)]
            face = face_nodes(grid, (condition.axis, end), (basis.lower, basis.upper))[0]
            count = 1 if problem.stationary else slices.points.size
            places = jnp.asarray(np.broadcast_to(face, (count, *face.shape)))
            points = _in_time(ansatz, stage, slices, places.astype(stage.window.length.dtype))
            left = condition.operator(problem.space)
            demanded = face_value(problem.space, tuple(problem.axes), condition, end)
            others = [c for c in problem.axes if c != condition.axis]
            scale = stage.window.scale[condition.field]

            def gap(jet: Jet, left=left, demanded=demanded, others=others, scale=scale) -> Array:
                value = jnp.asarray(demanded(*(jet[c] for c in others)), scale.dtype)
                return jnp.ravel(left(jet) - value) / scale

            size = int(np.prod(problem.fields[condition.field]))
            block = Block(f"condition on {condition.field}", gap, size)
            needs = (*left.needs, *others)
            found.append(_objective(ansatz, stage.window, unravel, needs, points, [block]))
    return found


def charge_rows(
    ansatz: Ansatz,
    stage: Stage,
    slices: Nodes,
    grid: Grid,
    unravel: Unravel,
    charges: Mapping[str, Charge],
    scales: Mapping[str, float],
    weight: float,
) -> AbstractObjective:
    """Return the rows (I(t) − I(start) − ∫ rates dt) / scale at every slice of each charge.

    I is a quadrature over the whole slice, never over scattered points; the running integral of
    sources and of what leaves through walls is spectral in time.
    """
    dtype = stage.window.length.dtype
    plan = {name: _faces(grid, charge) for name, charge in charges.items()}
    corners = [points for faces in plan.values() for _, points, _, _ in faces]
    places = np.concatenate([grid.points, *corners])
    whole = jnp.asarray(np.broadcast_to(places, (slices.points.size, *places.shape)), dtype)
    points = _in_time(ansatz, stage, slices, whole, flat=False)
    needs = {n for c in charges.values() for n in c.needs}
    needs |= {n for c in charges.values() for axis, _ in c.leaks for n in c.flux[axis].needs}
    sizes = _sizes(ansatz, stage.window, grid, charges)
    blocks, start = [], len(grid.points)
    for name, charge in charges.items():
        scale = jnp.maximum(scales[name], sizes[name])
        faces = (plan[name], start)
        blocks.append(_charge_block(stage, slices, grid, charge, faces, scale, weight))
        start += sum(len(points) for _, points, _, _ in plan[name])
    return _objective(ansatz, stage.window, unravel, tuple(needs), points, blocks)


def _sizes(
    ansatz: Ansatz, window: Window, grid: Grid, charges: Mapping[str, Charge]
) -> dict[str, Array]:
    """Return ∫ Σ |u_J ∂ρ/∂u_J| of each charge at the window's start.

    That is what a charge changes by when the fields change by their own size. A charge whose value
    is much smaller, by cancellation, would otherwise rule over all other rows.
    """
    needs = tuple({n for charge in charges.values() for n in charge.density.needs})
    jet_at = ansatz.jet(ansatz.base(window), window, needs)
    index, zero = ansatz.time_index, jnp.zeros((), window.length.dtype)

    def largest(charge: Charge) -> Array:
        size = total(grid, charge.term_size, lambda *x: jet_at(*x[:index], zero, *x[index:]))
        return jnp.max(size)

    return {name: largest(charge) for name, charge in charges.items()}


def _faces(grid: Grid, charge: Charge) -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """Return, for each leaking face, its axis, nodes, weights, and the sign of leaving there."""
    found = []
    for axis, end in charge.leaks:
        basis = grid.bases[grid.coordinates.index(axis)]
        points, weights = face_nodes(grid, (axis, end), (basis.lower, basis.upper))
        found.append((axis, points, weights, 1.0 if end else -1.0))
    return found


def _charge_block(
    stage: Stage,
    slices: Nodes,
    grid: Grid,
    charge: Charge,
    leaks: tuple[list[tuple[str, np.ndarray, np.ndarray, float]], int],
    scale: Array,
    weight: float,
) -> Block:
    dtype = stage.window.length.dtype
    size = int(np.prod(charge.density.shape))
    target = jnp.broadcast_to(
        stage.targets[charge.name].ravel() / scale, (slices.points.size, size)
    )

    def integral(function: JetFunction, jets: Jet, first: int, weights: np.ndarray) -> Array:
        part = jax.tree.map(lambda leaf: leaf[first : first + len(weights)], jets)
        values = jax.vmap(function)(part)
        return jnp.tensordot(jnp.asarray(weights, dtype), values, axes=1).ravel() / scale

    def amount(jets: Jet) -> Array:
        return integral(charge.density, jets, 0, grid.weights)

    if charge.conserved:
        return Block(charge.name, amount, size, None, target, weight)

    def both(jets: Jet) -> Array:
        faces, first = leaks
        rate = jnp.zeros(size, dtype)
        if charge.source is not None:
            rate = rate + integral(charge.source, jets, 0, grid.weights)
        for axis, points, weights, sign in faces:
            rate = rate - sign * integral(charge.flux[axis], jets, first, weights)
            first += len(points)
        return jnp.concatenate([amount(jets), stage.window.length * rate])

    running = jnp.asarray(slices.running, dtype)

    def balance(values: Array) -> Array:
        return values[:, :size] - running @ values[:, size:]

    return Block(charge.name, both, 2 * size, balance, target, weight)


def _in_time(
    ansatz: Ansatz, stage: Stage, slices: Nodes, places: Array, flat: bool = True
) -> Array:
    """Return whole points with the elapsed time, from places of shape (slices, nodes, dims)."""
    index = ansatz.time_index
    if index is not None:
        times = jnp.asarray(slices.points, places.dtype) * stage.window.length
        column = jnp.broadcast_to(times[:, None, None], (*places.shape[:2], 1))
        places = jnp.concatenate([places[..., :index], column, places[..., index:]], axis=-1)
    return places.reshape(-1, places.shape[-1]) if flat else places


def _objective(
    ansatz: Ansatz,
    window: Window,
    unravel: Unravel,
    needs: tuple[str, ...],
    points: Array,
    blocks: list[Block],
) -> AbstractObjective:
    """Return the rows at points, or at slices of many points each.

    What the window starts from does not depend on the parameters: its jets are computed once.
    """
    names = tuple(sorted({ansatz.problem.space.canonical(n) for n in needs}))
    derivatives = tuple(n for n in names if not ansatz.problem.space.is_coordinate(n))
    base_at = ansatz.jet(ansatz.base(window), window, names)
    over = (lambda f: jax.vmap(f)) if points.ndim == 2 else (lambda f: jax.vmap(jax.vmap(f)))
    base = over(lambda point: dict(base_at(*point)))(points)

    def jet_at(parameters: Array, point: tuple[Array, Mapping[str, Array]]) -> Jet:
        learned_at = ansatz.jet(ansatz.learned(unravel(parameters), window), window, derivatives)
        at, start = point
        one = lambda p: dict(learned_at(*p))  # noqa: E731
        learned = one(at) if at.ndim == 1 else jax.vmap(one)(at)
        return Jet(ansatz.problem.space, {n: start[n] + learned.get(n, 0.0) for n in names})

    return Objective(jet_at, (points, base), blocks)
