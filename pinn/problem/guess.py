"""What conditions in time leave unknown, and a first guess of it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import prolong
from pinn.precision import arithmetic
from pinn.problem.ends import PERIOD, Ends, check_count, derived, fixed
from pinn.problem.functions import check_captured, guarded
from pinn.problem.unknowns import Unknown

if TYPE_CHECKING:
    from pinn.problem.dynamics import Dynamics
    from pinn.problem.problem import Problem


def opened(problem: "Problem") -> tuple[dict[str, Any], dict[str, Unknown]]:
    """Return the initial data and the constants with what conditions in time leave unknown.

    Raises:
        ProblemError: the conditions are not as many as the unknowns, or the problem has others.
    """
    dynamics = derived(problem)
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


def guessed(problem: "Problem") -> "Problem":
    """Return a problem with first guesses in place of what conditions in time are to fix."""
    given = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    given |= dict(problem.unknowns)
    return problem.at(**{n: given[n].start for n in problem.unknown_names})


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
