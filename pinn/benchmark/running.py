"""Run the cells of a study that have no row yet, and write a row as soon as there is one."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pinn.benchmark.process import Running
from pinn.benchmark.standing import why_stale
from pinn.benchmark.store import Row, read_rows, write_rows
from pinn.benchmark.study import Cell

PAUSE = 0.05


def missing(
    cells: Iterable[Cell],
    rows: Mapping[str, Row],
    limit: float,
    *,
    stale: bool = False,
    retry: bool = False,
) -> tuple[Cell, ...]:
    """Return the cells that have no row which settles them.

    Args:
        cells: what is asked for.
        rows: what is known, by key.
        limit: seconds for one; what took too long is tried again where there is more time now.
        stale: whether rows of other code, problems or recipes settle nothing.
        retry: whether failures settle nothing.
    """

    def settled(cell: Cell) -> bool:
        row = rows.get(cell.key)
        if row is None or (stale and why_stale(cell, row)):
            return False
        if row["status"] == "timeout":
            return not retry and limit <= row["limit"]
        return row["status"] == "done" or not retry

    return tuple(cell for cell in cells if not settled(cell))


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
                slot = min(set(range(jobs)) - {one.slot for one in running})
                running.append(Running(waiting.popleft(), file, limit, jobs, slot))
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
