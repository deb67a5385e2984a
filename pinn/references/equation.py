"""The equation of motion as diffrax takes it, in the time since the start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import jax.numpy as jnp
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.problem.dynamics import Dynamics
from pinn.problem.problem import Problem
from pinn.references.clock import local

State = dict[str, Array]
Highest = Callable[[Array, State], State]


@dataclass(frozen=True, eq=False)
class Equation:
    """The equation of motion as diffrax terms, for the whole state or split in two halves.

    Args:
        terms: of the time since the start.
        pack: from the state by entry to the one that the terms take.
        unpack: back.
    """

    terms: Any
    pack: Callable[[State], Any]
    unpack: Callable[[Any], State]

    @classmethod
    def of(cls, problem: Problem, separable: bool) -> "Equation":
        """Return the terms of a problem's equation.

        Raises:
            ProblemError: a split needs an acceleration that does not depend on the velocity.
        """
        dynamics = problem.dynamics
        highest = local(problem.interval, lambda t, state: _highest(dynamics, t, state))
        return _split(dynamics, highest) if separable else _whole(dynamics, highest)


def _whole(dynamics: Dynamics, highest: Highest) -> Equation:
    def rate(t: Any, state: State, args: Any) -> State:
        known = {**state, **highest(t, state)}
        return {name: known[dynamics.space.raised(name, dynamics.time)] for name in state}

    return Equation(diffrax.ODETerm(rate), lambda state: state, lambda state: state)


def _split(dynamics: Dynamics, highest: Highest) -> Equation:
    fields = list(dynamics.orders)
    velocities = [dynamics.entry(f, 1) for f in fields]
    if any(order != 2 for order in dynamics.orders.values()) or any(
        v in function.needs for function in dynamics.solved.values() for v in velocities
    ):
        raise ProblemError(
            "This symplectic method needs a second-order equation whose acceleration does not "
            "depend on the velocity: choose GaussLegendre, or an adaptive method."
        )

    def drift(t: Any, velocity: State, args: Any) -> State:
        return velocity

    def kick(t: Any, position: State, args: Any) -> State:
        state = position | {dynamics.entry(f, 1): jnp.zeros_like(position[f]) for f in fields}
        accelerations = highest(t, state)
        return {f: accelerations[dynamics.entry(f, 2)] for f in fields}

    def pack(state: State) -> tuple[State, State]:
        return {f: state[f] for f in fields}, {f: state[dynamics.entry(f, 1)] for f in fields}

    def unpack(halves: tuple[State, State]) -> State:
        return halves[0] | {dynamics.entry(f, 1): halves[1][f] for f in fields}

    return Equation((diffrax.ODETerm(drift), diffrax.ODETerm(kick)), pack, unpack)


def _highest(dynamics: Dynamics, t: Array, state: State) -> State:
    jet = Jet(dynamics.space, {**state, dynamics.time: t})
    return {name: function(jet) for name, function in dynamics.solved.items()}
