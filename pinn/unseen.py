"""How well a solution satisfies its problem at points that training did not see.

Nothing here is taken from training: neither its points nor its windows, scales and shortcuts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.jets import Jet, JetFunction
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.problem.scan import density, places
from pinn.problem.statement import face_value
from pinn.trajectory import Trajectory

POINTS = 2048
FACE = 256
SEED = 5
# A field is taken to vary by at least this part of itself.
STILL = 1e-3

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Unseen:
    """The largest relative residual among the equation, the conditions and the initial data.

    Args:
        residual: ∫|R| / ∫ (Σ_J |∂R/∂u_J| |u_J| + |R(0)|) of the worst part, over the domain or a
            face of it.
        what: which part that is.
        place: where its residual is largest, by coordinate.
    """

    residual: float
    what: str
    place: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class _Part:
    """Residuals with the size of their terms at some points, one column a component."""

    names: list[str]
    points: Columns
    residuals: Float[np.ndarray, "points components"]
    sizes: Float[np.ndarray, "points components"]
    weights: Float[np.ndarray, " points"]

    def worst(self) -> Unseen:
        """Return the largest of the components' relative residuals."""
        gaps = np.where(np.isfinite(self.residuals), np.abs(self.residuals), np.inf)
        gap, size = self.weights @ gaps, self.weights @ self.sizes
        ratios = np.where(gap > 0.0, gap / np.where(size > 0.0, size, np.finfo(float).tiny), 0.0)
        ratios = np.where(np.isfinite(ratios), ratios, np.inf)
        index = int(np.argmax(ratios))
        at = int(np.argmax(gaps[:, index]))
        place = {name: float(column[at]) for name, column in self.points.items()}
        return Unseen(float(ratios[index]), self.names[index], place)


def unseen(
    problem: Problem, trajectory: Trajectory, reached: float, joined: bool = False
) -> Unseen:
    """Return the largest relative residual of a trajectory up to a time.

    The points have low discrepancy; half of them lie where sources, coefficients, boundary values
    and initial data vary.

    Args:
        problem: what should be satisfied.
        trajectory: what should satisfy it.
        reached: the time up to which it is known.
        joined: look also whether its pieces join, which those of a march do as they are made.
    """
    inside = _inside(problem, reached)
    faces = _faces(problem, inside)
    groups = [inside, *(points for *_, points in faces)]
    starts = [_at_start(problem, inside)] if problem.extent and not problem.stationary else []
    jumps = _at_joints(problem, trajectory) if joined else []
    orbit = [_at_ends(problem, reached)] if problem.orbit is not None else []
    jets = _jets(problem, trajectory, [*groups, *starts, *jumps, *orbit])
    sizes = {n: float(np.sqrt(np.mean(np.asarray(v) ** 2))) for n, v in jets[0].items()}
    parts = [_equation(problem, inside, jets[0])]
    for (condition, end, points), jet in zip(faces, jets[1:], strict=False):
        parts.append(_condition(problem, condition, end, points, jet, sizes))
    if starts:
        parts.append(_initial(problem, starts[0], jets[len(groups)], sizes))
    rest = jets[len(groups) + len(starts) :]
    if jumps:
        parts.append(_joints(problem, jumps[1], rest[0], rest[1], sizes))
    if orbit:
        parts.append(_closure(problem, orbit[0], rest[-1], sizes))
    return max((part.worst() for part in parts), key=lambda found: found.residual)


def _inside(problem: Problem, reached: float) -> Columns:
    points = places(problem, POINTS, SEED)
    if problem.stationary:
        return points
    known = points[problem.time] <= reached
    return {name: column[known] for name, column in points.items()}


def _faces(problem: Problem, inside: Columns) -> list:
    """Return each condition with each of its ends and points on that face."""
    found = []
    for condition in problem.boundary:
        axis = problem.axes[condition.axis]
        for end in condition.ends:
            points = {name: column[:FACE] for name, column in inside.items()}
            place = axis.upper if end else axis.lower
            points[condition.axis] = np.full_like(points[condition.axis], place)
            found.append((condition, end, points))
    return found


