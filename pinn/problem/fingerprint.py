"""What a problem is, part by part: a hash of each, to tell whether two problems are the same one.

Every part that an answer depends on is here: axes, fields, the traced equation, initial data,
boundary conditions, declared laws and symmetries, forces and the closed form.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pinn.jets import JetFunction, on_jets
from pinn.problem.digest import digest, traced

if TYPE_CHECKING:
    from pinn.problem.conditions import AbstractCondition
    from pinn.problem.problem import Problem

TRACED = ("lagrangian", "residual", "dissipation", "force")
"""The statement's own functions of a jet."""


def fingerprint(problem: "Problem") -> dict[str, str]:
    """Return a hash of each part of a problem's statement, by what `Problem` calls it.

    A part that is not stated has none. Equal hashes mean the same traced programs, constants
    included; the same program written differently may differ.
    """
    space = problem.space
    parts = {"axes": digest(_axes(problem)), "fields": digest(space.field_shapes)}
    for name in TRACED:
        function = getattr(problem, name)
        if function is not None:
            parts[name] = digest(on_jets(space, function, name))
    coordinates = tuple(problem.extent)
    for name, value in sorted(problem.initial_state.items()):
        parts[f"initial {name}"] = _data(value, len(coordinates))
    if problem.boundary:
        parts["boundary"] = digest([_condition(problem, c) for c in problem.boundary])
    if problem.orbit is not None:
        parts["orbit"] = digest(problem.orbit)
    if problem.guess is not None:
        parts["guess"] = traced(problem.guess, *[()] * len(problem.axes))
    for name, law in sorted(problem.conserved.items()):
        parts[f"conserved {name}"] = digest(_law(problem, law))
    if problem.symmetries:
        parts["symmetries"] = digest([_symmetry(problem, one) for one in problem.symmetries])
    if problem.exact is not None:
        parts["exact"] = traced(problem.exact, *[()] * len(problem.axes))
    if problem.scales:
        parts["scales"] = digest(problem.scales)
    return parts


def differences(stored: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the names of the parts in which two fingerprints differ."""
    names = [*stored, *(name for name in found if name not in stored)]
    return [name for name in names if stored.get(name) != found.get(name)]


def _axes(problem: "Problem") -> list[tuple[str, Any]]:
    return [(name, (type(axis).__name__, axis)) for name, axis in problem.axes.items()]


def _data(value: Any, dimensions: int) -> str:
    return traced(value, *[()] * dimensions) if callable(value) else digest(value)


def _condition(problem: "Problem", condition: "AbstractCondition") -> list[Any]:
    """Return a condition's type, its left side, all its fields, and its values as programs."""
    others = len(problem.axes) - 1
    stated = {
        name: _data(value, others) if name in ("lower", "upper") else value
        for name, value in vars(condition).items()
    }
    return [type(condition).__name__, condition.operator(problem.space), stated]


def _law(problem: "Problem", law: Any) -> Any:
    """Return a declared law with its functions as programs."""
    if isinstance(law, Mapping):
        return {key: _law(problem, part) for key, part in law.items()}
    if callable(law):
        return _program(problem, law)
    parts = getattr(law, "__dict__", None)
    return law if parts is None else [type(law).__name__, _law(problem, parts)]


def _program(problem: "Problem", function: Callable[..., Any]) -> JetFunction:
    return on_jets(problem.space, function, "law")


def _symmetry(problem: "Problem", symmetry: Any) -> list[Any]:
    """Return a claimed symmetry with the generator that it gives, of which all are programs."""
    lagrangian = problem.action_density
    stated = {n: v for n, v in vars(symmetry).items() if n not in ("build", "charge")}
    charge = None if symmetry.charge is None else _program(problem, symmetry.charge)
    generator = None if lagrangian is None else symmetry.build(lagrangian, problem.time)
    return [stated, charge, generator]
