"""What a statement of a problem must satisfy before anything is derived from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError, near_matches
from pinn.jets import JetSpace
from pinn.precision import single
from pinn.problem.axes import Interval, Periodic
from pinn.problem.conditions import AbstractCondition
from pinn.problem.functions import (
    check_captured,
    complex_sentence,
    guarded,
    is_traced,
    traced_sentence,
    warn_single,
)
from pinn.problem.unknowns import taken

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


def check_statement(problem: "Problem") -> None:
    """Refuse a statement that contradicts itself, before anything is derived.

    Raises:
        ProblemError: what is wrong, what was expected and what to do.
    """
    _check_axes(problem.axes)
    if not isinstance(problem.fields, Mapping) or not problem.fields:
        raise ProblemError("The problem has no fields: give fields={'q': (2,)} or similar.")
    if (problem.lagrangian is None) == (problem.residual is None):
        raise ProblemError(
            "A problem needs either lagrangian= or residual=, not both and not neither."
        )
    _check_symmetries(problem.symmetries)
    for name, scale in problem.scales.items():
        number = isinstance(scale, int | float | np.number) and not np.iscomplexobj(scale)
        if not (number and 0.0 < scale < float("inf")):
            raise ProblemError(
                f"scales= gives {name!r} the size {scale!r}: give a positive number."
            )
    for key in ("symmetries", "dissipation", "force"):
        if getattr(problem, key) and problem.lagrangian is None:
            raise ProblemError(
                f"The problem gives {key}= without a Lagrangian: with residual=, write forces "
                "into the residual and declare laws in conserved=."
            )
    _check_parameters(problem)
    _check_numbers(problem)
    _check_boundary(problem)


def _check_parameters(problem: "Problem") -> None:
    """Refuse parameters without a value, which mean nothing; a factory's defaults may be None."""
    empty = [name for name, value in problem.parameters.items() if value is None]
    if empty and problem.origin is None:
        raise ProblemError(
            f"parameters= gives {empty[0]!r} no value: parameters only note the numbers that a "
            "problem was built with; give its value, or leave it out."
        )


def _check_numbers(problem: "Problem") -> None:
    """Refuse traced values among the data, and warn of those in single precision."""
    ends = {f"value of {c.field!r} at {c.axis!r}": list(c.ends.values()) for c in _listed(problem)}
    stated = {
        **{f"initial value of {name!r}": value for name, value in problem.initial.items()},
        **{f"size of {name!r} in scales=": value for name, value in problem.scales.items()},
        **{f"parameter {name!r}": value for name, value in problem.parameters.items()},
        **ends,
    }
    for what, value in stated.items():
        if is_traced(value):
            raise ProblemError(traced_sentence(f"The {what}"))
        if kind := single(value):
            warn_single(f"The {what} is given", kind)


def _listed(problem: "Problem") -> list[AbstractCondition]:
    given = problem.boundary
    return [c for c in given if isinstance(c, AbstractCondition)] if _is_list(given) else []


