"""What a statement's unknowns and data must satisfy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pinn.errors import ProblemError, UnknownEntryError, near_matches
from pinn.jets import JetSpace
from pinn.problem.data import Data
from pinn.problem.unknowns import Function, Unknown, finite

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


def check_unknowns(problem: "Problem") -> None:
    """Refuse unknowns that contradict each other or the fields.

    Raises:
        ProblemError: what is wrong, what was expected and what to do.
    """
    _each(problem.unknowns, "unknowns", Unknown, "pinn.Unknown(1.0)")
    _each(problem.functions, "functions", Function, "pinn.Function(inputs=1)")
    names = [*problem.unknowns, *problem.functions, *problem.coefficients]
    for name in names:
        if name in problem.fields or names.count(name) > 1:
            raise ProblemError(f"The name {name!r} is used twice in the problem: rename one.")
        if not isinstance(name, str):
            raise ProblemError(f"The name of an unknown is text, got {name!r}.")
    if names:
        space = problem.space  # which refuses names that no jet can have
        for name in names:
            if _is_entry(problem.closed_space, name):
                raise ProblemError(
                    f"The unknown {name!r} is called like an entry of the jet, a derivative of "
                    f"{space.parse(name).field!r}: rename it."
                )
    for name, field in problem.coefficients.items():
        for coordinate in field.over:
            if coordinate not in problem.axes:
                raise ProblemError(
                    f"The unknown function {name!r} is over {coordinate!r}, which is not a "
                    f"coordinate; those are {', '.join(problem.axes)}"
                    f"{near_matches(coordinate, problem.axes)}."
                )


def check_begun(problem: "Problem") -> None:
    """Refuse unknown initial data of no entry, or whose guess has another shape.

    Raises:
        ProblemError: what is wrong, what was expected and what to do.
    """
    for name, value in problem.initial.items():
        if not isinstance(value, Unknown):
            continue
        shape = problem.closed_space.shape(problem.closed_space.canonical(name))
        if value.start.shape not in ((), shape):
            raise ProblemError(
                f"The guess of {name!r} has shape {value.start.shape}, expected {shape} as "
                f"declared in fields= of {problem.name!r}."
            )


def checked_data(problem: "Problem") -> tuple[Data, ...]:
    """Return a problem's data, sorted into points and values.

    Raises:
        ProblemError: they do not belong to this problem.
    """
    given = problem.data
    if isinstance(given, Data) or not isinstance(given, Sequence):
        raise ProblemError("data= takes a list, as in data=[pinn.Data({'t': times}, {'q': q})].")
    for one in given:
        if not isinstance(one, Data):
            raise ProblemError(f"data= holds {type(one).__name__}, expected pinn.Data.")
    return tuple(one.resolved(problem) for one in given)


def checked_value(problem: "Problem", name: str, value: Any) -> Any:
    """Return a value that an unknown may have.

    Raises:
        ProblemError: it is not a function where one is unknown, not finite numbers of the unknown's
            shape, or outside its bounds.
    """
    if name in problem.functions or name in problem.coefficients:
        if not callable(value):
            field = problem.coefficients.get(name)
            inputs = _inputs(problem.functions[name]) if field is None else ", ".join(field.over)
            raise ProblemError(
                f"The unknown {name!r} is a function of {inputs}, got {value!r}: give one, as in "
                f"{name}=lambda {inputs}: 1.0."
            )
        return value
    begin = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    constant = problem.unknowns.get(name)
    if constant is None and problem.extent:
        return value  # a function of space, or what stands for one
    unknown = constant or begin[name]
    shape = problem.closed_space.shape(name) if constant is None else unknown.start.shape
    numbers = finite(value, f"value of {name!r}")
    if numbers.shape not in ((), shape):
        raise ProblemError(f"The value of {name!r} has shape {numbers.shape}, expected {shape}.")
    low, high = unknown.bounds
    if not (np.all(numbers >= low) and np.all(numbers <= high)):
        raise ProblemError(
            f"The value of {name!r}, {value}, is not between its bounds, {low:g} and {high:g}."
        )
    return np.broadcast_to(numbers, shape)


def refuse_open(problem: "Problem") -> None:
    """Refuse to derive anything of a problem whose unknowns have no values.

    Raises:
        ProblemError: there are unknowns.
    """
    if problem.unknown_names:
        named = ", ".join(f"{name}=…" for name in problem.unknown_names)
        how = "conditions in time" if problem.two_point else "data"
        raise ProblemError(
            f"The problem {problem.name!r} has unknowns: pinn.solve finds them from its {how}, and "
            f"problem.at({named}) is the problem with values in their place."
        )


def told(problem: "Problem") -> list[tuple[str, str]]:
    """Return what is unknown and what was measured, each with what is said of it."""
    begin = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    rows = []
    for name in problem.unknown_names:
        if name in problem.functions:
            rows.append((f"unknown {name}", f"a function of {_inputs(problem.functions[name])}"))
        elif name in problem.coefficients:
            field = problem.coefficients[name]
            bound = "" if field.lower is None else f", above {field.lower:g}"
            rows.append((f"unknown {name}", f"a function of {', '.join(field.over)}{bound}"))
        elif name in problem.unknowns:
            rows.append((f"unknown {name}", _said(problem.unknowns[name])))
        else:
            rows.append((f"unknown {name} at the start", _said(begin[name])))
    for data in problem.data:
        rows += [(f"measured {name}", _measured(data, name)) for name in data.values]
    return rows


def _inputs(function: Function) -> str:
    return ", ".join("xyzabcdefgh"[: function.inputs])


def _is_entry(space: JetSpace, name: str) -> bool:
    try:
        space.canonical(name)
    except UnknownEntryError:
        return False
    return True


def _said(unknown: Unknown) -> str:
    stated = {"guess": unknown.guess, "above": unknown.lower, "below": unknown.upper}
    number = lambda v: f"{v:g}" if np.ndim(v) == 0 else str(v)  # noqa: E731
    words = [f"{word} {number(value)}" for word, value in stated.items() if value is not None]
    if unknown.prior is not None:
        words.append(f"prior {unknown.prior[0]:g} ± {unknown.prior[1]:g}")
    return ", ".join(words) or "without a guess"


def _measured(data: Data, name: str) -> str:
    values, noise = data.values[name], data.deviation(name)
    count = np.count_nonzero(np.isfinite(values))
    least, most = (None, None) if noise is None else (np.min(noise), np.max(noise))
    size = "to be estimated" if noise is None else f"{least:.3g}"
    size += f" to {most:.3g}" if least != most else ""
    return f"{count} numbers at {data.count} points, noise {size}"


def _each(given: Any, what: str, kind: type, example: str) -> None:
    if not isinstance(given, Mapping):
        raise ProblemError(f"{what}= takes a dictionary, as in {{'name': {example}}}.")
    for name, one in given.items():
        if not isinstance(one, kind):
            raise ProblemError(f"{what}= gives {name!r} as {one!r}, expected {example}.")
