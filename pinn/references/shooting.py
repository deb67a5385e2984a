"""Conditions in time by multiple shooting: diffrax between nodes, optimistix for what is unknown.

The states at the nodes, and the period of an orbit where it is free, are found by Levenberg and
Marquardt's method so that every stretch ends where the next begins and the conditions hold
(Ascher, Mattheij & Russell 1995, section 4.3, doi:10.1137/1.9781611971231).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.errors import PinnError, ProblemError
from pinn.problem.ends import (
    PERIOD,
    Ends,
    at_rest,
    first_guess,
    fixed,
    guessed,
    rounded,
    undetermined,
    unsolved,
)
from pinn.problem.problem import Problem
from pinn.references.integrate import Steps, controller_of, solver_of, stepping
from pinn.references.method import AbstractMethod, Adaptive
from pinn.watch import Watch

STRETCHES = 8
STEPS, TOLERANCE = 300, 1e-13
# Conditions are met where they are missed by less; unknowns with smaller singular values are open.
MET, SINGULAR = 1e-9, 1e-10
# A known start leads to a known end where the conditions there are missed by less.
NEAR = 1e-3
POLISH = 4


@dataclass(frozen=True, eq=False)
class Shooting:
    """The stretches of one problem.

    Args:
        problem: with values for its unknowns, as good as a first guess.
        method: how each stretch is integrated.
    """

    problem: Problem
    method: Adaptive

    @cached_property
    def shares(self) -> Float[np.ndarray, " nodes"]:
        """Where the stretches begin, and the end of the last, as parts of the interval."""
        return np.linspace(0.0, 1.0, STRETCHES + 1)

    @cached_property
    def free(self) -> bool:
        """Whether the period is unknown."""
        return self.problem.orbit is not None and self.problem.orbit.free

    @cached_property
    def unravel(self) -> Callable[[Array], Mapping[str, Array]]:
        """From a flat state to its entries."""
        state = {n: jnp.asarray(v) for n, v in self.problem.initial_state.items()}
        return ravel_pytree(state)[1]

    def split(self, unknowns: Array) -> tuple[Array, Array]:
        """Return the states at the nodes, the end among them, and the interval's length."""
        interval = self.problem.interval
        length = unknowns[-1] if self.free else jnp.asarray(interval.length)
        states = unknowns[:-1] if self.free else unknowns
        return states.reshape(STRETCHES + 1, -1), length

    def flow(self, states: Array, length: Array) -> Array:
        """Return where each stretch ends."""
        terms = stepping(self.problem, self.method)[0].terms
        solver = solver_of(self.problem, self.method)
        controller = controller_of(self.problem, self.method)

        def one(state: Array, share: Array, after: Array) -> Array:
            found = diffrax.diffeqsolve(
                terms,
                solver,
                share * length,
                after * length,
                None,
                self.unravel(state),
                stepsize_controller=controller,
                saveat=diffrax.SaveAt(t1=True),
                adjoint=diffrax.ForwardMode(),
                max_steps=self.method.limit,
                throw=False,
            )
            return ravel_pytree(jax.tree.map(lambda leaf: leaf[0], found.ys))[0]

        shares = jnp.asarray(self.shares)
        return jax.vmap(one)(states[:-1], shares[:-1], shares[1:])

    def rows(self, unknowns: Array, sizes: Array) -> Array:
        """Return the gaps between stretches, in units of the state, and what conditions miss."""
        states, length = self.split(unknowns)
        gaps = (self.flow(states, length) - states[1:]) / sizes[None]
        start, end = self.unravel(states[0]), self.unravel(states[-1])
        lower = self.problem.interval.lower
        ends = Ends(self.problem, self.problem.dynamics)
        given = [jnp.ravel(start[n] - jnp.asarray(v)) for n, v in fixed(self.problem).items()]
        asked = ends.rows(start, end, (lower, lower + length))
        return jnp.concatenate([gaps.ravel(), asked, *given])


def shot(problem: Problem, method: AbstractMethod, watch: Watch) -> tuple[Problem, Steps, float]:
    """Return a problem with its unknowns found, its solution, and how far that may still be off.

    The last is the relative size of the correction by a further step of Newton's.

    Raises:
        ProblemError: there is no solution, or more than one, or none near the first guess.
        PinnError: an integration fails.
    """
    if not isinstance(method, Adaptive):
        raise ProblemError(
            f"The problem {problem.name!r} has conditions in time, which a reference meets by "
            "shooting with an adaptive method: use pinn.references.Adaptive()."
        )
    open_ends = bool(problem.unknown_names)
    shooting = Shooting(guessed(problem) if open_ends else problem, method)
    first = _first(problem, shooting)
    sizes = _sizes(shooting.split(first)[0])
    units = jnp.concatenate(
        [jnp.tile(sizes, STRETCHES + 1), first[-1:] if shooting.free else jnp.zeros(0)]
    )
    watch("shooting")
    scaled = lambda x, args: shooting.rows(x * units, sizes)  # noqa: E731
    solver = optx.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE)
    options = {"jac": "fwd"}
    found = optx.least_squares(
        scaled, solver, first / units, max_steps=STEPS, throw=False, options=options
    )
    unknowns, missed, left, smallest = _polished(scaled, found.value)
    states, length = shooting.split(jnp.asarray(unknowns) * units)
    _check(problem, np.asarray(states), np.asarray(sizes), missed, smallest)
    watch("integrating between the nodes")
    steps = _steps(shooting, states, float(length))
    if open_ends:
        start = shooting.unravel(jnp.asarray(rounded(np.asarray(states[0]), np.asarray(sizes))))
        values = {n: np.asarray(start[n]) for n in problem.unknown_names if n in start}
        period = {PERIOD: float(length)} if shooting.free else {}
        problem = problem.at(**values, **period)
    return problem, steps, left


