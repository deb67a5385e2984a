"""What the adapters for unknowns share: the order that they get, and the answer that they write.

This runs in the peer's environment, where `pinn` is not. Budget and seconds are of the process's
own time on its one core, so that what else a machine has to do is nobody's loss.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from .adapter import Clock, Unsupported, peak_bytes, sentence, tuples
from .inverse_statements import INVERSE
from .statements import Statement


@dataclass(frozen=True)
class Order:
    """What a peer is asked to find.

    Args:
        statement: the problem.
        guesses: of each unknown constant.
        lower: the lower ends of the axes, in the order of the coordinates.
        upper: the upper ends.
        points: where something was measured (N, d).
        values: what was measured there, the components (N, c).
        seconds: of training, after which it must stop.
        seed: of what is random.
        scaled: whether the network reads and gives numbers of the size of one, by the domain and
            by the data; without, it is as the library's example has it.
        begun: the process's own time when the imports were done.
    """

    statement: Statement
    guesses: dict[str, float]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    points: np.ndarray
    values: np.ndarray
    seconds: float
    seed: int
    scaled: bool = False
    begun: float = 0.0

    @property
    def mechanics(self) -> bool:
        """Whether the components are functions of the time alone."""
        return len(self.lower) == 1

    @property
    def center(self) -> np.ndarray:
        """What is added to each component of the network."""
        return np.mean(self.values, axis=0) if self.scaled else np.zeros(self.values.shape[1])

    @property
    def size(self) -> np.ndarray:
        """What each component of the network is multiplied by."""
        return np.std(self.values, axis=0) if self.scaled else np.ones(self.values.shape[1])

    @property
    def weight(self) -> float:
        """Of every loss, which makes it one for a network that gives its mean everywhere."""
        return 1.0 / float(np.mean(self.size**2))

    @property
    def middle(self) -> np.ndarray:
        """What is taken from the coordinates before the network reads them."""
        ends = np.array([self.lower, self.upper])
        return np.mean(ends, axis=0) if self.scaled else np.zeros(len(self.lower))

    @property
    def reach(self) -> np.ndarray:
        """What the coordinates are then divided by."""
        half = 0.5 * (np.array(self.upper) - np.array(self.lower))
        return half if self.scaled else np.ones(len(self.lower))

    @property
    def scaling(self) -> str:
        """How a recipe calls it."""
        return "inputs and outputs scaled" if self.scaled else "inputs and outputs as they are"


@dataclass(frozen=True)
class Found:
    """What a peer has found.

    Args:
        unknowns: its values of the unknown constants.
        clock: that timed the training.
        steps: of the optimiser.
        parameters: how many were trained, unknowns included.
        points: collocation points that one step reads, without those of the data.
        recipe: how it was trained, in a sentence.
    """

    unknowns: dict[str, float]
    clock: Clock
    steps: int
    parameters: int
    points: int
    recipe: str


def clock_of(order: Order) -> Clock:
    """Return a clock of the process's own time."""
    return Clock(order, time.process_time)


def main(train: Callable[[Order], Found]) -> None:
    """Read the order named on the command line, train, and write the answer beside it."""
    begun, wall, folder = time.process_time(), time.perf_counter(), Path(sys.argv[1])
    stated = json.loads((folder / "order.json").read_text())
    statement = INVERSE[stated.pop("problem")]
    data = np.load(folder / "data.npz")
    order = Order(
        statement,
        points=data["points"],
        values=data["values"],
        begun=begun,
        **{name: tuples(value) for name, value in stated.items()},
    )
    try:
        row = _answered(train(order), order)
        row["seconds"] |= {"import": begun, "total": time.perf_counter() - wall}
    except Exception as error:  # whatever a peer trips over is the reason in its row
        row = {"reason": sentence(error)}
        if not isinstance(error, Unsupported):
            import traceback

            traceback.print_exc()
    (folder / "answer.json").write_text(json.dumps(row))
    sys.stdout.flush()
    os._exit(0)  # some peers leave threads behind


def _answered(found: Found, order: Order) -> dict[str, Any]:
    clock = found.clock
    if clock.ended is None:
        clock.stop()
    started, ended = clock.started or order.begun, clock.ended or order.begun
    if not all(isfinite(value) for value in found.unknowns.values()):
        raise Unsupported("diverged: the unknowns are not finite")
    return {
        "unknowns": found.unknowns,
        "looks": [[spent, unknowns] for spent, unknowns in clock.looks],
        "seconds": {
            "run": ended - started,
            "compile": started - order.begun,
            "cpu": clock.spent(),
        },
        "peak_bytes": peak_bytes(),
        "steps": int(found.steps),
        "parameter_count": int(found.parameters),
        "points": int(found.points),
        "recipe": found.recipe,
    }
