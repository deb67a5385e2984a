"""Which faces a law leaks through, decided from the boundary conditions on random jets."""

import itertools
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from pinn.jets import Jet, JetFunction, repeated_derivative
from pinn.noether.typical import random_solutions
from pinn.problem.axes import Axis, Interval, Periodic
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value

SAMPLES = 8
STEPS = 8
SEED = 3
LATEST = 3

Face = tuple[str, int]


def faces(extent: Mapping[str, Axis]) -> tuple[Face, ...]:
    """Return the faces of the box, without those that a circle identifies."""
    return tuple((c, end) for c, a in extent.items() if isinstance(a, Interval) for end in (0, 1))


def leak(problem: Problem, flux: JetFunction, face: Face) -> float:
    """Return how large a flux is on a face under the boundary conditions, relative to without.

    Random jets on the face are moved onto the conditions, their time derivatives on solutions and
    their tangential derivatives by Newton's method, and the flux is evaluated there.
    """
    dynamics = problem.dynamics
    onshell = dynamics.restricted(flux) if dynamics.pointwise else flux
    constraints = list(_constraints(problem, onshell, face))
    needs = {n for f in (onshell, *constraints) for n in f.needs}
    jets = random_solutions(problem, needs | {face[0]}, SEED, SAMPLES)
    axis, values = problem.extent[face[0]], {n: jets[n] for n in jets}
    at = axis.upper if face[1] else axis.lower
    values[face[0]] = jnp.full((SAMPLES,), at)
    moving = {n: v for n, v in values.items() if not problem.space.is_coordinate(n)}
    fixed = {n: v for n, v in values.items() if n not in moving}

    def both(fixed, moving):
        evaluate = lambda m: onshell(Jet(problem.space, {**fixed, **m}))  # noqa: E731
        obeyed = _projected(problem, constraints, fixed, moving)
        return evaluate(moving), evaluate(obeyed)

    free, bound = jax.tree.map(np.asarray, jax.jit(jax.vmap(both))(fixed, moving))
    size, left = (np.max(np.abs(v.reshape(SAMPLES, -1)), axis=0) for v in (free, bound))
    return float(np.max(left / np.where(size > 0.0, size, 1.0), initial=0.0))


def _constraints(problem: Problem, flux: JetFunction, face: Face) -> Iterator[JetFunction]:
    """Yield what the conditions on a face demand of a jet there, derivatives as far as they tell.

    A time derivative of a condition is worth demanding while it, on solutions, speaks of no higher
    normal derivative than the flux does.
    """
    space, dynamics, axis = problem.space, problem.dynamics, face[0]
    normal, tangential = _reach(flux, axis), _reaches(problem, flux, axis)
    for condition in problem.boundary:
        if condition.axis != axis or face[1] not in condition.ends:
            continue
        demanded = _demanded(problem, condition, face[1])
        for time in range(LATEST + 1 if dynamics.time else 1):
            later = repeated_derivative(demanded, dynamics.time * time)
            later = dynamics.restricted(later) if dynamics.pointwise else later
            too_far = time > 0 and _reach(later, axis) > normal
            if too_far or (not dynamics.pointwise and time > _reach(flux, dynamics.time)):
                break
            for along in tangential:
                yield JetFunction(space, repeated_derivative(later, along), "condition")


def _demanded(problem: Problem, condition, end: int) -> JetFunction:
    operator = condition.operator(problem.space)
    value = face_value(problem.space, condition, end)
    others = [c for c in problem.axes if c != condition.axis]

    def expression(jet: Jet) -> Array:
        return operator(jet) - value(*(jet[c] for c in others))

    return JetFunction(problem.space, expression, "condition")


def _reach(function: JetFunction, axis: str) -> int:
    fields = function.space.fields
    return max((function.highest_order(f, axis) for f in fields), default=-1) if axis else 0


def _reaches(problem: Problem, flux: JetFunction, axis: str) -> list[str]:
    """Return the tangential derivatives, as subscripts, up to the flux's highest."""
    others = [c for c in problem.extent if c != axis]
    highest = max((_reach(flux, c) for c in others), default=0)
    return [
        "".join(subscripts)
        for order in range(max(highest, 0) + 1)
        for subscripts in itertools.combinations_with_replacement(others, order)
    ]


def _projected(problem: Problem, constraints, fixed, moving):
    if not constraints or not moving:
        return moving
    flat, restore = ravel_pytree(moving)

    def violation(flat: Array) -> Array:
        jet = Jet(problem.space, {**fixed, **restore(flat)})
        return jnp.concatenate([jnp.ravel(c(jet)) for c in constraints])

    def step(_, flat: Array) -> Array:
        jacobian = jax.jacfwd(violation)(flat)
        return flat - jnp.linalg.pinv(jacobian) @ violation(flat)

    return restore(jax.lax.fori_loop(0, STEPS, step, flat))


def seams(problem: Problem, parts: Mapping[str, JetFunction]) -> dict[str, float]:
    """Return by periodic coordinate how far a density or flux jumps where the circle closes."""
    circles = [c for c, axis in problem.extent.items() if isinstance(axis, Periodic)]
    return {c: max(_jump(problem, part, c) for part in parts.values()) for c in circles}


def _jump(problem: Problem, part: JetFunction, coordinate: str) -> float:
    if coordinate not in part.needs:
        return 0.0
    jets, axis = random_solutions(problem, part.needs, SEED, SAMPLES), problem.extent[coordinate]

    def at(value: float) -> np.ndarray:
        moved = {**jets, coordinate: jnp.full((SAMPLES,), value)}
        return np.asarray(jax.vmap(part)(Jet(problem.space, moved))).reshape(SAMPLES, -1)

    lower, upper = at(axis.lower), at(axis.upper)
    size = np.max(np.abs(lower), axis=0) + np.max(np.abs(upper), axis=0)
    gap = np.max(np.abs(upper - lower), axis=0)
    return float(np.max(gap / np.where(size > 0.0, size, 1.0)))
