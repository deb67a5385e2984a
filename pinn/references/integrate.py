"""Integrate a problem's equation with diffrax, and evaluate between steps to full accuracy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import PinnError
from pinn.jets import Jet
from pinn.problem.problem import Problem
from pinn.references.clock import jumps, shown, stops
from pinn.references.equation import Equation
from pinn.references.method import AbstractMethod, Adaptive
from pinn.watch import Watch

# Steps between two looks at the watch, and how far they must come, in lengths of the interval.
CHUNK, LEAST = 4096, 1e-10


class TooManySteps(PinnError):
    """An integration used up its steps while it still went on."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Steps:
    """Where an integration stepped: times since the start, and the state at each, by entry."""

    times: Float[Array, " steps"]
    states: Mapping[str, Float[Array, "steps ..."]]


def stepping(
    problem: Problem, method: AbstractMethod
) -> tuple[Equation, Callable[..., diffrax.Solution], Any]:
    """Return the equation, the integration as a function of the initial state, and that state.

    The function can be compiled; its result holds every step, padded to the most that there may be.
    It goes on from a later time to an earlier end, with a first step of given length and at most so
    many, to a looser tolerance, where it is given these; and keeps the last state only, as a
    function that JAX differentiates, where it is asked to.
    """
    equation, length = Equation.of(problem, method.separable), problem.interval.length
    state = equation.pack({n: jnp.asarray(v) for n, v in problem.initial_state.items()})
    solver, controller = solver_of(problem, method), controller_of(problem, method)

    def march(
        start: Any,
        begin: Any = 0.0,
        first: Any = None,
        most: int | None = None,
        end: Any = length,
        looser: Any = None,
        last: bool = False,
    ) -> diffrax.Solution:
        return diffrax.diffeqsolve(
            equation.terms,
            solver,
            begin,
            end,
            method.first_step(length) if first is None and not _steps_to(controller) else first,
            start,
            stepsize_controller=_loosened(controller, looser),
            saveat=diffrax.SaveAt(t1=True) if last else diffrax.SaveAt(t0=True, steps=True),
            adjoint=diffrax.ForwardMode() if last else diffrax.RecursiveCheckpointAdjoint(),
            max_steps=most or method.limit + _extra(controller),
            throw=False,
        )

    return equation, march, state


def integrate(problem: Problem, method: AbstractMethod, watch: Watch) -> Steps:
    """Integrate over the problem's interval and keep every step.

    Raises:
        PinnError: the integrator could not reach the end.
        TooManySteps: it did not in as many steps as the method may take.
        OutOfTime: it did not in the watch's budget.
        ProblemError: the method needs an acceleration that does not depend on the velocity.
    """
    equation, march, state = stepping(problem, method)
    adaptive = isinstance(method, Adaptive)
    pieces, begin, first, taken = [], 0.0, None, 0
    while True:
        watch(f"integrating by {method.name}", begin / problem.interval.length)
        result = march(state, begin, first, min(CHUNK, method.limit) if adaptive else None)
        kept = np.isfinite(np.asarray(result.ts))
        times = np.asarray(result.ts)[kept]
        states = jax.tree.map(lambda leaf, kept=kept: np.asarray(leaf)[kept], result.ys)
        pieces.append((times, states) if not pieces else _rest(times, states))
        taken += len(times) - 1
        if result.result == diffrax.RESULTS.successful:
            break
        advanced = times[-1] - begin > LEAST * problem.interval.length
        if not (adaptive and advanced and result.result == diffrax.RESULTS.max_steps_reached):
            raise PinnError(_stopped(problem, method, times[-1]))
        if taken >= method.limit:
            raise TooManySteps(_stopped(problem, method, times[-1]))
        begin, first = times[-1], times[-1] - times[-2]
        state = jax.tree.map(lambda leaf: jnp.asarray(leaf[-1]), states)
    joined = jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *pieces)
    return Steps(joined[0], equation.unpack(joined[1]))


def _rest(times: np.ndarray, states: Any) -> tuple[np.ndarray, Any]:
    """Return the steps without the first, with which the chunk before ended."""
    return times[1:], jax.tree.map(lambda leaf: leaf[1:], states)


def _stopped(problem: Problem, method: AbstractMethod, elapsed: float) -> str:
    interval = problem.interval
    return (
        f"The reference integration by {method.name} stopped at {problem.time} = "
        f"{shown(interval, elapsed)} of {shown(interval, interval.length)}: the "
        "solution may be singular there or the equation stiff; shorten the interval, or choose "
        "another of pinn.references, "
        'as Adaptive("Kvaerno5", rtol=1e-9) for stiff equations.'
    )


