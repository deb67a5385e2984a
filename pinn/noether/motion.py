"""How jets move where the derivative of a charge is known, for differences to be compared with."""

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import Jet
from pinn.noether.charge import Charge
from pinn.noether.gradient import direction, flow
from pinn.noether.rounding import Columns
from pinn.noether.verdict import Motion, Seen
from pinn.problem.problem import Problem

LONGEST = 0.01  # of the interval


def motion_of(problem: Problem, charge: Charge, seen: Seen) -> Motion:
    """Return a motion along which the derivative of a charge is known at the jets seen.

    In mechanics, along the solution through each state, where it is the charge's source; over
    space, along a random direction of the jets, where it is found by differentiation.
    """
    lengths = {c: axis.length for c, axis in problem.axes.items()}
    if not problem.extent:
        return _along_solutions(problem, charge, seen, lengths)
    velocity = {
        n: direction(n, v, v.shape[1:], lengths.get(n))
        for n, v in seen.points.items()
        if n in charge.density.needs
    }
    return Motion(velocity, lambda one: one.sums("slope")[0], lengths)


def _along_solutions(
    problem: Problem, charge: Charge, seen: Seen, lengths: dict[str, float]
) -> Motion:
    dynamics, points = problem.dynamics, seen.points
    rates, start = {problem.time: np.ones(len(points[problem.time]))}, 0
    for field, order in dynamics.orders.items():
        shape = problem.space.fields[field]
        stop = start + int(np.prod(shape))
        highest = seen.known["equation"][:, start:stop].reshape(-1, *shape)
        names = [dynamics.entry(field, k) for k in range(order)]
        rates |= {n: np.asarray(points[m]) for n, m in pairwise(names)}
        rates[names[-1]] = highest
        start = stop
    velocity, time = flow(points, rates, LONGEST * problem.interval.length)

    def stated(one: Seen) -> np.ndarray:
        value = one.sums("value")[0]
        rate = one.sums("source")[0] if charge.source is not None else np.zeros_like(value)
        if charge.generator is None or charge.balance:
            rate = rate + one.sums("claim")[0]
        return rate * time.reshape(-1, *[1] * (rate.ndim - 1))

    return Motion(velocity, stated, lengths)


def slope_of(problem: Problem, charge: Charge, seen: Seen) -> Callable[[Columns], np.ndarray]:
    """Return the derivative of a density along a direction of its fields, coordinates at rest."""
    density, dynamics, space = charge.density, problem.dynamics, problem.space
    fields = [n for n in density.needs if not space.is_coordinate(n)]

    def slope(values):
        jet = Jet(space, values)
        if not problem.extent:
            state = (problem.time, *dynamics.state_entries)
            jet = dynamics.on_shell({n: jet[n] for n in state}, density.needs)
        at = {n: jet[n] for n in fields}
        rest = {n: jet[n] for n in density.needs if n not in at}
        move = {n: direction(n, v, space.shape(n), None) for n, v in at.items()}
        if not at:
            return jnp.zeros(density.shape)
        return jax.jvp(lambda v: density(Jet(space, {**rest, **v})), (at,), (move,))[1]

    def every(points: Columns) -> np.ndarray:
        found = jax.jit(jax.vmap(slope))({n: jnp.asarray(v) for n, v in points.items()})
        return np.asarray(found).reshape(len(found), -1)

    return every
