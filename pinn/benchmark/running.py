"""Run the cells of a study that have no row yet, and write a row as soon as there is one."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from pinn.benchmark.process import Running
from pinn.benchmark.store import Row, read_rows, write_rows
from pinn.benchmark.study import Cell

PAUSE = 0.05


def missing(cells: Iterable[Cell], rows: dict[str, Row], limit: float) -> tuple[Cell, ...]:
    """Return the cells without a row, and those that took too long, where there is more time."""
    return tuple(cell for cell in cells if not _settled(rows.get(cell.key), limit))


def _settled(row: Row | None, limit: float) -> bool:
    if row is None:
        return False
    return row["status"] != "timeout" or limit <= row["limit"]


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
