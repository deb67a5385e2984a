"""Integrate a problem's equation with diffrax, and evaluate between steps to full accuracy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import PinnError, ProblemError
from pinn.jets import Jet
from pinn.problem.dynamics import Dynamics
from pinn.problem.problem import Problem
from pinn.references.method import AbstractMethod, Adaptive

State = dict[str, Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Steps:
    """Where an integration stepped: times, and the state at each, by entry."""

    times: Float[Array, " steps"]
    states: Mapping[str, Float[Array, "steps ..."]]


def stepping(
    problem: Problem, method: AbstractMethod
) -> tuple["Equation", Callable[[Any], diffrax.Solution], Any]:
    """Return the equation, the integration as a function of the initial state, and that state.

    The function can be compiled; its result holds every step, padded to the most that there may be.
    """
    equation, interval = Equation.of(problem, method.separable), problem.interval
    state = equation.pack({n: jnp.asarray(v) for n, v in problem.initial_state.items()})

    def march(start: Any) -> diffrax.Solution:
        return diffrax.diffeqsolve(
            equation.terms,
            _solver(problem, method),
            interval.lower,
            interval.upper,
            method.first_step(interval.length),
            start,
            stepsize_controller=_controller(problem, method),
            saveat=diffrax.SaveAt(t0=True, steps=True),
            max_steps=method.limit,
            throw=False,
        )

    return equation, march, state


def integrate(problem: Problem, method: AbstractMethod) -> Steps:
    """Integrate over the problem's interval and keep every step.

    Raises:
        PinnError: the integrator could not reach the end.
        ProblemError: the method needs an acceleration that does not depend on the velocity.
    """
    equation, march, state = stepping(problem, method)
    result = march(state)
    times = np.asarray(result.ts)
    kept = np.isfinite(times)
    if result.result != diffrax.RESULTS.successful:
        raise PinnError(
            f"The reference integration by {method.name} stopped at {problem.time} = "
            f"{times[kept][-1]:.6g} of {problem.interval.upper:.6g}: the solution may be singular "
            "there; shorten the interval, or choose another of pinn.references."
        )
    states = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[kept]), result.ys)
    return Steps(jnp.asarray(times[kept]), equation.unpack(states))


def between_steps(
    problem: Problem, method: AbstractMethod, entries: tuple[str, ...]
) -> Callable[[Steps, Float[Array, ""]], Jet]:
    """Return the map from an integration and a time to the jet there.

    The state between two steps comes from one more step of the same method, shorter than the one
    that was taken: its error is below that step's, where dense output would be the accuracy's
    floor. Higher derivatives follow from the equation.
    """
    equation = Equation.of(problem, method.separable)
    solver = _solver(problem, method)

    def jet_at(steps: Steps, t: Float[Array, ""]) -> Jet:
        index = jnp.searchsorted(steps.times, t, side="right") - 1
        index = jnp.clip(index, 0, steps.times.shape[0] - 2)
        start = steps.times[index]
        state = equation.pack({name: leaf[index] for name, leaf in steps.states.items()})
        # A step of no length is not every solver's to take.
        still = t == start
        end = jnp.where(still, 0.5 * (start + steps.times[index + 1]), t)
        memory = solver.init(equation.terms, start, end, state, None)
        moved = solver.step(equation.terms, start, end, state, None, memory, made_jump=False)[0]
        moved = jax.tree.map(lambda a, b: jnp.where(still, a, b), state, moved)
        return problem.dynamics.on_shell({**equation.unpack(moved), problem.time: t}, entries)

    return jet_at


@dataclass(frozen=True, eq=False)
class Equation:
    """The equation of motion as diffrax terms, for the whole state or split in two halves."""

    terms: Any
    pack: Callable[[State], Any]
    unpack: Callable[[Any], State]

    @classmethod
    def of(cls, problem: Problem, separable: bool) -> "Equation":
        """Return the terms of a problem's equation."""
        dynamics = problem.dynamics
        return _split(dynamics) if separable else _whole(dynamics)


def _whole(dynamics: Dynamics) -> Equation:
    def rate(t: Any, state: State, args: Any) -> State:
        highest = _highest(dynamics, t, state)
        raised = {name: dynamics.space.raised(name, dynamics.time) for name in state}
        return {name: {**state, **highest}[rate_name] for name, rate_name in raised.items()}

    return Equation(diffrax.ODETerm(rate), lambda state: state, lambda state: state)


def _split(dynamics: Dynamics) -> Equation:
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
        highest = _highest(dynamics, t, state)
        return {f: highest[dynamics.entry(f, 2)] for f in fields}

    def pack(state: State) -> tuple[State, State]:
        return {f: state[f] for f in fields}, {f: state[dynamics.entry(f, 1)] for f in fields}

    def unpack(halves: tuple[State, State]) -> State:
        return halves[0] | {dynamics.entry(f, 1): halves[1][f] for f in fields}

    return Equation((diffrax.ODETerm(drift), diffrax.ODETerm(kick)), pack, unpack)


def _highest(dynamics: Dynamics, t: Array, state: State) -> State:
    jet = Jet(dynamics.space, {**state, dynamics.time: t})
    return {name: function(jet) for name, function in dynamics.solved.items()}


def _solver(problem: Problem, method: AbstractMethod) -> diffrax.AbstractSolver:
    """Return the solver; an implicit one solves its equations to the tolerances of the steps.

    By default diffrax takes them from the controller, which a single step does not have.
    """
    solver = method.solver
    if not (isinstance(method, Adaptive) and isinstance(solver, diffrax.AbstractImplicitSolver)):
        return solver
    finder = diffrax.VeryChord(rtol=method.rtol, atol=_absolute(problem, method))
    return eqx.tree_at(lambda s: s.root_finder, solver, finder)


def _absolute(problem: Problem, method: Adaptive) -> float:
    """Return the absolute tolerance: a hundredth of the relative one, in units of the start."""
    sizes = [np.max(np.abs(value), initial=0.0) for value in problem.initial_state.values()]
    return 1e-2 * method.rtol * (float(max(sizes)) or 1.0)


def _controller(problem: Problem, method: AbstractMethod) -> diffrax.AbstractStepSizeController:
    if not isinstance(method, Adaptive):
        return diffrax.ConstantStepSize()
    control = diffrax.PIDController(
        rtol=method.rtol,
        atol=_absolute(problem, method),
        pcoeff=0.2,
        icoeff=0.4,
        # Below round-off of the time itself no step is rejected for good.
        dtmin=1e-14 * problem.interval.length,
        force_dtmin=True,
    )
    breakpoints = problem.interval.breakpoints
    return (
        diffrax.ClipStepSizeController(control, jump_ts=jnp.asarray(breakpoints))
        if breakpoints
        else control
    )
