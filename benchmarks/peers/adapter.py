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
from typing import Any, Protocol

import numpy as np

from .statements import STATEMENTS, Statement

Predict = Callable[[np.ndarray], np.ndarray]
"""Points (N, d) ↦ the components (N, c)."""
FIRST, RATIO = 1.0, 1.15
"""Seconds before the first look at a network in training, and between looks as a ratio."""


class Unsupported(Exception):
    """The peer cannot state this problem; the sentence says why."""


class Timed(Protocol):
    """An order that a clock reads."""

    @property
    def seconds(self) -> float: ...  # noqa: D102

    @property
    def begun(self) -> float: ...  # noqa: D102


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
        initial: `hard`, exact by the ansatz, or `soft`, a loss at the start beside the equation's.
        begun: when the imports were done, by `time.perf_counter`.
    """

    statement: Statement
    constants: dict[str, float]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    seconds: float
    seed: int
    initial: str = "hard"
    begun: float = 0.0

    @property
    def soft(self) -> bool:
        """Whether the initial data are a loss."""
        return self.initial == "soft"

    @property
    def start(self) -> str:
        """How a recipe calls its initial data."""
        return f"{'soft' if self.soft else 'exact'} initial data"


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

    predict: Predict
    clock: "Clock"
    steps: int
    parameters: int
    points: int
    recipe: str


class Clock:
    """Seconds of training, which start with the first step after set-up and compilation.

    `spent` is the clock of all who are compared: from the imports on, with everything in between.

    Args:
        order: says when the imports were done, and how many seconds there are.
        timer: tells the time, on the clock that the order has it from; by default the wall's.
    """

    def __init__(self, order: "Timed", timer: Callable[[], float] | None = None):
        self._now = timer or time.perf_counter
        self.budget, self.started, self.ended = order.seconds, None, None
        self._begun, self._next, self._away = order.begun, FIRST, 0.0
        self.looks: list[tuple[float, Any]] = []

    def start(self) -> None:
        """Begin to count; once is enough."""
        if self.started is None:
            self.started = self._now()

    def stop(self) -> None:
        """End the count."""
        self.ended, self.peak = self._now() - self._away, peak_bytes()

    def left(self) -> float:
        """Return the seconds that remain."""
        now = self._now() - self._away
        return self.budget - (now - (self.started or now))

    def spent(self) -> float:
        """Return the seconds since the imports, looks left out."""
        return (self.ended or self._now() - self._away) - self._begun

    def look(self, snapshot: Callable[[], Any]) -> None:
        """Keep what is there now, if it is time to look at it again.

        Args:
            snapshot: returns the network of now as a function that later training leaves alone, or
                the unknowns of now.
        """
        spent = self.spent()
        if spent < self._next:
            return
        begun = self._now()
        self.looks.append((spent, snapshot()))
        self._next = RATIO * spent
        self._away += self._now() - begun

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
    order = Order(statement, begun=begun, **{k: tuples(v) for k, v in stated.items()})
    try:
        row, values = _solved(train(order), np.load(folder / "points.npz"), order)
        row["seconds_import"] = importing
    except Exception as error:  # whatever a peer trips over is the reason in its row
        row, values = {"reason": sentence(error)}, {}
        if not isinstance(error, Unsupported):
            import traceback

            traceback.print_exc()
    np.savez(folder / "values.npz", **values)  # type: ignore
    (folder / "answer.json").write_text(json.dumps(row))
    sys.stdout.flush()
    os._exit(0)  # some peers leave threads behind


def _solved(
    outcome: Outcome, points: Any, order: Order
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    clock = outcome.clock
    if clock.ended is None:
        clock.stop()
    started, ended = clock.started or order.begun, clock.ended or order.begun

    def at(predict: Predict, name: str) -> np.ndarray:
        return np.asarray(predict(points[name]), float)

    values = {name: at(outcome.predict, name) for name in points.files}
    clock.looks.append((clock.spent(), outcome.predict))
    values["looks"] = np.stack([at(predict, "grid") for _, predict in clock.looks])
    row = {
        "seconds_setup": started - order.begun,
        "seconds_train": ended - started,
        "seconds_total": clock.spent(),
        "seconds_looks": [spent for spent, _ in clock.looks],
        "peak_bytes": clock.peak,
        "steps": int(outcome.steps),
        "parameters": int(outcome.parameters),
        "points": int(outcome.points),
        "recipe": outcome.recipe,
    }
    return row, values


def peak_bytes() -> int | None:
    """Return the most memory that this process has held so far, where the kernel says it."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((1024 * int(x.split()[1]) for x in lines if x.startswith("VmHWM:")), None)


def tuples(value: Any) -> Any:
    """Return a tuple in place of a list, as an order has it."""
    return tuple(value) if isinstance(value, list) else value


def sentence(error: Exception) -> str:
    """Return what an error says, for a row."""
    said = " ".join(str(error).split())[:300]
    return said if isinstance(error, Unsupported) else f"{type(error).__name__}: {said}"
