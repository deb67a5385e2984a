"""Forces that no potential gives: friction from Rayleigh's function, and applied ones."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, entry_of, on_jets, partial

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


def generalised_forces(problem: "Problem") -> dict[str, JetFunction]:
    """Return −∂R/∂q_t + force, field by field; no entry where both are absent."""
    space, forces = problem.space, {}
    if problem.dissipation is not None:
        rayleigh = on_jets(space, problem.dissipation, "dissipation function")
        if rayleigh.shape != ():
            raise ProblemError(
                f"The dissipation function must return a scalar, got shape {rayleigh.shape}."
            )
        for field in space.fields:
            friction = partial(rayleigh, entry_of(space, field, problem.time, 1))
            forces[field] = [JetFunction(space, lambda j, f=friction: -f(j), "friction")]
    if problem.force is not None:
        for field, function in _applied(problem, problem.force).items():
            forces.setdefault(field, []).append(function)
    return {
        field: JetFunction(space, lambda j, parts=parts: sum(p(j) for p in parts), "force")
        for field, parts in forces.items()
    }


def _applied(problem: "Problem", force: Callable[[Jet], Any]) -> dict[str, JetFunction]:
    space = problem.space
    whole = on_jets(space, force, "force")
    if not isinstance(whole.result, Mapping):
        if len(space.fields) > 1:
            raise ProblemError(
                "With several fields, force= must return a dictionary from field name to force."
            )
        (field,) = space.fields
        parts = {field: whole}
    else:
        parts = {f: JetFunction(space, lambda j, f=f: whole(j)[f], "force") for f in whole.result}
    for field, part in parts.items():
        if field not in space.fields or part.shape != space.fields[field]:
            raise ProblemError(
                f"The force on {field!r} has shape {part.shape}, expected one of the fields "
                f"{space.fields} with its shape."
            )
    return parts
