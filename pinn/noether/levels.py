"""The level set of a problem's charges, in the space of its states."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import RecipeError
from pinn.jets import Jet, partial, random_jets
from pinn.noether.anchor import anchor
from pinn.noether.charge import Charge
from pinn.noether.projection import independent_count, project, project_within_reach
from pinn.noether.typical import typical
from pinn.precision import arithmetic
from pinn.problem.dynamics import Dynamics
from pinn.problem.problem import Problem

State = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class LevelSet:
    """The states of a mechanical system at which its charges have given values.

    The state is all that the equation needs to go on, (q, q_t) where it is of second order. A
    charge is a function of it, so that a point of the level set is a state, not a path: the
    velocity is moved with the position.

    Args:
        dynamics: the equation of motion.
        charges: the charges that are held, by name.
        scales: what each of them is measured against.
        sizes: what each entry of the state is measured against.
        typical: a typical value of each entry.
    """

    dynamics: Dynamics
    charges: Mapping[str, Charge]
    scales: Mapping[str, float]
    sizes: Mapping[str, float]
    typical: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, problem: Problem, charges: Mapping[str, Charge]) -> "LevelSet":
        """Return the level set of some charges of a problem in time alone.

        Raises:
            RecipeError: a charge depends on more than the state.
        """
        dynamics = problem.dynamics
        for name, charge in charges.items():
            if beyond := _beyond_the_state(problem, charge):
                raise RecipeError(
                    f"The charge {name!r} depends on {', '.join(beyond)}, which is not part of the "
                    f"state ({', '.join(dynamics.state_entries)}): it cannot be held exactly; "
                    "rewrite its density by the equation of motion, or choose 'penalty'."
                )
        scales = {n: anchor(problem).scales[n] for n in charges}
        return cls(dynamics, charges, scales, state_sizes(problem), typical(problem))

    @property
    def dimension(self) -> int:
        """How many numbers a state holds."""
        return sum(math.prod(shape) for shape in self._shapes.values())

    @cached_property
    def count(self) -> int:
        """How many charges are independent, at states near the start."""
        names = {*self.dynamics.state_entries, self.dynamics.time}
        with arithmetic("float64"):
            jets = random_jets(self.dynamics.space, names, 0, 4, self.typical)
            levels = {n: jnp.zeros(c.density.shape) for n, c in self.charges.items()}

            def independent(jet: Jet) -> Array:
                arguments = (jet[self.dynamics.time], levels, jnp.ones(()))
                return independent_count(self._constraints, self._flat(jet), arguments)

            return int(jnp.max(jax.vmap(independent)(jets)))

    @property
    def changing(self) -> dict[str, Charge]:
        """The charges with sources, which obey a balance instead of staying."""
        return {n: c for n, c in self.charges.items() if c.source is not None}

    def rates(self, t: Array, state: State) -> dict[str, Array]:
        """Return the sources of the charges that have one, at a state."""
        found = {}
        for name, charge in self.changing.items():
            assert charge.source is not None
            free = {**state, self.dynamics.time: t}
            found[name] = charge.source(self.dynamics.completed(free, charge.source.needs))
        return found

    def project(
        self,
        t: Array,
        state: State,
        levels: Mapping[str, Array],
        balanced: ArrayLike = True,
        near: State | None = None,
    ) -> dict[str, Array]:
        """Return the state, moved on to the level set along the gradients of the charges.

        Args:
            t: the time, for charges that depend on it.
            state: each entry of the state.
            levels: what each charge should be.
            balanced: whether charges with sources are held too.
            near: a state about on the level set, towards which one that is out of reach is drawn.
        """
        share = jnp.asarray(balanced, t.dtype)
        arguments = (t, {n: levels[n] for n in self.charges}, share)
        point = self._flat(state)
        if near is None:
            return self._entries(project(self._constraints, point, arguments))
        known = (self._flat(near), point, arguments)
        return self._entries(project_within_reach(self._constraints, _on_the_way, 0, known)[0])

    def _constraints(self, point: Float[Array, " n"], arguments: tuple) -> Float[Array, " m"]:
        t, levels, share = arguments
        space = self.dynamics.space
        # A charge may name entries on which it does not depend, see `_beyond_the_state`.
        names = {n for charge in self.charges.values() for n in charge.density.needs}
        idle = {n: jnp.zeros(space.shape(n), point.dtype) for n in names}
        jet = Jet(space, {**idle, **self._entries(point), self.dynamics.time: t})
        parts = [jnp.zeros(0, point.dtype)]
        for name, charge in self.charges.items():
            excess = (charge.density(jet) - levels[name]).ravel() / self.scales[name]
            parts.append(excess if charge.source is None else share * excess)
        return jnp.concatenate(parts)

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {n: self.dynamics.space.shape(n) for n in self.dynamics.state_entries}

    def _flat(self, state: State) -> Float[Array, " n"]:
        return jnp.concatenate([(state[n] / self.sizes[n]).ravel() for n in self._shapes])

    def _entries(self, point: Float[Array, " n"]) -> dict[str, Array]:
        values, start = {}, 0
        for name, shape in self._shapes.items():
            stop = start + math.prod(shape)
            values[name] = self.sizes[name] * point[start:stop].reshape(shape)
            start = stop
        return values


def _beyond_the_state(problem: Problem, charge: Charge) -> list[str]:
    """Return the entries above the state that a charge depends on.

    The energy p·q_t − L of a Lagrangian that is linear in q_t names q_t, and does not depend on it.
    """
    known = {problem.time, *problem.dynamics.state_entries}
    beyond = [name for name in charge.density.needs if name not in known]
    with arithmetic("float64"):
        jets = random_jets(problem.space, charge.density.needs, 0, 16, typical(problem))
        return [name for name in beyond if _matters(charge, name, jets)]


def _matters(charge: Charge, name: str, jets: Jet) -> bool:
    slope = jax.vmap(partial(charge.density, name))(jets)
    size = jnp.sum(jnp.abs(slope)) * jnp.max(jnp.abs(jets[name]))
    whole = jnp.sum(jax.vmap(charge.term_size)(jets))
    return not bool(size <= 1e-10 * whole)


def state_sizes(problem: Problem) -> dict[str, float]:
    """Return the size of each entry of the state, from the derivatives at the start.

    Of a field with derivatives d_k it is max_l τ^{l−k} |d_l|, with τ the shortest time in which one
    of them changes another, (|d_k| / |d_l|)^{1/(l−k)}: so that a body released at rest has a
    velocity to be measured against.
    """
    dynamics, start = problem.dynamics, anchor(problem).jet
    sizes = {}
    for field, order in dynamics.orders.items():
        found = [float(np.max(np.abs(start[dynamics.entry(field, k)]))) for k in range(order + 1)]
        time = _time_scale(found, problem.interval.length)
        for k in range(order):
            size = max(time ** (other - k) * d for other, d in enumerate(found))
            sizes[dynamics.entry(field, k)] = size if size > 0.0 else 1.0
    return sizes


def _time_scale(sizes: list[float], longest: float) -> float:
    times = [longest]
    for low, a in enumerate(sizes):
        for high in range(low + 1, len(sizes)):
            if a > 0.0 and sizes[high] > 0.0:
                times.append((a / sizes[high]) ** (1.0 / (high - low)))
    return min(times)


def _on_the_way(
    known: tuple[Array, Array, Any], share: Array, given_up: Array
) -> tuple[Array, Any]:
    near, far, arguments = known
    return near + share * (far - near), arguments
