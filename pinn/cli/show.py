"""`pinn list` and `pinn show`: problems as their files present them, and what follows."""

import inspect
import sys
import textwrap
from importlib.metadata import entry_points

from pinn.cli.derived import derived
from pinn.cli.text import columns
from pinn.errors import ProblemError
from pinn.problem.catalogue import Listing
from pinn.problem.registry import GROUP, factory, listing, listings


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
        print("\n" + derived(problem))
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
