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
    fixed,
    rounded,
    undetermined,
    unsolved,
)
from pinn.problem.guess import first_guess, guessed
from pinn.problem.problem import Problem
from pinn.references.integrate import Steps, stepping
from pinn.references.method import AbstractMethod, Adaptive
from pinn.watch import Watch

STRETCHES = 8
STEPS, TOLERANCE = 100, 1e-13
# A stretch that needs more integration steps leads nowhere.
MOST = 4000
# Conditions are met where they are missed by less; unknowns with smaller singular values are open.
MET, SINGULAR = 1e-9, 1e-10
# A known start leads to a known end where the conditions there are missed by less.
NEAR = 1e-3
NEWTON = 12


@dataclass(frozen=True, eq=False)
class Shot:
    """Stretches that join, and conditions that are met.

    Args:
        states: the states at the nodes, flat.
        length: of the interval.
        steps: every step of every stretch.
        left: how far that may still be off: the relative size of a further correction.
    """

    states: Float[np.ndarray, "nodes n"]
    length: float
    steps: Steps
    left: float


@dataclass(frozen=True, eq=False)
class Shooting:
    """The stretches of one problem, compiled once for all tolerances.

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
        return ravel_pytree({n: jnp.asarray(v) for n, v in self.problem.initial_state.items()})[1]

    @cached_property
    def _stepping(self) -> tuple[Any, Callable[..., diffrax.Solution]]:
        equation, march, _ = stepping(self.problem, self.method)
        return equation, march

    def _split(self, unknowns: Any) -> tuple[Any, Any]:
        """Return the states at the nodes, the end among them, and the interval's length."""
        length = unknowns[-1] if self.free else self.problem.interval.length
        states = unknowns[:-1] if self.free else unknowns
        return states.reshape(STRETCHES + 1, -1), length

    def _flow(self, states: Array, length: Array, looser: Array) -> Array:
        """Return where each stretch ends, integrated to so many times the tolerance."""
        _, march = self._stepping

        def one(state: Array, share: Array, after: Array) -> Array:
            found = march(
                dict(self.unravel(state)),
                share * length,
                end=after * length,
                looser=looser,
                last=True,
                most=MOST,
            )
            return ravel_pytree(jax.tree.map(lambda leaf: leaf[0], found.ys))[0]

        shares = jnp.asarray(self.shares)
        return jax.vmap(one)(states[:-1], shares[:-1], shares[1:])

    def _rows(self, scaled: Array, units: Array, looser: Array) -> Array:
        """Return the gaps between stretches, in units of the state, and what conditions miss."""
        states, length = self._split(scaled * units)
        sizes = self._split(units)[0][0]
        gaps = (self._flow(states, length, looser) - states[1:]) / sizes[None]
        start, end = self.unravel(states[0]), self.unravel(states[-1])
        lower = self.problem.interval.lower
        ends = Ends(self.problem, self.problem.dynamics)
        given = [jnp.ravel(start[n] - jnp.asarray(v)) for n, v in fixed(self.problem).items()]
        asked = ends.rows(start, end, (lower, lower + length))
        return jnp.concatenate([gaps.ravel(), asked, *given])

    @cached_property
    def _both(self) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
        """The slopes of the rows and the rows."""
        twice = lambda *a: (self._rows(*a),) * 2  # noqa: E731
        return jax.jit(jax.jacfwd(twice, has_aux=True))

    def solved(self, states: np.ndarray, length: float, looser: float = 1.0) -> Shot:
        """Return what joins and meets the conditions, from a first guess.

        Raises:
            ProblemError: there is no solution, or more than one, or none near the first guess.
            PinnError: an integration fails.
        """
        sizes = sizes_of(states)
        units = np.concatenate([np.tile(sizes, STRETCHES + 1), [length] if self.free else []])
        first = np.concatenate([states.ravel(), [length] if self.free else []]) / units
        rest = jnp.asarray(units), jnp.asarray(looser)
        found, missed, left, smallest = self._newton(first, rest)
        if not missed < MET:
            found, missed, left, smallest = self._newton(self._descended(first, rest), rest)
        states, length = self._split(found * units)
        if missed < MET and (rest := at_rest(self.problem, states, sizes)):
            raise rest
        if not missed < MET:
            raise unsolved(self.problem, missed, smallest > SINGULAR)
        if smallest <= SINGULAR:
            raise undetermined(self.problem, smallest)
        return Shot(states, float(length), self._steps(states, float(length), looser), left)

    def _newton(self, x: np.ndarray, rest: Any) -> tuple[np.ndarray, float, float, float]:
        """Return where Newton's method ends, what the rows miss there, and how good that is.

        That is the relative size of one more step, and the smallest singular value relative to the
        largest.
        """
        slopes, values = map(np.asarray, self._both(jnp.asarray(x), *rest))
        for _ in range(NEWTON):
            if not (np.all(np.isfinite(values)) and np.all(np.isfinite(slopes))):
                return x, np.inf, np.inf, 1.0
            step, _, _, singular = np.linalg.lstsq(slopes, -values, rcond=SINGULAR)
            missed, smallest = float(np.max(np.abs(values))), float(singular[-1] / singular[0])
            left = float(np.linalg.norm(step) / max(np.linalg.norm(x), np.finfo(float).tiny))
            slopes, after = map(np.asarray, self._both(jnp.asarray(x + step), *rest))
            if not np.max(np.abs(after)) < missed:
                break
            x, values = x + step, after
        return x, missed, left, smallest

    def _descended(self, first: np.ndarray, rest: Any) -> np.ndarray:
        """Return where Levenberg and Marquardt's method ends."""
        found = optx.least_squares(
            lambda x, args: self._rows(x, *args),
            optx.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE),
            jnp.asarray(first),
            args=rest,
            max_steps=STEPS,
            throw=False,
            options={"jac": "fwd"},
        )
        return np.asarray(found.value)

    def along(self, state: Mapping[str, Any], length: float) -> np.ndarray:
        """Return the states at the nodes of the solution from a known start."""
        _, march = self._stepping
        state, ends = {n: jnp.asarray(v) for n, v in state.items()}, self.shares * length
        nodes = [np.asarray(ravel_pytree(state)[0])]
        for k in range(STRETCHES):
            result = march(dict(self.unravel(jnp.asarray(nodes[-1]))), ends[k], end=ends[k + 1])
            kept = np.flatnonzero(np.isfinite(np.asarray(result.ts)))
            last = jax.tree.map(lambda leaf, kept=kept: leaf[kept[-1]], result.ys)
            nodes.append(np.asarray(ravel_pytree(last)[0]))
        return np.stack(nodes)

    def missed(self, states: np.ndarray, length: float) -> float:
        """Return what conditions miss between the first and last of some states."""
        sizes = sizes_of(states)
        start, end = (self.unravel(jnp.asarray(states[k])) for k in (0, -1))
        lower = self.problem.interval.lower
        ends = Ends(self.problem, self.problem.dynamics)
        rows = np.asarray(ends.rows(start, end, (lower, lower + length)))
        return float(np.max(np.abs(rows), initial=0.0) / np.max(sizes))

    def _steps(self, states: np.ndarray, length: float, looser: float) -> Steps:
        """Return every step of every stretch, each from its node."""
        equation, march = self._stepping
        times, found, ends = [], [], self.shares * length
        for k in range(STRETCHES):
            state = equation.pack(dict(self.unravel(jnp.asarray(states[k]))))
            result = march(state, ends[k], end=ends[k + 1], looser=looser)
            if result.result != diffrax.RESULTS.successful:
                raise PinnError(
                    f"The reference integration by {self.method.name} stopped between two nodes: "
                    "choose another of pinn.references."
                )
            kept = np.flatnonzero(np.isfinite(np.asarray(result.ts)))
            kept = kept if k == STRETCHES - 1 else kept[:-1]
            times.append(np.asarray(result.ts)[kept])
            found.append(jax.tree.map(lambda leaf, kept=kept: np.asarray(leaf)[kept], result.ys))
        joined = jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *found)
        return Steps(jnp.asarray(np.concatenate(times)), equation.unpack(joined))


