"""Our numbers beside published ones, with the source of each and how far to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinn.benchmark.report.groups import Group, Record, grouped, stale_note
from pinn.benchmark.report.markdown import grid, seconds, small
from pinn.benchmark.report.table import AbstractTable
from pinn.benchmark.study import Published

HEADER = (
    "problem", "recipe", "ours", "seconds, compiling too", "published", "seconds", "hardware",
    "method", "source", "trust", "ahead",
)  # fmt: skip
TRUST = (
    "Trust: R read in the authors' repository, A in an abstract or first page, T in somebody "
    "else's transcription of a table, M from memory. Published seconds are as stated, mostly "
    "without compilation and on other hardware. Errors are relative L2 unless the method says "
    "otherwise."
)


@dataclass(frozen=True)
class AgainstPublished(AbstractTable):
    """One line for each published number and recipe of ours."""

    def render(self, records: Sequence[Record]) -> str:
        """Return the table and what the letters mean."""
        ours = [g for g in grouped(records) if not g.classical]
        pairs = [(group, other) for group in ours for other in group.case.published]
        numbers: dict[tuple[str, Published], list[bool]] = {}
        for group, other in pairs:
            if group.error is not None:
                numbers.setdefault((group.case.title, other), []).append(group.error < other.error)
        best, first = sum(map(any, numbers.values())), sum(won[0] for won in numbers.values())
        told = (
            f"Ours is ahead of {best} of the {len(numbers)} numbers that are recorded, with the "
            f"first recipe of {first}."
        )
        table = grid(HEADER, [_line(*pair) for pair in pairs])
        return f"{table}\n{told} {TRUST}\n{stale_note(ours)}"


def _line(group: Group, other: Published) -> list[str]:
    reached = small(group.error)
    if group.error is None:
        reached = group.failures[0].replace("|", "/") if group.failures else "not recorded yet"
    method = other.method + (f" ({other.note})" if other.note else "")
    ahead = "" if group.error is None else "ours" if group.error < other.error else "theirs"
    return [
        group.case.title,
        group.label + group.mark,
        reached,
        seconds(group.whole_seconds),
        small(other.error, 2),
        seconds(other.seconds) if other.seconds is not None else "not stated",
        other.hardware,
        method,
        other.source,
        other.trust,
        ahead,
    ]
