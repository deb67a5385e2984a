"""`pinn list` and `pinn show`: problems as their files present them, and what follows."""

import inspect
import sys
import textwrap
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from pinn.cli.text import columns
from pinn.errors import ProblemError
from pinn.problem.catalogue import Listing
from pinn.problem.registry import GROUP, factory, listing, listings

if TYPE_CHECKING:
    from pinn.noether.charge import Charge
    from pinn.noether.verify import Verdict
    from pinn.problem.problem import Problem


def list_problems() -> None:
    """Print every problem with its summary: a table on a terminal, aligned text elsewhere."""
    rows = [(entry.name, entry.summary) for entry in listings().values()]
    rows += [
        (point.name, f"installed with {point.dist.name if point.dist else point.module}")
        for point in entry_points(group=GROUP)
    ]
    if sys.stdout.isatty():
        _print_table(rows)
    else:
        print(columns(rows))


def _print_table(rows: list[tuple[str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("problem", "what it is", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, summary in rows:
        table.add_row(f"[bold]{name}[/bold]", summary)
    Console().print(table)


def show_problem(name: str, plain: bool) -> None:
    """Print what a problem's file says and, unless plain, what the library derives from it.

    Raises:
        ProblemError: there is no such problem.
    """
    if not plain:
        documented, problem = _documented(name), factory(name)()
        print(documented)
        print("\n" + _derived(problem))
    elif name in {point.name for point in entry_points(group=GROUP)} - set(listings()):
        raise ProblemError(
            f"The problem {name!r} belongs to an installed package, whose file must be run to be "
            "shown: leave out --plain."
        )
    else:
        print(_presented(listing(name)))


def _documented(name: str) -> str:
    """Return what a problem says about itself, wherever it is defined."""
    try:
        return _presented(listing(name))
    except ProblemError:  # an installed package's, or registered in a way that only running shows
        found = factory(name)
    parameters = inspect.signature(found.function).parameters.values()
    documentation = inspect.getdoc(found.function) or ""
    return _page(found.name, documentation, tuple(map(str, parameters)))


def _presented(entry: Listing) -> str:
    return _page(entry.name, entry.documentation, entry.parameters)


def _page(name: str, documentation: str, parameters: tuple[str, ...]) -> str:
    documentation = documentation.strip() or "It has no docstring."
    body = textwrap.indent(documentation, "    ")
    return f"{name}\n{body}\n\nParameters\n" + "\n".join(
        f"    {parameter}" for parameter in parameters or ("none",)
    )


def _derived(problem: "Problem") -> str:
    from pinn.noether.verify import verify
    from pinn.precision import arithmetic

    with arithmetic("float64"):
        charges, verdicts = verify(problem)
        return "\n".join([_equation(problem), "", _laws(problem, charges, verdicts)])


def _equation(problem: "Problem") -> str:
    dynamics, interval = problem.dynamics, problem.interval
    orders = ", ".join(f"{order} in {name}" for name, order in dynamics.orders.items())
    data = [(name, _numbers(value)) for name, value in problem.initial_state.items()]
    rows = [
        ("    order of the equation", orders),
        ("    jet entries it needs", ", ".join(dynamics.residual.needs)),
        ("    interval", f"{problem.time} from {interval.lower:g} to {interval.upper:g}"),
        *((f"    {name} at the start", value) for name, value in data),
    ]
    return "Derived\n" + columns(rows)


def _laws(
    problem: "Problem", charges: "Mapping[str, Charge]", verdicts: "tuple[Verdict, ...]"
) -> str:
    if not charges:
        return "No charge is known."
    values = _at_the_start(problem, charges)
    rows = [
        (
            verdict.claim,
            "conserved" if charges[verdict.claim].source is None else "balance law",
            _numbers(values[verdict.claim]),
            f"{verdict.defect:.1e}" + ("" if verdict.holds else "  (does not hold)"),
        )
        for verdict in verdicts
    ]
    return columns(rows, ("charge", "law", "value at the start", "defect on random jets"))


def _at_the_start(problem: "Problem", charges: "Mapping[str, Charge]") -> dict:
    import jax

    from pinn.noether.charge import evaluate

    needed = tuple({name for charge in charges.values() for name in charge.needs})
    state = {**problem.initial_state, problem.time: problem.interval.lower}
    return jax.jit(lambda s: evaluate(charges, problem.dynamics.on_shell(s, needed)))(state)


def _numbers(value) -> str:
    import numpy as np

    return np.array2string(np.asarray(value), precision=6, separator=", ", max_line_width=72)
