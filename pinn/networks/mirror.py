"""The reflection principle: walls that are mirrors of the whole problem, and even circles."""

import itertools
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, prolong, random_jets
from pinn.precision import arithmetic
from pinn.problem.axes import Axis, Interval, Periodic
from pinn.problem.problem import Problem
from pinn.problem.scan import places

TOLERANCE = 1e-9
SMOOTH = 1e-6
SAMPLES = 512
EXACT = 1e-12

# By axis, by field: +1 where it is even about both walls, −1 where it is odd.
Mirrors = dict[str, Mapping[str, int]]


@lru_cache(maxsize=8)
def mirrors_of(problem: Problem) -> Mirrors:
    """Return the axes about whose ends all is even or odd, with the parity of each field.

    A wall is a mirror where every condition is homogeneous and on derivatives of one parity, and
    the equation and the initial data are unchanged by the reflection: then the solution goes on
    smoothly across it, odd where its even derivatives vanish and even where its odd ones do, and an
    ansatz with this parity meets every compatibility condition in the corners of space and time.

    A circle has such mirrors at its lower end and opposite to it where the equation and the initial
    data are unchanged by a reflection about them: half of it then tells the whole.
    """
    if "mirrors" in problem.found:
        return problem.found["mirrors"]
    found: Mirrors = {}
    with arithmetic("float64"):
        for name, axis in problem.extent.items():
            if isinstance(axis, Periodic):
                known = _parity_on_circle(problem, name, axis)
                found |= {name: known} if known else {}
                continue
            if axis.breakpoints:  # the equation jumps, and with it what would be reflected
                continue
            parities = {f: _parity(problem, f, name) for f in problem.fields}
            known = {f: p for f, p in parities.items() if p is not None}
            if len(known) < len(parities):
                continue
            ends = (axis.lower, axis.upper)
            mirrored = all(_equivariant(problem, name, place, known) for place in ends)
            if mirrored and _smooth_start(problem, name, known):
                found[name] = known
    return found


def period(axis: Axis) -> float:
    """Return the length of the circle that an axis is, or that its reflection closes."""
    return axis.length if isinstance(axis, Periodic) else 2.0 * axis.length


def folded(mirrors: Mapping[str, Any], name: str, axis: Axis) -> bool:
    """Tell whether an axis is an interval that goes on beyond its mirrors."""
    return name in mirrors and isinstance(axis, Interval)


def halved(mirrors: Mapping[str, Any], name: str, axis: Axis) -> bool:
    """Tell whether an axis is a circle of which half tells the whole."""
    return name in mirrors and isinstance(axis, Periodic)


def _parity_on_circle(problem: Problem, axis: str, circle: Periodic) -> Mapping[str, int] | None:
    """Return parities of the fields that the initial data have and the equation keeps."""
    if problem.stationary or not all(condition.homogeneous for condition in problem.boundary):
        return None
    fields = list(problem.fields)
    allowed = [_initial_parities(problem, f, axis) for f in fields]
    for parities in itertools.product(*allowed):
        known = dict(zip(fields, parities, strict=True))
        if _equivariant(problem, axis, circle.lower + 0.5 * circle.length, known):
            return known
    return None


def _initial_parities(problem: Problem, field: str, axis: str) -> list[int]:
    """Return the parities about a circle's ends that a field's initial data have."""
    place, circle = list(problem.extent).index(axis), problem.extent[axis]
    points = places(problem, SAMPLES)
    here = [points[name] for name in problem.extent]
    there = list(here)
    there[place] = 2.0 * circle.lower + circle.length - here[place]
    allowed = [1, -1]
    for name, function in problem.initial_state.items():
        if problem.space.parse(name).field == field:
            at = jax.jit(jax.vmap(function))
            values, mirrored = (np.asarray(at(*map(jnp.asarray, p))) for p in (here, there))
            close = EXACT * max(np.abs(values).max(), np.abs(mirrored).max())
            allowed = [s for s in allowed if np.abs(values - s * mirrored).max() <= close]
    return allowed


