"""Rows that differ in nothing but the seed, taken together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from pinn.benchmark.store import Row
from pinn.benchmark.study import Case, Cell

Record = tuple[Cell, Row | None]
STALE = " †"


@dataclass(frozen=True)
class Group:
    """The runs of one case by one method.

    Args:
        case: the problem in its setting.
        label: what the method is called.
        classical: whether it is a classical method.
        together: what groups that solve the same problem share.
        runs: the rows of runs that finished.
        failures: why the others did not.
        wanted: how many runs the study asks for.
        stale: in what rows differ from what a run would be now, a reason for each such row.
    """

    case: Case
    label: str
    classical: bool
    together: str
    runs: tuple[Row, ...]
    failures: tuple[str, ...]
    wanted: int
    stale: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What a table puts behind the name of a method whose rows are not current."""
        return STALE if self.stale else ""

    @property
    def error(self) -> float | None:
        """The median over the seeds of the worst field's relative error."""
        return self.middle(worst_error)

    @property
    def credible_error(self) -> float | None:
        """The error, or ten times the reference's own where that is more."""
        floors = self.values(lambda row: (row.get("reference") or {}).get("error"))
        return None if self.error is None else max(self.error, 10.0 * max(floors, default=0.0))

    @property
    def run_seconds(self) -> float | None:
        """The median time without compilation."""
        return self.middle(lambda row: row["seconds"].get("run"))

    @property
    def compile_seconds(self) -> float | None:
        """The median time of compilation."""
        return self.middle(lambda row: row["seconds"].get("compile"))

    @property
    def whole_seconds(self) -> float | None:
        """The median time from the imports to the last step."""
        return self.middle(whole_seconds)

    def values(self, pick: Callable[[Row], Any]) -> list[float]:
        """Return what the runs have to say, those that say nothing left out."""
        return [value for row in self.runs if (value := pick(row)) is not None]

    def middle(self, pick: Callable[[Row], Any]) -> float | None:
        """Return the median over the seeds."""
        values = self.values(pick)
        return median(values) if values else None


def grouped(records: Iterable[Record]) -> list[Group]:
    """Return the runs by case and method, in the study's order."""
    found: dict[tuple[str, str], list[Record]] = {}
    for cell, row in records:
        found.setdefault((cell.case.title, cell.method.label), []).append((cell, row))
    return [_group(members) for members in found.values()]


def gathered(groups: Iterable[Group], key: Callable[[Group], str]) -> dict[str, list[Group]]:
    """Return groups by what they have in common, in their order."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(key(group), []).append(group)
    return found


def _group(members: list[Record]) -> Group:
    cell = members[0][0]
    rows = [row for _, row in members if row is not None]
    return Group(
        cell.case,
        cell.method.label,
        cell.method.classical,
        cell.group,
        tuple(row for row in rows if _finished(row)),
        tuple(_why_not(row) for row in rows if not _finished(row)),
        len(members),
        tuple(row["stale"] for row in rows if row.get("stale")),
    )


def stale_note(groups: Iterable[Group]) -> str:
    """Return a line on the rows that are not current and why, nothing where all are."""
    known = [group for group in groups if group.runs or group.failures]
    old = [group for group in known if group.stale]
    if not old:
        return ""
    reasons = ", or ".join(dict.fromkeys(reason for group in old for reason in group.stale))
    return f"† {len(old)} of {len(known)} lines are stale, and not measured again yet: {reasons}.\n"


def _finished(row: Row) -> bool:
    return row["status"] == "done" and row.get("complete", True)


def _why_not(row: Row) -> str:
    """Return why a run has nothing to compare: what it did reach says nothing of the rest."""
    if row["status"] != "done":
        return row["reason"]
    where = f"after {row['reached']:.3g} of the time" if "reached" in row else "before the end"
    return f"Training stalled {where}."


def worst_error(row: Row) -> float | None:
    """Return the largest relative error of a row's fields."""
    return max((row.get("error") or {}).values(), default=None)


def worst_drift(row: Row) -> float | None:
    """Return the largest drift of a row's laws, None where there are none."""
    return max((row.get("drift") or {}).values(), default=None)


def whole_seconds(row: Row) -> float | None:
    """Return the seconds from the imports to the last step.

    Of rows that do not say that their `total` is just that, those of training and compilation.
    """
    if row.get("clock"):
        return row["seconds"]["total"]
    parts = [row["seconds"].get(name) for name in ("run", "compile")]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