def _is_list(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _check_axes(axes: Mapping[str, Any]) -> None:
    if not isinstance(axes, Mapping) or not axes:
        raise ProblemError(
            f"axes= takes a dictionary such as {{'t': pinn.Interval(0.0, 1.0)}}, got {axes!r}."
        )
    for name, axis in axes.items():
        if not isinstance(axis, Interval | Periodic):
            raise ProblemError(
                f"The axis {name!r} must be a pinn.Interval or pinn.Periodic, got {axis!r}."
            )
        if isinstance(axis, Periodic) and (name == "t" or len(axes) == 1):
            raise ProblemError(
                f"The evolution axis {name!r} is periodic, but a solution is followed from its "
                "initial data: make it a pinn.Interval."
            )
    if len(axes) > 4:
        raise ProblemError(
            f"A problem has time and up to three space axes, got {len(axes)} ({', '.join(axes)})."
        )


def _check_symmetries(symmetries: Any) -> None:
    if not _is_list(symmetries):
        raise ProblemError(
            "symmetries= takes a list, as in [pinn.symmetry.time_translation()], got "
            f"{type(symmetries).__name__}."
        )
    for one in symmetries:
        if not hasattr(one, "build"):
            raise ProblemError(
                f"symmetries= holds {one!r}, expected symmetries from pinn.symmetry such as "
                "time_translation()."
            )


def _check_boundary(problem: "Problem") -> None:
    if not _is_list(problem.boundary):
        raise ProblemError(
            "boundary= takes a list, as in [pinn.Dirichlet('u', 'x')], got "
            f"{type(problem.boundary).__name__}."
        )
    if problem.orbit is not None and (problem.stationary or problem.extent):
        raise ProblemError(
            "PeriodicOrbit in boundary= is for problems over time alone, axes={'t': ...}: name "
            "that axis 't', and state a field that is periodic in space or time with pinn.Periodic."
        )
    for condition in problem.boundary:
        if not isinstance(condition, AbstractCondition):
            raise ProblemError(
                f"boundary= holds {condition!r}, expected pinn.Dirichlet, Neumann, Robin, "
                "Derivative or PeriodicOrbit."
            )
        _check_condition(problem, condition)


def _check_condition(problem: "Problem", condition: AbstractCondition) -> None:
    kind = f"{type(condition).__name__}({condition.field!r}, {condition.axis!r})"
    if condition.field not in problem.fields:
        raise ProblemError(
            f"{kind} in boundary= is on a field that does not exist; the fields are "
            f"{', '.join(problem.fields)}{near_matches(condition.field, problem.fields)}."
        )
    if not problem.extent and condition.axis == problem.time:
        _check_in_time(problem, condition, kind)
        return
    if condition.axis not in problem.extent:
        raise ProblemError(
            f"{kind} in boundary= is across {condition.axis!r}, which is not a space axis; those "
            f"are {', '.join(problem.extent) or 'none'}. Conditions in time are for problems "
            "without space."
        )
    if isinstance(problem.extent[condition.axis], Periodic):
        raise ProblemError(
            f"{kind} in boundary= is across a periodic axis, which has no ends: remove the "
            "condition, or make the axis a pinn.Interval."
        )
    if not condition.ends:
        raise ProblemError(f"{kind} in boundary= leaves both ends free: give lower= or upper=.")
    others = [c for c in problem.axes if c != condition.axis]
    for value in condition.ends.values():
        if callable(value) and taken(value, problem.unknown_names):
            continue  # a function once these are known
        _shaped(problem.space, condition.field, value, others, f"value of {kind} in boundary=")


def _check_in_time(problem: "Problem", condition: AbstractCondition, kind: str) -> None:
    if not condition.ends:
        raise ProblemError(f"{kind} in boundary= leaves both ends free: give lower= or upper=.")
    shape = condition.operator(problem.space).shape
    for value in condition.ends.values():
        if callable(value):
            raise ProblemError(
                f"{kind} in boundary= is given a function, but at an end of time there is nothing "
                "left to depend on: give a number or an array."
            )
        array = _numbers(value, f"value of {kind} in boundary=")
        if array.shape not in ((), shape):
            raise ProblemError(
                f"The value of {kind} in boundary= has shape {array.shape}, expected {shape} as "
                "its left side has: change one of them."
            )


def initial_values(problem: "Problem") -> dict[str, Any]:
    """Return the initial data by canonical entry name, values or functions of space.

    Raises:
        ProblemError: one is missing, superfluous, of the wrong shape or not finite.
    """
    expected = () if problem.stationary else problem.dynamics.state_entries
    given = {problem.space.canonical(name): value for name, value in problem.initial.items()}
    state = f"whose state is {', '.join(expected)}" if expected else "which is stationary"
    for name in given:
        if name not in expected:
            raise ProblemError(
                f"Initial data for {name!r} contradict the equation, {state}"
                f"{near_matches(name, expected)}: remove it."
            )
    for name in expected:
        if name not in given:
            raise ProblemError(
                f"Initial data for {name!r} are missing; the equation's state is "
                f"{', '.join(expected)}: add it to initial=."
            )
    if not problem.extent:
        return {name: _initial_value(problem.space, name, given[name]) for name in expected}
    coordinates = list(problem.extent)
    return {
        name: _shaped(problem.space, name, given[name], coordinates, f"initial value of {name!r}")
        for name in expected
    }


def traced_initial_values(problem: "Problem") -> dict[str, Any]:
    """Return the same without a check, of values that JAX may be tracing."""
    space = problem.space

    def at_start(value: Any, shape: tuple[int, ...]) -> Any:
        if callable(value):
            return lambda *point: jnp.asarray(value(*point))
        array = jnp.broadcast_to(jnp.asarray(value, jnp.result_type(float)), shape)
        return (lambda *point: array) if problem.extent else array

    given = {space.canonical(name): value for name, value in problem.initial.items()}
    return {name: at_start(value, space.shape(name)) for name, value in given.items()}


def _initial_value(space: JetSpace, name: str, value: Any) -> np.ndarray:
    array = _numbers(value, f"initial value of {name!r}")
    if array.shape != space.shape(name):
        raise ProblemError(
            f"The initial value of {name!r} has shape {array.shape}, expected {space.shape(name)} "
            "as declared in fields=: change one of them."
        )
    return array


def _numbers(value: Any, what: str, instead: str = "") -> np.ndarray:
    """Return finite real numbers as an array in double precision."""
    try:
        if np.iscomplexobj(np.asarray(value)):
            raise ProblemError(complex_sentence(f"The {what}"))
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        if isinstance(error, ProblemError):
            raise
        raise ProblemError(f"The {what} is not numeric: {value!r}{instead}.") from error
    if not np.all(np.isfinite(array)):
        raise ProblemError(f"The {what} is not finite: {array}.")
    return array


def _shaped(
    space: JetSpace, entry: str, value: Any, coordinates: list[str], what: str
) -> Callable[..., Array]:
    """Return a value as a function of one scalar each coordinate, after checking its shape."""
    constant = None if callable(value) else _constant(value, space.shape(entry), what)
    function = guarded(value, what) if constant is None else constant
    as_array = lambda *point: jnp.asarray(function(*point))  # noqa: E731
    point = [jax.ShapeDtypeStruct((), jnp.result_type(float))] * len(coordinates)
    try:
        program = jax.make_jaxpr(as_array)(*point)
    except TypeError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ProblemError(
            f"The {what} cannot be evaluated at one scalar each of {', '.join(coordinates)} "
            f"({reason}): write it with jax.numpy as a function of these."
        ) from error
    if constant is None:
        check_captured(value, what, tuple(program.consts))
    shape = program.out_avals[0].shape
    if shape != space.shape(entry):
        raise ProblemError(
            f"The {what} has shape {shape}, expected {space.shape(entry)} as declared in fields=: "
            "change one of them."
        )
    return as_array


def _constant(value: Any, shape: tuple[int, ...], what: str) -> Callable[..., Array]:
    """Return a constant as a function of place; a plain number stands for every component."""
    array = _numbers(value, what, f"; give a number, an array of shape {shape} or a function")
    constant = np.full(shape, array) if isinstance(value, int | float) else array
    return lambda *point: jnp.asarray(constant, jnp.result_type(float))


def face_value(space: JetSpace, condition: AbstractCondition, end: int) -> Callable[..., Array]:
    """Return what a condition demands at one end, as a function of the other coordinates."""
    value, what = condition.ends[end], f"value on {condition.field!r}"
    if not callable(value):
        return _constant(value, condition.operator(space).shape, what)
    function = guarded(value, what)
    return lambda *point: jnp.asarray(function(*point))
