"""What a statement's unknowns and data must satisfy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pinn.errors import ProblemError, near_matches
from pinn.problem.data import Data
from pinn.problem.unknowns import Function, Unknown

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
    for name, field in problem.coefficients.items():
        for coordinate in field.over:
            if coordinate not in problem.axes:
                raise ProblemError(
                    f"The unknown function {name!r} is over {coordinate!r}, which is not a "
                    f"coordinate; those are {', '.join(problem.axes)}"
                    f"{near_matches(coordinate, problem.axes)}."
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


def refuse_open(problem: "Problem") -> None:
    """Refuse to derive anything of a problem whose unknowns have no values.

    Raises:
        ProblemError: there are unknowns.
    """
    if problem.unknown_names:
        named = ", ".join(f"{name}=…" for name in problem.unknown_names)
        raise ProblemError(
            f"The problem {problem.name!r} has unknowns: pinn.solve finds them from its data, and "
            f"problem.at({named}) is the problem with values in their place."
        )


def told(problem: "Problem") -> list[tuple[str, str]]:
    """Return what is unknown and what was measured, each with what is said of it."""
    begin = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    rows = []
    for name in problem.unknown_names:
        if name in problem.functions:
            rows.append((f"unknown {name}", f"a function of {problem.functions[name].inputs}"))
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
