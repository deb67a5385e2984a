"""Conditions at the ends of time: at one end or both, or that an orbit closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError, near_matches
from pinn.jets import Jet
from pinn.precision import arithmetic
from pinn.problem.statement import face_value
from pinn.problem.unknowns import Unknown

if TYPE_CHECKING:
    from pinn.problem.dynamics import Dynamics
    from pinn.problem.problem import Problem

PERIOD = "period"
# What is smaller, in units of the state, is rounding.
ROUNDING = 2e-14
# An orbit whose state varies less than this, in units of itself, is a state at rest.
REST = 1e-6
# How often an orbit is tried to close within its period.
REPEATS = (2, 3, 5, 7)
State = Mapping[str, Any]


@dataclass(frozen=True)
class PeriodicOrbit:
    """The state at the end of time is the state at its start, y(T) = y(0).

    The period T is an unknown, `solution.unknowns["period"]`, whose first guess is the length of
    the time axis; with `free=False` it is that length, as of an oscillator that is driven with it.
    An orbit of free period may start anywhere on itself. Where no other condition says where, it
    starts at a turning point of `field`, whose first component has no velocity there.

    Orbits of a conservative system come in families: `initial=` or `boundary=` says which one, as
    {"theta": 2.0, "theta_t": 0.0}.

    Args:
        field: which field turns at the start.
        free: whether the period is to be found.
    """

    field: str
    free: bool = True


@dataclass(frozen=True, eq=False)
class Ends:
    """What a problem demands of the states at the two ends of time, B(y(t₀), y(t₁)) = 0.

    Args:
        problem: whose conditions.
        dynamics: its equation, with values for its unknowns.
    """

    problem: "Problem"
    dynamics: "Dynamics"

    def rows(self, start: State, end: State, times: tuple[Any, Any]) -> Float[Array, " rows"]:
        """Return what the conditions miss, one number after the other.

        Args:
            start: the state at the start, by entry.
            end: the state at the end.
            times: when these are.
        """
        found = []
        for condition in self.problem.in_time:
            left = condition.operator(self.problem.closed_space)
            for end_index, state in enumerate((start, end)):
                if end_index in condition.ends:
                    jet = self._jet(state, times[end_index], left.needs)
                    value = face_value(self.problem.closed_space, condition, end_index)()
                    found.append(jnp.ravel(left(jet) - value))
        if self.problem.orbit is not None:
            names = self.dynamics.state_entries
            found += [jnp.ravel(end[n] - start[n]) for n in names]
        if turns(self.problem):
            assert self.problem.orbit is not None
            rate = self.dynamics.entry(self.problem.orbit.field, 1)
            found.append(jnp.ravel(self._jet(start, times[0], (rate,))[rate])[:1])
        return jnp.concatenate([jnp.zeros(0), *found])

    def _jet(self, state: State, time: Any, names: tuple[str, ...]) -> Jet:
        free = {**state, self.dynamics.time: time}
        return self.dynamics.completed(free, names)


def fixed(problem: "Problem") -> dict[str, Any]:
    """Return the initial data that are given, by entry: not those that conditions in time fix."""
    given = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    return {
        n: v for n, v in given.items() if not isinstance(v, Unknown) and n not in problem.values
    }


def turns(problem: "Problem") -> bool:
    """Tell whether an orbit starts at a turning point, since nothing else says where."""
    if problem.orbit is None or not problem.orbit.free or problem.in_time:
        return False
    return not fixed(problem)


def derived(problem: "Problem") -> "Dynamics":
    """Return the equation of a problem whose initial data are open."""
    from pinn.problem.dynamics import Dynamics

    with arithmetic("float64"):
        return Dynamics.unchecked(problem)


def check_ends(problem: "Problem") -> None:
    """Refuse conditions in time that do not fit the problem, whatever their values.

    Raises:
        ProblemError: what is wrong, what was expected and what to do.
    """
    others = [n for n in (*problem.unknowns, *problem.functions) if n != PERIOD]
    others += [*problem.coefficients, *(["data="] if problem.data else [])]
    if others:
        raise ProblemError(
            f"The problem {problem.name!r} has conditions in time and also unknowns or data "
            f"({', '.join(others)}): state one or the other."
        )
    orbit = problem.orbit
    if orbit is None:
        return
    if orbit.field not in problem.fields:
        raise ProblemError(
            f"PeriodicOrbit({orbit.field!r}) in boundary= is on a field that does not exist; the "
            f"fields are {', '.join(problem.fields)}{near_matches(orbit.field, problem.fields)}."
        )
    explicit = problem.time in derived(problem).residual.needs
    if orbit.free and (explicit or problem.interval.breakpoints):
        raise ProblemError(
            f"The equation of {problem.name!r} depends on {problem.time} by itself, so that its "
            "orbits have the period that drives them: give PeriodicOrbit(..., free=False), and "
            "that period as the length of the axis."
        )


def check_count(problem: "Problem", dynamics: "Dynamics") -> None:
    """Refuse conditions that are not as many as the unknown numbers.

    Raises:
        ProblemError: how many there are, and how many there should be.
    """
    state = {n: jnp.zeros(problem.closed_space.shape(n)) for n in dynamics.state_entries}
    rows = jax.eval_shape(lambda s: Ends(problem, dynamics).rows(s, s, (0.0, 1.0)), state).size
    known = fixed(problem)
    sizes = {n: int(np.prod(problem.closed_space.shape(n))) for n in dynamics.state_entries}
    orbit = problem.orbit
    unknown = sum(size for n, size in sizes.items() if n not in known)
    unknown += orbit is not None and orbit.free
    enough = rows >= unknown if orbit is not None else rows == unknown
    if not enough:
        given = sum(size for n, size in sizes.items() if n in known)
        raise ProblemError(
            f"The state of {problem.name!r} is {', '.join(sizes)}, {sum(sizes.values())} numbers"
            f"{' and the period' if orbit is not None and orbit.free else ''}, and initial= and "
            f"boundary= give {given + rows} conditions on them: give as many conditions as there "
            "are numbers."
        )


def rounded(value: np.ndarray, size: Any) -> np.ndarray:
    """Return numbers without what is rounding in units of a size."""
    return np.where(np.abs(value) < ROUNDING * size, 0.0, value)


def undetermined(problem: "Problem", smallest: float) -> ProblemError:
    """Return what to say where conditions in time leave a combination of the unknowns open."""
    family = (
        "the orbit is one of a family: fix which one by initial= or boundary="
        if problem.orbit is not None
        else "other solutions satisfy them as well: give a condition that tells them apart"
    )
    return ProblemError(
        f"The conditions in time of {problem.name!r} do not determine one solution (the smallest "
        f"singular value is {smallest:.0e} of the largest): {family}."
    )


def unsolved(problem: "Problem", missed: float, unique: bool) -> ProblemError:
    """Return what to say where conditions in time are not met."""
    why = (
        "they contradict the equation, or a solution is not near the first guess"
        if unique
        else "where the search ended they contradict the equation"
    )
    return ProblemError(
        f"No solution of {problem.name!r} with its conditions in time was found, {why}: they are "
        f"missed by {missed:.1e} of the state; change them, or give a guess= nearer to a solution."
    )


def check_repeats(problem: "Problem", at: Callable[[float], np.ndarray], length: float) -> None:
    """Refuse an orbit that closes several times in what was found as its period.

    Args:
        problem: with an orbit.
        at: from a share of the period to the state there, in units of itself.
        length: the period.

    Raises:
        ProblemError: how often it closes.
    """
    if problem.orbit is None or not problem.orbit.free:
        return
    begin = at(0.0)
    for count in REPEATS:
        if np.max(np.abs(at(1.0 / count) - begin)) < REST:
            raise ProblemError(
                f"The orbit of {problem.name!r} that was found closes {count} times in "
                f"{length:.6g}: make the axis {problem.time!r} about {length / count:.6g} long, "
                "which is the first guess of the period."
            )


def at_rest(problem: "Problem", states: np.ndarray, sizes: np.ndarray) -> ProblemError | None:
    """Return what to say of an orbit that does not move, None of one that does."""
    if problem.orbit is None or np.max(np.ptp(states / sizes, axis=0)) > REST:
        return None
    begin = np.array2string(np.asarray(states[0]), precision=4)
    return ProblemError(
        f"The search for an orbit of {problem.name!r} ended in a state of rest, {begin}: give a "
        "guess= nearer to the orbit, and the length of the axis near its period."
    )
