"""A first estimate from the equation at a smoothing of the data, without solving the equation."""

import itertools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import BSpline, make_smoothing_spline

from pinn.estimation.descent import descended
from pinn.estimation.observations import Observations
from pinn.estimation.vector import Vector
from pinn.jets import Jet
from pinn.problem.problem import Problem
from pinn.problem.unknowns import Unknown

FEWEST = 6
TIMES = 201
INNER = 0.02
# Times are alike up to such a share of the interval; outliers are so many times further out.
ALIKE, FAR_OUT = 1e-10, 8.0


def matched(
    vector: Vector, observations: Observations, scales: Mapping[str, float]
) -> Float[np.ndarray, " size"] | None:
    """Return the unknowns that fit the equation best at a smoothing of the data, if that can be.

    Every component of every field is smoothed by a cubic spline whose stiffness generalised cross
    validation chooses (Craven & Wahba 1979, doi:10.1007/BF01404567), and the equation's residual at
    its derivatives is least squares in the unknowns, linear in most; unknown initial data are those
    of the spline (Varah 1982, doi:10.1137/0903003). None where a component was not measured.
    """
    problem = vector.problem
    if problem.extent or problem.stationary:
        return None
    splines = _splines(problem, observations)
    if splines is None:
        return None
    begin = {**{p.name: None for p in vector.parts}, **_beginning(problem, splines)}
    start = np.array(vector.start)
    for part in vector.parts:
        value = begin[part.name]
        if value is not None and part.unknown is not None:
            start[part.where] = part.free(_inside(part.unknown, value))
    free = np.concatenate(
        [np.arange(p.where.start, p.where.stop) for p in vector.parts if begin[p.name] is None]
        or [np.zeros(0, int)]
    )
    return start if not free.size else _least(vector, splines, scales, start, free)


def _inside(unknown: Unknown, value: np.ndarray) -> np.ndarray:
    low, high = unknown.bounds
    margin = 1e-3 * np.maximum(np.abs(value), 1e-3)
    return np.clip(value, low + margin, high - margin)


def _usual(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return which values are near the median of their neighbours, as all but outliers are."""
    count = len(values)
    windows = [values[max(i - 2, 0) : i + 3] for i in range(count)]
    gap = np.abs(values - np.array([np.median(w) for w in windows]))
    return gap <= max(FAR_OUT * float(np.median(gap)), 1e-12 * float(np.max(np.abs(values))))


def smoothed(
    problem: Problem, observations: Observations, name: str, index: tuple[int, ...]
) -> BSpline | None:
    """Return a smoothing spline of a component of a field; None where it was hardly measured."""
    times, values = _measured(problem, observations, name, index)
    if times.size and any(c.robust for c in observations.columns):
        usual = _usual(times, values)
        times, values = times[usual], values[usual]
    return make_smoothing_spline(times, values) if times.size >= FEWEST else None


def _splines(problem: Problem, observations: Observations) -> dict[str, list] | None:
    """Return a spline for each component of each field, where all were measured."""
    found = {
        name: [smoothed(problem, observations, name, index) for index in np.ndindex(shape)]
        for name, shape in problem.fields.items()
    }
    return None if any(s is None for parts in found.values() for s in parts) else found


def _measured(problem: Problem, observations: Observations, name: str, index: tuple) -> tuple:
    """Return the times and values at which a component was measured, in order, each time once."""
    times, values = [], []
    component = f"{name}[{','.join(map(str, index))}]"
    for column in observations.columns:
        data = problem.data[column.data]
        if column.name in data.observe or column.name not in (name, component):
            continue
        table = data.values[column.name]
        here = table[(slice(None), *index)] if column.name == name else table
        at = np.broadcast_to(data.points[problem.time], here.shape)
        times.append(at[np.isfinite(here)])
        values.append(here[np.isfinite(here)])
    if not times:
        return np.zeros(0), np.zeros(0)
    every, value = np.concatenate(times), np.concatenate(values)
    order = np.argsort(every, kind="stable")
    every, value = every[order], value[order]
    # Times that differ by rounding are one.
    new = np.diff(every, prepend=-np.inf) > ALIKE * problem.interval.length
    place = np.cumsum(new) - 1
    return every[new], np.bincount(place, value) / np.bincount(place)


def _beginning(problem: Problem, splines: Mapping[str, list]) -> dict[str, np.ndarray]:
    lower, found = problem.interval.lower, {}
    for name in problem.initial:
        entry = problem.closed_space.canonical(name)
        parsed = problem.closed_space.parse(entry)
        order = sum(parsed.orders)
        if order <= 3:
            values = [spline(lower, nu=order) for spline in splines[parsed.field]]
            found[entry] = np.reshape(values, problem.fields[parsed.field])
    return found


def _least(
    vector: Vector,
    splines: Mapping[str, list],
    scales: Mapping[str, float],
    start: np.ndarray,
    free: np.ndarray,
) -> np.ndarray | None:
    problem, space = vector.problem, vector.problem.closed_space
    guess = problem.traced(vector.values(jnp.asarray(start)))
    needs = guess.dynamics.residual.needs
    lower = max(spline.t[0] for parts in splines.values() for spline in parts)
    upper = min(spline.t[-1] for parts in splines.values() for spline in parts)
    margin = INNER * (upper - lower)
    times = np.linspace(lower + margin, upper - margin, TIMES)
    jets = {problem.time: times}
    for name in needs:
        if space.is_coordinate(name):
            continue
        entry = space.parse(name)
        if sum(entry.orders) > 3:
            return None
        values = [spline(times, nu=sum(entry.orders)) for spline in splines[entry.field]]
        jets[name] = np.stack(values, -1).reshape(times.size, *problem.fields[entry.field])
    columns = {name: jnp.asarray(value) for name, value in jets.items()}
    sizes = _sizes(guess, columns)

    def rows(y: Array) -> Array:
        z = jnp.asarray(start).at[free].set(y)
        residual = problem.traced(vector.values(z)).dynamics.residual
        at = lambda values: residual(Jet(space, values))  # noqa: E731
        found = jax.vmap(at)(columns) / sizes[None]
        return jnp.concatenate([found.ravel(), 1e-3 * vector.prior_rows(z, scales)])

    both = jax.jit(lambda y: (rows(y), jax.jacfwd(rows)(y)))

    def at(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, slope = both(jnp.asarray(y))
        return np.asarray(value), np.asarray(slope)

    least, *_ = descended(at, start[free], max_nfev=50)
    found = np.array(start)
    found[free] = least
    return found if np.all(np.isfinite(found)) else None


def _sizes(problem: Problem, columns: Mapping[str, Array]) -> Float[np.ndarray, " equations"]:
    """Return the size of each component of the residual: of its highest derivatives."""
    dynamics = problem.dynamics
    leading = [
        np.sqrt(np.mean(np.asarray(columns[name]) ** 2, axis=0)).ravel()
        for name in dynamics.leading.values()
        if name in columns
    ]
    sizes = np.array(list(itertools.chain(*leading)))
    return np.where(sizes > 0.0, sizes, 1.0) if sizes.size == dynamics.residual.size else np.ones(1)