def _at_start(problem: Problem, inside: Columns) -> Columns:
    start = np.full_like(inside[problem.time], problem.interval.lower)
    return {**inside, problem.time: start}


def _at_joints(problem: Problem, trajectory: Trajectory) -> list[Columns]:
    """Return points just before the joints inside, and points at them."""
    if problem.extent:
        return []
    joints = trajectory.joints[1:]
    if not joints.size:
        return []
    return [{problem.time: np.nextafter(joints, -np.inf)}, {problem.time: joints}]


def _at_ends(problem: Problem, reached: float) -> Columns:
    return {problem.time: np.array([problem.interval.lower, reached])}


def _jets(problem: Problem, trajectory: Trajectory, groups: list[Columns]) -> list[Columns]:
    """Return the jets at several groups of points, computed together."""
    space = problem.space
    needs = {*problem.dynamics.residual.needs, *space.coordinates, *problem.fields}
    for condition in problem.boundary:
        needs |= {*condition.operator(space).needs}
    if not problem.stationary:
        needs |= {*problem.dynamics.state_entries, *problem.dynamics.highest.values()}
    whole = [np.concatenate([g[c] for g in groups]) for c in space.coordinates]
    jet = trajectory.jet(*whole, entries=tuple(needs))
    ends = np.cumsum([len(g[space.coordinates[0]]) for g in groups])[:-1]
    pieces = {name: np.split(np.asarray(value), ends) for name, value in jet.items()}
    return [{n: p[i] for n, p in pieces.items()} for i in range(len(groups))]


def _equation(problem: Problem, points: Columns, jet: Columns) -> _Part:
    residual = problem.dynamics.residual
    values, slopes = _sloped(residual, jet)
    terms = {n: s * _flat(jet[n])[:, None] for n, s in slopes.items()}
    explicit = values - sum(t.sum(axis=2) for t in terms.values())
    size = np.abs(explicit)
    for name, term in terms.items():
        # Of an equation with one term, as q_x = 0, the term itself is what should vanish.
        usual = np.abs(slopes[name]).sum(axis=2) * _usual(problem, name, jet)
        size = size + np.maximum(np.abs(term).sum(axis=2), usual)
    names = _equation_names(problem, values.shape[1])
    return _Part(names, points, values, size, 1.0 / density(problem, points))


def _usual(problem: Problem, name: str, jet: Columns) -> float:
    """Return the size of a derivative if its field varied by what it does once over the domain."""
    entry = problem.space.parse(name)
    values = jet[entry.field]
    spread, size = float(np.std(values)), float(np.sqrt(np.mean(values**2)))
    lengths = [problem.axes[c].length for c in problem.space.coordinates]
    return max(spread, STILL * size) / float(np.prod(np.power(lengths, entry.orders)))


def _condition(problem, condition, end: int, points: Columns, jet: Columns, sizes) -> _Part:
    space = problem.space
    values, slopes = _sloped(condition.operator(space), jet)
    value = face_value(space, condition, end)
    with arithmetic("float64"):
        others = [jnp.asarray(points[c]) for c in problem.axes if c != condition.axis]
        demanded = np.asarray(jax.vmap(value)(*others)) if others else np.asarray(value())[None]
    demanded = np.broadcast_to(demanded.reshape(len(demanded), -1), values.shape)
    size = np.abs(demanded) + sum(sizes[n] * np.abs(s).sum(axis=2) for n, s in slopes.items())
    axis = problem.axes[condition.axis]
    place = axis.upper if end else axis.lower
    what = f"the condition on {condition.field!r} at {condition.axis} = {place:g}"
    return _Part([what] * values.shape[1], points, values - demanded, size, np.ones(len(values)))


