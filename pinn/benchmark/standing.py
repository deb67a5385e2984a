"""Whether a recorded row still says what a run would say now: its identity against today's."""

import inspect
from pathlib import Path
from typing import Any

from pinn.benchmark.code import fingerprint
from pinn.benchmark.identity import key_of
from pinn.benchmark.store import Row
from pinn.benchmark.study import Cell
from pinn.errors import PinnError

WORDS = {
    "code": "the code has changed since",
    "problem": "the problem has changed since",
    "recipe": "the recipe's defaults have changed since",
}
UNKNOWN = "what code it ran was not recorded"


def identity_of(cell: Cell) -> dict[str, str]:
    """Return what tells a row from one that ran other code, another problem or another recipe.

    These are fingerprints of the code, of the traced problem with its constants, and of the recipe
    with every default filled in. Of a program outside the library only its own files count.

    A problem or a recipe that cannot be stated has the reason in the fingerprint's place.
    """
    found = {"code": cell.method.code()}
    if cell.method.foreign:
        return found
    try:
        problem = cell.problem()
        found["problem"] = fingerprint([Path(inspect.getfile(cell.factory.function))])
        found["recipe"] = key_of(cell.method.completed(problem))
    except PinnError as error:
        found["problem"] = found["recipe"] = str(error)
    return found


def why_stale(cell: Cell, row: Row) -> str | None:
    """Return in what a row differs from what the cell is now, None where it is current."""
    recorded: dict[str, Any] | None = row.get("identity")
    if not recorded:
        return UNKNOWN
    if recorded["code"] != cell.method.code():  # so that nothing is traced in vain
        return WORDS["code"]
    now = identity_of(cell)
    return next((WORDS[name] for name in now if recorded.get(name) != now[name]), None)