def _first(problem: Problem, shooting: Shooting) -> Array:
    """Return the first guess: the solution from a known start where it meets the conditions."""
    known, length = shooting.problem, shooting.problem.interval.length
    ending = [length] if shooting.free else []
    guess = first_guess(problem, known.dynamics)
    flat = lambda state: np.asarray(ravel_pytree(dict(state))[0])  # noqa: E731
    states = np.stack([flat(guess(share)) for share in shooting.shares])
    if problem is known:
        along = [flat({n: jnp.asarray(v) for n, v in known.initial_state.items()})]
        flow = jax.jit(lambda s: shooting.flow(s, jnp.asarray(length)))
        for k in range(STRETCHES):
            along.append(np.asarray(flow(jnp.tile(jnp.asarray(along[-1]), (STRETCHES + 1, 1))))[k])
        there = np.stack(along)
        unknowns = jnp.asarray(np.concatenate([there.ravel(), ending]))
        rows = np.asarray(shooting.rows(unknowns, _sizes(jnp.asarray(there))))
        if np.max(np.abs(rows)) < NEAR:
            return unknowns
    return jnp.asarray(np.concatenate([states.ravel(), ending]))


def _sizes(states: Array) -> Array:
    """Return the size of each component of the state, none zero."""
    size = jnp.max(jnp.abs(states), axis=0)
    whole = jnp.max(size)
    return jnp.where(size > 1e-3 * whole, size, jnp.where(whole > 0.0, whole, 1.0))


def _polished(
    rows: Callable[[Array, Any], Array], unknowns: Array
) -> tuple[np.ndarray, float, float, float]:
    """Return the unknowns after a few steps of Newton's, with what says how good they are.

    That is what the rows miss, the size of the last step's successor, and the smallest singular
    value relative to the largest.
    """
    both = jax.jit(lambda x: (rows(x, None), jax.jacfwd(lambda y: rows(y, None))(x)))
    best, least = np.asarray(unknowns), np.inf
    values, slopes = map(np.asarray, both(jnp.asarray(best)))
    for _ in range(POLISH):
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(slopes))):
            return best, np.inf, np.inf, 0.0
        step, _, _, singular = np.linalg.lstsq(slopes, -values, rcond=SINGULAR)
        least, smallest = float(np.max(np.abs(values))), float(singular[-1] / singular[0])
        left = float(np.linalg.norm(step) / max(np.linalg.norm(best), 1e-300))
        trial = map(np.asarray, both(jnp.asarray(best + step)))
        after, slopes_after = trial
        if not np.max(np.abs(after)) < least:
            break
        best, values, slopes = best + step, after, slopes_after
    return best, least, left, smallest


def _check(
    problem: Problem, states: np.ndarray, sizes: np.ndarray, missed: float, smallest: float
) -> None:
    if missed < MET and (rest := at_rest(problem, states, sizes)):
        raise rest
    if not missed < MET:
        raise unsolved(problem, missed, smallest > SINGULAR)
    if smallest <= SINGULAR:
        raise undetermined(problem, smallest)


def _steps(shooting: Shooting, states: Array, length: float) -> Steps:
    """Return every step of every stretch, each from its node."""
    equation, march, _ = stepping(shooting.problem, shooting.method)
    times, found, ends = [], [], shooting.shares * length
    for k in range(STRETCHES):
        state = equation.pack(dict(shooting.unravel(states[k])))
        result = march(state, ends[k], end=ends[k + 1])
        if result.result != diffrax.RESULTS.successful:
            raise PinnError(
                f"The reference integration by {shooting.method.name} stopped between two nodes: "
                "choose another of pinn.references."
            )
        kept = np.flatnonzero(np.isfinite(np.asarray(result.ts)))
        kept = kept if k == STRETCHES - 1 else kept[:-1]
        times.append(np.asarray(result.ts)[kept])
        found.append(jax.tree.map(lambda leaf, kept=kept: np.asarray(leaf)[kept], result.ys))
    joined = jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *found)
    return Steps(jnp.asarray(np.concatenate(times)), equation.unpack(joined))
