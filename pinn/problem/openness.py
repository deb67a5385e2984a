"""What a statement's unknowns and data must satisfy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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


def _each(given: Any, what: str, kind: type, example: str) -> None:
    if not isinstance(given, Mapping):
        raise ProblemError(f"{what}= takes a dictionary, as in {{'name': {example}}}.")
    for name, one in given.items():
        if not isinstance(one, kind):
            raise ProblemError(f"{what}= gives {name!r} as {one!r}, expected {example}.")