def _initial(problem: Problem, points: Columns, jet: Columns, sizes) -> _Part:
    names, gaps, size = [], [], []
    for name, function in problem.initial_state.items():
        with arithmetic("float64"):
            columns = [jnp.asarray(points[c]) for c in problem.extent]
            stated = _flat(np.asarray(jax.jit(jax.vmap(function))(*columns)))
        gaps.append(_flat(jet[name]) - stated)
        size.append(np.maximum(np.abs(stated), sizes[name]))
        names += [f"the initial data of {name!r}"] * stated.shape[1]
    weights = np.ones(len(gaps[0]))
    return _Part(names, points, np.concatenate(gaps, 1), np.concatenate(size, 1), weights)


def _joints(problem: Problem, points: Columns, before: Columns, after: Columns, sizes) -> _Part:
    """Return how far the pieces of a solution are apart where they join."""
    dynamics, names, gaps, size = problem.dynamics, [], [], []
    moved = points[problem.time] - before[problem.time]
    for field, order in dynamics.orders.items():
        for k in range(order):
            name, rate = dynamics.entry(field, k), dynamics.entry(field, k + 1)
            gap = _flat(after[name]) - _flat(before[name])
            gaps.append(gap - moved[:, None] * _flat(before[rate]))
            size.append(np.full(gap.shape, sizes[name]))
            names += [f"the joint of windows in {name!r}"] * gap.shape[1]
    gap, size = np.concatenate(gaps, 1), np.concatenate(size, 1)
    return _Part(names, points, gap, size, np.ones(len(gap)))


def _closure(problem: Problem, points: Columns, jet: Columns, sizes) -> _Part:
    """Return how far an orbit is from closing."""
    names, gaps, size = [], [], []
    for name in problem.dynamics.state_entries:
        gap = np.diff(_flat(jet[name]), axis=0)
        gaps.append(gap)
        size.append(np.full(gap.shape, sizes[name]))
        names += [f"the closing of the orbit in {name!r}"] * gap.shape[1]
    end = {problem.time: points[problem.time][1:]}
    return _Part(names, end, np.concatenate(gaps, 1), np.concatenate(size, 1), np.ones(1))


def _sloped(
    function: JetFunction, jet: Columns
) -> tuple[Float[np.ndarray, "points n"], dict[str, Float[np.ndarray, "points n m"]]]:
    """Return a function's values, flat, and its derivatives by each entry of the jet, flat."""
    space = function.space
    names = [n for n in function.needs if not space.is_coordinate(n)]

    def at(jet: Jet) -> tuple[Array, dict[str, Array]]:
        rest = {n: jet[n] for n in function.needs if n not in names}
        value = lambda v: jnp.ravel(function(Jet(space, {**rest, **v})))  # noqa: E731
        here = {n: jet[n] for n in names}
        slopes = jax.jacfwd(value)(here)
        return value(here), {n: s.reshape(s.shape[0], -1) for n, s in slopes.items()}

    with arithmetic("float64"):
        needed = {n: jnp.asarray(jet[n], float) for n in function.needs}
        values, slopes = jax.jit(jax.vmap(at))(Jet(space, needed))
    return np.asarray(values), jax.tree.map(np.asarray, slopes)


def _flat(values: np.ndarray) -> Float[np.ndarray, "points components"]:
    return np.asarray(values).reshape(len(values), -1)


def _equation_names(problem: Problem, count: int) -> list[str]:
    """Return what each component of the equation is called: by its field, or by its place."""
    if problem.lagrangian is not None:
        sizes = {f: int(np.prod(shape)) for f, shape in problem.fields.items()}
        return [f"the equation of motion of {f!r}" for f, n in sizes.items() for _ in range(n)]
    if count == 1:
        return [f"the equation of {next(iter(problem.fields))!r}"]
    return [f"component {i} of the equation" for i in range(count)]
