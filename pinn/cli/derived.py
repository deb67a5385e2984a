"""What follows from a problem's statement, in words: its equation, data, walls and laws."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pinn.cli.text import columns

if TYPE_CHECKING:
    from pinn.noether.charge import Charge
    from pinn.noether.verify import Verdict
    from pinn.problem.conditions import AbstractCondition
    from pinn.problem.problem import Problem

Row = tuple[str, str]


def derived(problem: "Problem") -> str:
    """Return the equation's order and data, and every law with its kind, size and defect."""
    from pinn.noether.verify import verify
    from pinn.precision import arithmetic
    from pinn.problem.nearby import somewhere
    from pinn.problem.openness import told

    with arithmetic("float64"):
        # The form of the equation and its laws are the same for all values of the unknowns.
        known = somewhere(problem, seed=0) if problem.unknown_names else problem
        charges, verdicts = verify(known)
        start = [row for row in _start(known) if row[0].split()[0] not in problem.unknown_names]
        stated = problem if problem.two_point else known
        rows = [*_axes(stated), *_equation(known), *start, *_walls(stated), *told(problem)]
        body = columns([(f"    {name}", text) for name, text in rows])
        return f"Derived\n{body}\n\n{_laws(known, charges, verdicts, not problem.unknown_names)}"


def _axes(problem: "Problem") -> list[Row]:
    from pinn.problem.axes import Periodic

    rows = []
    for name, axis in problem.axes.items():
        kind = "circle" if isinstance(axis, Periodic) else "interval"
        rows.append((f"axis {name}", f"{kind} from {axis.lower:g} to {axis.upper:g}"))
    return rows


def _equation(problem: "Problem") -> list[Row]:
    dynamics, rows = problem.dynamics, []
    name = "order in time" if problem.extent else "order of the equation"
    rows.append((name, "stationary" if problem.stationary else _listed(dynamics.orders)))
    for axis in problem.extent:
        orders = {f: dynamics.residual.highest_order(f, axis) for f in problem.fields}
        rows.append((f"order along {axis}", _listed(orders)))
    return [*rows, ("jet entries it needs", ", ".join(dynamics.residual.needs))]


def _listed(orders: Mapping[str, int]) -> str:
    return ", ".join(f"{order} in {name}" for name, order in orders.items() if order >= 0)


def _start(problem: "Problem") -> list[Row]:
    data = {} if problem.stationary else problem.initial_state
    function = f"function of {', '.join(problem.extent)}"
    return [
        (f"{name} at the start", function if problem.extent else _numbers(value))
        for name, value in data.items()
    ]


def _walls(problem: "Problem") -> list[Row]:
    rows = []
    for condition in problem.boundary:
        others = [c for c in problem.axes if c != condition.axis]
        for end, value in condition.ends.items():
            axis = problem.axes[condition.axis]
            side = f"at {condition.axis} = {axis.upper if end else axis.lower:g}"
            text = f"function of {', '.join(others)}" if callable(value) else _numbers(value)
            across = condition.axis in problem.extent
            soft = (
                "" if not across or condition.built_in(problem.space) else "  (a row of the loss)"
            )
            rows.append((side, f"{_left(condition)} = {text}{soft}"))
    if problem.orbit is not None:
        period = "to be found" if problem.orbit.free else f"{problem.interval.length:g}"
        rows.append(
            (
                f"at {problem.time} = {problem.interval.upper:g}",
                f"the orbit closes, its period {period}",
            )
        )
    return rows


def _left(condition: "AbstractCondition") -> str:
    """Return what a boundary condition prescribes, as an expression."""
    from pinn.problem.conditions import Derivative, Dirichlet, Neumann, Robin

    field, along = condition.field, f"{condition.field}_{condition.axis}"
    match condition:
        case Robin():
            return f"{condition.value:g} {field} + {condition.slope:g} {along}"
        case Neumann():
            return along
        case Derivative(order=order) if order:
            return f"{field}_{condition.axis * order}"
        case Dirichlet() | Derivative():
            return field
        case _:
            stated = ("field", "axis", "lower", "upper", "hard")
            own = [
                f"{n}={v:.6g}"
                for n, v in vars(condition).items()
                if n not in stated and isinstance(v, float)
            ]
            return f"{type(condition).__name__}({', '.join([field, *own])})"


def _laws(
    problem: "Problem",
    charges: "Mapping[str, Charge]",
    verdicts: "tuple[Verdict, ...]",
    begun: bool,
) -> str:
    if not charges:
        return "No charge is known."
    values = _at_the_start(problem, charges) if begun else {}
    rows = []
    for verdict in verdicts:
        name, defect = verdict.claim, f"{verdict.defect:.1e}{_failure(verdict)}"
        value = (_numbers(values[name]),) if values else ()
        rows.append((name, _kind(problem, charges[name]), *value, defect))
    start = {"value": begun and not problem.extent, "total": bool(problem.extent and values)}
    sizes = [f"{word} at the start" for word, shown in start.items() if shown]
    return columns(rows, ("charge", "law", *sizes, "defect on random jets"))


def _kind(problem: "Problem", charge: "Charge") -> str:
    """Return how a charge changes: not at all, by a source, or through which faces."""
    if problem.stationary:
        return "flux" if charge.source is None else "flux and source"
    ways = [] if charge.source is None else ["balance law"]
    if charge.leaks:
        ends = [
            f"{c} = {problem.extent[c].upper if end else problem.extent[c].lower:g}"
            for c, end in charge.leaks
        ]
        ways.append(f"leaks through {' and '.join(ends)}")
    return ", ".join(ways) or "conserved"


def _failure(verdict: "Verdict") -> str:
    if verdict.holds:
        return ""
    reasons = {
        "wall": f": flux through {verdict.where}",
        "seam": f": jumps at the seam of {verdict.where}",
    }
    return f"  (does not hold{reasons.get(verdict.kind, '')})"


def _at_the_start(problem: "Problem", charges: "Mapping[str, Charge]") -> Mapping[str, Any]:
    """Return each charge's value, over space its total; nothing where there is no start."""
    import jax

    from pinn.noether.beginning import settled_totals
    from pinn.noether.charge import evaluate

    if problem.stationary:
        return {}
    if problem.extent:
        return settled_totals(problem, charges)[0]
    needed = tuple({name for charge in charges.values() for name in charge.needs})
    state = {**problem.initial_state, problem.time: problem.interval.lower}
    return jax.jit(lambda s: evaluate(charges, problem.dynamics.on_shell(s, needed)))(state)


def _numbers(value: Any) -> str:
    import numpy as np

    return np.array2string(np.asarray(value), precision=6, separator=", ", max_line_width=72)