def between_steps(
    problem: Problem, method: AbstractMethod, entries: tuple[str, ...]
) -> Callable[[Steps, Float[Array, ""]], Jet]:
    """Return the map from an integration and a time to the jet there.

    The state between two steps comes from one more step of the same method, shorter than the one
    that was taken: its error is below that step's, where dense output would be the accuracy's
    floor. Higher derivatives follow from the equation.
    """
    equation, begin = Equation.of(problem, method.separable), problem.interval.lower
    solver = solver_of(problem, method)

    def jet_at(steps: Steps, t: Float[Array, ""]) -> Jet:
        elapsed = t - begin
        index = jnp.searchsorted(steps.times, elapsed, side="right") - 1
        index = jnp.clip(index, 0, steps.times.shape[0] - 2)
        start = steps.times[index]
        state = equation.pack({name: leaf[index] for name, leaf in steps.states.items()})
        # A step of no length is not every solver's to take.
        still = elapsed == start
        end = jnp.where(still, 0.5 * (start + steps.times[index + 1]), elapsed)
        memory = solver.init(equation.terms, start, end, state, None)
        moved = solver.step(equation.terms, start, end, state, None, memory, made_jump=False)[0]
        moved = jax.tree.map(lambda a, b: jnp.where(still, a, b), state, moved)
        return problem.dynamics.on_shell({**equation.unpack(moved), problem.time: t}, entries)

    return jet_at


def solver_of(problem: Problem, method: AbstractMethod) -> diffrax.AbstractSolver:
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


def controller_of(problem: Problem, method: AbstractMethod) -> diffrax.AbstractStepSizeController:
    """Return what chooses the steps: none leaps over a pulse or a jump of the equation."""
    length, ends = problem.interval.length, stops(problem)
    if not isinstance(method, Adaptive):
        return _even(method.first_step(length) or length, length, ends, jumps(problem))
    control = diffrax.PIDController(
        rtol=method.rtol,
        atol=_absolute(problem, method),
        pcoeff=0.2,
        icoeff=0.4,
        # Below round-off of the time itself no step is rejected for good.
        dtmin=1e-14 * length,
        force_dtmin=True,
    )
    if not ends.size:
        return control
    restarts = jumps(problem)
    smooth = np.setdiff1d(ends, restarts)
    return diffrax.ClipStepSizeController(
        control,
        step_ts=jnp.asarray(smooth) if smooth.size else None,
        jump_ts=jnp.asarray(restarts) if restarts.size else None,
    )


def _loosened(
    controller: diffrax.AbstractStepSizeController, factor: Any
) -> diffrax.AbstractStepSizeController:
    """Return a controller with so many times the tolerance, if it has one."""
    inner = getattr(controller, "controller", controller)
    if factor is None or not isinstance(inner, diffrax.PIDController):
        return controller
    loose = replace(inner, rtol=factor * inner.rtol, atol=factor * inner.atol)
    return loose if inner is controller else replace(controller, controller=loose)


def _even(
    step: float, length: float, ends: np.ndarray, restarts: np.ndarray
) -> diffrax.AbstractStepSizeController:
    """Return steps of equal length, cut at jumps, and where they would leap over something."""
    narrow = ends.size and step > np.min(np.diff(ends, prepend=0.0, append=length))
    ends = ends if narrow else restarts
    if not ends.size:
        return diffrax.ConstantStepSize()
    even = np.linspace(0.0, length, max(round(length / step), 1) + 1)
    nearest = np.interp(
        even, np.concatenate([[-length], ends, [2 * length]]), np.arange(ends.size + 2)
    )
    index = np.clip(np.round(nearest).astype(int) - 1, 0, ends.size - 1)
    apart = np.abs(even - ends[index]) > 1e-9 * length
    apart[[0, -1]] = True
    return diffrax.StepTo(jnp.asarray(np.union1d(even[apart], ends)))


def _steps_to(controller: diffrax.AbstractStepSizeController) -> bool:
    return isinstance(controller, diffrax.StepTo)


def _extra(controller: diffrax.AbstractStepSizeController) -> int:
    """Return how many steps more than the method's own there may be."""
    return len(controller.ts) if isinstance(controller, diffrax.StepTo) else 0
