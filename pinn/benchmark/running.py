"""Run the cells of a study that have no row yet, and write a row as soon as there is one."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pinn.benchmark.process import Running
from pinn.benchmark.store import Row, read_rows, write_rows
from pinn.benchmark.study import Cell

PAUSE = 0.05


def missing(
    cells: Iterable[Cell],
    rows: Mapping[str, Row],
    limit: float,
    *,
    commit: str | None = None,
    retry: bool = False,
) -> tuple[Cell, ...]:
    """Return the cells that have no row which settles them.

    Args:
        cells: what is asked for.
        rows: what is known, by key.
        limit: seconds for one; what took too long is tried again where there is more time now.
        commit: rows of other commits settle nothing; by default all do.
        retry: whether failures settle nothing.
    """

    def settled(row: Row | None) -> bool:
        if row is None or (commit is not None and row.get("commit") != commit):
            return False
        if row["status"] == "timeout":
            return not retry and limit <= row["limit"]
        return row["status"] == "done" or not retry

    return tuple(cell for cell in cells if not settled(rows.get(cell.key)))


def run_cells(
    cells: Iterable[Cell],
    file: Path,
    results: Path,
    *,
    limit: float,
    jobs: int = 1,
    told: Callable[[Row], None] = lambda row: None,
    begun: Callable[[Cell], None] = lambda cell: None,
) -> None:
    """Measure cells, each in its own process, and keep every row at once.

    Ctrl-C ends the processes and keeps the rows; whoever comes next goes on from them.

    Args:
        cells: what to run.
        file: the study's.
        results: where the rows go.
        limit: seconds for one.
        jobs: how many at a time.
        told: called with each row.
        begun: called with each cell before it runs.
    """
    waiting, running = deque(cells), list[Running]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                begun(waiting[0])
                running.append(Running(waiting.popleft(), file, limit, jobs))
            for one in list(running):
                row = one.outcome()
                if row is not None:
                    running.remove(one)
                    keep(results, row)
                    told(row)
            time.sleep(PAUSE)
    finally:
        for one in running:
            one.stop()


def keep(results: Path, row: Row) -> None:
    """Add a row to a file, in place of one with the same key."""
    write_rows(results, {**read_rows(results), row["key"]: row}.values())
