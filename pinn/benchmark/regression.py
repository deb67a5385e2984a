"""Whether anything is ten times worse than what was committed."""

from collections.abc import Iterable, Mapping

from pinn.benchmark.store import Row

ALLOWED = 10.0
FLOOR = 1e-12
"""Below it an error is round-off, which differs between machines."""


def regressions(before: Mapping[str, Row], now: Iterable[Row]) -> list[str]:
    """Return one sentence for each error or drift that is ten times what it was, or missing."""
    found = []
    for row in now:
        title = f"{row['problem']}, {row['method']}"
        old = before.get(row["key"])
        if row["status"] != "done":
            found.append(f"{title}: {row['reason']}")
        elif old is None:
            found.append(f"{title}: no committed row to compare with; record the study anew.")
        else:
            found += _worse(title, old, row)
    return found


def _worse(title: str, old: Row, row: Row) -> list[str]:
    found = []
    for kind in ("error", "drift"):
        for name, was in old[kind].items():
            now = row[kind].get(name)
            if now is None:
                found.append(f"{title}: the {kind} of {name} is gone; it was {was:.1e}.")
            elif not now <= max(ALLOWED * was, FLOOR):
                found.append(f"{title}: the {kind} of {name} is {now:.1e}; it was {was:.1e}.")
    return found
