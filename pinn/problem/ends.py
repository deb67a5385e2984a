"""Conditions at the ends of time: at one end or both, or that an orbit closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError, near_matches
from pinn.jets import Jet, prolong
from pinn.precision import arithmetic
from pinn.problem.functions import check_captured, guarded
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


def guessed(problem: "Problem") -> "Problem":
    """Return a problem with first guesses in place of what conditions in time are to fix."""
    given = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    given |= dict(problem.unknowns)
    return problem.at(**{n: given[n].start for n in problem.unknown_names})


def turns(problem: "Problem") -> bool:
    """Tell whether an orbit starts at a turning point, since nothing else says where."""
    if problem.orbit is None or not problem.orbit.free or problem.in_time:
        return False
    return not fixed(problem)


def opened(problem: "Problem") -> tuple[dict[str, Any], dict[str, Unknown]]:
    """Return the initial data and the constants with what conditions in time leave unknown.

    Raises:
        ProblemError: the conditions are not as many as the unknowns, or the problem has others.
    """
    dynamics = _dynamics(problem)
    given = {problem.closed_space.canonical(name): v for name, v in problem.initial.items()}
    check_count(problem, dynamics)
    guess = first_guess(problem, dynamics)(0.0)
    initial = {**problem.initial}
    for name in dynamics.state_entries:
        if name not in given:
            initial[name] = Unknown(guess[name])
    unknowns = {**problem.unknowns}
    if problem.orbit is not None and problem.orbit.free and PERIOD not in problem.values:
        unknowns.setdefault(PERIOD, Unknown(problem.interval.length, lower=0.0))
    return initial, unknowns


def _dynamics(problem: "Problem") -> "Dynamics":
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
    explicit = problem.time in _dynamics(problem).residual.needs
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


def first_guess(problem: "Problem", dynamics: "Dynamics") -> Callable[[Any], dict[str, np.ndarray]]:
    """Return a first guess of the state by the share of the interval.

    It is that of guess= where there is one. Else each component of a field is a straight line, that
    of least coefficients among those that satisfy the conditions and initial data best.

    Args:
        problem: with conditions in time.
        dynamics: its equation.
    """
    interval = problem.interval
    if problem.guess is not None:
        at = prolong(problem.guess, problem.closed_space, dynamics.state_entries)

        def stated(share: Any) -> dict[str, np.ndarray]:
            with arithmetic("float64"):
                jet = at(jnp.asarray(interval.lower + share * interval.length))
                return {n: np.asarray(jet[n]) for n in dynamics.state_entries}

        return stated
    line = _line(problem, dynamics)

    def straight(share: Any) -> dict[str, np.ndarray]:
        with arithmetic("float64"):
            return {n: np.asarray(v) for n, v in _state(problem, dynamics, line, share).items()}

    return straight


def _state(
    problem: "Problem", dynamics: "Dynamics", line: Mapping[str, Any], share: Any
) -> dict[str, Array]:
    """Return the state of lines c₀ + c₁ (share − ½) in each field."""
    length, found = problem.interval.length, {}
    for field, order in dynamics.orders.items():
        level, slope = line[field]
        values = [level + slope * (share - 0.5), slope / length]
        for k in range(order):
            found[dynamics.entry(field, k)] = values[k] if k < 2 else jnp.zeros_like(level)
    return found


def _line(problem: "Problem", dynamics: "Dynamics") -> dict[str, np.ndarray]:
    """Return level and slope of each field: one Gauss–Newton step from zero."""
    known = fixed(problem)
    times = problem.interval.lower, problem.interval.upper
    flat = {f: jnp.zeros((2, *shape)) for f, shape in problem.fields.items()}

    def rows(line: Mapping[str, Array]) -> Array:
        start, end = (_state(problem, dynamics, line, share) for share in (0.0, 1.0))
        stated = [jnp.ravel(start[n] - jnp.asarray(v, float)) for n, v in known.items()]
        return jnp.concatenate([Ends(problem, dynamics).rows(start, end, times), *stated])

    with arithmetic("float64"):
        values, slopes = np.asarray(rows(flat)), jax.jacfwd(rows)(flat)
        columns = [np.asarray(slopes[f]).reshape(values.size, -1) for f in flat]
        matrix = np.concatenate(columns, axis=1)
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(matrix))):
            return {f: np.zeros(v.shape) for f, v in flat.items()}
        found = -np.linalg.lstsq(matrix, values, rcond=1e-10)[0]
    cuts = np.cumsum([column.shape[1] for column in columns])[:-1]
    return {
        f: part.reshape(flat[f].shape) for f, part in zip(flat, np.split(found, cuts), strict=True)
    }


def checked_guess(problem: "Problem") -> Callable[..., Any]:
    """Return the first guess of a solution, guarded.

    Raises:
        ProblemError: it is not a function of time that returns every field, or nothing needs it.
    """
    guess = problem.guess
    if not callable(guess):
        raise ProblemError(
            f"guess= takes a function of {problem.time} that returns the fields by name, as exact= "
            f"does, got {guess!r}."
        )
    function = guarded(guess, "first guess in guess=")
    check_captured(guess, "first guess in guess=")
    shapes = jax.tree.map(
        lambda leaf: leaf.shape,
        jax.eval_shape(function, jax.ShapeDtypeStruct((), jnp.result_type(float))),
    )
    if not isinstance(shapes, Mapping) or {**shapes} != {**problem.fields}:
        raise ProblemError(
            f"guess= returns {shapes}, expected a dictionary with the fields {problem.fields}."
        )
    return function


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