def shot(problem: Problem, method: AbstractMethod, watch: Watch) -> tuple[Problem, Shooting, Shot]:
    """Return a problem with its unknowns found, and its solution.

    Raises:
        ProblemError: there is no solution, or more than one, or none near the first guess.
        PinnError: an integration fails.
    """
    if not isinstance(method, Adaptive):
        raise ProblemError(
            f"The problem {problem.name!r} has conditions in time, which a reference meets by "
            "shooting with an adaptive method: use pinn.references.Adaptive()."
        )
    watch("shooting")
    open_ends = bool(problem.unknown_names)
    shooting = Shooting(guessed(problem) if open_ends else problem, method)
    length = shooting.problem.interval.length
    found = shooting.solved(_first(problem, shooting, length), length)
    if open_ends:
        begin = rounded(found.states[0], sizes_of(found.states))
        start = shooting.unravel(jnp.asarray(begin))
        values = {n: np.asarray(start[n]) for n in problem.unknown_names if n in start}
        period = {PERIOD: found.length} if shooting.free else {}
        problem = problem.at(**values, **period)
    return problem, shooting, found


def _first(problem: Problem, shooting: Shooting, length: float) -> np.ndarray:
    """Return the first guess: the solution from a known start where it meets the conditions."""
    known = shooting.problem
    if problem is known:
        states = shooting.along(known.initial_state, length)
        if np.all(np.isfinite(states)) and shooting.missed(states, length) < NEAR:
            return states
    guess = first_guess(problem, known.dynamics)
    return np.stack([np.asarray(ravel_pytree(dict(guess(s)))[0]) for s in shooting.shares])


def sizes_of(states: np.ndarray) -> Float[np.ndarray, " n"]:
    """Return the size of each component of the state, none zero."""
    size = np.max(np.abs(states), axis=0)
    whole = np.max(size) or 1.0
    return np.where(size > 1e-3 * whole, size, whole)
