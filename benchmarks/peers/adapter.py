"""What every adapter shares: the order that it gets, its clock, and the answer that it writes.

This runs in the peer's environment, where `pinn` is not.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .statements import STATEMENTS, Statement


class Unsupported(Exception):
    """The peer cannot state this problem; the sentence says why."""


@dataclass(frozen=True)
class Order:
    """What a peer is asked to do.

    Args:
        statement: the problem.
        constants: its numbers.
        lower: the lower ends of the axes, in the order of the coordinates.
        upper: the upper ends.
        seconds: of training, after which it must stop.
        seed: of what is random.
    """

    statement: Statement
    constants: dict[str, float]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    seconds: float
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a peer has found.

    Args:
        predict: points (N, d) ↦ the components (N, c).
        clock: that timed the training.
        steps: of the optimiser.
        parameters: how many were trained.
        points: collocation points that one step reads.
        recipe: how it was trained, in a sentence.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    clock: "Clock"
    steps: int
    parameters: int
    points: int
    recipe: str


class Clock:
    """Seconds of training, which start with the first step after set-up and compilation."""

    def __init__(self, seconds: float):
        self.budget, self.started, self.ended = seconds, None, None

    def start(self) -> None:
        """Begin to count; once is enough."""
        if self.started is None:
            self.started = time.perf_counter()

    def stop(self) -> None:
        """End the count."""
        self.ended = time.perf_counter()

    def left(self) -> float:
        """Return the seconds that remain."""
        return self.budget - (time.perf_counter() - (self.started or time.perf_counter()))

    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.left() <= 0.0


def drawn(order: Order, count: int, seed: int) -> np.ndarray:
    """Return points (count, d), a scrambled Sobol sequence over the domain."""
    from scipy.stats import qmc

    sample = qmc.Sobol(len(order.lower), seed=seed).random(count)
    return qmc.scale(sample, order.lower, order.upper)


def main(train: Callable[[Order], Outcome]) -> None:
    """Read the order named on the command line, train, and write the answer beside it."""
    begun, folder = time.perf_counter(), Path(sys.argv[1])
    stated = json.loads((folder / "order.json").read_text())
    importing = time.time() - stated.pop("launched")
    statement = STATEMENTS[stated.pop("problem")]
    order = Order(statement, **{k: _tuples(v) for k, v in stated.items()})
    try:
        row, values = _solved(train(order), np.load(folder / "points.npz"), begun)
        row["seconds_import"] = importing
    except Exception as error:  # whatever a peer trips over is the reason in its row
        row, values = {"reason": _sentence(error)}, {}
        if not isinstance(error, Unsupported):
            import traceback

            traceback.print_exc()
    np.savez(folder / "values.npz", **values)  # type: ignore
    (folder / "answer.json").write_text(json.dumps(row))
    sys.stdout.flush()
    os._exit(0)  # some peers leave threads behind


def _solved(
    outcome: Outcome, points: Any, begun: float
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    clock = outcome.clock
    if clock.ended is None:
        clock.stop()
    started, ended = clock.started or begun, clock.ended or begun
    values = {name: np.asarray(outcome.predict(points[name]), float) for name in points.files}
    row = {
        "seconds_setup": started - begun,
        "seconds_train": ended - started,
        "steps": int(outcome.steps),
        "parameters": int(outcome.parameters),
        "points": int(outcome.points),
        "recipe": outcome.recipe,
    }
    return row, values


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _sentence(error: Exception) -> str:
    said = " ".join(str(error).split())[:300]
    return said if isinstance(error, Unsupported) else f"{type(error).__name__}: {said}"