def _parity(problem: Problem, field: str, axis: str) -> int | None:
    rows = [c for c in problem.boundary if (c.field, c.axis) == (field, axis)]
    orders = {condition.pure_order(problem.space) for condition in rows}
    faces = {end for condition in rows for end in condition.ends}
    plain = all(c.hard and c.homogeneous for c in rows)
    if (
        not plain
        or None in orders
        or faces != {0, 1}
        or not all(set(c.ends) == {0, 1} for c in rows)
    ):
        return None
    parities = {order % 2 for order in orders if order is not None}
    return None if len(parities) != 1 else (1 if parities == {1} else -1)


def _reflected(problem: Problem, jet: Jet, axis: str, place: float, parity: Mapping) -> Jet:
    """Return the jet of the reflected field at the reflected point."""
    space, values = problem.space, {}
    index = space.coordinates.index(axis)
    for name, value in jet.items():
        if space.is_coordinate(name):
            values[name] = 2.0 * place - value if name == axis else value
        else:
            entry = space.parse(name)
            values[name] = parity[entry.field] * (-1.0) ** entry.orders[index] * value
    return Jet(space, values)


def _equivariant(problem: Problem, axis: str, place: float, parity: Mapping[str, int]) -> bool:
    """Tell whether each component of the equation only changes its sign."""
    residual = problem.dynamics.residual
    jets = random_jets(problem.space, residual.needs, 3, SAMPLES)
    points = {c: jnp.asarray(v) for c, v in places(problem, SAMPLES).items()}
    jets = Jet(problem.space, {**jets, **points})

    def both(jet: Jet) -> tuple[Array, Array]:
        return residual(jet), residual(_reflected(problem, jet, axis, place, parity))

    here, there = (np.asarray(a) for a in jax.jit(jax.vmap(both))(jets))
    gap = np.minimum(np.abs(here - there).max(axis=0), np.abs(here + there).max(axis=0))
    return bool(np.all(gap <= TOLERANCE * np.abs(here).max(axis=0)))


def _smooth_start(problem: Problem, axis: str, parity: Mapping[str, int]) -> bool:
    """Tell whether the initial data continue across the walls to the third derivative."""
    coordinates = tuple(problem.extent)
    index = coordinates.index(axis)
    for name, function in problem.initial_state.items():
        field = problem.space.parse(name).field
        names = [field + "_" + axis * k if k else field for k in range(4)]
        jet_at = prolong(_alone(problem, field, function), problem.space, names)
        odd = [n for k, n in enumerate(names) if (k % 2 == 0) == (parity[field] < 0)]
        even = [n for n in names if n not in odd]
        for end in (0, 1):
            points = _on_face(problem, index, end)
            jets = jax.jit(jax.vmap(jet_at))(*points)
            size = max(float(jnp.max(jnp.abs(jets[n]))) for n in even)
            if max(float(jnp.max(jnp.abs(jets[n]))) for n in odd) > SMOOTH * max(size, 1e-300):
                return False
    return True


def _alone(problem: Problem, field: str, function):
    """Return initial data as a function of the whole point."""
    index = problem.space.coordinates.index(problem.time)
    rest = {f: jnp.zeros(s) for f, s in problem.fields.items() if f != field}
    return lambda *point: {field: function(*point[:index], *point[index + 1 :]), **rest}


def _on_face(problem: Problem, index: int, end: int) -> list[Array]:
    """Return points on a face at the start, one array a coordinate of the problem."""
    columns = places(problem, SAMPLES)
    name, axis = list(problem.extent.items())[index]
    columns[name] = np.full(SAMPLES, axis.upper if end else axis.lower)
    columns[problem.time] = np.full(SAMPLES, problem.interval.lower)
    return [jnp.asarray(columns[c]) for c in problem.space.coordinates]
