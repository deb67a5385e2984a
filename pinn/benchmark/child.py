"""One cell in this process: `python -m pinn.benchmark.child FILE KEY PLACE LIMIT`."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import jax

from pinn.benchmark.clock import matrix_product_seconds
from pinn.benchmark.environment import now, peak_bytes, surroundings
from pinn.benchmark.loading import load_study
from pinn.benchmark.method import Order
from pinn.benchmark.standing import identity_of
from pinn.benchmark.study import Cell
from pinn.errors import PinnError

HOW_FAR = "how_far.txt"
"""The file beside the row in which a run notes how far it is."""
CLOCK = "from the imports to the last step"
"""What `seconds.total` is of; rows without these words counted the imports too."""


def measured(cell: Cell, limit: float, place: Path, folder: Path) -> dict:
    """Run a cell here and return its row."""
    note = place.with_name(HOW_FAR).write_text
    jax.devices()  # starting the backend belongs to the imports
    order = Order(cell.case.problem, cell.parameters, cell.seed, limit, time.time(), folder, note)
    cell.method.code()  # reads the files that were imported, before anybody changes them
    found = cell.method.measure(order)
    return {
        **cell.description(),
        "status": "done",
        "recorded": now(),
        **surroundings(),
        "clock": CLOCK,
        "identity": identity_of(cell),
        "peak_bytes": peak_bytes(),
        "matrix_product_seconds": matrix_product_seconds(),
        **found,
    }


def _leave_with_the_parent() -> None:
    """End this process, and all that it started, when the one that started it is gone.

    Then standard input, which it holds open, comes to an end.
    """
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGKILL)


def main(words: Sequence[str]) -> int:
    """Run the cell of a study that has a key, and write its row, or what went wrong."""
    file, key, place, limit = words
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    study, _ = load_study(file)
    cell = next(cell for cell in study.cells() if cell.key == key)
    try:
        row = measured(cell, float(limit), Path(place), Path(file).resolve().parent)
    except PinnError as error:
        row = {"status": "failed", "reason": str(error)}
    except Exception as error:  # a mistake of any kind costs this cell alone
        first = (str(error).strip().splitlines() or [""])[0]
        row = {"status": "failed", "reason": f"{type(error).__name__}: {first[:300]}"}
    Path(place).write_text(json.dumps(row, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
